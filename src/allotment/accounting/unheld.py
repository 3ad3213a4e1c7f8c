"""Devices that nobody holds: which of them are cordoned, reserved, kept by quota, fragmented, or simply free.

Devices are reserved for admitted work whose pods are not there, or look for a node; what is free in fragments too small
for these is fragmented. Reserved and quota-blocked devices are counted, not pointed at by Kueue: so many of a flavor.
They are taken from the nodes that the flavor matches, in the order of their names, so that the same moment always gives
the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from allotment.accounting.belonging import OwnerLookup
from allotment.accounting.capacity import flavor_matches
from allotment.accounting.cohort_trees import UseKey
from allotment.accounting.ledger import NOBODY, Belonging, CauseOfTime
from allotment.accounting.queue_use import held_quota, unused_guarantees
from allotment.model.devices import is_device
from allotment.model.observed.base import condition
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod, PodSpec
from allotment.model.observed.queueing import Workload
from allotment.scheduling.placement.node_masks import admitted_nodes, tainted_nodes
from allotment.scheduling.placement.nodes import Bools, Ints, NodeTable
from allotment.scheduling.snapshot import placement_shapes as read
from allotment.scheduling.snapshot.placement import is_waiting, node_of
from allotment.scheduling.snapshot.pods import pod_requests
from allotment.scheduling.snapshot.quantities import all_units
from allotment.scheduling.snapshot.queues import sends_elsewhere
from allotment.scheduling.snapshot.workloads import earlier_slice

_REFUSED: Final = re.compile(r"(?:insufficient(?: unused)? quota|borrowing limit) for (\S+) in flavor ([^\s,;]+)")
"""Kueue's words for a flavor whose quota refused (pkg/scheduler/flavorassigner)."""
_PODS: Final = "pods"
_MOST: Final = 1 << 62
"""Amounts above it are taken for it, so that all of them can be compared at once."""

Told = dict[tuple[str, str], list[tuple[CauseOfTime, Belonging]]]
"""By node and resource: one line for each free unit."""


@dataclass(frozen=True, slots=True)
class FreeDevices:
    """Units of a resource on a Ready node that nobody holds."""

    node: str
    resource: str
    count: int


def split_free(index: Index, belongings: OwnerLookup, free: Sequence[FreeDevices]) -> Told:
    """A cause for each free unit, and whose it is where it is somebody's."""
    told: Told = {}
    left: dict[tuple[str, str], int] = {}
    for each in free:
        key = (each.node, each.resource)
        if index.nodes[each.node].spec.unschedulable:
            told[key] = [(CauseOfTime.CORDONED, NOBODY)] * each.count
        else:
            told[key] = []
            left[key] = each.count
    flavored = _FlavoredNodes(index, left)
    reserved = [
        (belongings.of_workload(workload), each)
        for workload in _worked_on_here(index)
        for each in _reserved_by(index, workload)
    ]
    for owner, part in reserved:
        flavored.take(told, part.flavor, part.resource, part.without_pods, (CauseOfTime.RESERVED_UNUSED, owner))
    fragments = _Fragments(index, left)
    for owner, part in reserved:
        if part.unplaced:
            # What is free in fragments is what its pods cannot use; what else is free, they do not use.
            broken_up = fragments.of(part.looking)
            whole = _FlavoredNodes(index, left, but=broken_up) if broken_up else flavored
            whole.take(told, part.flavor, part.resource, part.unplaced, (CauseOfTime.RESERVED_UNUSED, owner))
    for resource, names, asked in refused_by_quota(index, belongings):
        missing = asked
        for flavor in names:
            missing -= flavored.take(told, flavor, resource, missing, (CauseOfTime.QUOTA_BLOCKED, NOBODY))
    broken_up = fragments.of(index.objects.pods)
    for key, count in left.items():
        cause = CauseOfTime.FRAGMENTED if key in broken_up else CauseOfTime.UNALLOCATED
        told[key] += [(cause, NOBODY)] * count
    return told


class _FlavoredNodes:
    """Free units by flavor; what is taken is gone."""

    def __init__(
        self, index: Index, left: dict[tuple[str, str], int], but: Collection[tuple[str, str]] = frozenset()
    ) -> None:
        self._index = index
        self._left = left
        self._but = but
        self._open: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def take(self, told: Told, flavor: str, resource: str, wanted: int, line: tuple[CauseOfTime, Belonging]) -> int:
        """Take units of a flavor for a cause; how many there were."""
        taken = 0
        nodes = self._nodes(flavor, resource)
        while nodes and taken < wanted:
            # The names stand in falling order, so that a node without anything left is dropped once for all.
            key = nodes[-1]
            count = min(wanted - taken, self._left[key])
            self._left[key] -= count
            taken += count
            told[key] += [line] * count
            if not self._left[key]:
                nodes.pop()
        return taken

    def _nodes(self, flavor: str, resource: str) -> list[tuple[str, str]]:
        found = self._index.flavors.get(flavor)
        if found is None:
            return []
        if (flavor, resource) not in self._open:
            self._open[flavor, resource] = sorted(
                (
                    key
                    for key, count in self._left.items()
                    if count
                    and key[1] == resource
                    and key not in self._but
                    and flavor_matches(found, self._index.nodes[key[0]])
                ),
                reverse=True,
            )
        return self._open[flavor, resource]


