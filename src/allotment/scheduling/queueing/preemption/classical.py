"""Classical preemption: reclaim by hierarchy, then by priority, then within the queue (KEP-83, KEP-79)."""

from __future__ import annotations

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


class Candidate:
    """A possible victim.

    Attributes:
        common: lowest cohort above both queues; NO_NODE for the preemptor's own queue.
        only_without_borrowing: may be taken only if the preemptor then does not borrow.
    """

    __slots__ = ("common", "only_without_borrowing", "reason", "workload")

    def __init__(
        self, workload: WorkloadRecord, common: TreeNode, reason: PreemptionReason, *, only_without_borrowing: bool
    ) -> None:
        self.workload: WorkloadRecord = workload
        self.common: TreeNode = common
        self.reason: PreemptionReason = reason
        self.only_without_borrowing: bool = only_without_borrowing


class OtherQueue:
    """Possible victims of one other queue.

    Attributes:
        common: lowest cohort above that queue and the preemptor's.
        advantage: the demand is within the quota of a subtree below that cohort.
    """

    __slots__ = ("advantage", "common", "workloads")

    def __init__(self, workloads: list[WorkloadRecord], common: TreeNode, *, advantage: bool) -> None:
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
        if not self._could_fit(demand, [within, *(each.workloads for each in others)]):
            return []
        own = [
            Candidate(each, NO_NODE, PreemptionReason.IN_CLUSTER_QUEUE, only_without_borrowing=False) for each in within
        ]
        hierarchical: list[Candidate] = []
        by_priority: list[Candidate] = []
        for each in others:
            (hierarchical if each.advantage else by_priority).extend(
                _classify(queue, demand.workload, workload, each.common, advantage=each.advantage)
                for workload in each.workloads
            )
        candidates = self._in_order(demand.queue, (hierarchical, by_priority, own))
        for allow_borrowing in self._attempts(demand, hierarchical, by_priority):
            targets = self._attempt(demand, candidates, allow_borrowing=allow_borrowing)
            if targets:
                return targets
        return []

    def _in_order(self, queue: QueueRecord, sets: tuple[list[Candidate], ...]) -> list[Candidate]:
        """Evicted ones of each set, then the others of each set; inside a set in the order of candidates."""
        ordered: list[Candidate] = []
        for candidates in sets:
            of_workload = {each.workload.index: each for each in candidates}
            workloads = [each.workload for each in candidates]
            sort_candidates(workloads, queue, self._local_usage)
            ordered.extend(of_workload[each.index] for each in workloads)
        evicted = [each for each in ordered if each.workload.state is EVICTED]
        return evicted + [each for each in ordered if each.workload.state is not EVICTED] if evicted else ordered

    def _attempts(
        self, demand: Demand, hierarchical: list[Candidate], by_priority: list[Candidate]
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

    def _attempt(self, demand: Demand, candidates: list[Candidate], *, allow_borrowing: bool) -> list[Target]:
        ledger = self._ledger
        mark = ledger.checkpoint()
        targets: list[Target] = []
        found = False
        for candidate in candidates:
            if not self._still_valid(demand, candidate, allow_borrowing=allow_borrowing):
                continue
            ledger.release(candidate.workload)
            targets.append(Target(candidate.workload, candidate.reason))
            if fits(demand, ledger, allow_borrowing=allow_borrowing):
                found = True
                break
        if found:
            targets = fill_back(targets, demand, ledger, allow_borrowing=allow_borrowing)
        ledger.rollback(mark)
        return targets if found else []

    def _still_valid(self, demand: Demand, candidate: Candidate, *, allow_borrowing: bool) -> bool:
        """Removing earlier candidates may have brought this one's queue or a cohort back within nominal."""
        if candidate.common == NO_NODE:
            return True
        if allow_borrowing and candidate.only_without_borrowing:
            return False
        parents = self._ledger.tree.node_parent
        node: TreeNode = candidate.workload.queue.index
        while node != candidate.common:
            if within_nominal(self._ledger, node, demand.needed):
                return False
            node = parents[node]
        return True

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
                freed = 0
                for each in of_queue:
                    if each.admission is not None:
                        freed += each.admission.usage.get(fr, 0)
                if freed:
                    tree.remove(of_queue[0].queue.cells[fr], freed)
            if amount > max(0, tree.available(cells[fr])):
                enough = False
                break
        ledger.rollback(mark)
        return enough

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
            self._collect_subtree(demand, cohort, cohort, done, found, advantage=advantage)
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
        common: TreeNode,
        done: TreeNode,
        found: list[OtherQueue],
        *,
        advantage: bool,
    ) -> None:
        """Candidates of all queues below `cohort` that exceed their quota, but for the subtree `done`."""
        for below in self._catalog.child_cohorts[cohort]:
            if below != done and not within_nominal(self._ledger, below, demand.needed):
                self._collect_subtree(demand, below, common, done, found, advantage=advantage)
        for child in self._catalog.child_queues[cohort]:
            queue = self._catalog.queues[child]
            if queue is demand.queue or within_nominal(self._ledger, child, demand.needed):
                continue
            workloads = eligible(queue, demand.queue.reclaim, demand)
            if workloads:
                found.append(OtherQueue(workloads, common, advantage=advantage))


def _classify(
    queue: QueueRecord, preemptor: WorkloadRecord, workload: WorkloadRecord, common: TreeNode, *, advantage: bool
) -> Candidate:
    reclamation = PreemptionReason.IN_COHORT_RECLAMATION
    if advantage:
        return Candidate(workload, common, reclamation, only_without_borrowing=False)
    threshold = queue.max_threshold
    too_high = workload.priority >= preemptor.priority or (threshold is not None and workload.priority > threshold)
    if not queue.borrow_allowed or too_high:
        return Candidate(workload, common, reclamation, only_without_borrowing=True)
    while_borrowing = PreemptionReason.IN_COHORT_RECLAIM_WHILE_BORROWING
    return Candidate(workload, common, while_borrowing, only_without_borrowing=False)
