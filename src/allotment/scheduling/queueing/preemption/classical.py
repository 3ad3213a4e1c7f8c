"""Classical preemption: reclaim by hierarchy, then by priority, then within the queue (KEP-83, KEP-79)."""

from __future__ import annotations

from typing import Final

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.indices import NO_NODE, FlavorResource, TreeNode
from allotment.scheduling.queueing.inputs import PreemptionPolicy
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.preemption.shared import (
    Demand,
    eligible,
    fill_back,
    fits,
    sort_candidates,
    within_nominal,
)
from allotment.scheduling.queueing.records import PreemptionReason, QueueRecord, Target, WorkloadRecord
from allotment.scheduling.queueing.states import EVICTED
from allotment.scheduling.queueing.usage import UsageLedger

_NO_PRIORITY: Final = -(1 << 62)
"""Below every priority, which has 32 bits."""


class OtherQueue:
    """Possible victims of one other queue.

    Attributes:
        queue: that queue.
        common: lowest cohort above that queue and the preemptor's.
        advantage: the demand is within the quota of a subtree below that cohort.
    """

    __slots__ = ("advantage", "common", "queue", "workloads")

    def __init__(
        self, queue: QueueRecord, workloads: list[WorkloadRecord], common: TreeNode, *, advantage: bool
    ) -> None:
        self.queue: QueueRecord = queue
        self.workloads: list[WorkloadRecord] = workloads
        self.common: TreeNode = common
        self.advantage: bool = advantage


