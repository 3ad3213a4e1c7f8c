"""Topology-aware scheduling of a workload: which PodSets need it, and what it does to a quota assignment."""

from __future__ import annotations

from dataclasses import replace

from allotment.errors import InputError
from allotment.scheduling.queueing.catalog import PODS, Catalog
from allotment.scheduling.queueing.domains.capacity import TopologyCapacity
from allotment.scheduling.queueing.domains.forest import Forest
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.indices import NO_FLAVOR, NO_WORKLOAD, FlavorId, PodSetIndex, Row
from allotment.scheduling.queueing.inputs import DomainCount, PodSet, PodSetAdmission, TopologyRequest
from allotment.scheduling.queueing.reasons import Detail, DetailKind
from allotment.scheduling.queueing.records import (
    FIT,
    NO_FIT,
    PREEMPT,
    Assignment,
    AssignmentMode,
    GroupRecord,
    QueueRecord,
    Target,
    TopologyAssignment,
    WorkloadRecord,
)
from allotment.scheduling.queueing.topology.counts import Assumed
from allotment.scheduling.queueing.topology.finder import FlavorFinder, PodSetRequest
from allotment.scheduling.queueing.usage import UsageLedger


class TopologyResult:
    """Topology assignments by PodSet index, and the first failure if there is one."""

    __slots__ = ("assignments", "failure")

    def __init__(self) -> None:
        self.assignments: dict[PodSetIndex, TopologyAssignment | None] = {}
        self.failure: tuple[PodSetIndex, Detail] | None = None


