"""Which flavor for which resource of which PodSet (as Kueue 0.19, `pkg/scheduler/flavorassigner`).

The scan over a resource group's flavors resumes where the last attempt stopped, asks the preemption oracle where
quota is short, and stops at the first flavor that is good enough under the queue's fungibility policy.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Protocol

from allotment.scheduling.queueing.catalog import Catalog, request_order
from allotment.scheduling.queueing.eligibility import flavor_obstacle
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.indices import (
    NO_FLAVOR,
    NO_FR,
    FlavorId,
    FlavorResource,
    PodSetIndex,
    ResourceId,
    ShapeId,
)
from allotment.scheduling.queueing.inputs import PreemptionPolicy
from allotment.scheduling.queueing.reasons import Detail, DetailKind
from allotment.scheduling.queueing.records import (
    FIT,
    NO_FIT,
    NOTHING_TRIED,
    PREEMPT,
    Assignment,
    AssignmentMode,
    FlavorChoice,
    FlavorMemory,
    GroupRecord,
    PodSetAssignment,
    PodSetRecord,
    QueueRecord,
    WorkloadRecord,
)


class GranularMode(IntEnum):
    """How a flavor could serve a request, worst first."""

    NO_FIT = 0
    NO_CANDIDATES = 1
    PREEMPT = 2
    RECLAIM = 3
    FIT = 4


# By themselves, as the modes in `records`.
G_NO_FIT: Final = GranularMode.NO_FIT
G_NO_CANDIDATES: Final = GranularMode.NO_CANDIDATES
G_PREEMPT: Final = GranularMode.PREEMPT
G_RECLAIM: Final = GranularMode.RECLAIM
G_FIT: Final = GranularMode.FIT

_MODE_OF: Final[tuple[AssignmentMode, ...]] = (NO_FIT, PREEMPT, PREEMPT, PREEMPT, FIT)
_NO_HEIGHT: Final = 1 << 30

Pins = list[dict[ResourceId, FlavorId]]
"""Per PodSet, the flavor each resource was nominated with; a recomputation may use no other."""


class Oracle(Protocol):
    """Answers whether preemption could free an amount."""

    def simulate(self, workload: WorkloadRecord, fr: FlavorResource, amount: int) -> tuple[GranularMode, int]:
        """Granular mode (G_NO_CANDIDATES, G_PREEMPT or G_RECLAIM) and the borrowing height afterwards."""
        ...


class TopologyCheck(Protocol):
    """The topology part of an assignment."""

    def obstacle(
        self, workload: WorkloadRecord, pod_set: PodSetIndex, flavor: FlavorId, group: GroupRecord
    ) -> Detail | None:
        """Why the PodSet's topology request and the flavor do not go together."""
        ...

    def place(self, workload: WorkloadRecord, assignment: Assignment) -> None:
        """Refine a quota assignment by topology: set topology assignments or lower modes."""
        ...


def is_preferred(
    a_mode: GranularMode,
    a_height: int,
    b_mode: GranularMode,
    b_height: int,
    over_borrowing: bool,  # noqa: FBT001
) -> bool:
    """Is (mode, height) `a` strictly better than `b` under the queue's preference?"""
    if a_mode is G_NO_FIT:
        return False
    if b_mode is G_NO_FIT:
        return True
    if (a_mode is G_NO_CANDIDATES) != (b_mode is G_NO_CANDIDATES):
        return b_mode is G_NO_CANDIDATES
    if over_borrowing:
        return a_height < b_height if a_height != b_height else a_mode > b_mode
    return a_mode > b_mode if a_mode is not b_mode else a_height < b_height


class FlavorScan:
    """Result of one scan over a resource group."""

    __slots__ = ("choices", "details")

    def __init__(self, choices: dict[ResourceId, FlavorChoice], details: list[Detail]) -> None:
        self.choices: dict[ResourceId, FlavorChoice] = choices
        self.details: list[Detail] = details