class ClassicalPreemption:
    """Chooses targets against the ledger's current usage and leaves it unchanged."""

    def __init__(self, catalog: Catalog, ledger: UsageLedger, local_usage: LocalUsage | None) -> None:
        """A preemptor; `local_usage` is set if admission fair sharing is on."""
        self._local_usage: LocalUsage | None = local_usage
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger

    def targets(self, demand: Demand) -> list[Target]:
        """The workloads to preempt for `demand`; empty if preemption cannot help."""
        queue = demand.queue
        within = eligible(queue, queue.within, demand)
        others = self._others(demand)
        if not within and not others:
            return []
        hierarchical: list[WorkloadRecord] = []
        by_priority: list[WorkloadRecord] = []
        reach: dict[TreeNode, OtherQueue] = {}
        for each in others:
            (hierarchical if each.advantage else by_priority).extend(each.workloads)
            reach[each.queue.index] = each
        attempts = [
            allow_borrowing
            for allow_borrowing in self._attempts(demand, hierarchical, by_priority)
            if (
                hierarchical or within or self._any_while_borrowing(demand, by_priority)
                if allow_borrowing
                else self._could_stay_within(demand, within)
            )
        ]
        if not attempts or not self._could_fit(demand, [within, *(each.workloads for each in others)]):
            return []
        candidates = self._in_order(queue, (hierarchical, by_priority, within))
        for allow_borrowing in attempts:
            targets = self._attempt(demand, candidates, reach, allow_borrowing=allow_borrowing)
            if targets:
                return targets
        return []

    def _in_order(self, queue: QueueRecord, sets: tuple[list[WorkloadRecord], ...]) -> list[WorkloadRecord]:
        """Evicted ones of each set, then the others of each set; inside a set in the order of candidates."""
        ordered: list[WorkloadRecord] = []
        for workloads in sets:
            if self._local_usage is None:
                # All of a set are of the own queue or none is, and evicted ones are put first below. Those of one
                # queue are in this order already, if one pair alone is needed: that much is only compared.
                workloads.sort(key=_rank)
            else:
                sort_candidates(workloads, queue, self._local_usage)
            ordered.extend(workloads)
        evicted = [each for each in ordered if each.state is EVICTED]
        return evicted + [each for each in ordered if each.state is not EVICTED] if evicted else ordered

    def _attempts(
        self, demand: Demand, hierarchical: list[WorkloadRecord], by_priority: list[WorkloadRecord]
    ) -> tuple[bool, ...]:
        """Whether the preemptor may borrow, attempt by attempt."""
        forbidden = not demand.queue.borrow_allowed
        if not hierarchical and not by_priority:
            return (True,)
        if forbidden and not self._under_nominal(demand):
            return (True,)
        if forbidden and not hierarchical:
            return (False, True)
        return (True, False)

    def _under_nominal(self, demand: Demand) -> bool:
        tree = self._ledger.tree
        cells = demand.queue.cells
        return all(tree.usage[cells[fr]] < tree.nominal[cells[fr]] for fr in demand.needed)

    def _attempt(
        self,
        demand: Demand,
        candidates: list[WorkloadRecord],
        reach: dict[TreeNode, OtherQueue],
        *,
        allow_borrowing: bool,
    ) -> list[Target]:
        ledger, own = self._ledger, demand.queue
        highest = _highest_while_borrowing(demand)
        if allow_borrowing:
            candidates = [
                each
                for each in candidates
                if each.queue is own or each.priority <= highest or reach[each.queue.index].advantage
            ]
        mark = ledger.checkpoint()
        targets: list[Target] = []
        found = False
        back: dict[TreeNode, bool] = {}
        for candidate in candidates:
            reason = PreemptionReason.IN_CLUSTER_QUEUE
            queue = candidate.queue
            if queue is not own:
                other = reach[queue.index]
                is_back = back.get(queue.index)
                if is_back is None:
                    is_back = back[queue.index] = self._back_within_nominal(demand, queue.index, other.common)
                if is_back:
                    continue
                reason = PreemptionReason.IN_COHORT_RECLAMATION
                if not other.advantage and candidate.priority <= highest:
                    reason = PreemptionReason.IN_COHORT_RECLAIM_WHILE_BORROWING
            ledger.release(candidate)
            back.clear()
            targets.append(Target(candidate, reason))
            if fits(demand, ledger, allow_borrowing=allow_borrowing):
                found = True
                break
        if found:
            targets = fill_back(targets, demand, ledger, allow_borrowing=allow_borrowing)
        ledger.rollback(mark)
        return targets if found else []

    def _back_within_nominal(self, demand: Demand, queue: TreeNode, common: TreeNode) -> bool:
        """Removing earlier candidates may have brought a queue, or a cohort above it, back within nominal."""
        parents = self._ledger.tree.node_parent
        node: TreeNode = queue
        while node != common:
            if within_nominal(self._ledger, node, demand.needed):
                return True
            node = parents[node]
        return False

    def _could_fit(self, demand: Demand, candidates: list[list[WorkloadRecord]]) -> bool:
        """Whether the quota would do if every candidate went and borrowing were allowed: no search can find more.

        Args:
            demand: what is needed.
            candidates: those of one queue in each list.
        """
        ledger = self._ledger
        tree, cells = ledger.tree, demand.queue.cells
        mark = ledger.checkpoint()
        enough = True
        for fr, amount in demand.requests:
            for of_queue in candidates:
                freed = sum([each.admission.usage.get(fr, 0) for each in of_queue if each.admission is not None])
                if freed:
                    tree.remove(of_queue[0].queue.cells[fr], freed)
            if amount > max(0, tree.available(cells[fr])):
                enough = False
                break
        ledger.rollback(mark)
        return enough

    def _any_while_borrowing(self, demand: Demand, by_priority: list[WorkloadRecord]) -> bool:
        """Whether any of those without the hierarchy's advantage may be taken though the preemptor borrows."""
        highest = _highest_while_borrowing(demand)
        return highest > _NO_PRIORITY and any(each.priority <= highest for each in by_priority)

    def _could_stay_within(self, demand: Demand, within: list[WorkloadRecord]) -> bool:
        """Whether the queue would not borrow if all candidates of its own went: those of others do not change that."""
        tree, cells = self._ledger.tree, demand.queue.cells
        for fr, amount in demand.requests:
            freed = 0
            for each in within:
                if each.admission is not None:
                    freed += each.admission.usage.get(fr, 0)
            if tree.borrows_with(cells[fr], amount - freed):
                return False
        return True

    def _others(self, demand: Demand) -> list[OtherQueue]:
        """Walk up from the queue; above the first subtree whose quota fits the demand it has the advantage."""
        queue = demand.queue
        found: list[OtherQueue] = []
        if queue.parent == NO_NODE or queue.reclaim == PreemptionPolicy.NEVER:
            return found
        advantage, remaining = self._fits_in_quota(queue.index, demand.requests)
        parents = self._ledger.tree.node_parent
        cohort, done = queue.parent, NO_NODE
        while cohort != NO_NODE:
            self._collect_subtree(demand, cohort, done, found, advantage=advantage)
            fit, remaining = self._fits_in_quota(cohort, remaining)
            advantage = advantage or fit
            cohort, done = parents[cohort], cohort
        return found

    def _fits_in_quota(
        self, node: TreeNode, requests: list[tuple[FlavorResource, int]]
    ) -> tuple[bool, list[tuple[FlavorResource, int]]]:
        """Do the requests fit the node's own quota, and what of them its guaranteed part does not cover."""
        tree = self._ledger.tree
        cells = tree.cells[node]
        fit = True
        remaining: list[tuple[FlavorResource, int]] = []
        for fr, amount in requests:
            cell = cells[fr]
            if tree.borrows_with(cell, amount):
                fit = False
            remaining.append((fr, max(0, amount - tree.local_available(cell))))
        return fit, remaining

    def _collect_subtree(
        self,
        demand: Demand,
        cohort: TreeNode,
        done: TreeNode,
        found: list[OtherQueue],
        *,
        advantage: bool,
    ) -> None:
        """Candidates of all queues below `cohort` that exceed their quota, but for the subtree `done`."""
        catalog = self._catalog
        entered, left = [cohort], []
        while entered:
            # Before its own queues come those of the cohorts below it, one after the other: walked from the end.
            node = entered.pop()
            left.append(node)
            entered.extend(
                below
                for below in catalog.child_cohorts[node]
                if below != done and not within_nominal(self._ledger, below, demand.needed)
            )
        for node in reversed(left):
            for child in catalog.child_queues[node]:
                queue = catalog.queues[child]
                if queue is demand.queue or within_nominal(self._ledger, child, demand.needed):
                    continue
                workloads = eligible(queue, demand.queue.reclaim, demand)
                if workloads:
                    found.append(OtherQueue(queue, workloads, cohort, advantage=advantage))


def _rank(workload: WorkloadRecord) -> tuple[int, int, str]:
    return workload.rank


def _highest_while_borrowing(demand: Demand) -> int:
    """Up to which priority a victim without the hierarchy's advantage may be taken though the preemptor borrows."""
    queue = demand.queue
    if not queue.borrow_allowed:
        return _NO_PRIORITY
    below = demand.workload.priority - 1
    return below if queue.max_threshold is None else min(below, queue.max_threshold)
