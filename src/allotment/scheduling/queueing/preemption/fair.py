"""Fair-sharing preemption: take from the queue with the largest dominant share (KEP-1714)."""

from __future__ import annotations

from typing import Final

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.indices import NO_NODE, CohortId, QueueId, TreeNode, WorkloadId
from allotment.scheduling.queueing.inputs import FairStrategy, PreemptionPolicy
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.preemption.shared import (
    Demand,
    candidate_key,
    eligible,
    fill_back,
    fits,
    sort_candidates,
    within_nominal,
)
from allotment.scheduling.queueing.quota.share import Share, compare_shares
from allotment.scheduling.queueing.records import PreemptionReason, QueueRecord, Target, Toss, WorkloadRecord
from allotment.scheduling.queueing.usage import UsageLedger

DEFAULT_STRATEGIES: Final = (
    FairStrategy.LESS_THAN_OR_EQUAL_TO_FINAL_SHARE,
    FairStrategy.LESS_THAN_INITIAL_SHARE,
)


class FairPreemption:
    """Chooses targets against the ledger's current usage and leaves it unchanged."""

    def __init__(
        self,
        catalog: Catalog,
        ledger: UsageLedger,
        strategies: tuple[FairStrategy, ...],
        gates: Gates,
        local_usage: LocalUsage | None,
        *,
        watching: bool = False,
    ) -> None:
        """A preemptor with the configured strategies (empty = Kueue's default pair).

        With `watching`, a search also tells what else it may find in Kueue (`Demand.toss`); that costs time.
        """
        self._watching: bool = watching
        self._local_usage: LocalUsage | None = local_usage
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self._strategies: tuple[FairStrategy, ...] = strategies or DEFAULT_STRATEGIES
        self._gates: Gates = gates

    def targets(self, demand: Demand) -> list[Target]:
        """The workloads to preempt for `demand`; empty if preemption cannot help."""
        candidates = self._candidates(demand)
        if not candidates:
            return []
        sort_candidates(candidates, demand.queue, self._local_usage)
        equals = _Equals(0)
        found = self._search(demand, candidates, equals)
        if self._watching and equals.most > 1:
            demand.toss = self._toss(demand, candidates, found, equals.most)
        return found

    def _toss(self, demand: Demand, candidates: list[WorkloadRecord], found: list[Target], most: int) -> Toss | None:
        """Search again with every other choice among equals."""
        chosen = {target.workload.index: target.workload for target in found}
        spared: dict[WorkloadId, WorkloadRecord] = {}
        others: dict[WorkloadId, WorkloadRecord] = {}
        for turn in range(1, most):
            other = {each.workload.index: each.workload for each in self._search(demand, candidates, _Equals(turn))}
            spared |= {index: workload for index, workload in chosen.items() if index not in other}
            others |= {index: workload for index, workload in other.items() if index not in chosen}
        return Toss(list(spared.values()), list(others.values())) if spared or others else None

    def _search(self, demand: Demand, candidates: list[WorkloadRecord], equals: _Equals) -> list[Target]:
        mark = self._ledger.checkpoint()
        attempt = _Attempt(self._catalog, self._ledger, demand, equals)
        attempt.charge_demand()
        found = self._first_pass(attempt, candidates)
        if not found and len(self._strategies) > 1:
            found = self._second_pass(attempt)
        attempt.release_demand()
        if found:
            fill_back(attempt.targets, demand, self._ledger, allow_borrowing=True)
        self._ledger.rollback(mark)
        return attempt.targets if found else []

    def _candidates(self, demand: Demand) -> list[WorkloadRecord]:
        """Own workloads by policy; those of queues of the tree that borrow something needed, by policy."""
        queue = demand.queue
        found = eligible(queue, queue.within, demand)
        if queue.parent != NO_NODE and queue.reclaim != PreemptionPolicy.NEVER:
            for index in self._catalog.queues_of_tree[queue.root]:
                if index != queue.index and not within_nominal(self._ledger, index, demand.needed):
                    found.extend(eligible(self._catalog.queues[index], queue.reclaim, demand))
        return found

    def _first_pass(self, attempt: _Attempt, candidates: list[WorkloadRecord]) -> bool:
        """Take workloads by the first strategy; what it rejects is left in `attempt.rejected`."""
        demand = attempt.demand
        ordering = TargetOrdering(self._catalog, demand.queue, candidates, attempt.equals)
        entitled = self._gates.fair_sharing_preempt_within_nominal and within_nominal(
            self._ledger, demand.queue.index, demand.needed
        )
        while True:
            queue = ordering.next_queue()
            if queue is None:
                return False
            if queue == demand.queue.index:
                taken: tuple[WorkloadRecord, PreemptionReason] | None = (
                    ordering.take(queue),
                    PreemptionReason.IN_CLUSTER_QUEUE,
                )
            elif entitled:
                taken = (ordering.take(queue), PreemptionReason.IN_COHORT_RECLAMATION)
            else:
                taken = self._take_by_share(attempt, ordering, queue)
            if taken is not None and attempt.preempt(taken[0], taken[1]):
                return True

    def _take_by_share(
        self, attempt: _Attempt, ordering: TargetOrdering, queue: QueueId
    ) -> tuple[WorkloadRecord, PreemptionReason] | None:
        preemptor_share, target_share, target_node = attempt.shares(queue)
        if preemptor_share.infinite and not target_share.infinite:
            while ordering.has(queue):
                attempt.rejected.append(ordering.take(queue))
            return None
        while ordering.has(queue):
            candidate = ordering.take(queue)
            if self._passes(candidate, preemptor_share, target_share, target_node):
                return candidate, PreemptionReason.IN_COHORT_FAIR_SHARING
            attempt.rejected.append(candidate)
        return None

    def _passes(
        self, candidate: WorkloadRecord, preemptor_share: Share, target_share: Share, target_node: TreeNode
    ) -> bool:
        if self._strategies[0] == FairStrategy.LESS_THAN_INITIAL_SHARE:
            return compare_shares(preemptor_share, target_share) < 0
        mark = self._ledger.checkpoint()
        self._ledger.release(candidate)
        afterwards = self._catalog.shares.of(target_node)
        self._ledger.rollback(mark)
        return compare_shares(preemptor_share, afterwards) <= 0

    def _second_pass(self, attempt: _Attempt) -> bool:
        """At most one rejected workload per queue, where the preemptor would still have the smaller share."""
        ordering = TargetOrdering(self._catalog, attempt.demand.queue, attempt.rejected, attempt.equals)
        while True:
            queue = ordering.next_queue()
            if queue is None:
                return False
            preemptor_share, target_share, _ = attempt.shares(queue)
            candidate = ordering.take(queue)
            ordering.drop(queue)
            if compare_shares(preemptor_share, target_share) < 0 and attempt.preempt(
                candidate, PreemptionReason.IN_COHORT_FAIR_SHARING
            ):
                return True


