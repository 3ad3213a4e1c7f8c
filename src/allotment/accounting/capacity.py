"""What devices a node has: whole ones, slices and shares of them, in integer parts that sum to the devices.

A device is 1,000,000 parts (micro-devices). A MIG slice or a time-slicing replica is what its device divides into, by
the largest remainder, so that the parts of a node are exactly 1,000,000 for each device:

    ===================================  ==========================================  ==============================
    what the node shows                  devices                                     a unit of the resource
    ===================================  ==========================================  ==============================
    nvidia.com/gpu: 8                    8, or more if nvidia.com/gpu.count says so  one device
    nvidia.com/mig-1g.5gb: 7             gpu.count less whole ones, at least what    a share by its compute or its
                                         compute and memory of the slices need       memory, whichever is more
    nvidia.com/gpu: 7, product …-MIG-…   as many as the slices need                  1/7 and so on, by the profile
    nvidia.com/gpu: 32, …-SHARED         gpu.count, else units / gpu.replicas        1/replicas
    nvidia.com/gpu: 7, on GKE            by its labels for slices and shares         as of NVIDIA's labels
    slices that are shared               as many as units / replicas slices need     1/replicas of a slice
    ResourceSlices of a driver           its devices, where no plug-in counts them   one device, or a slice as above
    ===================================  ==========================================  ==============================

A resource of none stays in a node's status when a plug-in goes, or calls its devices otherwise: beside another of the
vendor it counts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

from allotment.accounting.claims import ListedDevice, listed_devices
from allotment.model.devices import MODEL_LABELS, SHARED, is_device, is_partition, names_a_part
from allotment.model.observed.base import Amounts
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node, ResourceSlice
from allotment.model.observed.queueing import ResourceFlavor
from allotment.scheduling.snapshot.quantities import units

PER_DEVICE: Final = 1_000_000
"""Parts of a device."""

_VENDOR: Final = "nvidia.com/"
_NVIDIA: Final = f"{_VENDOR}gpu"
_COUNT: Final = "nvidia.com/gpu.count"
_REPLICAS: Final = ".replicas"
_GKE_PARTITION: Final = "cloud.google.com/gke-gpu-partition-size"
_GKE_CLIENTS: Final = "cloud.google.com/gke-max-shared-clients-per-gpu"
_GPU_MEMORY: Final = "nvidia.com/gpu.memory"
"""MiB of a whole device."""
_PROFILE: Final = re.compile(r"(\d+)g[-._](\d+)gb")
_MEMORY: Final = re.compile(r"(\d+)gb")
_SLICES: Final = 7
"""Compute slices of a device that MIG divides (A100, H100, H200, B200)."""
_A30: Final = 4
"""Compute slices of an A30."""
_EIGHTHS: Final = 8
"""Memory slices of a device."""
_MOST_MEMORY: Final = 10_000_000
"""MiB of a device that are believed."""
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

    def share(self, begin: int, count: int) -> int:
        """Parts of so many units after the first `begin`; of more than there are, as if there were."""
        if begin + count > self.units:
            return self.parts * count // self.units
        return self.first(begin + count) - self.first(begin)


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
    counted = [each for each, count in seen.items() if count and each.startswith(_VENDOR)]
    if not counted and not any(each.spec.driver.endswith(f".{_VENDOR[:-1]}") for each in slices):
        # The driver's labels outlive its device plug-in: the devices are there, and nothing can use them.
        seen[_NVIDIA] = declared
    found: list[DevicePart] = []
    mig = {each: count for each, count in seen.items() if is_partition(each) and count}
    for resource, count in seen.items():
        if is_partition(resource) or not count:
            continue
        alone = resource.removesuffix(SHARED) == _NVIDIA and len(counted) <= 1
        # Where shares have a name of their own, the number of replicas is theirs.
        own = labels if resource + SHARED not in counted else {**labels, resource + _REPLICAS: ""}
        found.append(_counted(resource, count, allocatable.get(resource, 0), declared if alone else 0, own))
    found += _sliced(mig, allocatable, declared - seen.get(_NVIDIA, 0), labels)
    vendors = {each.resource.partition("/")[0] for each in found}
    found += _handed_out(slices, vendors, labels)
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


def _label(labels: Mapping[str, str], key: str, most: int = _MOST) -> int:
    text = labels.get(key, "")
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) <= len(str(most)) else 0


def _counted(resource: str, count: int, offered: int, declared: int, labels: Mapping[str, str]) -> DevicePart:
    """Devices that one resource counts whole, or as slices or shares of one size."""
    model = _model_on(resource, labels)
    profile = _PROFILE.search(model.casefold())
    replicas = _replicas(resource, labels)
    # A plug-in that counts more than the driver has found hands out shares, whether or not labels tell of them.
    shared = resource.endswith(SHARED) or replicas > 1 or 0 < declared < count
    if profile is not None and resource.removesuffix(SHARED) == _NVIDIA:
        per = _slices_of_device(profile, model, 0)
        devices, total = _ceil(_ceil(count, replicas), per), count
    elif shared or (names_a_part(model) and resource == _NVIDIA):
        devices = declared or _ceil(count, replicas)
        total = max(count, devices * replicas if declared else 0)
        if model and resource == _NVIDIA and not names_a_part(model):
            model = f"{model}-SHARED"
    else:
        devices = total = max(count, declared)
    return DevicePart(resource, model, total, min(offered, total), devices * PER_DEVICE)


def _replicas(resource: str, labels: Mapping[str, str]) -> int:
    """Pods that may have one unit's device or slice at the same time."""
    clients = _label(labels, _GKE_CLIENTS) if resource == _NVIDIA else 0
    return max(_label(labels, resource.removesuffix(SHARED) + _REPLICAS), clients, 1)


