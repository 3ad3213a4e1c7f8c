"""Flavors and preemption targets for one head, against unchanged usage (Kueue: `nominate`)."""

from __future__ import annotations

from typing import Final, Protocol

from allotment.scheduling.queueing.flavors import (
    G_NO_CANDIDATES,
    G_PREEMPT,
    G_RECLAIM,
    FlavorAssigner,
    GranularMode,
    Pins,
)
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.indices import FlavorResource, TreeId, TreeNode
from allotment.scheduling.queueing.preemption.shared import Demand
from allotment.scheduling.queueing.records import FIT, PREEMPT, Assignment, Nomination, Target, Toss, WorkloadRecord
from allotment.scheduling.queueing.topology.assigner import TopologyAssigner
from allotment.scheduling.queueing.usage import UsageLedger

_EVERYWHERE: Final = TreeId(TreeNode(-1))
"""In place of a tree: any of them."""
_NEXT_POD_SET: Final = -2
"""Between the flavors tried of one PodSet, which count from NOTHING_TRIED, and those of the next."""


class TargetFinder(Protocol):
    """Classical or fair-sharing preemption."""

    def targets(self, demand: Demand) -> list[Target]:
        """Workloads to preempt, none if preemption cannot help."""
        ...


class RememberingFinder:
    """Answers the same question once per nomination.

    The flavor scan asks the oracle about one flavor-resource pair; for a workload that needs nothing else the
    nomination then asks exactly the same again.
    """

    def __init__(self, finder: TargetFinder) -> None:
        self._finder: TargetFinder = finder
        self._asked: tuple[list[FlavorResource], list[tuple[FlavorResource, int]]] | None = None
        self._answer: list[Target] = []
        self._toss: Toss | None = None

    def forget(self) -> None:
        """Usage or the workload changed."""
        self._asked = None

    def targets(self, demand: Demand) -> list[Target]:
        """As the finder behind it. Topology makes the questions differ, so those are always asked anew."""
        if demand.topology is not None:
            return self._finder.targets(demand)
        asked = (demand.needed, demand.requests)
        if self._asked != asked:
            self._answer = self._finder.targets(demand)
            self._toss = demand.toss
            self._asked = asked
        demand.toss = self._toss
        return self._answer


class PreemptionOracle:
    """Tells the flavor scan whether preemption could free an amount of one flavor-resource pair."""

    def __init__(self, finder: TargetFinder, ledger: UsageLedger) -> None:
        self._finder: TargetFinder = finder
        self._ledger: UsageLedger = ledger

    def simulate(self, workload: WorkloadRecord, fr: FlavorResource, amount: int) -> tuple[GranularMode, int]:
        """Granular mode and the borrowing height once the targets are gone."""
        ledger = self._ledger
        queue = workload.queue
        cell = queue.cells[fr]
        targets = self._finder.targets(Demand(workload, [fr], [(fr, amount)]))
        if not targets:
            return G_NO_CANDIDATES, ledger.tree.borrowing_height(cell, amount)
        mark = ledger.checkpoint()
        for target in targets:
            ledger.release(target.workload)
        height = ledger.tree.borrowing_height(cell, amount)
        ledger.rollback(mark)
        own = any(target.workload.queue is queue for target in targets)
        return (G_PREEMPT if own else G_RECLAIM), height


