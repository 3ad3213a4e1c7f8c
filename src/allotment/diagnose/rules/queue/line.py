"""Who stands before a workload in its ClusterQueue, and whether that alone keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.shortage import QuotaShortage, book_of, shortage_named, shortage_of, waiting_in
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_PRIORITY
from allotment.model.observed import queueing as observed
from allotment.scheduling.queueing.inputs import QueueingStrategy, Workload
from allotment.scheduling.snapshot.attempts import Attempt, AttemptOutcome


@dataclass(frozen=True, slots=True)
class Blockade:
    """A head of a StrictFIFO queue that cannot be admitted and lets nobody pass.

    Attributes:
        own: the subject, which would fit.
        head: who stands first.
        lacks: what the head lacks.
        by_priority: the head came later and stands before it for its priority alone.
    """

    own: Workload
    head: Workload
    lacks: QuotaShortage
    by_priority: bool
    queue: observed.ClusterQueue


def attempt_of(case: Case) -> Attempt | None:
    """What the twin makes of the subject's workload; None where there is none or it needs no quota any more."""
    kept = case.beside.get(Attempt)
    if not isinstance(kept, Attempt):
        workload = case.workload
        if workload is None or workload.holds_quota or workload.says("Finished"):
            return None
        kept = case.beside[Attempt] = case.twins.attempt(workload.key)
    return None if kept.outcome in (AttemptOutcome.UNKNOWN, AttemptOutcome.OUT_OF_QUEUE) else kept


def blockade(case: Case) -> Blockade | None:
    """The head that blocks the subject; None where the subject would not fit either, or nobody blocks."""
    attempt = attempt_of(case)
    queue = case.cluster_queue
    if attempt is None or attempt.outcome is not AttemptOutcome.NOT_REACHED or queue is None:
        return None
    rules = book_of(case.twins).queues.get(queue.name)
    if rules is None or rules.strategy is not QueueingStrategy.STRICT_FIFO or not attempt.instead:
        return None
    waiting = waiting_in(case.twins)
    own, head = waiting.get(attempt.workload), waiting.get(attempt.instead)
    if own is None or head is None:
        return None
    lacks, mine = shortage_named(case.twins, head.name), shortage_of(case)
    if lacks is None or (mine is not None and (mine.never or not lacks.never)):
        return None
    later = (head.queued_since, head.uid) > (own.queued_since, own.uid)
    return Blockade(own, head, lacks, later and head.priority > own.priority, queue)


def observed_workload(case: Case, name: str) -> observed.Workload | None:
    """A workload of the source by ``namespace/name``."""
    return case.index.workloads.get(name)


def higher_classes(case: Case, above: int) -> Iterator[tuple[str, int]]:
    """Priority classes of workloads above a priority, the lowest first."""
    classes = sorted(case.index.objects.workload_priority_classes, key=lambda each: (each.value, each.name))
    for each in classes:
        if each.value > above:
            yield each.name, each.value


def raised_priority(case: Case, above: int, why: str, cost: int = 0) -> Iterator[Proposal]:
    """The lowest priority class above a priority."""
    work = case.top
    found = next(higher_classes(case, above), None)
    if work is None or found is None:
        return
    name, value = found
    yield Proposal(
        RemedyKind.RAISE_PRIORITY,
        Doer.USER,
        f"use the priority class {name} ({value}): {why}",
        reference_of(work),
        Patch(PatchOp.MERGE, {"metadata": {"labels": {KUEUE_PRIORITY: name}}}),
        cost=cost,
    )