def _model_on(resource: str, labels: Mapping[str, str]) -> str:
    """The model that a unit is of: of slices and shares, as NVIDIA's discovery calls them, whoever labels the node."""
    model, cut = model_of(labels), labels.get(_GKE_PARTITION, "")
    if resource == _NVIDIA and _PROFILE.fullmatch(cut):
        model += f"-MIG-{cut}"
    if resource == _NVIDIA and _label(labels, _GKE_CLIENTS) > 1:
        model += "-SHARED"
    return model


def _ceil(number: int, by: int) -> int:
    return -(-number // by)


def _compute_slices(model: str) -> int:
    return _A30 if "a30" in re.split(r"[-_ ]", model.casefold()) else _SLICES


def _memory_of(name: str, otherwise: int) -> int:
    """Memory of a whole device in GB, as its model's name says."""
    whole = [int(each) for each in _MEMORY.findall(name.casefold())]
    return whole[-1] if whole else otherwise


def _slices_of_device(profile: re.Match[str], model: str, memory: int) -> int:
    """How many slices of a profile one device gives: bound by its compute slices and by its memory.

    Args:
        profile: compute slices and GB.
        model: of the device, or of the slice.
        memory: GB of the whole device, where the model's name does not say; 0 where nobody does.
    """
    compute, own = int(profile[1]), int(profile[2])
    most = _compute_slices(model) // max(compute, 1)
    named = _PROFILE.search(model.casefold())
    whole = _memory_of(model if named is None else model[: named.start()], memory)
    by_memory = _EIGHTHS // _eighths(own, whole) if whole and own else most
    return max(1, min(most, by_memory))


def _eighths(memory: int, whole: int) -> int:
    """Memory slices of so many GB: profiles are named by rounded numbers."""
    return max(1, round(Fraction(memory * _EIGHTHS, whole)))


def _sliced(
    mig: Mapping[str, int], allocatable: Mapping[str, int], spare: int, labels: Mapping[str, str]
) -> list[DevicePart]:
    """Slices under names of their own: each a share of the devices that are divided.

    Args:
        mig: how many there are, by resource.
        allocatable: how many are offered.
        spare: devices that the node has beside whole ones, as far as its labels say.
        labels: of the node.
    """
    model = model_of(labels)
    memory = round(_label(labels, _GPU_MEMORY, _MOST_MEMORY) / 1024)
    whole = _memory_of(model, memory)
    weights: dict[str, Fraction] = {}
    computing, stored, least = Fraction(0), Fraction(0), 0
    for resource, count in mig.items():
        slices = _ceil(count, _replicas(resource, labels))
        profile = _PROFILE.search(resource)
        compute = Fraction(int(profile[1]), _compute_slices(model)) if profile else Fraction(1)
        storage = Fraction(_eighths(int(profile[2]), whole), _EIGHTHS) if profile and whole else Fraction(0)
        weights[resource] = slices * max(compute, storage)
        computing, stored = computing + slices * compute, stored + slices * storage
        if profile is not None:
            least = max(least, _ceil(slices, _slices_of_device(profile, model, memory)))
    needed = max(computing, stored)
    devices = max(spare, least, _ceil(needed.numerator, needed.denominator))
    shares = largest_remainder(devices * PER_DEVICE, weights)
    return [
        DevicePart(each, model, count, min(allocatable.get(each, 0), count), shares[each])
        for each, count in mig.items()
    ]


def _handed_out(slices: Iterable[ResourceSlice], vendors: set[str], labels: Mapping[str, str]) -> list[DevicePart]:
    """Devices of drivers; one whose vendor's plug-in counts its devices already is left to that."""
    whole: dict[str, list[ListedDevice]] = {}
    cut: dict[str, list[ListedDevice]] = {}
    for key, device in listed_devices(slices).items():
        if key[0].partition(".")[2] in vendors or device.counted != key:
            continue
        (whole if device.resource == key[0] else cut).setdefault(device.resource, []).append(device)
    found = []
    for resource, devices in whole.items():
        units, offered = _both(devices)
        found.append(DevicePart(resource, model_of(labels), units, offered, units * PER_DEVICE))
    for driver in {each.partition("/")[0] for each in cut}:
        of_driver = {resource: devices for resource, devices in cut.items() if resource.startswith(f"{driver}/")}
        counts = {resource: _both(devices) for resource, devices in of_driver.items()}
        devices_cut = {each.whole for devices in of_driver.values() for each in devices}
        mig = {resource: units for resource, (units, _) in counts.items()}
        offers = {resource: offered for resource, (_, offered) in counts.items()}
        found += _sliced(mig, offers, len(devices_cut), labels)
    return found


def _both(devices: Sequence[ListedDevice]) -> tuple[int, int]:
    """How many there are, and how many of them are offered."""
    return len(devices), sum(not each.broken for each in devices)


def flavor_matches(flavor: ResourceFlavor, node: Node) -> bool:
    """Whether a node carries the labels by which a flavor finds its nodes; without any it finds every node."""
    return flavor.spec.node_labels.items() <= node.metadata.labels.items()
