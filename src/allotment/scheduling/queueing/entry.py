"""A head on its way through one scheduling cycle."""

from __future__ import annotations

from allotment.scheduling.queueing.pending.queue import RequeueReason
from allotment.scheduling.queueing.reasons import Refusal, RefusalKind
from allotment.scheduling.queueing.records import Assignment, Nomination, Target, Toss, WorkloadRecord


class Entry:
    """A nominated head and what becomes of it.

    Attributes:
        admitted: won its capacity in this cycle.
        issuing: targets whose eviction this entry asks for.
        toss: what else could be its targets.
        requeue_reason: why it goes back to its queue, if it does.
        refusal: what to tell its owner, if it does.
    """

    __slots__ = ("admitted", "assignment", "issuing", "refusal", "requeue_reason", "targets", "toss", "workload")

    def __init__(self, workload: WorkloadRecord, nomination: Nomination) -> None:
        self.workload: WorkloadRecord = workload
        self.assignment: Assignment = nomination.assignment
        self.targets: list[Target] = nomination.targets
        self.toss: Toss | None = nomination.toss
        self.admitted: bool = False
        self.issuing: list[Target] = []
        self.requeue_reason: RequeueReason = RequeueReason.FAILED_AFTER_NOMINATION
        self.refusal: Refusal | None = None
        workload.memory = nomination.assignment.memory

    def renominate(self, nomination: Nomination) -> None:
        """Replace the nomination by one recomputed within the cycle."""
        self.assignment = nomination.assignment
        self.targets = nomination.targets
        self.toss = nomination.toss
        self.workload.memory = nomination.assignment.memory

    def refuse(self, kind: RefusalKind, reason: RequeueReason, preempting: int = 0) -> None:
        """Send the head back."""
        self.refusal = Refusal(kind, self.assignment.findings(), preempting)
        self.requeue_reason = reason
