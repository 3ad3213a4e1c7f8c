"""Who holds quota: workloads take it, move within it and give it back (Kueue: `cache.Cache`)."""

from __future__ import annotations

from allotment.scheduling.queueing.admissions import Admissions
from allotment.scheduling.queueing.inputs import PodSetAdmission
from allotment.scheduling.queueing.nomination import Nominations
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.records import Assignment, WorkloadRecord
from allotment.scheduling.queueing.states import EVICTED, RUNNING, STOPPED
from allotment.scheduling.queueing.usage import UsageLedger


class Holdings:
    """The one place that charges and releases for good; what a cycle tries is rolled back."""

    def __init__(
        self, ledger: UsageLedger, admissions: Admissions, nominations: Nominations, usage: LocalUsage | None
    ) -> None:
        """Nobody holds anything.

        Args:
            ledger: quota and topology in use.
            admissions: between names and indices.
            nominations: told of every change, because they may come out differently then.
            usage: of the LocalQueues, where admission fair sharing is on.
        """
        self._ledger: UsageLedger = ledger
        self._admissions: Admissions = admissions
        self._nominations: Nominations = nominations
        self._local_usage: LocalUsage | None = usage

    def hold(self, workload: WorkloadRecord, assignment: Assignment, now: int) -> None:
        """From now on the workload holds the quota of `assignment`."""
        workload.become(RUNNING)
        workload.admission = assignment
        workload.reserve(now)
        workload.refusal = None
        workload.nomination = None
        workload.queue.running[workload.index] = workload
        workload.queue.holdings_changed()
        self._ledger.charge(workload)
        if self._local_usage is not None:
            self._local_usage.admitted(workload)
        self._nominations.outdate(workload)

    def mark_evicted(self, workload: WorkloadRecord) -> None:
        """It is on its way out but still holds its quota."""
        workload.become(EVICTED)
        workload.queue.generation += 1
        self._nominations.outdate(workload)

    def move(self, workload: WorkloadRecord, granted: tuple[PodSetAdmission, ...]) -> None:
        """It holds `granted` instead of what it held; since when stays."""
        self._ledger.release(workload)
        workload.granted = granted
        workload.admission = self._admissions.assignment(workload, granted)
        workload.queue.holdings_changed()
        self._ledger.charge(workload)
        self._nominations.outdate(workload)

    def give_back(self, workload: WorkloadRecord) -> None:
        """It has stopped: its quota is free."""
        workload.become(STOPPED)
        self._ledger.release(workload)
        if self._local_usage is not None:
            self._local_usage.stopped(workload)
        del workload.queue.running[workload.index]
        workload.queue.holdings_changed()
        workload.queue.generation += 1
        workload.admission = None
        workload.granted = ()
        workload.memory = None
        workload.nomination = None
        self._nominations.outdate(workload)
