"""Which quota cause a refused workload has: decided once, from the numbers of the flavor that is nearest to serving it.

A limit is the cause where the workload would fit now if only that limit were gone. A gang is too big where several of
its pods fit and not all. What asks for more than can ever be there asks for too much; the rest waits for others.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.quota_book import QuotaBook
from allotment.diagnose.rules.queue.line import attempt_of
from allotment.diagnose.rules.quota.reducing import pods_that_fit
from allotment.diagnose.shortage import FlavorRow, QuotaShortage, ResourceNeed, book_of, device, shortage_of
from allotment.model.observed.nodes import Node
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.queueing.reasons import Cause, DetailKind
from allotment.scheduling.snapshot.attempts import Attempt, AttemptOutcome

_GANG: Final = 3
"""Pods from which on one speaks of a gang; of two, one that fits is half of it, and the quota is what is too small."""
_TOPOLOGY: Final = (
    DetailKind.TOPOLOGY_DOES_NOT_FIT,
    DetailKind.TOPOLOGY_LEVEL_MISSING,
    DetailKind.TOPOLOGY_FLAVOR_UNCLEAR,
    DetailKind.TOPOLOGY_ONLY,
    DetailKind.TOPOLOGY_UNSUPPORTED,
)
"""What the topology search says, the most telling first."""
_MEBIBYTE: Final = 1 << 20


class QuotaCause(StrEnum):
    """Ids of the vocabulary that are decided here."""

    WRONG_NAME = "wrong-resource-name"
    NOT_COVERED = "resource-not-covered"
    TOPOLOGY = "topology-request-unsatisfiable"
    TAINT = "flavor-taint-not-tolerated"
    MISMATCH = "flavor-mismatch"
    WRONG_UNIT = "quota-in-wrong-unit"
    CPU = "cpu-quota-not-gpu"
    MEMORY = "memory-quota-not-gpu"
    BORROWING = "borrowing-limit"
    LENDING = "lending-limit"
    GANG = "parallelism-gang-too-big"
    TOO_LARGE = "quota-larger-than-total"
    COHORT = "cohort-exhausted"
    NOMINAL = "quota-nominal"


@dataclass(frozen=True, slots=True)
class QuotaRefusal:
    """A refusal for want of quota, and its one cause.

    Attributes:
        row: the flavor that is nearest to serving it.
        need: the resource of it that binds.
        said: words of the topology search.
    """

    cause: QuotaCause
    lacks: QuotaShortage
    row: FlavorRow | None = None
    need: ResourceNeed | None = None
    said: str = ""

    @property
    def queue(self) -> str:
        """Name of the ClusterQueue."""
        return self.lacks.workload.cluster_queue

    def text(self, amount: int) -> str:
        """An amount of the binding resource."""
        return "?" if self.need is None else render_amount(self.need.resource, amount)


class _Refusals(dict[str, QuotaRefusal | None]):
    """What has been decided, by workload."""


def quota_refusal(case: Case) -> QuotaRefusal | None:
    """Why the subject's workload gets no quota; None where the twin gives it some, or something else keeps it."""
    attempt = attempt_of(case)
    if attempt is None or attempt.outcome not in (AttemptOutcome.REFUSED, AttemptOutcome.NOT_REACHED):
        return None
    kept = case.index.beside.once(_Refusals, _Refusals)
    if attempt.workload not in kept:
        kept[attempt.workload] = _decided(case, attempt)
    return kept[attempt.workload]


def refused_as(case: Case, cause: QuotaCause) -> QuotaRefusal | None:
    """The refusal, if that is its cause."""
    found = quota_refusal(case)
    return found if found is not None and found.cause is cause else None


def _decided(case: Case, attempt: Attempt) -> QuotaRefusal | None:
    lacks = shortage_of(case)
    said = _topology(attempt)
    if lacks is None:
        return None if not said else _by_topology(case, attempt, said)
    if lacks.undeclared:
        named = _misnamed(case, lacks)
        return QuotaRefusal(QuotaCause.WRONG_NAME if named else QuotaCause.NOT_COVERED, lacks)
    row = lacks.row
    if row is None:
        return None
    if said and all(each.obstacle or not each.offers for each in lacks.rows):
        return QuotaRefusal(QuotaCause.TOPOLOGY, lacks, row, said=said)
    if row.obstacle:
        return QuotaRefusal(_obstacle(lacks), lacks, _nearest_by_obstacle(lacks), said=said)
    need = _binding(row)
    return QuotaRefusal(_by_numbers(book_of(case.twins), lacks, row, need), lacks, row, need)


