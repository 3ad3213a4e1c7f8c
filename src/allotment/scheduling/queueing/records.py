"""Mutable working records of the engine. Private to `scheduling`.

Names of flavors, resources, queues and workloads are interned at construction (`indices.py` says what the numbers mean)
and appear again only in results.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Final

from allotment.scheduling.queueing.indices import (
    NO_NODE,
    Cell,
    FlavorId,
    FlavorResource,
    Leaf,
    PodSetIndex,
    QueueId,
    ResourceId,
    ShapeId,
    TreeId,
    TreeNode,
    WorkloadId,
)
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    FungibilityPolicy,
    FungibilityPreference,
    PodSet,
    PodSetAdmission,
    PreemptionPolicy,
    QueueingStrategy,
    Workload,
)
from allotment.scheduling.queueing.reasons import Detail, Refusal
from allotment.scheduling.queueing.states import ABSENT, MOVES, WorkloadState, no_such_move


class AssignmentMode(IntEnum):
    """What an assignment comes to, worst first."""

    NO_FIT = 0
    PREEMPT = 1
    DEFERRED_FIT = 2
    FIT = 3


# By themselves: a member of an enum is looked up in its class, which innermost loops would notice.
NO_FIT: Final = AssignmentMode.NO_FIT
PREEMPT: Final = AssignmentMode.PREEMPT
DEFERRED_FIT: Final = AssignmentMode.DEFERRED_FIT
FIT: Final = AssignmentMode.FIT

NOTHING_TRIED: Final = -1
"""In place of the last flavor tried of a resource group: the scan begins with the first one."""


class PreemptionReason(Enum):
    """Kueue's reasons of a preemption."""

    IN_CLUSTER_QUEUE = "InClusterQueue"
    IN_COHORT_RECLAMATION = "InCohortReclamation"
    IN_COHORT_RECLAIM_WHILE_BORROWING = "InCohortReclaimWhileBorrowing"
    IN_COHORT_FAIR_SHARING = "InCohortFairSharing"


class GroupRecord:
    """A resource group of a queue: flavors in order, and for each of them the fr by resource."""

    __slots__ = ("flavors", "frs", "resources")

    def __init__(
        self, flavors: list[FlavorId], resources: list[ResourceId], frs: list[dict[ResourceId, FlavorResource]]
    ) -> None:
        self.flavors: list[FlavorId] = flavors
        self.resources: list[ResourceId] = resources
        self.frs: list[dict[ResourceId, FlavorResource]] = frs


class QueueRecord:
    """A ClusterQueue: its place in the tree, its policies, the workloads that hold its quota.

    Attributes:
        cells: its cells in the quota tree by flavor-resource pair.
        parent: its cohort, or NO_NODE.
        root: its tree (its own node if it has no cohort).
        generation: grows when capacity of this queue became allocatable again; invalidates remembered flavors.
        running: workloads holding quota, by workload index.
    """

    __slots__ = (
        "_holders",
        "borrow_allowed",
        "cells",
        "covers_pods",
        "generation",
        "group_of",
        "groups",
        "index",
        "max_threshold",
        "name",
        "over_borrowing",
        "parent",
        "reclaim",
        "root",
        "running",
        "stopped",
        "strict",
        "topology_only",
        "try_next_on_borrow",
        "try_next_on_preempt",
        "within",
    )

    def __init__(self, spec: ClusterQueue, index: QueueId, cells: list[Cell]) -> None:
        self.name: str = spec.name
        self.index: QueueId = index
        self.cells: list[Cell] = cells
        self.parent: TreeNode = NO_NODE
        self.root: TreeId = TreeId(index)
        self.stopped: bool = spec.stopped
        self.strict: bool = spec.strategy == QueueingStrategy.STRICT_FIFO
        self.within: PreemptionPolicy = spec.within_cluster_queue
        self.reclaim: PreemptionPolicy = spec.reclaim_within_cohort
        self.borrow_allowed: bool = spec.borrow_within_cohort != PreemptionPolicy.NEVER
        self.max_threshold: int | None = spec.max_priority_threshold
        self.try_next_on_borrow: bool = spec.when_can_borrow == FungibilityPolicy.TRY_NEXT_FLAVOR
        self.try_next_on_preempt: bool = spec.when_can_preempt == FungibilityPolicy.TRY_NEXT_FLAVOR
        self.over_borrowing: bool = spec.preference == FungibilityPreference.PREEMPTION_OVER_BORROWING
        self.groups: list[GroupRecord] = []
        self.group_of: dict[ResourceId, int] = {}
        self.covers_pods: bool = False
        self.topology_only: bool = False
        self.generation: int = 0
        self.running: dict[WorkloadId, WorkloadRecord] = {}
        self._holders: dict[FlavorResource, list[WorkloadRecord]] = {}

    def holders(self, pair: FlavorResource) -> list[WorkloadRecord]:
        """Running workloads that hold some of a pair, in the order of victims; not to be changed.

        Every search for victims asks, and the answer changes only with what runs.
        """
        found = self._holders.get(pair)
        if found is None:
            found = [
                each for each in self.running.values() if each.admission is not None and pair in each.admission.usage
            ]
            found.sort(key=_rank)
            self._holders[pair] = found
        return found

    def holdings_changed(self) -> None:
        """What runs here, or what it holds, is another now."""
        self._holders.clear()


