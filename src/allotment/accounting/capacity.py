"""What devices a node has: whole ones, slices and shares of them, in integer parts that sum to the devices.

A device is 1,000,000 parts (micro-devices). A MIG slice or a time-slicing replica is what its device divides into, by
the largest remainder, so that the parts of a node are exactly 1,000,000 for each device:

    ===================================  ==========================================  ==============================
    what the node shows                  devices                                     a unit of the resource
    ===================================  ==========================================  ==============================
    nvidia.com/gpu: 8                    8, or more if nvidia.com/gpu.count says so  one device
    nvidia.com/mig-1g.5gb: 7             gpu.count less whole ones, else as many as  a share by its compute slices
                                         the slices need
    nvidia.com/gpu: 7, product …-MIG-…   as many as the slices need                  1/7 and so on, by the profile
    nvidia.com/gpu: 32, …-SHARED         gpu.count, else units / gpu.replicas        1/replicas
    ResourceSlices of a driver           its devices, where no plug-in counts them   one device
    ===================================  ==========================================  ==============================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

from allotment.model.devices import DEVICE_RESOURCES, MODEL_LABELS, is_partition, names_a_part
from allotment.model.observed.base import Amounts
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node, ResourceSlice
from allotment.model.observed.queueing import ResourceFlavor
from allotment.scheduling.snapshot.quantities import units

PER_DEVICE: Final = 1_000_000
"""Parts of a device."""

_NVIDIA: Final = "nvidia.com/gpu"
_COUNT: Final = "nvidia.com/gpu.count"
_REPLICAS: Final = "nvidia.com/gpu.replicas"
_SHARED: Final = ".shared"
_PROFILE: Final = re.compile(r"(\d+)g[-._](\d+)gb")
_MEMORY: Final = re.compile(r"(\d+)gb")
_SLICES: Final = 7
"""Compute slices of a device that MIG divides (A100, H100, H200, B200)."""
_A30: Final = 4
"""Compute slices of an A30."""
_DRIVERS: Final = ("gpu.", "tpu.", "neuron.")
"""How drivers of accelerators are called; those of network devices are not."""
_MOST: Final = 4096
"""Devices or replicas of one node that are believed; no machine has more."""
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class DevicePart:
    """Devices of a node that one resource counts.

    Attributes:
        resource: as pods ask for it; a driver's name where DRA hands them out.
        model: as the node's labels name it; empty where they do not.
        units: of the resource, those that are broken included.
        offered: units that the node offers now.
        parts: what all units are together.
    """

    resource: str
    model: str
    units: int
    offered: int
    parts: int

    def first(self, count: int) -> int:
        """Parts of the first so many units; of all of them exactly `parts`."""
        return self.parts * min(max(count, 0), self.units) // self.units if self.units else 0


def largest_remainder(total: int, weights: Mapping[Key, Fraction | int]) -> dict[Key, int]:
    """Integers in proportion to weights that sum to the total; what is left over goes to the largest remainders.

    Args:
        total: what is divided, not negative.
        weights: not negative; their order decides between equals. All zero: the first gets everything.
    """
    whole = sum(weights.values(), Fraction(0))
    if not weights:
        return {}
    if not whole:
        first, *_ = weights
        return {key: total if key == first else 0 for key in weights}
    exact = {key: total * Fraction(weight) / whole for key, weight in weights.items()}
    floors = {key: share.numerator // share.denominator for key, share in exact.items()}
    left = total - sum(floors.values())
    for key in sorted(exact, key=lambda each: floors[each] - exact[each])[:left]:
        floors[key] += 1
    return floors


def is_device(resource: str) -> bool:
    """Whether a resource counts devices, slices or shares of them."""
    return resource.removesuffix(_SHARED) in DEVICE_RESOURCES or is_partition(resource)


def model_of(labels: Mapping[str, str]) -> str:
    """The model that a node's labels name, or empty."""
    return next((labels[label] for label in MODEL_LABELS if labels.get(label)), "")


def node_devices(node: Node, slices: Sequence[ResourceSlice] = ()) -> tuple[DevicePart, ...]:
    """The devices of a node, by resource.

    Args:
        node: the node.
        slices: ResourceSlices of the node, where its devices are handed out by DRA.
    """
    capacity, allocatable = _whole(node.status.capacity), _whole(node.status.allocatable)
    seen = {each: max(capacity.get(each, 0), allocatable.get(each, 0)) for each in {**capacity, **allocatable}}
    labels = node.metadata.labels
    declared = _label(labels, _COUNT)
    if declared and not any(each.startswith("nvidia.com/") for each in seen):
        # The driver's labels outlive its device plug-in: the devices are there, and nothing can use them.
        seen[_NVIDIA] = declared
    found: list[DevicePart] = []
    mig = {each: count for each, count in seen.items() if is_partition(each) and count}
    for resource, count in seen.items():
        if is_partition(resource):
            continue
        own = declared if resource.removesuffix(_SHARED) == _NVIDIA else 0
        found.append(_counted(resource, count, allocatable.get(resource, 0), own if not mig else 0, labels))
    found += _sliced(mig, allocatable, declared - seen.get(_NVIDIA, 0), model_of(labels))
    vendors = {each.resource.partition("/")[0] for each in found}
    found += _handed_out(slices, vendors, model_of(labels))
    return tuple(each for each in found if each.units)


