"""Devices that DRA hands out: what ResourceSlices list, and which pods have them by claims.

A slice of a device (MIG) is listed in one of two ways. Where its device is cut already, the slice stands alone, and is
a unit of a resource of its own, ``gpu.nvidia.com/mig-1g.5gb``. Where a device is cut when somebody claims a part of it,
each slice that could be is listed beside the device: then a claimed one counts as the whole device, since that cannot
be had whole any more. So does what has the same mark as another: one device that can be used in two ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Device, ResourceClaim, ResourceSlice
from allotment.model.observed.pods import Pod

_DRIVERS: Final = ("gpu.", "tpu.", "neuron.")
"""How drivers of accelerators are called; those of network devices are not."""
_KEEPS_AWAY: Final = frozenset({"NoSchedule", "NoExecute"})
DeviceKey = tuple[str, str, str]
"""Driver, pool and name, as claims name a device."""


@dataclass(frozen=True, slots=True)
class ListedDevice:
    """What a device of a slice is counted as.

    Attributes:
        resource: the driver's name; with the profile where it is a slice of a device that is cut.
        counted: the device itself, or the listed one that it would be cut from.
        whole: what tells the physical device from others.
        broken: taints keep claims from it.
    """

    resource: str
    counted: DeviceKey
    whole: str
    broken: bool


def hands_out_devices(driver: str) -> bool:
    """Whether a driver's devices are accelerators; those of network cards and the like are not."""
    return driver.startswith(_DRIVERS)


def listed_devices(slices: Iterable[ResourceSlice]) -> dict[DeviceKey, ListedDevice]:
    """Accelerators in the newest slices of each pool."""
    newest: dict[tuple[str, str], int] = {}
    ours = [each for each in slices if hands_out_devices(each.spec.driver)]
    for each in ours:
        pool = (each.spec.driver, each.spec.pool.name)
        newest[pool] = max(newest.get(pool, 0), each.spec.pool.generation)
    listed: dict[DeviceKey, Device] = {}
    for each in ours:
        driver, pool_name = each.spec.driver, each.spec.pool.name
        if each.spec.pool.generation == newest[driver, pool_name]:
            listed |= {(driver, pool_name, device.name): device for device in each.spec.devices}
    whole = {key: _text(device, "uuid") or key[2] for key, device in listed.items() if _text(device, "type") != "mig"}
    by_mark: dict[DeviceKey, DeviceKey] = {}
    for key, mark in whole.items():
        by_mark.setdefault((*key[:2], mark), key)
    return {key: _counted(key, device, whole, by_mark) for key, device in listed.items()}


def _counted(
    key: DeviceKey, device: Device, whole: Mapping[DeviceKey, str], by_mark: Mapping[DeviceKey, DeviceKey]
) -> ListedDevice:
    driver, pool, name = key
    broken = any(taint.effect in _KEEPS_AWAY for taint in device.taints)
    if key in whole:
        return ListedDevice(driver, by_mark[driver, pool, whole[key]], whole[key], broken)
    above = name.partition("-mig-")[0]
    parent = _text(device, "parentUUID") or above
    cut_from = by_mark.get((driver, pool, parent), (driver, pool, above))
    if cut_from in whole:
        return ListedDevice(driver, cut_from, whole[cut_from], broken)
    return ListedDevice(f"{driver}/mig-{_text(device, 'profile')}", key, parent, broken)


def _text(device: Device, attribute: str) -> str:
    """An attribute, with or without its domain; empty where it is none."""
    found = (value.get("string") for name, value in device.attributes.items() if name.rpartition("/")[2] == attribute)
    return next((each for each in found if isinstance(each, str)), "")


def claimed_devices(index: Index) -> dict[str, dict[str, int]]:
    """Devices that DRA gave to pods: by the pod's namespace/name and the resource.

    Pods that share a claim, or a device by several claims, share its devices; the first by name of those that have a
    node has them, so that each is told once. Who looks at devices with an administrator's access takes none.
    """
    found: dict[str, dict[str, int]] = {}
    told: set[DeviceKey] = set()
    listed = listed_devices(index.objects.resource_slices) if index.objects.resource_claims else {}
    for claim in sorted(index.objects.resource_claims, key=lambda each: each.key):
        holder = _user_of(index, claim)
        if claim.status.allocation is None or holder is None:
            continue
        for result in claim.status.allocation.devices.results:
            key = (result.driver, result.pool, result.device)
            device = listed.get(key) or ListedDevice(result.driver, key, result.device, broken=False)
            if not result.admin_access and hands_out_devices(result.driver) and device.counted not in told:
                told.add(device.counted)
                devices = found.setdefault(holder.key, {})
                devices[device.resource] = devices.get(device.resource, 0) + 1
    return found


def _user_of(index: Index, claim: ResourceClaim) -> Pod | None:
    """The pod that has a claim's devices; an earlier pod of the same name has none of them."""
    users = ((each.uid, index.pods.get(f"{claim.namespace}/{each.name}")) for each in claim.status.reserved_for)
    found = (pod for uid, pod in users if pod is not None and pod.bound and uid in {"", pod.metadata.uid})
    return min(found, key=lambda pod: pod.name, default=None)
