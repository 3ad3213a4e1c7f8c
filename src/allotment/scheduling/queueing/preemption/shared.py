"""What both preemption algorithms share: candidate order, the fit test, fill-back (KEP-83)."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Protocol

from allotment.scheduling.queueing.indices import FlavorResource, TreeNode
from allotment.scheduling.queueing.inputs import PreemptionPolicy
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.records import QueueRecord, Target, Toss, WorkloadRecord
from allotment.scheduling.queueing.states import EVICTED
from allotment.scheduling.queueing.usage import UsageLedger


class TopologyTest(Protocol):
    """Does the workload's topology request fit at current usage?"""

    def fits(self) -> bool:
        """True if every topology PodSet can be placed."""
        ...


class Demand:
    """What a preemptor needs.

    Attributes:
        workload: the preemptor.
        needed: flavor-resource pairs that are short.
        requests: (fr, amount) of everything it would use, short or not.
        topology: whether its topology request fits, None if quota alone decides.
        toss: set by the search: what else it may find in Kueue; None if nothing, or if nobody asked for it.
    """

    __slots__ = ("needed", "queue", "requests", "topology", "toss", "workload")

    def __init__(
        self,
        workload: WorkloadRecord,
        needed: list[FlavorResource],
        requests: list[tuple[FlavorResource, int]],
        topology: TopologyTest | None = None,
    ) -> None:
        self.workload: WorkloadRecord = workload
        self.queue: QueueRecord = workload.queue
        self.needed: list[FlavorResource] = needed
        self.requests: list[tuple[FlavorResource, int]] = requests
        self.topology: TopologyTest | None = topology
        self.toss: Toss | None = None


CandidateKey = tuple[bool, bool, int, int, str]


def candidate_key(candidate: WorkloadRecord, queue: QueueRecord) -> CandidateKey:
    """Sort key: evicted first, other queues first, low priority first, lately admitted first, UID."""
    return (
        candidate.state is not EVICTED,
        candidate.queue is queue,
        *candidate.rank,
    )


def sort_candidates(candidates: list[WorkloadRecord], queue: QueueRecord, usage: LocalUsage | None) -> None:
    """Sort by `candidate_key`; with admission fair sharing, the heavier LocalQueue of a ClusterQueue goes first."""
    if usage is None:
        candidates.sort(key=lambda each: candidate_key(each, queue))
        return

    def compare(a: WorkloadRecord, b: WorkloadRecord) -> int:
        first, second = candidate_key(a, queue), candidate_key(b, queue)
        if first[:2] == second[:2] and a.queue is b.queue and a.spec.local_queue != b.spec.local_queue:
            used, other = usage.of(a), usage.of(b)
            if used != other:
                return -1 if used > other else 1
        return -1 if first < second else 1

    candidates.sort(key=cmp_to_key(compare))


def uses_any(candidate: WorkloadRecord, needed: list[FlavorResource]) -> bool:
    """Does the running candidate hold any of the flavor-resource pairs?"""
    admission = candidate.admission
    if admission is not None:
        usage = admission.usage
        for fr in needed:
            if fr in usage:
                return True
    return False


def fits(demand: Demand, ledger: UsageLedger, *, allow_borrowing: bool) -> bool:
    """Would the demand fit at current (simulated) usage?"""
    tree = ledger.tree
    cells = demand.queue.cells
    for fr, amount in demand.requests:
        cell = cells[fr]
        if not allow_borrowing and tree.borrows_with(cell, amount):
            return False
        if amount > max(0, tree.available(cell)):
            return False
    return demand.topology is None or demand.topology.fits()


def fill_back(targets: list[Target], demand: Demand, ledger: UsageLedger, *, allow_borrowing: bool) -> list[Target]:
    """Spare every target that turns out not to be needed, last removed first; the very last one stays.

    A spared target's place is taken by the last of the list, as in Kueue: the order of the result is part of the
    reproduced behaviour.
    """
    for index in range(len(targets) - 2, -1, -1):
        ledger.charge(targets[index].workload)
        if fits(demand, ledger, allow_borrowing=allow_borrowing):
            targets[index] = targets[-1]
            targets.pop()
        else:
            ledger.release(targets[index].workload)
    return targets


def within_nominal(ledger: UsageLedger, node: TreeNode, needed: list[FlavorResource]) -> bool:
    """Does the node use no more than its subtree's quota of all needed pairs?"""
    tree = ledger.tree
    cells = tree.cells[node]
    for fr in needed:  # innermost test of every preemption search; a generator costs twice as much
        cell = cells[fr]
        if tree.usage[cell] > tree.subtree[cell]:
            return False
    return True


def eligible(queue: QueueRecord, policy: PreemptionPolicy, demand: Demand) -> list[WorkloadRecord]:
    """Running workloads of `queue` that hold what is needed and that `policy` lets the preemptor take."""
    if policy == PreemptionPolicy.NEVER or queue.stopped:
        return []
    preemptor, needed = demand.workload, demand.needed
    if len(needed) == 1:  # most questions are about one pair
        holding = queue.holders(needed[0])
    else:
        holding = [each for each in queue.running.values() if uses_any(each, needed)]
    if policy == PreemptionPolicy.ANY:
        return [each for each in holding if not each.simulated_away]
    priority = preemptor.priority
    if policy == PreemptionPolicy.LOWER_PRIORITY:
        return [each for each in holding if each.priority < priority and not each.simulated_away]
    since = preemptor.since
    return [
        each
        for each in holding
        if not each.simulated_away and (each.priority < priority or (each.priority == priority and since < each.since))
    ]