class TopologyAssigner:
    """Topology assignments over all topology flavors of a cluster."""

    def __init__(self, catalog: Catalog, gates: Gates) -> None:
        """Build the domain trees.

        Raises:
            InputError: a flavor names a topology that does not exist.
        """
        self._catalog: Catalog = catalog
        state = catalog.state
        topologies = {topology.name: topology for topology in state.topologies}
        pods = catalog.resource(PODS)
        for node in state.nodes:
            for name, _ in node.allocatable:
                catalog.resource(name)
        self.capacity: TopologyCapacity = TopologyCapacity(pods)
        self._forests: dict[FlavorId, Forest] = {}
        self._finders: dict[FlavorId, FlavorFinder] = {}
        shared: dict[str, list[Row]] | None = {} if gates.tas_handle_overlapping_flavors else None
        for number, flavor in enumerate(state.flavors):
            if flavor.topology is None:
                continue
            topology = topologies.get(flavor.topology)
            if topology is None or not topology.levels:
                raise InputError(
                    f"flavor {flavor.name} names topology {flavor.topology}, which does not exist or has no levels",
                    fix="create the Topology or correct `topology` of the flavor",
                )
            index = FlavorId(number)
            forest = Forest(flavor, topology, state.nodes)
            self._forests[index] = forest
            self.capacity.add_flavor(index, forest, catalog.resource_index, shared)
            self._finders[index] = FlavorFinder(
                index, forest, self.capacity, catalog, least_free=gates.tas_profile_mixed
            )
        self._ledger: UsageLedger | None = None

    @property
    def empty(self) -> bool:
        """Has no flavor a topology?"""
        return not self._forests

    def attach(self, ledger: UsageLedger) -> None:
        """The ledger whose simulated usage topology assignments are searched against."""
        self._ledger = ledger

    def obstacle(
        self, workload: WorkloadRecord, pod_set: PodSetIndex, flavor: FlavorId, group: GroupRecord
    ) -> Detail | None:
        """Why the PodSet's topology request and the flavor do not go together."""
        record = workload.pod_sets[pod_set]
        request = record.spec.topology
        forest = self._forests.get(flavor)
        if forest is None and request is None:
            return None
        name = self._catalog.flavor_names[flavor]
        if _explicit(request):
            if forest is None:
                pods = self.capacity.pods_resource  # no pod asks for it: the queue counts it
                asked = (resource for resource, _ in record.per_pod if resource != pods)
                if not any(resource in group.resources for resource in asked):
                    return None
                return Detail(DetailKind.TOPOLOGY_UNSUPPORTED, name)
            if not _has_levels(forest, request):
                return Detail(DetailKind.TOPOLOGY_LEVEL_MISSING, name)
            return None
        if forest is not None and not workload.queue.topology_only:
            return Detail(DetailKind.TOPOLOGY_ONLY, name)
        return None

    def place(self, workload: WorkloadRecord, assignment: Assignment) -> None:
        """Refine a quota assignment: place it now, or find out whether preemption could make room."""
        requests = self._requests(workload, assignment)
        if assignment.mode is NO_FIT:
            return
        if assignment.mode is FIT:
            result = self._find(requests, empty=False)
            if result.failure is None:
                self._set_assignments(assignment, result)
            else:
                failed, reason = result.failure
                assignment.pod_sets[failed].details.append(reason)
                _set_mode(assignment, failed, PREEMPT)
        if assignment.mode is PREEMPT:
            result = self._find(requests, empty=True, explain=False)
            if result.failure is not None:
                _set_mode(assignment, result.failure[0], NO_FIT)
            else:
                for asked in requests.values():
                    for each in asked:
                        _set_mode(assignment, each.index, PREEMPT)

    def reserve(self, workload: WorkloadRecord, assignment: Assignment, targets: list[Target]) -> None:
        """Place a preemptor with its targets gone, or on the empty cluster, so that its room can be reserved."""
        ledger = self._ledger
        if ledger is None or not _needs_topology(workload):
            return
        requests = self._requests(workload, assignment)
        mark = ledger.checkpoint()
        for target in targets:
            ledger.release(target.workload)
        result = self._find(requests, empty=not targets, explain=False)
        ledger.rollback(mark)
        self._set_assignments(assignment, result)

    def topology_test(self, workload: WorkloadRecord, assignment: Assignment) -> TopologyProbe | None:
        """A test for the preemption search, None if the workload is not placed by topology."""
        if not _needs_topology(workload):
            return None
        return TopologyProbe(self, self._requests(workload, assignment))

    def fits(self, requests: dict[FlavorId, list[PodSetRequest]]) -> bool:
        """Can the requests be placed at current usage?"""
        return self._find(requests, empty=False, explain=False).failure is None

    def describe(self, assigned: TopologyAssignment) -> tuple[tuple[str, ...], tuple[DomainCount, ...]]:
        """Level keys and domains of a topology assignment; hostnames alone if the lowest level is the node."""
        forest = self._forests[assigned.flavor]
        first = len(forest.levels) - 1 if forest.by_hostname else 0
        domains = tuple(
            DomainCount(forest.leaves[leaf].values[first:], count)
            for leaf, count in zip(assigned.leaves, assigned.counts, strict=True)
        )
        return forest.levels[first:], domains

    def locate(self, flavors: set[FlavorId], domains: tuple[DomainCount, ...]) -> TopologyAssignment | None:
        """The topology assignment that `describe` would print so; None if no flavor of the set has a topology.

        Domains that no longer exist are left out: what ran there is not charged to any other.
        """
        chosen = sorted(flavors & self._forests.keys())
        if not chosen:
            return None
        forest = self._forests[chosen[0]]
        first = len(forest.levels) - 1 if forest.by_hostname else 0
        leaf_of = {domain.values[first:]: domain.leaf for domain in forest.leaves}
        known = [each for each in domains if each.values in leaf_of]
        return TopologyAssignment(chosen[0], [leaf_of[each.values] for each in known], [each.count for each in known])

    def without_node(
        self, workload: WorkloadRecord, granted: tuple[PodSetAdmission, ...], host: str
    ) -> tuple[PodSetAdmission, ...] | None:
        """Kueue's failed-node replacement: the pods of one host go elsewhere, all others stay.

        Where a PodSet requires a domain, its new pods go to the one the others are in. None if there is no room; if
        another node of such a PodSet is away too; or if what is lost is not a whole number of its slices.
        """
        lost: list[PodSet] = []
        for given, record in zip(granted, workload.pod_sets, strict=False):
            count = sum(each.count for each in given.domains if each.values[-1] == host)
            forest = self._forest_of(given)
            if forest is None or not forest.by_hostname or not count:
                continue
            part = _replacement(record.spec, forest, given, host, count)
            if part is None:
                return None
            lost.append(part)
        if not lost:
            return granted
        moving = self._catalog.workload(replace(workload.spec, pod_sets=tuple(lost)), NO_WORKLOAD)
        flavors = {given.name: self._flavor_of(given) for given in granted}
        requests: dict[FlavorId, list[PodSetRequest]] = {}
        for index, each in enumerate(moving.pod_sets):
            request = each.spec.topology
            asked = PodSetRequest(PodSetIndex(index), each, each.count, request, implied=not _explicit(request))
            requests.setdefault(flavors[each.name], []).append(asked)
        result = self._find(requests, empty=False)
        if result.failure is not None:
            return None
        found = {
            moving.pod_sets[index].name: self.describe(assigned)[1]
            for index, assigned in result.assignments.items()
            if assigned is not None
        }
        return tuple(_merged(given, found.get(given.name, ()), host) for given in granted)

    def _flavor_of(self, given: PodSetAdmission) -> FlavorId:
        """The topology flavor an admitted PodSet runs in, NO_FLAVOR if none."""
        named = {self._catalog.flavor_index.get(flavor, NO_FLAVOR) for _, flavor in given.flavors}
        return min(named & self._forests.keys(), default=NO_FLAVOR)

    def _forest_of(self, given: PodSetAdmission) -> Forest | None:
        return self._forests.get(self._flavor_of(given))

    def _requests(self, workload: WorkloadRecord, assignment: Assignment) -> dict[FlavorId, list[PodSetRequest]]:
        """Topology PodSets by the topology flavor they were assigned; without exactly one nothing fits."""
        requests: dict[FlavorId, list[PodSetRequest]] = {}
        for index, (record, result) in enumerate(zip(workload.pod_sets, assignment.pod_sets, strict=False)):
            request = record.spec.topology
            implied = not _explicit(request) and workload.queue.topology_only
            if not (_explicit(request) or implied) or result.count == 0 or result.topology_assignment is not None:
                continue
            flavors = {choice.flavor for choice in result.choices.values()} & self._forests.keys()
            if len(flavors) == 1:
                asked = PodSetRequest(PodSetIndex(index), record, result.count, request, implied=implied)
                requests.setdefault(flavors.pop(), []).append(asked)
            else:
                text = self._unclear(workload.queue, flavors)
                result.details.append(Detail(DetailKind.TOPOLOGY_FLAVOR_UNCLEAR, "", subject=text))
                assignment.mode = NO_FIT
        return requests

    def _unclear(self, queue: QueueRecord, flavors: set[FlavorId]) -> str:
        """Why there is not the one topology flavor to place in."""
        if not any(flavor in self._forests for group in queue.groups for flavor in group.flavors):
            return "workload requires Topology, but there is no TAS cache information"
        names = ", ".join(sorted(self._catalog.flavor_names[flavor] for flavor in flavors))
        return f"more than one TAS flavor assigned: {names}" if names else "no TAS flavor assigned"

    def _find(
        self, requests: dict[FlavorId, list[PodSetRequest]], *, empty: bool, explain: bool = True
    ) -> TopologyResult:
        """Search flavor by flavor, in name order; what one PodSet takes, the next one does not see as free."""
        result = TopologyResult()
        assumed: Assumed = {}
        for flavor in sorted(requests, key=lambda index: self._catalog.flavor_names[index]):
            found, reason = self._finders[flavor].place_all(requests[flavor], assumed, empty=empty, explain=explain)
            result.assignments.update(found)
            if reason is not None:
                failed = min(index for index, assigned in found.items() if assigned is None)
                if result.failure is None or failed < result.failure[0]:
                    result.failure = failed, reason
        return result

    @staticmethod
    def _set_assignments(assignment: Assignment, result: TopologyResult) -> None:
        for index, assigned in result.assignments.items():
            assignment.pod_sets[index].topology_assignment = assigned


