"""One scheduling cycle: heads → nominate → order → process → requeue (as Kueue 0.19, `pkg/scheduler/scheduler.go`).

Entries are processed on the real ledger between a checkpoint and a rollback; nothing is copied.
"""

from __future__ import annotations

from allotment.scheduling.catalog import Catalog
from allotment.scheduling.choices import Tie
from allotment.scheduling.entry import Entry
from allotment.scheduling.gates import Gates
from allotment.scheduling.inputs import PreemptionPolicy
from allotment.scheduling.nomination import Nominator
from allotment.scheduling.order import ClassicalOrder, EntryOrder, FairOrder
from allotment.scheduling.queueing.pending import RequeueReason
from allotment.scheduling.quota.tree import NO_LIMIT
from allotment.scheduling.reasons import RefusalKind
from allotment.scheduling.records import DEFERRED_FIT, FIT, NO_FIT, PREEMPT, Nomination, WorkloadRecord
from allotment.scheduling.usage import UsageLedger


class Cycle:
    """Processes the nominated entries of one cycle."""

    def __init__(
        self,
        catalog: Catalog,
        ledger: UsageLedger,
        nominator: Nominator,
        gates: Gates,
        number: int,
        *,
        fair_sharing: bool,
        watching: bool = False,
    ) -> None:
        """Cycle `number` over the current state; with `watching` it also notes in `ties` where order is chance."""
        self._watching: bool = watching
        self.ties: list[Tie] = []
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self._nominator: Nominator = nominator
        self._gates: Gates = gates
        self._number: int = number
        self._fair_sharing: bool = fair_sharing
        self._victims: dict[int, WorkloadRecord] = {}

    def run(self, entries: list[Entry]) -> None:
        """Decide every entry; afterwards usage is what it was before."""
        mark = self._ledger.checkpoint()
        order = self._order(list(entries))
        while True:
            entry = order.pop()
            if entry is None:
                break
            if self._watching:
                equals = [other for other in order.equals(entry) if self._could_win(entry, other)]
                if equals:
                    self.ties.append(Tie(entry, equals))
            self._process(entry)
        self._ledger.rollback(mark)

    def _could_win(self, entry: Entry, other: Entry) -> bool:
        """Would `other` get what it wants now, and want some of what `entry` does?"""
        usage = other.assignment.usage
        if entry.workload.queue.root != other.workload.queue.root or not any(
            fr in usage for fr in entry.assignment.usage
        ):
            return False
        mode = other.assignment.mode
        if (mode != FIT and not (mode == PREEMPT and other.targets)) or self._overlaps(other):
            return False
        fit_quota, fit_topology = self._fits(other)
        return fit_quota and fit_topology

    def _order(self, entries: list[Entry]) -> EntryOrder:
        if self._fair_sharing:
            return FairOrder(entries, self._catalog, self._ledger, self._gates)
        return ClassicalOrder(entries, self._gates)

    def _process(self, entry: Entry) -> None:
        fits_now = self._recheck(entry)
        mode = entry.assignment.mode
        if mode == NO_FIT:
            entry.refuse(RefusalKind.UNASSIGNABLE, RequeueReason.NO_FIT)
        elif mode == PREEMPT and not entry.targets:
            entry.refuse(RefusalKind.UNASSIGNABLE, RequeueReason.PREEMPTION_NO_CANDIDATES)
            if entry.workload.queue.reclaim != PreemptionPolicy.ANY:
                self._reserve(entry)
        elif mode == DEFERRED_FIT:
            self._charge(entry)
            entry.refuse(RefusalKind.DEFERRED_BEHIND_PREEMPTION, RequeueReason.PENDING_PREEMPTION)
            entry.workload.memory = None
        elif self._overlaps(entry):
            self._skip(entry, RefusalKind.OVERLAPPING_TARGETS)
        elif not fits_now:
            self._skip(entry, RefusalKind.LOST_RACE)
        else:
            self._charge(entry)
            if mode == PREEMPT:
                self._preempt(entry)
            else:
                entry.admitted = True

    def _recheck(self, entry: Entry) -> bool:
        """Does the entry still fit after the earlier ones? Recompute once where Kueue does."""
        if entry.assignment.mode == NO_FIT:
            return False
        fit_quota, fit_topology = self._fits(entry)
        overlap = self._gates.recompute_assignment_upon_overlap and self._overlaps(entry)
        lost_topology = fit_quota and not fit_topology and self._gates.tas_recompute_assignment_within_cycle
        if not overlap and not lost_topology:
            return fit_quota and fit_topology
        self._renominate(entry, without_victims=overlap)
        if overlap and entry.assignment.mode == FIT:
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
        nomination: Nomination = self._nominator.nominate(workload, self._number, pins)
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
        base = entry.workload.queue.base
        fit_quota = all(amount <= max(0, tree.available(base + fr)) for fr, amount in entry.assignment.usage.items())
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
        base = entry.workload.queue.base
        for fr, amount in entry.assignment.usage.items():
            cell = base + fr
            own = tree.nominal[cell] - tree.usage[cell]
            if entry.assignment.borrowing > 0:
                limit = tree.borrowing_limit[cell]
                reserved = amount if limit == NO_LIMIT else min(amount, own + limit)
            else:
                reserved = max(0, min(amount, own))
            tree.add(cell, reserved)
        self._ledger.charge_placements(entry.assignment, entry.workload)
