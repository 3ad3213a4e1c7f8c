"""A wish for devices against the catalogue and the team's quota: which classes, which CPU and memory, and spot or not.

All figures follow from the platform directory, and the same job file gives the same job wherever it is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allotment.model.accelerator import Accelerator, CapacityType
from allotment.model.cluster import Cluster, NodePool
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, MilliCpu, format_bytes
from allotment.model.team import Placement, Team
from allotment.spec.jobs.replica import AcceleratorWishSpec

_GIB: Final = 1 << 30
CPU_OF_A_DEVICE: Final = 8_000
"""Milli-CPU where no pool tells it: a team of the usual size has 64 CPUs and 8 GPUs."""
MEMORY_OF_A_DEVICE: Final = 32 * _GIB
"""Bytes where no pool tells it: a team of the usual size has 256Gi and 8 GPUs."""
CPU_ALONE: Final = 2_000
MEMORY_ALONE: Final = 8 * _GIB
"""Of a job without accelerators: two CPUs, and four times as many Gi as clouds sell beside them."""
_LEFT_FOR_OTHERS: Final = Fraction(9, 10)
"""Share of a node that its devices' jobs divide: what stays is for the pods that every node runs."""
_NO_PRICE: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class WishedTrait:
    """One thing that a wish asks of a class.

    Attributes:
        field: as the job file writes it.
        words: such as ``memory of 80Gi or more``.
    """

    field: str
    words: str


def demands(wish: AcceleratorWishSpec) -> Iterator[WishedTrait]:
    """What a wish asks for besides names, in words."""
    if wish.memory is not None:
        yield WishedTrait("memory", f"memory of {format_bytes(Bytes(wish.memory))} or more")
    if wish.vendor is not None:
        yield WishedTrait("vendor", f"vendor {wish.vendor}")
    if wish.interconnect is not None:
        yield WishedTrait("interconnect", f"interconnect {wish.interconnect}")
    if wish.architecture is not None:
        yield WishedTrait("architecture", f"architecture {wish.architecture}")


def unmet(wish: AcceleratorWishSpec, device: Accelerator) -> tuple[str, ...]:
    """Fields of a wish that a class does not meet."""
    failed: list[str] = []
    if wish.memory is not None and device.memory < wish.memory:
        failed.append("memory")
    if wish.vendor is not None and device.vendor is not wish.vendor:
        failed.append("vendor")
    if wish.interconnect is not None and _plain(device.interconnect) != _plain(wish.interconnect):
        failed.append("interconnect")
    if wish.architecture is not None and _plain(device.architecture) != _plain(wish.architecture):
        failed.append("architecture")
    return tuple(failed)


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def quota_of(platform: Platform, team: Team) -> Mapping[str, frozenset[CapacityType]]:
    """Classes that a team has quota for, anywhere, with the capacity types of it."""
    found: dict[str, set[CapacityType]] = {}
    for cluster, placement in placements_of(platform, team):
        for allowance in placement.accelerators:
            flavor = cluster.flavor(allowance.flavor)
            if flavor.accelerator is not None and (
                allowance.devices.nominal > 0 or allowance.devices.borrowing_limit != 0
            ):
                found.setdefault(flavor.accelerator, set()).add(flavor.capacity_type)
    return {name: frozenset(types) for name, types in found.items()}


def placements_of(platform: Platform, team: Team) -> Iterator[tuple[Cluster, Placement]]:
    """Where the team is, with what it may use there."""
    for placement in team.placements:
        cluster = platform.cluster(placement.cluster)
        if cluster is not None:
            yield cluster, placement


def classes_for(wish: AcceleratorWishSpec, platform: Platform, team: Team) -> tuple[str, ...]:
    """Names of the classes that a wish by attributes means, cheapest first; none where nothing in the catalogue fits.

    Those that the team has quota for; where it has quota for none of them, all that fit.
    """
    quota = quota_of(platform, team)
    fitting = [device for device in platform.accelerators.values() if not unmet(wish, device)]
    own = [
        device
        for device in fitting
        if device.name in quota and (wish.capacity_type is None or wish.capacity_type in quota[device.name])
    ]
    return tuple(device.name for device in sorted(own or fitting, key=lambda each: _cost(each, quota)))


