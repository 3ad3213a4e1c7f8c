"""One scheduling cycle in six steps: heads, snapshot, nominate, order, process, requeue.

As Kueue 0.19, `pkg/scheduler/scheduler.go`. Its snapshot is a copy; here entries are processed on the real ledger
between a checkpoint and a rollback, and nothing is copied.
"""

from __future__ import annotations

from allotment.scheduling.queueing.choices import Choice, Tie, races, tosses
from allotment.scheduling.queueing.entry import Entry
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.holdings import Holdings
from allotment.scheduling.queueing.indices import WorkloadId
from allotment.scheduling.queueing.inputs import PreemptionPolicy
from allotment.scheduling.queueing.nomination import Nominations
from allotment.scheduling.queueing.order import EntryOrder, Ordering
from allotment.scheduling.queueing.pending.queue import RequeueReason
from allotment.scheduling.queueing.queues import Queues
from allotment.scheduling.queueing.quota.tree import NO_LIMIT
from allotment.scheduling.queueing.reasons import RefusalKind
from allotment.scheduling.queueing.records import (
    DEFERRED_FIT,
    FIT,
    NO_FIT,
    PREEMPT,
    PreemptionReason,
    WorkloadRecord,
)
from allotment.scheduling.queueing.states import EVICTED
from allotment.scheduling.queueing.usage import UsageLedger


class Preemption:
    """An eviction the cycle asks for. Carrying it out is the caller's business."""

    __slots__ = ("preemptor", "reason", "workload")

    def __init__(self, workload: WorkloadId, reason: PreemptionReason, preemptor: WorkloadId) -> None:
        self.workload: WorkloadId = workload
        self.reason: PreemptionReason = reason
        self.preemptor: WorkloadId = preemptor


class CycleResult:
    """What one cycle decided.

    Attributes:
        number: 1-based count of cycles.
        admitted: workloads that now hold quota.
        preemptions: evictions to carry out (workloads already being evicted are not repeated).
        refused: heads that went back to their queue; see `QueueingEngine.refusal`.
        heaps_changed: the set of workloads in the active heaps differs from before, evictions not counted.
        choices: what hangs on chance in Kueue, where the engine watches for it.
    """

    __slots__ = ("admitted", "choices", "heaps_changed", "number", "preemptions", "refused")

    def __init__(self, number: int) -> None:
        self.number: int = number
        self.admitted: list[WorkloadId] = []
        self.preemptions: list[Preemption] = []
        self.refused: list[WorkloadId] = []
        self.heaps_changed: bool = False
        self.choices: list[Choice] = []