class _Equals:
    """Which of several cohorts of equal share is taken. In Kueue that hangs on the order in which it walks a map.

    Attributes:
        most: the largest number of equals met so far.
    """

    def __init__(self, turn: int) -> None:
        """The last one in our order with turn 0, with another turn another one."""
        self._turn: int = turn
        self.most: int = 1

    def pick(self, cohorts: list[CohortId]) -> CohortId:
        """One of them."""
        count = len(cohorts)
        self.most = max(self.most, count)
        return cohorts[(count - 1 - self._turn) % count]


class _Attempt:
    """State of one search: targets so far, rejected candidates, and the simulated usage."""

    def __init__(self, catalog: Catalog, ledger: UsageLedger, demand: Demand, equals: _Equals) -> None:
        self.equals: _Equals = equals
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self.demand: Demand = demand
        self.targets: list[Target] = []
        self.rejected: list[WorkloadRecord] = []

    def charge_demand(self) -> None:
        """Shares are compared as if the preemptor already ran."""
        for fr, amount in self.demand.requests:
            self._ledger.tree.add(self.demand.queue.cells[fr], amount)

    def release_demand(self) -> None:
        """Undo `charge_demand`, for the fit test."""
        for fr, amount in self.demand.requests:
            self._ledger.tree.remove(self.demand.queue.cells[fr], amount)

    def preempt(self, workload: WorkloadRecord, reason: PreemptionReason) -> bool:
        """Remove a target; True if the demand fits now."""
        self._ledger.release(workload)
        self.targets.append(Target(workload, reason))
        self.release_demand()
        fit = fits(self.demand, self._ledger, allow_borrowing=True)
        self.charge_demand()
        return fit

    def shares(self, queue: QueueId) -> tuple[Share, Share, TreeNode]:
        """Shares of the two nodes below the lowest common cohort: preemptor's, target's, and the target's node."""
        parents = self._ledger.tree.node_parent
        above: dict[TreeNode, TreeNode] = {}
        node: TreeNode = self.demand.queue.index
        while parents[node] != NO_NODE:
            above[parents[node]] = node
            node = parents[node]
        target: TreeNode = queue
        while parents[target] not in above:
            target = parents[target]
        shares = self._catalog.shares
        return shares.of(above[parents[target]]), shares.of(target), target


