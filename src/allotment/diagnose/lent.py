"""Who of a tree of cohorts keeps quota for itself that is idle: ClusterQueues and Cohorts with a lending limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.releases import quota_path
from allotment.diagnose.shortage import FlavorRow, QuotaShortage, ResourceNeed, book_of
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.observed.index import kind_of
from allotment.model.observed.queueing import ClusterQueue, Cohort


@dataclass(frozen=True, slots=True)
class KeptQuota:
    """Quota that is idle behind a lending limit.

    Attributes:
        of: whose it is.
        need: the resource, as the subject lacks it.
        idle: how much of it is neither used nor lent.
        limit: the lending limit.
    """

    of: ClusterQueue | Cohort
    need: ResourceNeed
    idle: int
    limit: int

    @property
    def called(self) -> str:
        """A Cohort may have the name of a queue."""
        return self.of.name if isinstance(self.of, ClusterQueue) else f"the Cohort {self.of.name}"


def lenders(case: Case, lacks: QuotaShortage, row: FlavorRow) -> list[KeptQuota]:
    """Others of the tree with a lending limit, those with most idle behind it first."""
    book = book_of(case.twins)
    own = lacks.workload.cluster_queue
    queues = [case.index.cluster_queues.get(name) for name in sorted(book.tree_of(own) - {own})]
    cohorts = [case.index.cohorts.get(name) for name in sorted(book.cohorts_beside(own))]
    found = []
    for each in (*queues, *cohorts):
        for need in row.needs if each is not None else ():
            kept = book.kept(each.name, (row.flavor, need.resource), cohort=isinstance(each, Cohort)) if each else None
            if each is not None and need.short and kept is not None:
                found.append(KeptQuota(each, need, *kept))
    return sorted(found, key=lambda each: -each.idle)


def raised_lending(case: Case, lacks: QuotaShortage, *, cost: int = 0) -> Iterator[Proposal]:
    """Raise the lending limit of one other of the tree by as little as helps; those with most idle first."""
    row = lacks.row
    if row is None or case.brief:
        return
    for each in lenders(case, lacks, row):
        need = each.need
        path = quota_path(each.of, row.flavor, need.resource)
        missing = need.wanted - need.quota.left
        if path is None or each.idle < missing:
            continue
        higher = each.limit + missing
        pair = (row.flavor, need.resource)
        book = book_of(case.twins).with_lending_limit(each.of.name, pair, higher, cohort=isinstance(each.of, Cohort))
        if book.fits(lacks.workload.cluster_queue, row.wanted):
            yield Proposal(
                RemedyKind.RAISE_LENDING_LIMIT,
                Doer.PLATFORM,
                f"raise the lending limit of the {kind_of(each.of)} {each.of.name} in flavor {row.flavor}: "
                f"{need.resource} {need.text(each.limit)} → {need.text(higher)}",
                reference_of(each.of),
                Patch(PatchOp.JSON, [{"op": "replace", "path": f"{path}/lendingLimit", "value": need.text(higher)}]),
                cost=cost,
            )
            return