class Cycle:
    """Runs the cycles of one engine, one at a time."""

    def __init__(
        self,
        ledger: UsageLedger,
        queues: Queues,
        nominations: Nominations,
        ordering: Ordering,
        holdings: Holdings,
        gates: Gates,
        *,
        watching: bool = False,
    ) -> None:
        """Over what changes from cycle to cycle; with `watching` each result says what hangs on chance in Kueue."""
        self._ledger: UsageLedger = ledger
        self._queues: Queues = queues
        self._nominations: Nominations = nominations
        self._holdings: Holdings = holdings
        self._ordering: Ordering = ordering
        self._gates: Gates = gates
        self._watching: bool = watching
        self._ties: list[Tie] = []
        self._number: int = 0
        self._victims: dict[WorkloadId, WorkloadRecord] = {}

    def run(self, number: int, now: int) -> CycleResult:
        """Decide about the head of every ClusterQueue; `now` becomes the quota-reservation time of what is admitted."""
        self._number = number
        self._victims.clear()
        self._ties.clear()
        # 1. Heads: the first active workload of each ClusterQueue.
        heads = self._queues.pop_heads()
        # 2. Snapshot: usage as it stands now; steps 3 to 5 try on it, and all they tried is undone.
        snapshot = self._ledger.checkpoint()
        # 3. Nominate: flavors, and whom to preempt, for each head as if it were alone.
        entries = [Entry(head, self._nominations.of(head, self._number)) for head in heads]
        # 4. Order: by who borrows less, priority and age, or by share.
        order = self._ordering.of(entries)
        # 5. Process: in that order, each against what the earlier ones took.
        while (entry := order.pop()) is not None:
            if self._watching:
                self._watch(entry, order)
            self._process(entry)
        self._ledger.rollback(snapshot)
        # 6. Requeue: winners hold their quota, the others go back.
        return self._concluded(entries, now)

    def _concluded(self, entries: list[Entry], now: int) -> CycleResult:
        result = CycleResult(self._number)
        if self._watching:
            result.choices = [*tosses(entries), *races(self._ties)]
        for entry in entries:
            workload = entry.workload
            if entry.admitted:
                self._queues.delete(workload)
                self._holdings.hold(workload, entry.assignment, now)
                result.admitted.append(workload.index)
                result.heaps_changed = True
            else:
                workload.refusal = entry.refusal
                result.refused.append(workload.index)
                if self._queues.requeue(workload, entry.requeue_reason):
                    result.heaps_changed = True
        for entry in entries:
            for target in entry.issuing:
                if target.workload.state is not EVICTED:
                    result.preemptions.append(Preemption(target.workload.index, target.reason, entry.workload.index))
        return result

    def _watch(self, entry: Entry, order: EntryOrder) -> None:
        equals = [other for other in order.equals(entry) if self._could_win(entry, other)]
        if equals:
            self._ties.append(Tie(entry, equals))

    def _could_win(self, entry: Entry, other: Entry) -> bool:
        """Would `other` get what it wants now, and want some of what `entry` does?"""
        usage = other.assignment.usage
        if entry.workload.queue.root != other.workload.queue.root or not any(
            fr in usage for fr in entry.assignment.usage
        ):
            return False
        mode = other.assignment.mode
        if (mode is not FIT and not (mode is PREEMPT and other.targets)) or self._overlaps(other):
            return False
        fit_quota, fit_topology = self._fits(other)
        return fit_quota and fit_topology

    def _process(self, entry: Entry) -> None:
        fits_now = self._recheck(entry)
        mode = entry.assignment.mode
        if mode is NO_FIT:
            entry.refuse(RefusalKind.UNASSIGNABLE, RequeueReason.NO_FIT)
        elif mode is PREEMPT and not entry.targets:
            entry.refuse(RefusalKind.UNASSIGNABLE, RequeueReason.PREEMPTION_NO_CANDIDATES)
            if entry.workload.queue.reclaim != PreemptionPolicy.ANY:
                self._reserve(entry)
        elif mode is DEFERRED_FIT:
            self._charge(entry)
            entry.refuse(RefusalKind.DEFERRED_BEHIND_PREEMPTION, RequeueReason.PENDING_PREEMPTION)
            entry.workload.memory = None
        elif self._overlaps(entry):
            self._skip(entry, RefusalKind.OVERLAPPING_TARGETS)
        elif not fits_now:
            self._skip(entry, RefusalKind.LOST_RACE)
        else:
            self._charge(entry)
            if mode is PREEMPT:
                self._preempt(entry)
            else:
                entry.admitted = True

    def _recheck(self, entry: Entry) -> bool:
        """Does the entry still fit after the earlier ones? Recompute once where Kueue does."""
        if entry.assignment.mode is NO_FIT:
            return False
        fit_quota, fit_topology = self._fits(entry)
        overlap = self._gates.recompute_assignment_upon_overlap and self._overlaps(entry)
        lost_topology = fit_quota and not fit_topology and self._gates.tas_recompute_assignment_within_cycle
        if not overlap and not lost_topology:
            return fit_quota and fit_topology
        self._renominate(entry, without_victims=overlap)
        if overlap and entry.assignment.mode is FIT:
            entry.assignment.mode = DEFERRED_FIT
        fit_quota, fit_topology = self._fits(entry)
        return fit_quota and fit_topology

    def _renominate(self, entry: Entry, *, without_victims: bool) -> None:
        """Recompute against the charged snapshot, restricted to the flavors nominated before."""
        workload = entry.workload
        pins = [
            {resource: choice.flavor for resource, choice in pod_set.choices.items()}
            for pod_set in entry.assignment.pod_sets
        ]
        pins.extend({} for _ in range(len(workload.pod_sets) - len(pins)))
        workload.memory = None
        mark = self._ledger.checkpoint()
        if without_victims:
            for victim in self._victims.values():
                self._ledger.release(victim)
                victim.simulated_away = True
        nomination = self._nominations.again(workload, self._number, pins)
        if without_victims:
            for victim in self._victims.values():
                victim.simulated_away = False
        self._ledger.rollback(mark)
        entry.renominate(nomination)

    def _fits(self, entry: Entry) -> tuple[bool, bool]:
        """(quota, topology) fit with all victims so far and the entry's own targets gone."""
        ledger = self._ledger
        gone = dict(self._victims)
        for target in entry.targets:
            gone[target.workload.index] = target.workload
        mark = ledger.checkpoint()
        for workload in gone.values():
            ledger.release(workload)
        tree = ledger.tree
        cells = entry.workload.queue.cells
        fit_quota = all(amount <= max(0, tree.available(cells[fr])) for fr, amount in entry.assignment.usage.items())
        fit_topology = True
        if fit_quota and ledger.topology is not None:
            fit_topology = ledger.topology.holds(entry.assignment, entry.workload)
        ledger.rollback(mark)
        return fit_quota, fit_topology

    def _overlaps(self, entry: Entry) -> bool:
        return any(target.workload.index in self._victims for target in entry.targets)

    def _charge(self, entry: Entry) -> None:
        """Later entries must not take what this one got or waits for."""
        self._ledger.charge_assignment(entry.workload.queue, entry.assignment, entry.workload)

    def _skip(self, entry: Entry, kind: RefusalKind) -> None:
        entry.refuse(kind, RequeueReason.FAILED_AFTER_NOMINATION)
        if not self._gates.flavor_fungibility_preserve_scan_progress:
            entry.workload.memory = None

    def _preempt(self, entry: Entry) -> None:
        for target in entry.targets:
            self._victims[target.workload.index] = target.workload
        entry.issuing = entry.targets
        entry.refuse(RefusalKind.PREEMPTING, RequeueReason.PENDING_PREEMPTION, len(entry.targets))
        entry.workload.memory = None

    def _reserve(self, entry: Entry) -> None:
        """Keep capacity for a head that cannot preempt, lest lower-priority work moves in."""
        tree = self._ledger.tree
        cells = entry.workload.queue.cells
        for fr, amount in entry.assignment.usage.items():
            cell = cells[fr]
            own = tree.nominal[cell] - tree.usage[cell]
            if entry.assignment.borrowing > 0:
                limit = tree.borrowing_limit[cell]
                reserved = amount if limit == NO_LIMIT else min(amount, own + limit)
            else:
                reserved = max(0, min(amount, own))
            tree.add(cell, reserved)
        self._ledger.charge_topology(entry.assignment, entry.workload)
