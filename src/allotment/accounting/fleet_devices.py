"""Devices of a cluster by accelerator: how many there are, work, are held, are free, and for what they would do.

Numbers are in millionths of a device, so that slices and shares sum to the devices that they are part of.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final

import numpy as np

from allotment.accounting.capacity import PER_DEVICE, DevicePart, devices_by_node
from allotment.accounting.holdings import DeviceHold
from allotment.model.devices import DEVICE_RESOURCES, is_device
from allotment.model.observed.index import Index
from allotment.model.observed.pods import PodSpec
from allotment.model.observed.queueing import ResourceFlavor
from allotment.observe.anonymous import is_hidden
from allotment.scheduling.kinds import Toleration
from allotment.scheduling.placement.capacity import admits, room
from allotment.scheduling.placement.gpu.fragmentation import measure, typical_pods
from allotment.scheduling.placement.gpu.model import WHOLE
from allotment.scheduling.placement.model import CPU, EPHEMERAL_STORAGE, MEMORY, NodeAffinity, PodShape
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.placement.selectors import node_admitted
from allotment.scheduling.placement.survey import fleet_of
from allotment.scheduling.snapshot import placement_shapes as read
from allotment.scheduling.snapshot.placement import PlacementView, is_waiting
from allotment.scheduling.snapshot.pods import pod_requests

SHAPES: Final = (1, 2, 4, 8)
"""Numbers of devices that pods are asked about."""
AROUND: Final = (CPU, MEMORY, EPHEMERAL_STORAGE)
"""What a pod needs beside its devices."""

AcceleratorKey = tuple[str, str]
"""Model and resource."""


@dataclass(frozen=True, slots=True)
class AcceleratorRoom:
    """Devices of one accelerator in one cluster; amounts in millionths of a device.

    Attributes:
        accelerator: the model as nodes' labels name it; the resource where they do not.
        nodes: how many have it.
        healthy: on Ready nodes, and offered.
        schedulable: of the healthy ones, those whose node takes new pods.
        used: asked for by pods that have a node, wherever that stands.
        idle: of the used ones, those that metrics call idle; None where nothing was measured.
        free: schedulable, and asked for by nobody.
        fragmented: of the free ones, those that the mean pod could not use, by the published measure over the pods,
            running and waiting, that may go there; of slices, those that one more usual pod could not use. None where
            nothing says.
        fits: for pods of 1, 2, 4, 8 devices, how many more fit; None where the twin cannot tell.
        per_device: what such a pod is taken to ask for beside each device, by resource.
    """

    cluster: str
    accelerator: str
    resource: str
    nodes: int
    total: int
    healthy: int
    schedulable: int
    used: int
    idle: int | None
    free: int
    fragmented: int | None
    fits: Mapping[int, int | None]
    per_device: Mapping[str, int]


@dataclass(slots=True)
class _Sums:
    nodes: list[str] = field(default_factory=list)
    units: int = 0
    total: int = 0
    healthy: int = 0
    schedulable: int = 0
    used: int = 0
    free: int = 0


def accelerator_rooms(view: PlacementView, holds: Sequence[DeviceHold]) -> tuple[AcceleratorRoom, ...]:
    """All accelerators of a cluster, by name.

    Args:
        view: the cluster as the scheduler's twin sees it.
        holds: who holds devices there.
    """
    index = view.index
    sums = _sums(index, holds)
    usual = UsualPods(index)
    mix = _Mix(view)
    rooms = []
    for (accelerator, resource), found in sorted(sums.items()):
        pod = usual.on(resource, found.nodes)
        where = open_nodes(view, found.nodes)
        fits = {count: _fits(view, where, pod, count) for count in SHAPES}
        rooms.append(
            AcceleratorRoom(
                cluster=index.source.name,
                accelerator=accelerator,
                resource=resource,
                nodes=len(found.nodes),
                total=found.total,
                healthy=found.healthy,
                schedulable=found.schedulable,
                used=found.used,
                idle=_idle([each for each in holds if (each.accelerator, each.resource) == (accelerator, resource)]),
                free=found.free,
                fragmented=_fragmented(mix, where, resource, found, fits[1]),
                fits=fits,
                per_device=pod.per_device,
            )
        )
    return tuple(rooms)


def open_nodes(view: PlacementView, names: Iterable[str]) -> Bools:
    """Of the twin's nodes, those of these names that are Ready and take new pods."""
    mask = np.zeros(view.state.nodes.count, dtype=np.bool_)
    for name in names:
        node = view.index.nodes[name]
        mask[view.state.nodes.index[name]] = node.ready and not node.spec.unschedulable
    return mask


