"""What is out first where accelerators stand: the devices, or what stands around them.

On the nodes of each accelerator that take new pods, and in the quota for it: how many more pods of one device would
still fit if only this were short. What has the fewest is what is out first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.accounting.capacity import devices_by_node
from allotment.accounting.fleet_devices import (
    AROUND,
    AcceleratorKey,
    UsualPod,
    UsualPods,
    accelerator_key,
    flavors_of,
    open_nodes,
)
from allotment.model.observed.index import Index
from allotment.scheduling.placement.capacity import admits
from allotment.scheduling.placement.model import PODS
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.snapshot.placement import PlacementView
from allotment.scheduling.snapshot.quantities import units

QUOTA: Final = "quota"
"""Name of the quota of a resource: ``quota nvidia.com/gpu``."""


@dataclass(frozen=True, slots=True)
class ShortThing:
    """One thing that can be out.

    Attributes:
        name: a resource, ``pods``, or ``quota`` and a resource.
        used: of it, as the resource is counted (milli-CPU, bytes, units).
        capacity: all of it; for quota the sum of what queues own.
        each: what one more pod with one device takes.
        more: how many such pods fit by this alone, node by node; None where they ask for nothing of it.
    """

    name: str
    used: int
    capacity: int
    each: int
    more: int | None

    @property
    def share(self) -> float:
        """Used, 0 to 1 and above; 1 where there is none."""
        return self.used / self.capacity if self.capacity else 1.0


@dataclass(frozen=True, slots=True)
class AcceleratorSaturation:
    """How full the nodes of an accelerator are.

    Attributes:
        nodes: those that are Ready and take new pods.
        things: the devices first, then what stands around them.
        closed_to_all: taints keep the usual pod from every node.
    """

    cluster: str
    accelerator: str
    resource: str
    nodes: int
    things: tuple[ShortThing, ...]
    closed_to_all: bool

    @property
    def first(self) -> ShortThing | None:
        """What is out first, the devices before others; None without open nodes."""
        asked = [(each.more, at) for at, each in enumerate(self.things) if each.more is not None]
        return self.things[min(asked)[1]] if self.nodes and asked else None

    @property
    def stranded(self) -> int:
        """Units of free devices that what is out first leaves without use."""
        first = self.first
        return (self.things[0].more or 0) - (first.more or 0) if first is not None else 0


def saturation(view: PlacementView) -> tuple[AcceleratorSaturation, ...]:
    """All accelerators of a cluster, by name."""
    index = view.index
    nodes: dict[AcceleratorKey, list[str]] = defaultdict(list)
    for name, parts in devices_by_node(index).items():
        for part in parts:
            nodes[accelerator_key(part)].append(name)
    usual = UsualPods(index)
    found = []
    for (accelerator, resource), names in sorted(nodes.items()):
        if resource not in view.state.rows:
            continue
        where = open_nodes(view, names)
        pod = usual.on(resource, names)
        things = (*_on_nodes(view, where, pod), *_in_quota(index, names, pod))
        welcome = admits(view.state, pod.with_devices(1)) & where
        found.append(
            AcceleratorSaturation(index.source.name, accelerator, resource, int(where.sum()), things, not welcome.any())
        )
    return tuple(found)


def _on_nodes(view: PlacementView, where: Bools, pod: UsualPod) -> Iterator[ShortThing]:
    state = view.state
    for name, need in _needs(pod):
        yield _thing(name, state.used[state.rows[name]][where], state.alloc[state.rows[name]][where], need)
    yield _thing(PODS, state.pod_count[where], state.nodes.pod_limit[where], 1)


def _needs(pod: UsualPod) -> Iterator[tuple[str, int]]:
    yield pod.resource, 1
    yield from ((name, pod.per_device.get(name, 0)) for name in AROUND)


def _thing(name: str, used: Ints, capacity: Ints, need: int) -> ShortThing:
    free = (capacity - used).clip(min=0)
    more = int((free // need).sum()) if need else None
    return ShortThing(name, int(used.sum()), int(capacity.sum()), need, more)


def _in_quota(index: Index, names: Sequence[str], pod: UsualPod) -> Iterator[ShortThing]:
    """Quota of the flavors whose nodes these are, over all queues; lending and borrowing move it, and add none."""
    flavors = {flavor.name for flavor in flavors_of(index, names)}
    nominal: dict[str, int] = defaultdict(int)
    reserved: dict[str, int] = defaultdict(int)
    for name, quota in _nominal(index, flavors):
        nominal[name] += quota
    for queue in index.objects.cluster_queues:
        for use in queue.status.flavors_reservation:
            if use.name in flavors:
                for one in use.resources:
                    reserved[one.name] += units(one.name, one.total)
    for name, need in _needs(pod):
        if name in nominal and need:
            left = max(nominal[name] - reserved[name], 0)
            yield ShortThing(f"{QUOTA} {name}", reserved[name], nominal[name], need, left // need)


def _nominal(index: Index, flavors: Container[str]) -> Iterator[tuple[str, int]]:
    groups = [group for queue in index.objects.cluster_queues for group in queue.spec.resource_groups]
    groups += [group for cohort in index.objects.cohorts for group in cohort.spec.resource_groups]
    for flavor in (flavor for group in groups for flavor in group.flavors):
        if flavor.name in flavors:
            yield from ((one.name, units(one.name, one.nominal_quota)) for one in flavor.resources)