def nearest_to(wish: AcceleratorWishSpec, platform: Platform, team: Team) -> Accelerator | None:
    """The class that fails a wish least: in fewest fields, by least memory; of equals the team's, then the cheapest."""
    quota = quota_of(platform, team)
    wanted = wish.memory or 0
    return min(
        platform.accelerators.values(),
        key=lambda device: (
            len(unmet(wish, device)),
            max(0, wanted - device.memory),
            device.name not in quota,
            _cost(device, quota),
        ),
        default=None,
    )


def _cost(device: Accelerator, quota: Mapping[str, frozenset[CapacityType]]) -> tuple[int, int, str]:
    """By what a device costs the team; without prices by its memory."""
    types = quota.get(device.name)
    prices = [price for kind, price in device.price_per_hour.items() if types is None or kind in types]
    return min(prices, default=_NO_PRICE), device.memory, device.name


def pools_with(platform: Platform, team: Team, classes: tuple[str, ...]) -> Iterator[tuple[Placement, NodePool]]:
    """Pools with one of the classes, in clusters where the team is, that it may use."""
    for cluster, placement in placements_of(platform, team):
        for pool in cluster.node_pools:
            if pool.accelerator in classes and pool.accelerators_per_node and pool.dedicated_to in (None, team.id):
                yield placement, pool


@dataclass(frozen=True, slots=True)
class UsualSize:
    """CPU and memory of a replica that names none."""

    cpu: MilliCpu
    memory: Bytes


def usual_size(platform: Platform, team: Team, classes: tuple[str, ...], count: int) -> UsualSize:
    """Its share of what stands beside its devices, so that neither CPU nor memory runs out before the devices do.

    The least over all pools with the first class: its share of a node but a tenth, and of the team's guaranteed quota
    in that cluster. Whole CPUs and whole Gi, one at least, and never more than one pod of the team may ask for.
    """
    if not count:
        return _within(team, CPU_ALONE, MEMORY_ALONE)
    first = platform.accelerators.get(classes[0]) if classes else None
    parts = 1 if first is None else first.partitions
    cpus: list[Fraction] = []
    memories: list[Fraction] = []
    for placement, pool in pools_with(platform, team, classes[:1]):
        guaranteed = sum(each.devices.nominal for each in placement.accelerators)
        cpus.append(pool.cpu * _LEFT_FOR_OTHERS / pool.accelerators_per_node)
        memories.append(pool.memory * _LEFT_FOR_OTHERS / pool.accelerators_per_node)
        if guaranteed:
            cpus.append(Fraction(placement.cpu.nominal, guaranteed))
            memories.append(Fraction(placement.memory.nominal, guaranteed))
    cpu = min(cpus, default=Fraction(CPU_OF_A_DEVICE, parts))
    memory = min(memories, default=Fraction(MEMORY_OF_A_DEVICE, parts))
    return _within(team, int(cpu * count), int(memory * count))


def _within(team: Team, cpu: int, memory: int) -> UsualSize:
    limits = team.member_limits
    cpu = max(1_000, cpu // 1_000 * 1_000)
    memory = max(_GIB, memory // _GIB * _GIB)
    return UsualSize(
        MilliCpu(cpu if limits.cpu is None else min(cpu, limits.cpu)),
        Bytes(memory if limits.memory is None else min(memory, limits.memory)),
    )


def has_lasting(platform: Platform, team: Team, classes: tuple[str, ...]) -> bool:
    """Whether the team has quota for one of the classes that is not taken away; of CPU alone it always has."""
    if not classes:
        return True
    quota = quota_of(platform, team)
    known = [types for name, types in quota.items() if name in classes]
    return not known or any(types - {CapacityType.SPOT} for types in known)