def _worked_on_here(index: Index) -> Iterator[Workload]:
    """Workloads, but for those that run in other clusters: no device here is kept for them."""
    away = {queue.name for queue in index.objects.cluster_queues if sends_elsewhere(index, queue)}
    sent = {each.key for each in index.objects.local_queues if each.spec.cluster_queue in away}
    for each in index.objects.workloads:
        admission = each.status.admission
        queue = "" if admission is None else admission.cluster_queue
        if queue not in away and f"{each.namespace}/{each.spec.queue_name}" not in sent:
            yield each


@dataclass(frozen=True, slots=True)
class _ReservedDevices:
    """Devices of a workload's quota that none of its pods holds.

    Attributes:
        without_pods: those for which there is no pod yet, or none any more.
        unplaced: those whose pods look for a node.
        looking: these pods.
    """

    resource: str
    flavor: str
    without_pods: int
    unplaced: int
    looking: tuple[Pod, ...]


def _reserved_by(index: Index, workload: Workload) -> Iterator[_ReservedDevices]:
    reserved: dict[tuple[str, str], int] = {}
    for flavor, resource, amount in held_quota(workload):
        if is_device(resource) and flavor:
            reserved[resource, flavor] = reserved.get((resource, flavor), 0) + amount
    if not reserved:
        return
    pods = [pod for pod in _pods_of(index, workload) if pod.bound or not (pod.ended or pod.spec.scheduling_gates)]
    for pod in pods:
        if pod.bound:
            _subtract(index, reserved, pod)
    free = dict(reserved)
    looking = tuple(pod for pod in pods if not pod.bound)
    for pod in looking:
        _subtract(index, reserved, pod)
    for (resource, flavor), count in free.items():
        missing = max(reserved[resource, flavor], 0)
        if count > 0:
            yield _ReservedDevices(resource, flavor, missing, count - missing, looking)


def _pods_of(index: Index, workload: Workload) -> Iterator[Pod]:
    seen: set[str] = set()
    owners = {each.uid for each in index.owners_of(workload.metadata)}
    direct = (pod for pod in index.objects.pods if pod.metadata.uid in owners) if _of_pods(workload) else ()
    for pod in (*direct, *(pod for uid in owners for pod in index.pods_under(uid))):
        if pod.metadata.uid not in seen and pod.namespace == workload.namespace:
            seen.add(pod.metadata.uid)
            yield pod


def _of_pods(workload: Workload) -> bool:
    return any(each.kind == "Pod" for each in workload.metadata.owner_references)


def _subtract(index: Index, reserved: dict[tuple[str, str], int], pod: Pod) -> None:
    node = index.nodes.get(pod.spec.node_name)
    for resource, count in pod_requests(pod.spec).items():
        flavors = [flavor for of, flavor in reserved if of == resource and reserved[of, flavor] > 0]
        here = [
            each
            for each in flavors
            if node is not None and each in index.flavors and flavor_matches(index.flavors[each], node)
        ]
        for flavor in (here or flavors)[:1]:
            reserved[resource, flavor] -= count


def refused_by_quota(index: Index, belongings: OwnerLookup) -> Iterator[tuple[str, tuple[str, ...], int]]:
    """Waiting work that quota refuses: resource, the flavors that refuse in their order, devices asked for.

    Kueue's word is checked against the quota as it is now: a refusal that has gone stale is none.
    """
    room: Mapping[UseKey, int] | None = None
    for workload in _worked_on_here(index):
        if workload.holds_quota or not workload.spec.active or workload.says("Finished"):
            continue
        reserved = workload.condition("QuotaReserved")
        if reserved is None or reserved.true:
            continue
        refused: dict[str, dict[str, None]] = {}
        for resource, flavor in _REFUSED.findall(reserved.message):
            refused.setdefault(resource, {})[flavor] = None
        if not refused:
            continue
        room = unused_guarantees(index) if room is None else room
        queue = belongings.of_workload(workload).queue
        asked = asked_by(index, workload)
        for resource, flavors in refused.items():
            wanted = asked.get(resource, 0)
            still = tuple(each for each in flavors if wanted > room.get((queue, each, resource), 0))
            if is_device(resource) and wanted and still:
                yield resource, still, wanted


