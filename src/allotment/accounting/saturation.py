"""What is out first where accelerators stand: the devices, or what stands around them.

On the nodes of each accelerator that take new pods, and in the quota for it: how many more pods of one device would
fit if, beside the devices, only this were short. What has the fewest is what is out first. What is left on a node
whose devices are all held helps nobody, and does not count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from allotment.accounting.books import quota_lines
from allotment.accounting.capacity import PER_DEVICE, devices_by_node
from allotment.accounting.cohort_trees import QUEUE
from allotment.accounting.fleet_devices import (
    AROUND,
    AcceleratorKey,
    UsualPod,
    UsualPods,
    accelerator_key,
    flavors_of,
    open_nodes,
)
from allotment.accounting.queue_use import quota_in_use
from allotment.model.observed.index import Index
from allotment.scheduling.placement.capacity import admits, room
from allotment.scheduling.placement.model import PODS
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.snapshot.placement import PlacementView

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
        more: how many such pods fit by their device and this alone, node by node; None where they ask for none of it.
    """

    name: str
    used: int
    capacity: int
    each: int
    more: int | None

    @property
    def share(self) -> float | None:
        """Used, 0 to 1 and above; 1 where there is none, and None where nobody asks for it either."""
        if not self.capacity:
            return 1.0 if self.each or self.used else None
        return self.used / self.capacity


@dataclass(frozen=True, slots=True)
class AcceleratorSaturation:
    """How full the nodes of an accelerator are.

    Attributes:
        nodes: those that are Ready and take new pods.
        things: the devices first, then what stands around them.
        fits: how many more pods with one device fit, by all that the nodes have together.
        closed_to_all: taints keep the usual pod from every node.
        per_unit: what a unit of the resource is of a device, in millionths; slices and shares are less than one.
    """

    cluster: str
    accelerator: str
    resource: str
    nodes: int
    things: tuple[ShortThing, ...]
    fits: int
    closed_to_all: bool
    per_unit: int = PER_DEVICE

    @property
    def first(self) -> ShortThing | None:
        """What is out first, the devices before others; None without open nodes."""
        asked = [(each.more, at) for at, each in enumerate(self.things) if each.more is not None]
        return self.things[min(asked)[1]] if self.nodes and asked else None

    @property
    def starts(self) -> int:
        """How many more pods with one device would start: what fits, as far as quota goes."""
        quota = [each.more for each in self.things if each.name.startswith(QUOTA) and each.more is not None]
        return min([self.fits, *quota])

    @property
    def stranded(self) -> int:
        """Free units that what stands around them, on their own node or in quota, leaves without use."""
        return max((self.things[0].more or 0) - self.starts, 0)

    @property
    def stranded_parts(self) -> int:
        """The same in millionths of a device."""
        return self.stranded * self.per_unit


def saturation(view: PlacementView) -> tuple[AcceleratorSaturation, ...]:
    """All accelerators of a cluster, by name."""
    index = view.index
    nodes: dict[AcceleratorKey, list[str]] = defaultdict(list)
    sums: dict[AcceleratorKey, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, devices in devices_by_node(index).items():
        for part in devices:
            key = accelerator_key(part)
            nodes[key].append(name)
            sums[key] = sums[key][0] + part.parts, sums[key][1] + part.units
    usual = UsualPods(index)
    found = []
    for (accelerator, resource), names in sorted(nodes.items()):
        if resource not in view.state.rows:
            continue
        where = open_nodes(view, names)
        pod = usual.on(resource, names)
        things = (*_on_nodes(view, where, pod), *_in_quota(index, names, pod))
        one = pod.with_devices(1)
        fits = int(room(view.state, one).fits[where].sum())
        closed = not (admits(view.state, one) & where).any()
        parts, number = sums[accelerator, resource]
        found.append(
            AcceleratorSaturation(
                index.source.name,
                accelerator,
                resource,
                int(where.sum()),
                things,
                fits,
                bool(closed),
                parts // number,
            )
        )
    return tuple(found)


def _on_nodes(view: PlacementView, where: Bools, pod: UsualPod) -> Iterator[ShortThing]:
    state = view.state
    row = state.rows[pod.resource]
    devices = (state.alloc[row] - state.used[row])[where].clip(min=0)
    for name, need in _needs(pod):
        row = state.rows[name]
        yield _thing(name, state.used[row][where], state.alloc[row][where], need, devices)
    yield _thing(PODS, state.pod_count[where], state.nodes.pod_limit[where], 1, devices)


def _needs(pod: UsualPod) -> Iterator[tuple[str, int]]:
    yield pod.resource, 1
    yield from ((name, pod.per_device.get(name, 0)) for name in AROUND)


def _thing(name: str, used: Ints, capacity: Ints, need: int, devices: Ints) -> ShortThing:
    free = (capacity - used).clip(min=0)
    more = int(np.minimum(free // need, devices).sum()) if need else None
    return ShortThing(name, int(used.sum()), int(capacity.sum()), need, more)


def _in_quota(index: Index, names: Sequence[str], pod: UsualPod) -> Iterator[ShortThing]:
    """Quota of the flavors whose nodes these are, over all queues; lending and borrowing move it, and add none."""
    flavors = {flavor.name for flavor in flavors_of(index, names)}
    nominal: dict[str, int] = defaultdict(int)
    reserved: dict[str, int] = defaultdict(int)
    used = quota_in_use(index)
    for line in quota_lines(index):
        if line.flavor in flavors and not line.elsewhere:
            nominal[line.resource] += line.nominal
            reserved[line.resource] += used.get((line.name, line.flavor, line.resource), 0) if line.kind == QUEUE else 0
    for name, need in _needs(pod):
        if name in nominal and need:
            left = max(nominal[name] - reserved[name], 0)
            yield ShortThing(f"{QUOTA} {name}", reserved[name], nominal[name], need, left // need)