class TopologyProbe:
    """Topology fit test of one preemptor, asked again and again during a preemption search."""

    def __init__(self, assigner: TopologyAssigner, requests: dict[FlavorId, list[PodSetRequest]]) -> None:
        self._assigner: TopologyAssigner = assigner
        self._requests: dict[FlavorId, list[PodSetRequest]] = requests

    def fits(self) -> bool:
        """True if every topology PodSet can be placed at current usage."""
        return self._assigner.fits(self._requests)


def _replacement(pod_set: PodSet, forest: Forest, given: PodSetAdmission, host: str, count: int) -> PodSet | None:
    """The pods lost with a host as a PodSet of their own, held to the domain the others require."""
    left = [each.values[-1] for each in given.domains if each.values[-1] != host]
    path_of = {domain.values[-1]: domain.values for domain in forest.leaves}
    if any(name not in path_of for name in left):
        return None
    request = pod_set.topology
    selector = pod_set.node_selector
    if request is not None:
        if request.slice_size and count % request.slice_size:
            return None
        if request.required is not None and left:
            level = forest.level_of(request.required)
            depth = 0 if level is None else level + 1
            selector += tuple(zip(forest.levels[:depth], path_of[left[0]][:depth], strict=True))
        request = replace(request, group=None)
    return replace(pod_set, count=count, min_count=None, node_selector=selector, topology=request)


def _merged(given: PodSetAdmission, found: tuple[DomainCount, ...], host: str) -> PodSetAdmission:
    """An admission with the pods of a host where they were found room, in lexicographic order."""
    if not found:
        return given
    counts = {each.values: each.count for each in given.domains if each.values[-1] != host}
    for each in found:
        counts[each.values] = counts.get(each.values, 0) + each.count
    return replace(given, domains=tuple(DomainCount(values, counts[values]) for values in sorted(counts)))


def _explicit(request: TopologyRequest | None) -> bool:
    return request is not None and (
        request.required is not None
        or request.preferred is not None
        or request.unconstrained
        or request.slice_level is not None
    )


def _needs_topology(workload: WorkloadRecord) -> bool:
    queue: QueueRecord = workload.queue
    return queue.topology_only or any(_explicit(pod_set.spec.topology) for pod_set in workload.pod_sets)


def _has_levels(forest: Forest, request: TopologyRequest | None) -> bool:
    if request is None:
        return True
    level = request.required or request.preferred
    known = level is None or forest.level_of(level) is not None
    return known and (request.slice_level is None or forest.level_of(request.slice_level) is not None)


def _set_mode(assignment: Assignment, pod_set: PodSetIndex, mode: AssignmentMode) -> None:
    """Overwrite the modes of a PodSet's choices; the workload's mode follows the last overwrite, as in Kueue."""
    for choice in assignment.pod_sets[pod_set].choices.values():
        choice.mode = mode
    assignment.mode = mode