class FlavorAssigner:
    """Assigns flavors against the current usage of the quota tree; changes nothing."""

    def __init__(
        self,
        catalog: Catalog,
        oracle: Oracle,
        topology: TopologyCheck,
        gates: Gates,
        *,
        fair_sharing: bool,
    ) -> None:
        """An assigner over `catalog`'s tree."""
        self._catalog: Catalog = catalog
        self._oracle: Oracle = oracle
        self._topology: TopologyCheck = topology
        self._gates: Gates = gates
        self._fair_sharing: bool = fair_sharing
        self._obstacles: dict[tuple[ShapeId, FlavorId], Detail | None] = {}

    def assign(
        self, workload: WorkloadRecord, cycle: int, counts: list[int] | None = None, pins: Pins | None = None
    ) -> Assignment:
        """Assign flavors to every PodSet.

        Args:
            workload: whose.
            cycle: number of the scheduling cycle, remembered with the scan positions.
            counts: reduced pod counts (partial admission); None = the declared ones.
            pins: flavors a recomputation within the cycle is restricted to.
        """
        assignment = Assignment(FlavorMemory(workload.queue.generation, cycle))
        for group in workload.groups:
            if not self._assign_group(workload, group, counts, pins, assignment):
                assignment.mode = min(pod_set.mode() for pod_set in assignment.pod_sets)
                return assignment
        assignment.mode = min((ps.mode() for ps in assignment.pod_sets), default=NO_FIT)
        if assignment.mode is not NO_FIT and (workload.uses_topology or workload.queue.topology_only):
            self._topology.place(workload, assignment)
        return assignment

    def _assign_group(
        self,
        workload: WorkloadRecord,
        group: list[PodSetIndex],
        counts: list[int] | None,
        pins: Pins | None,
        assignment: Assignment,
    ) -> bool:
        """Assign the PodSets of one topology group; False if that ends the attempt.

        As in Kueue it also ends, without a finding, at a PodSet all of whose requests are zero and not declared in the
        queue: the workload is then judged, and may be admitted, by the PodSets up to there.
        """
        queue = workload.queue
        requests = self._group_requests(workload, group, counts)
        choices: dict[ResourceId, FlavorChoice] = {}
        details: list[Detail] = []
        failed = False
        for resource, amount in requests:
            number = queue.group_of.get(resource)
            if resource in choices or (number is None and amount == 0):
                continue
            if number is None:
                name = self._catalog.resource_names[resource]
                scan = FlavorScan({}, [Detail(DetailKind.RESOURCE_UNAVAILABLE, "", name)])
            else:
                scan = self._scan(workload, group, requests, resource, assignment.usage, pins)
            if not scan.choices:
                choices, details, failed = {}, scan.details, True
                break
            choices.update(scan.choices)
            details.extend(scan.details)
        for index in group:
            pod_set = workload.pod_sets[index]
            count = pod_set.count if counts is None else counts[index]
            self._append(assignment, pod_set, count, choices, details)
            failed = failed or (bool(pod_set.per_pod) and not assignment.pod_sets[-1].choices)
        return not failed

    def _group_requests(
        self, workload: WorkloadRecord, group: list[PodSetIndex], counts: list[int] | None
    ) -> list[tuple[ResourceId, int]]:
        """Summed requests of the PodSets, in Kueue's order of requests."""
        first = workload.pod_sets[group[0]]
        count = first.count if counts is None else counts[group[0]]
        if len(group) == 1:
            return [(resource, amount * count) for resource, amount in first.per_pod]
        total: dict[ResourceId, int] = {}
        for index in group:
            pod_set = workload.pod_sets[index]
            count = pod_set.count if counts is None else counts[index]
            for resource, amount in pod_set.per_pod:
                total[resource] = total.get(resource, 0) + amount * count
        names = self._catalog.resource_names
        return sorted(total.items(), key=lambda item: request_order(names[item[0]]))

    def _append(
        self,
        assignment: Assignment,
        pod_set: PodSetRecord,
        count: int,
        choices: dict[ResourceId, FlavorChoice],
        details: list[Detail],
    ) -> None:
        result = PodSetAssignment(pod_set.name, count)
        result.details = list(details)
        tried: dict[ResourceId, int] = {}
        usage = assignment.usage
        for resource, amount in pod_set.per_pod or self._inherited(pod_set, choices):
            choice = choices.get(resource)
            if choice is None:
                continue
            result.choices[resource] = choice
            usage[choice.fr] = usage.get(choice.fr, 0) + amount * count
            tried[resource] = choice.tried
            assignment.borrowing = max(assignment.borrowing, choice.height)
        assignment.pod_sets.append(result)
        assignment.memory.tried.append(tried)

    def _inherited(
        self, pod_set: PodSetRecord, choices: dict[ResourceId, FlavorChoice]
    ) -> list[tuple[ResourceId, int]]:
        """A PodSet that asks for nothing is placed in the topology flavors of its topology group."""
        request = pod_set.spec.topology
        if request is None or request.group is None:
            return []
        flavors = self._catalog.state.flavors
        return [(resource, 0) for resource, choice in choices.items() if flavors[choice.flavor].topology is not None]

    def _scan(
        self,
        workload: WorkloadRecord,
        pod_sets: list[PodSetIndex],
        requests: list[tuple[ResourceId, int]],
        first_resource: ResourceId,
        assumed: dict[FlavorResource, int],
        pins: Pins | None,
    ) -> FlavorScan:
        """Scan the flavors of the resource group that covers `first_resource`."""
        queue = workload.queue
        group = queue.groups[queue.group_of[first_resource]]
        details: list[Detail] = []
        best: dict[ResourceId, FlavorChoice] = {}
        best_mode, best_height = G_NO_FIT, _NO_HEIGHT
        last = len(group.flavors) - 1
        attempted = NOTHING_TRIED
        for position in range(_resume_at(workload, pod_sets[0], first_resource), len(group.flavors)):
            attempted = position
            obstacle = self._obstacle(workload, pod_sets, group, position, first_resource, pins)
            if obstacle is not None:
                details.append(obstacle)
                continue
            mode, height, choices = self._try_flavor(workload, group, position, requests, assumed, details)
            if not _go_on(queue, mode, height):
                best, best_mode = choices, mode
                break
            if is_preferred(mode, height, best_mode, best_height, queue.over_borrowing):
                best, best_mode, best_height = choices, mode, height
        tried = NOTHING_TRIED if attempted == last else attempted
        for choice in best.values():
            choice.tried = tried
        return FlavorScan(best, [] if best_mode is G_FIT else details)

    def _try_flavor(
        self,
        workload: WorkloadRecord,
        group: GroupRecord,
        position: int,
        requests: list[tuple[ResourceId, int]],
        assumed: dict[FlavorResource, int],
        details: list[Detail],
    ) -> tuple[GranularMode, int, dict[ResourceId, FlavorChoice]]:
        """Worst (mode, height) over the group's resources, and a choice per resource."""
        queue = workload.queue
        frs = group.frs[position]
        worst_mode, worst_height = G_FIT, 0
        choices: dict[ResourceId, FlavorChoice] = {}
        for resource, amount in requests:
            fr = frs.get(resource, NO_FR)
            if fr == NO_FR:
                continue
            mode, height = self._quota_mode(workload, fr, assumed.get(fr, 0), amount, details)
            if is_preferred(worst_mode, worst_height, mode, height, queue.over_borrowing):
                worst_mode, worst_height = mode, height
            if worst_mode is not G_NO_FIT:
                choices[resource] = FlavorChoice(group.flavors[position], fr, _MODE_OF[mode], height)
        return worst_mode, worst_height, choices

    def _quota_mode(
        self, workload: WorkloadRecord, fr: FlavorResource, assumed: int, amount: int, details: list[Detail]
    ) -> tuple[GranularMode, int]:
        """How `amount` more of `fr` could be had: granular mode and borrowing height."""
        tree = self._catalog.tree
        queue = workload.queue
        cell = queue.cells[fr]
        need = assumed + amount
        if need > tree.potential[cell]:
            amounts = (assumed, amount, tree.potential[cell])
            details.append(self._quota_detail(DetailKind.EXCEEDS_MAX_QUOTA, fr, amounts))
            return G_NO_FIT, 0
        available = max(0, tree.available(cell))
        if need <= available:
            return G_FIT, tree.borrowing_height(cell, need)
        details.append(self._quota_detail(DetailKind.INSUFFICIENT_UNUSED_QUOTA, fr, (assumed, amount, available)))
        if tree.nominal[cell] >= need or tree.may_reclaim(cell, need) or self._preempts_while_borrowing(queue):
            return self._oracle.simulate(workload, fr, need)
        return G_NO_FIT, tree.borrowing_height(cell, need)

    def _preempts_while_borrowing(self, queue: QueueRecord) -> bool:
        return queue.borrow_allowed or (self._fair_sharing and queue.reclaim != PreemptionPolicy.NEVER)

    def _quota_detail(self, kind: DetailKind, fr: FlavorResource, amounts: tuple[int, int, int]) -> Detail:
        catalog = self._catalog
        flavor = catalog.flavor_names[catalog.flavor_of_fr[fr]]
        return Detail(kind, flavor, catalog.resource_names[catalog.resource_of_fr[fr]], amounts=amounts)

    def _obstacle(
        self,
        workload: WorkloadRecord,
        pod_sets: list[PodSetIndex],
        group: GroupRecord,
        position: int,
        first_resource: ResourceId,
        pins: Pins | None,
    ) -> Detail | None:
        """Why the flavor is out of the question for these PodSets, apart from quota."""
        flavor = group.flavors[position]
        if pins is not None and all(pins[index].get(first_resource, NO_FLAVOR) != flavor for index in pod_sets):
            names = self._catalog
            return Detail(DetailKind.NOT_NOMINATED, names.flavor_names[flavor], names.resource_names[first_resource])
        if flavor >= len(self._catalog.state.flavors):
            return Detail(DetailKind.FLAVOR_NOT_FOUND, self._catalog.flavor_names[flavor])
        for index in pod_sets:
            mismatch = self._topology.obstacle(workload, index, flavor, group)
            if mismatch is not None:
                return mismatch
            pod_set = workload.pod_sets[index]
            key = (pod_set.shape, flavor)
            if key not in self._obstacles:
                self._obstacles[key] = flavor_obstacle(pod_set.spec, self._catalog.state.flavors[flavor])
            obstacle = self._obstacles[key]
            if obstacle is not None:
                return obstacle
        return None


def _resume_at(workload: WorkloadRecord, pod_set: PodSetIndex, resource: ResourceId) -> int:
    memory = workload.memory
    if memory is None or pod_set >= len(memory.tried):
        return 0
    return memory.tried[pod_set].get(resource, NOTHING_TRIED) + 1


def _go_on(queue: QueueRecord, mode: GranularMode, height: int) -> bool:
    """Should the scan look at the next flavor although this one may do?"""
    if mode is G_NO_FIT or mode is G_NO_CANDIDATES:
        return True
    if mode is not G_FIT and queue.try_next_on_preempt:
        return True
    return height > 0 and queue.try_next_on_borrow