def asked_by(index: Index, workload: Workload) -> dict[str, int]:
    """What all pods of a workload ask for that are not over; of one that grows, beyond what it holds already."""
    sums: dict[str, int] = {}
    over = {each.name: each.count for each in workload.status.reclaimable_pods}
    for pod_set in workload.spec.pod_sets:
        pods = pod_set.count - min(pod_set.count, over.get(pod_set.name, 0))
        for resource, amount in pod_requests(pod_set.template.spec).items():
            sums[resource] = sums.get(resource, 0) + amount * pods
    grown_from = earlier_slice(workload, index)
    for _, resource, amount in held_quota(grown_from) if grown_from is not None else ():
        sums[resource] = max(0, sums.get(resource, 0) - amount)
    return sums


# Fragments


class _Fragments:
    """Which free devices are of no use to pods that look for a node; all nodes are looked at at once."""

    def __init__(self, index: Index, left: Mapping[tuple[str, str], int]) -> None:
        self._index = index
        self._left = left
        self._nodes = NodeTable([node_of(index.nodes[name]) for name in dict.fromkeys(name for name, _ in left)])

    def of(self, pods: Iterable[Pod]) -> set[tuple[str, str]]:
        """Nodes with free devices into which none of these fits, though all such devices together would hold one."""
        left = self._left_by_resource()
        found = {resource: np.zeros(self._nodes.count, dtype=np.bool_) for resource in left}
        useful = {resource: np.zeros(self._nodes.count, dtype=np.bool_) for resource in left}
        for spec, asks in _waiting_shapes(pods):
            for resource, amount in asks.items():
                if resource not in left:
                    continue
                count = min(amount, _MOST + 1)
                there = self._lets_in(spec) & (left[resource] > 0)
                fitting = there & (left[resource] >= count) & self._has_room(asks)
                useful[resource] |= fitting
                if not fitting.any() and left[resource][there].sum() >= count:
                    found[resource] |= there
        return {
            (self._nodes.nodes[at].name, resource)
            for resource, broken_up in found.items()
            for at in np.flatnonzero(broken_up & ~useful[resource])
        }

    def _left_by_resource(self) -> dict[str, Ints]:
        found: dict[str, Ints] = {}
        for (node, resource), count in self._left.items():
            if is_device(resource):
                of = found.setdefault(resource, np.zeros(self._nodes.count, dtype=np.int64))
                of[self._nodes.index[node]] = count
        return found

    def _lets_in(self, spec: PodSpec) -> Bools:
        """Nodes whose labels and taints let a pod in, whatever room they have."""
        admitted = admitted_nodes(read.node_affinity(spec), self._nodes)
        return admitted & ~tainted_nodes(read.tolerations(spec)[0], self._nodes)

    def _has_room(self, asks: Mapping[str, int]) -> Bools:
        found: Bools = np.ones(self._nodes.count, dtype=np.bool_)
        for resource, amount in asks.items():
            room = self._rooms.get(resource)
            found &= (0 if room is None else room) >= min(amount, _MOST + 1)
        return found

    @cached_property
    def _rooms(self) -> dict[str, Ints]:
        """What is left of each node, by resource; of one that is not here, nothing is."""
        found: dict[str, Ints] = {}
        for at, node in enumerate(self._nodes.nodes):
            for resource, amount in _room(self._index, self._index.nodes[node.name]).items():
                of = found.setdefault(resource, np.zeros(self._nodes.count, dtype=np.int64))
                of[at] = max(-_MOST, min(_MOST, amount))
        return found


def _waiting_shapes(pods: Iterable[Pod]) -> Iterator[tuple[PodSpec, dict[str, int]]]:
    """Pods that a scheduler looks for a node for, one for each shape.

    Of one that no scheduler has ever looked at nobody knows whether it would be placed.
    """
    seen: set[str] = set()
    for pod in pods:
        spec = pod.spec
        if spec.node_name or pod.ended or spec.scheduling_gates or pod.metadata.deletion_timestamp:
            continue
        if not (is_waiting(pod) or _was_looked_at(pod)):
            continue
        asks = pod_requests(spec)
        places = (tuple(sorted(spec.node_selector.items())), spec.affinity, spec.tolerations)
        if (key := repr((tuple(sorted(asks.items())), places))) not in seen:
            seen.add(key)
            yield spec, asks


def _was_looked_at(pod: Pod) -> bool:
    """Whether a scheduler of its own has said that it found no node; what it says, no tenant can write."""
    said = condition(pod.status.conditions, "PodScheduled")
    return said is not None and not said.true


def _room(index: Index, node: Node) -> dict[str, int]:
    """What is left of a node."""
    room = all_units(node.status.allocatable)
    pods = index.pods_on.get(node.name, ())
    for pod in pods:
        for resource, amount in pod_requests(pod.spec).items():
            room[resource] = room.get(resource, 0) - amount
    room[_PODS] = room.get(_PODS, 0) - len(pods)
    return room