def devices_by_node(index: Index) -> dict[str, tuple[DevicePart, ...]]:
    """Nodes that have devices, with them."""
    slices: dict[str, list[ResourceSlice]] = {}
    for each in index.objects.resource_slices:
        if each.spec.node_name:
            slices.setdefault(each.spec.node_name, []).append(each)
    found = {node.name: node_devices(node, slices.get(node.name, ())) for node in index.objects.nodes}
    return {name: parts for name, parts in found.items() if parts}


def _whole(amounts: Amounts) -> dict[str, int]:
    return {
        resource: min(max(units(resource, amount), 0), _MOST)
        for resource, amount in amounts.items()
        if is_device(resource)
    }


def _label(labels: Mapping[str, str], key: str) -> int:
    text = labels.get(key, "")
    return min(int(text), _MOST) if text.isascii() and text.isdigit() and len(text) <= len(str(_MOST)) else 0


def _counted(resource: str, count: int, offered: int, declared: int, labels: Mapping[str, str]) -> DevicePart:
    """Devices that one resource counts whole, or as slices or shares of one size."""
    model = model_of(labels)
    profile = _PROFILE.search(model.casefold())
    replicas = _label(labels, _REPLICAS)
    if profile is not None and resource == _NVIDIA:
        per = _slices_of_device(profile, model)
        devices, total = -(-count // per), count
    elif resource.endswith(_SHARED) or (names_a_part(model) and resource == _NVIDIA) or replicas > 1:
        devices = declared or -(-count // max(replicas, 1))
        total = max(count, devices * max(replicas, 1) if declared and replicas else 0)
    else:
        devices = total = max(count, declared)
    return DevicePart(resource, model, total, min(offered, total), devices * PER_DEVICE)


def _slices_of_device(profile: re.Match[str], model: str) -> int:
    """How many slices of a profile one device gives: bound by its compute slices and by its memory."""
    compute, memory = int(profile[1]), int(profile[2])
    most = (_A30 if "a30" in re.split(r"[-_ ]", model.casefold()) else _SLICES) // max(compute, 1)
    whole = [int(each) for each in _MEMORY.findall(model.casefold()[: profile.start()])]
    by_memory = whole[-1] // memory if whole and memory else most
    return max(1, min(most, by_memory) if by_memory else most)


def _sliced(mig: Mapping[str, int], allocatable: Mapping[str, int], spare: int, model: str) -> list[DevicePart]:
    """Slices under names of their own: each a share of the devices that are divided."""
    weights: dict[str, Fraction] = {}
    for resource, count in mig.items():
        profile = _PROFILE.search(resource)
        per = _slices_of_device(profile, f"{model} {resource}") if profile else 1
        weights[resource] = Fraction(count, per)
    needed = sum(weights.values(), Fraction(0))
    devices = max(spare, -(-needed.numerator // needed.denominator))
    shares = largest_remainder(devices * PER_DEVICE, weights)
    return [
        DevicePart(each, model, count, min(allocatable.get(each, 0), count), shares[each])
        for each, count in mig.items()
    ]


def _handed_out(slices: Iterable[ResourceSlice], vendors: set[str], model: str) -> list[DevicePart]:
    """Devices of drivers; one whose vendor's plug-in counts its devices already is left to that."""
    named: dict[str, dict[str, bool]] = {}
    newest: dict[tuple[str, str], int] = {}
    for each in slices:
        pool = (each.spec.driver, each.spec.pool.name)
        newest[pool] = max(newest.get(pool, 0), each.spec.pool.generation)
    for each in slices:
        driver = each.spec.driver
        old = each.spec.pool.generation < newest[driver, each.spec.pool.name]
        if old or not driver.startswith(_DRIVERS) or driver.partition(".")[2] in vendors:
            continue
        for device in each.spec.devices:
            if "mig" in {value.get("string") for key, value in device.attributes.items() if key.endswith("type")}:
                # Listed beside the device that it can be cut from.
                continue
            broken = any(taint.effect in {"NoSchedule", "NoExecute"} for taint in device.taints)
            named.setdefault(driver, {})[device.name] = broken
    return [
        DevicePart(
            driver, model, len(devices), sum(not broken for broken in devices.values()), len(devices) * PER_DEVICE
        )
        for driver, devices in named.items()
    ]


def flavor_matches(flavor: ResourceFlavor, node: Node) -> bool:
    """Whether a node carries the labels by which a flavor finds its nodes; without any it finds every node."""
    return flavor.spec.node_labels.items() <= node.metadata.labels.items()