class FlavorChoice:
    """A flavor chosen for one resource of a PodSet; shared by the PodSets of a topology group."""

    __slots__ = ("flavor", "fr", "height", "mode", "tried")

    def __init__(self, flavor: FlavorId, fr: FlavorResource, mode: AssignmentMode, height: int) -> None:
        self.flavor: FlavorId = flavor
        self.fr: FlavorResource = fr
        self.mode: AssignmentMode = mode
        self.height: int = height
        self.tried: int = NOTHING_TRIED


class TopologyAssignment:
    """Pods of one PodSet per leaf domain of a topology flavor: parallel lists."""

    __slots__ = ("counts", "flavor", "leaves")

    def __init__(self, flavor: FlavorId, leaves: list[Leaf], counts: list[int]) -> None:
        self.flavor: FlavorId = flavor
        self.leaves: list[Leaf] = leaves
        self.counts: list[int] = counts


class PodSetAssignment:
    """What one PodSet was assigned in an attempt. No choices and findings = not assignable."""

    __slots__ = ("choices", "count", "details", "name", "topology_assignment")

    def __init__(self, name: str, count: int) -> None:
        self.name: str = name
        self.count: int = count
        self.choices: dict[ResourceId, FlavorChoice] = {}
        self.details: list[Detail] = []
        self.topology_assignment: TopologyAssignment | None = None

    def mode(self) -> AssignmentMode:
        """Worst mode of the chosen flavors; a PodSet without findings fits whatever its choices say."""
        if not self.details:
            return FIT
        if not self.choices:
            return NO_FIT
        return min(choice.mode for choice in self.choices.values())


class FlavorMemory:
    """Where the flavor scan of a workload stopped: per PodSet and resource, the last flavor tried of its group."""

    __slots__ = ("cycle", "generation", "tried")

    def __init__(self, generation: int, cycle: int) -> None:
        self.tried: list[dict[ResourceId, int]] = []
        self.generation: int = generation
        self.cycle: int = cycle

    def has_untried(self) -> bool:
        """Is there a flavor the scan has not reached?"""
        return any(index != NOTHING_TRIED for tried in self.tried for index in tried.values())


class Assignment:
    """Result of a flavor assignment for a whole workload.

    Attributes:
        usage: quota per fr.
        borrowing: largest borrowing height over the choices.
        mode: worst PodSet mode.
        memory: where the scans stopped.
    """

    __slots__ = ("borrowing", "memory", "mode", "pod_sets", "usage")

    def __init__(self, memory: FlavorMemory) -> None:
        self.pod_sets: list[PodSetAssignment] = []
        self.usage: dict[FlavorResource, int] = {}
        self.borrowing: int = 0
        self.mode: AssignmentMode = NO_FIT
        self.memory: FlavorMemory = memory

    def findings(self) -> list[tuple[str, list[Detail]]]:
        """PodSets that are not a plain fit, with what was found."""
        return [(ps.name, ps.details) for ps in self.pod_sets if ps.details]


class PodSetRecord:
    """A PodSet with interned requests: (resource, amount per pod), in the order of resource names."""

    __slots__ = ("count", "min_count", "name", "per_pod", "shape", "spec")

    def __init__(self, spec: PodSet, per_pod: list[tuple[ResourceId, int]], shape: ShapeId) -> None:
        self.spec: PodSet = spec
        self.name: str = spec.name
        self.count: int = spec.count
        self.min_count: int = spec.count if spec.min_count is None else spec.min_count
        self.per_pod: list[tuple[ResourceId, int]] = per_pod
        self.shape: ShapeId = shape