def _topology(attempt: Attempt) -> str:
    findings = [] if attempt.refusal is None else attempt.refusal.findings
    details = [detail for _, found in findings for detail in found if detail.kind in _TOPOLOGY]
    if details:
        return min(details, key=lambda each: _TOPOLOGY.index(each.kind)).text()
    # What is written last is of the flavors after the one whose topology had no room.
    failed = attempt.cause is Cause.TOPOLOGY_PLACEMENT_FAILED
    return "no such domain of a flavor with enough quota has room for all of them" if failed else ""


def _by_topology(case: Case, attempt: Attempt, said: str) -> QuotaRefusal | None:
    workload = next((each for each in case.twins.queueing.pending if each.name == attempt.workload), None)
    if workload is None:
        return None
    pod_set = next((each for each in workload.pod_sets if each.topology is not None), workload.pod_sets[0])
    return QuotaRefusal(QuotaCause.TOPOLOGY, QuotaShortage(workload, pod_set), said=said)


def _misnamed(case: Case, lacks: QuotaShortage) -> bool:
    """Whether a device is asked for by a name that nothing has, while the queue has devices by another name."""
    book = book_of(case.twins)
    queue = book.queues[lacks.workload.cluster_queue]
    covered = {name for group in queue.resource_groups for name in group.covered_resources if device(name)}
    asked = {name for name, amount in lacks.pod_set.requests if amount > 0}
    strange = [name for name in lacks.undeclared if device(name)]
    if not strange or not covered or asked & covered or not case.seen("nodes"):
        return False
    nodes: tuple[Node, ...] = case.index.objects.nodes
    return not any(name in node.status.allocatable for node in nodes for name in strange)


def _obstacle(lacks: QuotaShortage) -> QuotaCause:
    row = _nearest_by_obstacle(lacks)
    if row.obstacle == "taint":
        return QuotaCause.TAINT
    return QuotaCause.TOPOLOGY if row.obstacle == "topology" else QuotaCause.MISMATCH


def _nearest_by_obstacle(lacks: QuotaShortage) -> FlavorRow:
    """Of flavors that pods may not use, the one that was meant: its selectors match and its quota would do."""
    offering = [each for each in lacks.rows if each.offers and each.obstacle] or list(lacks.rows)
    return min(
        offering,
        key=lambda row: (not row.affine, any(each.beyond for each in row.needs), any(each.short for each in row.needs)),
    )


def _binding(row: FlavorRow) -> ResourceNeed:
    """The resource that binds: what can never be there, and then a device before others, then CPU, then memory."""
    order = ("cpu", "memory")
    beyond = [each for each in row.needs if each.beyond]
    short = [each for each in row.needs if each.short]
    return min(
        beyond or short or row.needs,
        key=lambda each: (
            not device(each.resource),
            order.index(each.resource) if each.resource in order else len(order),
            each.resource,
        ),
    )


def _by_numbers(book: QuotaBook, lacks: QuotaShortage, row: FlavorRow, need: ResourceNeed) -> QuotaCause:
    queue = lacks.workload.cluster_queue
    if need.resource == "memory" and 0 < need.quota.nominal < _MEBIBYTE and need.beyond:
        return QuotaCause.WRONG_UNIT
    devices = [each for each in row.needs if device(each.resource)]
    if devices and need.resource in {"cpu", "memory"} and not any(each.short for each in devices):
        return QuotaCause.CPU if need.resource == "cpu" else QuotaCause.MEMORY
    free, open_ = book.without_borrowing_limits, book.without_lending_limits
    if free.fits(queue, row.wanted):
        return QuotaCause.BORROWING
    if open_.fits(queue, row.wanted):
        return QuotaCause.LENDING
    count = lacks.pod_set.count
    fit = pods_that_fit(row, lacks)
    if count >= _GANG and 1 < fit < count <= 2 * fit:
        return QuotaCause.GANG
    if need.beyond:
        if free.could_ever_fit(queue, row.wanted):
            return QuotaCause.BORROWING
        return QuotaCause.LENDING if open_.could_ever_fit(queue, row.wanted) else QuotaCause.TOO_LARGE
    return QuotaCause.COHORT if need.quota.most > need.quota.nominal else QuotaCause.NOMINAL