def _sums(index: Index, holds: Iterable[DeviceHold]) -> dict[AcceleratorKey, _Sums]:
    held: Counter[tuple[str, str]] = Counter()
    for hold in holds:
        held[hold.node, hold.resource] += hold.units
    sums: dict[AcceleratorKey, _Sums] = defaultdict(_Sums)
    for name, parts in devices_by_node(index).items():
        node = index.nodes[name]
        for part in parts:
            found = sums[accelerator_key(part)]
            found.nodes.append(name)
            found.units += part.units
            found.total += part.parts
            taken = held[name, part.resource]
            found.used += part.first(taken)
            if not node.ready:
                continue
            found.healthy += part.first(part.offered)
            if not node.spec.unschedulable:
                found.schedulable += part.first(part.offered)
                found.free += part.first(part.offered) - part.first(min(taken, part.offered))
    return dict(sums)


def accelerator_key(part: DevicePart) -> AcceleratorKey:
    """What its devices are called in answers."""
    return part.model or part.resource, part.resource


def _idle(holds: Sequence[DeviceHold]) -> int | None:
    if holds and not any(each.measured for each in holds):
        return None
    return sum(each.idle_parts for each in holds)


@dataclass(frozen=True, slots=True)
class UsualPod:
    """The pod that room is told for.

    Attributes:
        resource: that counts its devices.
        per_device: what it asks for beside each of them, by resource.
        tolerations: taints that are no obstacle to it.
    """

    resource: str
    per_device: Mapping[str, int]
    tolerations: tuple[Toleration, ...]

    def with_devices(self, count: int) -> PodShape:
        """Such a pod with so many devices."""
        beside = {name: amount * count for name, amount in self.per_device.items() if amount}
        requests = tuple(sorted({**beside, self.resource: count}.items()))
        return PodShape(requests=requests, tolerations=self.tolerations)


@dataclass(frozen=True, slots=True)
class _Asking:
    """What one pod asks for beside each device.

    Attributes:
        namespace: whose it is.
        node: where it runs; empty while it waits.
        rules: where it may go.
    """

    namespace: str
    node: str
    rules: NodeAffinity
    per_device: tuple[int, ...]
    tolerated: tuple[Toleration, ...]