class Nominator:
    """Computes nominations."""

    def __init__(
        self,
        assigner: FlavorAssigner,
        finder: RememberingFinder,
        topology: TopologyAssigner,
        gates: Gates,
    ) -> None:
        """A nominator from its parts."""
        self._assigner: FlavorAssigner = assigner
        self._finder: RememberingFinder = finder
        self._topology: TopologyAssigner = topology
        self._gates: Gates = gates

    def nominate(self, workload: WorkloadRecord, cycle: int, pins: Pins | None = None) -> Nomination:
        """The best assignment and the targets it needs; without targets where preemption cannot help."""
        self._finder.forget()
        nomination = self._with_partial_admission(workload, cycle, pins)
        if nomination.assignment.mode is PREEMPT:
            self._topology.reserve(workload, nomination.assignment, nomination.targets)
        return nomination

    def _with_partial_admission(self, workload: WorkloadRecord, cycle: int, pins: Pins | None) -> Nomination:
        full = self._attempt(workload, cycle, None, pins)
        if _good(full):
            return full
        if self._gates.partial_admission and workload.shrinkable:
            reduced = self._search_reduced(workload, cycle, pins)
            if reduced is not None:
                return reduced
        return full

    def _attempt(self, workload: WorkloadRecord, cycle: int, counts: list[int] | None, pins: Pins | None) -> Nomination:
        assignment = self._assigner.assign(workload, cycle, counts, pins)
        if assignment.mode is not PREEMPT:
            return Nomination(assignment, [])
        demand = self._demand(workload, assignment)
        targets = self._finder.targets(demand)
        return Nomination(assignment, targets, demand.toss)

    def _demand(self, workload: WorkloadRecord, assignment: Assignment) -> Demand:
        """What preemption has to make room for. Kueue forgets the number of pods here, even where it is under quota."""
        pods = self._topology.capacity.pods_resource
        needed: dict[FlavorResource, None] = {}
        requests: dict[FlavorResource, int] = {}
        for pod_set, result in zip(workload.pod_sets, assignment.pod_sets, strict=False):
            for resource, amount in pod_set.per_pod:
                choice = result.choices.get(resource)
                if choice is None:
                    continue
                if choice.mode is PREEMPT:
                    needed[choice.fr] = None
                if amount > 0 and resource != pods:
                    requests[choice.fr] = requests.get(choice.fr, 0) + amount * result.count
        test = self._topology.topology_test(workload, assignment)
        return Demand(workload, list(needed), list(requests.items()), test)

    def _search_reduced(self, workload: WorkloadRecord, cycle: int, pins: Pins | None) -> Nomination | None:
        """Binary search for the smallest reduction that works, as if working were monotone.

        The result counts only if the search ends on the last reduction that was seen to work.
        """
        deltas = [pod_set.count - pod_set.min_count for pod_set in workload.pod_sets]
        total = sum(deltas)
        low, high = 0, total + 1
        good_at: int | None = None
        good: Nomination | None = None
        while low < high:
            middle = (low + high) // 2
            counts = [
                pod_set.count - delta * middle // total
                for pod_set, delta in zip(workload.pod_sets, deltas, strict=True)
            ]
            nomination = self._attempt(workload, cycle, counts, pins)
            if _good(nomination):
                good_at, good, high = middle, nomination, middle
            else:
                low = middle + 1
        return good if good_at == low else None


def _good(nomination: Nomination) -> bool:
    return nomination.assignment.mode is FIT or bool(nomination.targets)


class Nominations:
    """Nominations of heads, remembered for as long as nothing they depend on has changed."""

    def __init__(self, nominator: Nominator, topology: TopologyAssigner, gates: Gates) -> None:
        """Nothing is remembered yet."""
        self._nominator: Nominator = nominator
        self._topology: TopologyAssigner = topology
        self._gates: Gates = gates
        self._versions: dict[TreeId, int] = {}

    def of(self, workload: WorkloadRecord, cycle: int) -> Nomination:
        """The nomination; the last one again if nothing it depends on has changed since."""
        memory = workload.memory
        if memory is not None and memory.generation < workload.queue.generation:
            fresh = self._gates.flavor_fungibility_preserve_scan_progress and cycle - memory.cycle <= 1
            if not fresh:
                memory = workload.memory = None
        version = self._versions.get(workload.queue.root, 0)
        everywhere = 0 if self._topology.empty else self._versions.get(_EVERYWHERE, 0)
        key = [version, everywhere]
        if memory is not None:
            for tried in memory.tried:
                key.append(_NEXT_POD_SET)
                key.extend(tried.values())
        frozen = tuple(key)
        nomination = workload.nomination
        if nomination is None or workload.nomination_key != frozen:
            nomination = self._nominator.nominate(workload, cycle)
            workload.nomination = nomination
            workload.nomination_key = frozen
        nomination.assignment.memory.cycle = cycle
        nomination.assignment.memory.generation = workload.queue.generation
        return nomination

    def again(self, workload: WorkloadRecord, cycle: int, pins: Pins) -> Nomination:
        """Anew against usage as it is within the cycle, restricted to the flavors of `pins`; not remembered."""
        return self._nominator.nominate(workload, cycle, pins)

    def afresh(self, workload: WorkloadRecord, cycle: int) -> Nomination:
        """Anew and from the first flavor on, whatever was tried before; not remembered."""
        memory, workload.memory = workload.memory, None
        nomination = self._nominator.nominate(workload, cycle)
        workload.memory = memory
        return nomination

    def outdate(self, workload: WorkloadRecord) -> None:
        """Nominations in this workload's tree (with topologies: anywhere) may come out differently from now on."""
        root = workload.queue.root
        self._versions[root] = self._versions.get(root, 0) + 1
        self._versions[_EVERYWHERE] = self._versions.get(_EVERYWHERE, 0) + 1