class WorkloadRecord:
    """A workload inside the engine.

    Attributes:
        shape: interned scheduling-equivalence hash.
        state: where it is; changed by `become` alone.
        token: identity of the live heap entry; older entries of the same workload are stale.
        memory: remembered flavors of the last attempt.
        admission: the assignment it runs with, while it holds quota.
        granted: the same by name as first given, in a cluster that has changed since; empty in one that has not.
        rank: its place among victims of one kind, who goes first being least: low priority first, lately admitted
            first, UID.
        simulated_away: removed from the running set for the duration of a simulation.
        refusal: result of the last attempt since it became pending.
    """

    __slots__ = (
        "admission",
        "granted",
        "groups",
        "index",
        "memory",
        "nomination",
        "nomination_key",
        "pod_sets",
        "priority",
        "queue",
        "rank",
        "refusal",
        "shape",
        "shrinkable",
        "simulated_away",
        "since",
        "spec",
        "state",
        "token",
        "uid",
        "uses_topology",
    )

    def __init__(
        self,
        spec: Workload,
        index: WorkloadId,
        queue: QueueRecord,
        pod_sets: list[PodSetRecord],
        shape: ShapeId,
        groups: list[list[PodSetIndex]] | None = None,
    ) -> None:
        self.spec: Workload = spec
        self.index: WorkloadId = index
        self.queue: QueueRecord = queue
        self.priority: int = spec.priority
        self.since: int = spec.queued_since
        self.uid: str = spec.uid
        self.pod_sets: list[PodSetRecord] = pod_sets
        self.groups: list[list[PodSetIndex]] = _podset_groups(pod_sets) if groups is None else groups
        self.shape: ShapeId = shape
        self.shrinkable: bool = any(ps.min_count < ps.count for ps in pod_sets)
        self.uses_topology: bool = any(ps.spec.topology is not None for ps in pod_sets)
        self.state: WorkloadState = ABSENT
        self.token: int = 0
        self.memory: FlavorMemory | None = None
        self.admission: Assignment | None = None
        self.granted: tuple[PodSetAdmission, ...] = ()
        self.rank: tuple[int, int, str] = (spec.priority, 0, spec.uid)
        self.simulated_away: bool = False
        self.refusal: Refusal | None = None
        self.nomination: Nomination | None = None
        self.nomination_key: tuple[int, ...] = ()

    @property
    def reserved_at(self) -> int:
        """When it got its quota."""
        return -self.rank[1]

    def reserve(self, now: int) -> None:
        """It holds quota from a moment on."""
        self.rank = (self.priority, -now, self.uid)

    def become(self, state: WorkloadState) -> None:
        """Move to another state.

        Raises:
            AssertionError: there is no such move.
        """
        if state not in MOVES[self.state]:
            raise no_such_move(self.spec.name, self.state, state)
        self.state = state


def _podset_groups(pod_sets: list[PodSetRecord]) -> list[list[PodSetIndex]]:
    """PodSets assigned together: those that share a topology group name; all others alone."""
    groups: dict[str, list[PodSetIndex]] = {}
    for index, pod_set in enumerate(pod_sets):
        topology = pod_set.spec.topology
        key = topology.group if topology is not None and topology.group is not None else f"{index}"
        groups.setdefault(key, []).append(PodSetIndex(index))
    return list(groups.values())


class Target:
    """A workload chosen for preemption, and why."""

    __slots__ = ("reason", "workload")

    def __init__(self, workload: WorkloadRecord, reason: PreemptionReason) -> None:
        self.workload: WorkloadRecord = workload
        self.reason: PreemptionReason = reason


class Toss:
    """What else a search for targets may find, because Kueue chooses at random among equals.

    Attributes:
        spared: targets that another choice leaves alone.
        others: workloads that are targets by another choice only.
    """

    __slots__ = ("others", "spared")

    def __init__(self, spared: list[WorkloadRecord], others: list[WorkloadRecord]) -> None:
        self.spared: list[WorkloadRecord] = spared
        self.others: list[WorkloadRecord] = others


class Nomination:
    """An assignment, the workloads that would have to go for it, and whether others might have to."""

    __slots__ = ("assignment", "targets", "toss")

    def __init__(self, assignment: Assignment, targets: list[Target], toss: Toss | None = None) -> None:
        self.assignment: Assignment = assignment
        self.targets: list[Target] = targets
        self.toss: Toss | None = toss


def _rank(workload: WorkloadRecord) -> tuple[int, int, str]:
    return workload.rank