class UsualPods:
    """What pods with devices usually ask for in a cluster: the median beside each device, and what half tolerate.

    Of an accelerator it is that of the pods that run there; where there are none, of those that run anywhere and may go
    there, of all with its resource, of all with devices; and only then of those that wait for the scheduler, each
    namespace with one voice: what asks for room and gets none costs nobody anything, and must not say what is usual.
    """

    def __init__(self, index: Index) -> None:
        """Of the pods of a source that run or wait."""
        self._index = index
        self._asking: dict[str, list[_Asking]] = defaultdict(list)
        for pod in index.objects.pods:
            # Of what may not be named only amounts are known, not what it tolerates.
            if (pod.bound or is_waiting(pod)) and not is_hidden(pod.metadata):
                self._count(pod.namespace, pod.spec)

    def _count(self, namespace: str, spec: PodSpec) -> None:
        requests = pod_requests(spec)
        for resource, units in requests.items():
            if units and is_device(resource):
                per_device = tuple(requests.get(name, 0) // units for name in AROUND)
                tolerated = tuple(set(read.tolerations(spec)[0]))
                self._asking[resource].append(
                    _Asking(namespace, spec.node_name, read.node_affinity(spec), per_device, tolerated)
                )

    def on(self, resource: str, nodes: Sequence[str]) -> UsualPod:
        """The usual pod with a resource on these nodes, in a queue whose flavor is theirs."""
        everywhere = [each for asking in self._asking.values() for each in asking]
        circles = (self._there(resource, nodes), self._asking.get(resource, ()), everywhere)
        running = ([each for each in circle if each.node] for circle in circles)
        waiting = ([each for each in circle if not each.node] for circle in circles)
        pods = next(filter(None, running), None) or _one_voice_each(next(filter(None, waiting), []))
        middle = {name: median_low(each.per_device[at] for each in pods) for at, name in enumerate(AROUND) if pods}
        tolerated = Counter(each for pod in pods for each in pod.tolerated)
        usual = {each for each, count in tolerated.items() if 2 * count >= len(pods)}
        usual |= {Toleration(resource, exists=True), *self._by_flavors(nodes)}
        ordered = sorted(usual, key=lambda each: (each.key, each.value, str(each.effect)))
        return UsualPod(resource, middle, tuple(ordered))

    def _there(self, resource: str, nodes: Sequence[str]) -> list[_Asking]:
        here, admitted = set(nodes), dict[NodeAffinity, bool]()

        def may_go(rules: NodeAffinity) -> bool:
            if rules not in admitted:
                labels = ((name, self._index.nodes[name].metadata.labels) for name in nodes)
                admitted[rules] = any(node_admitted(rules, name, each) for name, each in labels)
            return admitted[rules]

        asking = self._asking.get(resource, ())
        return [each for each in asking if (each.node in here if each.node else may_go(each.rules))]

    def _by_flavors(self, nodes: Sequence[str]) -> Iterator[Toleration]:
        for flavor in flavors_of(self._index, nodes):
            yield from read.tolerations(PodSpec(tolerations=flavor.spec.tolerations))[0]
            for taint in read.taints(flavor.spec.node_taints):
                yield Toleration(taint.key, value=taint.value, effect=taint.effect)


def _one_voice_each(waiting: Iterable[_Asking]) -> list[_Asking]:
    """Of each namespace the pod in the middle of its own."""
    by_namespace: dict[str, list[_Asking]] = defaultdict(list)
    for each in waiting:
        by_namespace[each.namespace].append(each)
    ordered = (sorted(each, key=lambda asking: asking.per_device) for each in by_namespace.values())
    return [each[(len(each) - 1) // 2] for each in ordered]


def flavors_of(index: Index, nodes: Iterable[str]) -> list[ResourceFlavor]:
    """Flavors that say by labels which nodes are theirs, and mean one of these."""
    labels = [index.nodes[name].metadata.labels for name in nodes]
    return [
        flavor
        for flavor in index.objects.flavors
        if (wanted := flavor.spec.node_labels)
        and any(all(each.get(key) == value for key, value in wanted.items()) for each in labels)
    ]


def _fits(view: PlacementView, where: Bools, pod: UsualPod, count: int) -> int | None:
    if pod.resource not in view.state.rows:
        return None
    return int(room(view.state, pod.with_devices(count)).fits[where].sum())


class _Mix:
    """The pods that ask for GPUs, running and waiting, and the fleet as the published measure sees it."""

    def __init__(self, view: PlacementView) -> None:
        self._state = view.state
        every = map(_bare, _specs(view.index))
        self._shapes = Counter(each for each in every if any(name in DEVICE_RESOURCES for name, _ in each.requests))
        self._fleet, self._seen_as = fleet_of(view.state, self._shapes)

    def fragments(self, where: Bools | None = None) -> Ints | None:
        """Idle units of each node, in millionths, that the mean pod could not use; None if there is none.

        Args:
            where: only pods that may go to one of these nodes count; None = all pods.
        """
        shapes = self._shapes if where is None else [each for each in self._shapes if self._may_go(each, where)]
        if not shapes:
            return None
        typical = typical_pods(self._seen_as[shape] for shape in shapes for _ in range(self._shapes[shape]))
        found = measure(self._fleet, typical).node_fragments * (PER_DEVICE // WHOLE)
        rounded: Ints = np.rint(found).astype(np.int64)
        return rounded

    def _may_go(self, shape: PodShape, where: Bools) -> bool:
        return bool((admits(self._state, shape) & where).any())


def _fragmented(mix: _Mix, where: Bools, resource: str, found: _Sums, one_more: int | None) -> int | None:
    if resource not in DEVICE_RESOURCES:
        # The measure knows no slices: what is free of them is of no use where no usual pod of one fits any more.
        return None if one_more is None else max(0, found.free - -(-found.total * one_more // found.units))
    fragments = mix.fragments(where)
    if fragments is None:
        return None
    # The measure counts units; slices and shares that go by the name of the device are less than one.
    return int(fragments[where].sum()) * found.total // (found.units * PER_DEVICE)


def fleet_fragments(view: PlacementView) -> int | None:
    """The published measure over a cluster: free GPUs, in millionths, of no use to the mean pod that asks for GPUs.

    Only nodes that are Ready and take new pods have free ones. A GPU of a model that a pod does not accept is of no use
    to it, so that this is more than the sum over accelerators.
    """
    found = _Mix(view).fragments()
    return None if found is None else int(found[open_nodes(view, view.index.nodes)].sum())


def _specs(index: Index) -> Iterable[PodSpec]:
    found = (pod for pod in index.objects.pods if pod.bound or is_waiting(pod))
    return (pod.spec for pod in found if not is_hidden(pod.metadata))


def _bare(spec: PodSpec) -> PodShape:
    """The shape without what ties a pod to others."""
    tolerated, _ = read.tolerations(spec)
    return PodShape(
        requests=tuple(sorted(pod_requests(spec).items())),
        node_affinity=read.node_affinity(spec),
        tolerations=tolerated,
    )
