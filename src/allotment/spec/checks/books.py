"""Books against hardware: what is guaranteed must exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Cluster
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu
from allotment.spec.checks.context import PlacedContext, error, warning
from allotment.spec.problems import Issue

_MOST_NAMED = 5


def devices_are_not_promised_twice(placed: PlacedContext) -> Iterator[Issue]:
    """Guaranteed devices of a flavor against what its pools can have, and against what stands for certain."""
    held = _held_devices(placed)
    for cluster in placed.platform.clusters:
        entry = placed.context.clusters[cluster.name]
        for flavor in cluster.flavors:
            shares = held.get((cluster.name, flavor.name), [])
            total = sum(amount for _team, amount in shares)
            pools = [(i, pool) for i, pool in enumerate(cluster.node_pools) if pool.flavor == flavor.name]
            if flavor.accelerator is None or not pools:
                continue
            here = ("nodePools", pools[0][0], "maxNodes")
            standing = sum(pool.accelerators_per_node * pool.min_nodes for _index, pool in pools)
            if total > flavor.capacity:
                what = f"{total} devices of {flavor.name} are guaranteed, the pools can have {flavor.capacity}"
                fix = f"lower the guarantees ({_named(shares)}) or raise maxNodes"
                yield error(entry, here, what, fix)
            elif flavor.capacity_type is CapacityType.RESERVED and total > standing:
                # On-demand and spot pools grow; what is reserved is there from the start or it is not reserved.
                what = f"{total} devices of {flavor.name} are guaranteed, but only {standing} stand at minNodes"
                fix = "raise minNodes: a reservation is paid whether its nodes stand or not"
                yield warning(entry, here, what, fix)


def cpu_and_memory_are_not_promised_twice(placed: PlacedContext) -> Iterator[Issue]:
    """Guaranteed CPU and memory against all pools at their maximum."""
    cpu: dict[str, list[tuple[str, int]]] = {}
    memory: dict[str, list[tuple[str, int]]] = {}
    for team, cluster, placement in placed.placements():
        cpu.setdefault(cluster.name, []).append((team.name, placement.cpu.nominal))
        memory.setdefault(cluster.name, []).append((team.name, placement.memory.nominal))
    for cluster in placed.platform.clusters:
        cpu_shares, memory_shares = cpu.get(cluster.name, []), memory.get(cluster.name, [])
        cpu_total, memory_total = sum(n for _, n in cpu_shares), sum(n for _, n in memory_shares)
        if cpu_total > cluster.cpu:
            amounts = (
                f"{format_cpu(MilliCpu(cpu_total))} CPU are guaranteed, the pools can have {format_cpu(cluster.cpu)}"
            )
            yield _short(placed, cluster, amounts, cpu_shares)
        if memory_total > cluster.memory:
            have = format_bytes(cluster.memory)
            amounts = f"{format_bytes(Bytes(memory_total))} memory are guaranteed, the pools can have {have}"
            yield _short(placed, cluster, amounts, memory_shares)


def _short(placed: PlacedContext, cluster: Cluster, what: str, shares: list[tuple[str, int]]) -> Issue:
    names = _named(shares, amounts=False)
    fix = f"lower the guarantees (most: {names}), raise maxNodes, or add a CPU pool"
    return error(placed.context.clusters[cluster.name], ("nodePools",), what, fix)


def _held_devices(placed: PlacedContext) -> dict[tuple[str, str], list[tuple[str, int]]]:
    held: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for team, cluster, placement in placed.placements():
        for entry in placement.accelerators:
            held.setdefault((cluster.name, entry.flavor), []).append((team.name, entry.devices.nominal))
    return held


def _named(shares: Iterable[tuple[str, int]], *, amounts: bool = True) -> str:
    """The largest shares, and how many more there are."""
    ordered = sorted((share for share in shares if share[1]), key=lambda share: (-share[1], share[0]))
    named = [f"{team} {amount}" if amounts else team for team, amount in ordered[:_MOST_NAMED]]
    rest = len(ordered) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


CHECKS = (devices_are_not_promised_twice, cpu_and_memory_are_not_promised_twice)