class TargetOrdering:
    """Yields the queue to take from next: from the root always down to the child with the largest share."""

    def __init__(
        self, catalog: Catalog, preemptor: QueueRecord, candidates: list[WorkloadRecord], equals: _Equals
    ) -> None:
        """Order over the queues of `candidates`, each queue's list in the given order."""
        self._equals: _Equals = equals
        self._catalog: Catalog = catalog
        self._preemptor: QueueRecord = preemptor
        self._candidates: dict[QueueId, list[WorkloadRecord]] = {}
        for each in candidates:
            self._candidates.setdefault(each.queue.index, []).append(each)
        for queue_candidates in self._candidates.values():
            queue_candidates.reverse()  # taken from the end
        self._pruned: set[TreeNode] = set()
        self._ancestors: set[TreeNode] = set()
        parents = catalog.tree.node_parent
        node = parents[preemptor.index]
        while node != NO_NODE:
            self._ancestors.add(node)
            node = parents[node]

    def has(self, queue: QueueId) -> bool:
        """Has the queue candidates left?"""
        return bool(self._candidates.get(queue))

    def take(self, queue: QueueId) -> WorkloadRecord:
        """The queue's next candidate."""
        return self._candidates[queue].pop()

    def drop(self, queue: QueueId) -> None:
        """Never yield this queue again."""
        self._pruned.add(queue)

    def next_queue(self) -> QueueId | None:
        """The queue to take from, None if none is left."""
        own, root = self._preemptor.index, self._preemptor.root
        if self._preemptor.parent == NO_NODE:
            return own if self.has(own) and own not in self._pruned else None
        way: list[TreeNode] = [root]
        while root not in self._pruned:
            cohort = way[-1]
            queue, queue_share = self._largest_queue(cohort)
            children, child_share = self._largest_cohorts(cohort)
            if queue is None and not children:
                # From the root the way would lead to the cohort above again: no share has changed meanwhile.
                self._pruned.add(way.pop())
            elif queue_share is not None and (child_share is None or compare_shares(child_share, queue_share) < 0):
                return queue
            else:
                way.append(self._equals.pick(children))
        return None

    def _largest_queue(self, cohort: TreeNode) -> tuple[QueueId | None, Share | None]:
        best: QueueId | None = None
        best_share: Share | None = None
        for queue in self._catalog.child_queues[cohort]:
            if queue in self._pruned:
                continue
            share = self._catalog.shares.of(queue)
            if (not share.borrowing and queue != self._preemptor.index) or not self.has(queue):
                self._pruned.add(queue)
                continue
            order = 1 if best_share is None else compare_shares(share, best_share)
            if order > 0 or (order == 0 and best is not None and self._sorts_before(queue, best)):
                best, best_share = queue, share
        return best, best_share

    def _largest_cohorts(self, cohort: TreeNode) -> tuple[list[CohortId], Share | None]:
        """Those of equal share, in our order."""
        best: list[CohortId] = []
        best_share: Share | None = None
        for child in self._catalog.child_cohorts[cohort]:
            if child in self._pruned:
                continue
            share = self._catalog.shares.of(child)
            if not share.borrowing and child not in self._ancestors:
                self._pruned.add(child)
                continue
            order = 1 if best_share is None else compare_shares(share, best_share)
            if order > 0:
                best, best_share = [child], share
            elif order == 0:
                best.append(child)
        return best, best_share

    def _sorts_before(self, queue: QueueId, other: QueueId) -> bool:
        """Tie of two queues: the one whose first candidate sorts first, other queues' before own."""
        a, b = self._candidates[queue][-1], self._candidates[other][-1]
        return candidate_key(a, self._preemptor) < candidate_key(b, self._preemptor)
