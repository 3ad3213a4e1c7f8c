"""Books against hardware: what is guaranteed must exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Cluster
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu
from allotment.model.requests.terms import QuotaShare
from allotment.model.team import Placement, Team
from allotment.spec.checks.context import PlacedContext, error, warning
from allotment.spec.problems import Issue

_MOST_NAMED: Final = 5
_A_NEIGHBOUR: Final = 2
"""Teams from which on one can be in another's way."""


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
                granted = _granted(placed, cluster, partial(_devices_of, flavor.name))
                fix = f"lower the guarantees ({_named(shares)}){granted} or raise maxNodes"
                yield error(entry, here, what, fix)
            elif total < standing:
                what = (
                    f"{standing} devices of {flavor.name} stand at minNodes, but only {total} are anybody's quota: "
                    f"{standing - total} can be used by nobody, not even by borrowing"
                )
                fix = "raise a guarantee, give them to a cohort (cohorts, quota) to be borrowed, or lower minNodes"
                yield warning(entry, (*here[:2], "minNodes"), what, fix)
            elif flavor.capacity_type is CapacityType.RESERVED and total > standing:
                # On-demand and spot pools grow; what is reserved is there from the start or it is not reserved.
                what = f"{total} devices of {flavor.name} are guaranteed, but only {standing} stand at minNodes"
                fix = "raise minNodes: a reservation is paid whether its nodes stand or not"
                yield warning(entry, here, what, fix)


def cpu_and_memory_are_not_promised_twice(placed: PlacedContext) -> Iterator[Issue]:
    """Guaranteed CPU and memory against all pools at their maximum."""
    cpu: dict[str, list[tuple[str, int]]] = {}
    memory: dict[str, list[tuple[str, int]]] = {}
    for holder, cluster, quota in placed.quotas():
        cpu.setdefault(cluster.name, []).append((holder, quota.cpu.nominal))
        memory.setdefault(cluster.name, []).append((holder, quota.memory.nominal))
    for cluster in placed.platform.clusters:
        cpu_shares, memory_shares = cpu.get(cluster.name, []), memory.get(cluster.name, [])
        cpu_total, memory_total = sum(n for _, n in cpu_shares), sum(n for _, n in memory_shares)
        if cpu_total > cluster.cpu:
            amounts = (
                f"{format_cpu(MilliCpu(cpu_total))} CPU are guaranteed, the pools can have {format_cpu(cluster.cpu)}"
            )
            yield _short(placed, cluster, amounts, cpu_shares, _granted(placed, cluster, lambda share: share.cpu))
        if memory_total > cluster.memory:
            have = format_bytes(cluster.memory)
            amounts = f"{format_bytes(Bytes(memory_total))} memory are guaranteed, the pools can have {have}"
            yield _short(placed, cluster, amounts, memory_shares, _granted(placed, cluster, lambda share: share.memory))


def _short(placed: PlacedContext, cluster: Cluster, what: str, shares: list[tuple[str, int]], granted: str) -> Issue:
    names = _named(shares, amounts=False)
    fix = f"lower the guarantees (most: {names}){granted}, raise maxNodes, or add a CPU pool"
    return error(placed.context.clusters[cluster.name], ("nodePools",), what, fix)


def _devices_of(flavor: str, share: QuotaShare) -> int:
    return share.devices if share.flavor == flavor else 0


def _granted(placed: PlacedContext, cluster: Cluster, amount: Callable[[QuotaShare], int]) -> str:
    """What to do about the grants that raise the guarantees of something in a cluster; empty where none does.

    Args:
        placed: the platform.
        cluster: where.
        amount: how much of it a share is.
    """
    files = {entry.spec.name: entry.source.file for entry in placed.context.declared.grants}
    raising = []
    for grant in placed.platform.grants:
        given = sum(amount(share) for share in grant.shares if share.cluster == cluster.name)
        given -= sum(amount(each.share) for each in grant.taken if each.share.cluster == cluster.name)
        if given > 0:
            raising.append((f"{grant.name} in {files[grant.name]}", given))
    return f", end a grant ({_named(raising, amounts=False)})" if raising else ""


def _held_devices(placed: PlacedContext) -> dict[tuple[str, str], list[tuple[str, int]]]:
    held: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for holder, cluster, quota in placed.quotas():
        for entry in quota.accelerators:
            held.setdefault((cluster.name, entry.flavor), []).append((holder, entry.devices.nominal))
    return held


def _named(shares: Iterable[tuple[str, int]], *, amounts: bool = True) -> str:
    """The largest shares, and how many more there are."""
    ordered = sorted((share for share in shares if share[1]), key=lambda share: (-share[1], share[0]))
    named = [f"{team} {amount}" if amounts else team for team, amount in ordered[:_MOST_NAMED]]
    rest = len(ordered) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


def no_team_can_fill_the_cpu_nodes(placed: PlacedContext) -> Iterator[Issue]:
    """CPU quota counts the accelerator nodes too, but work without devices runs only where nothing keeps it away.

    A team whose quota reaches as far as those nodes can fill them alone, and the others' such work waits within its own
    guarantee: Kueue has admitted it, and no quota can be reclaimed.
    """
    teams: dict[str, list[tuple[Team, Placement]]] = {}
    for team, cluster, placement in placed.placements():
        teams.setdefault(cluster.name, []).append((team, placement))
    for cluster in placed.platform.clusters:
        present = teams.get(cluster.name, [])
        open_pools = [pool for pool in cluster.node_pools if pool.is_open]
        if len(present) < _A_NEIGHBOUR or not open_pools:
            continue
        cpu = MilliCpu(sum(pool.cpu * pool.max_nodes for pool in open_pools))
        memory = Bytes(sum(pool.memory * pool.max_nodes for pool in open_pools))
        # Work without a queue is held by the namespace's quota alone, and every namespace has one.
        holders = [(team.name, len(team.namespaces), placement.namespace_quota) for team, placement in present]
        filling = [
            f"{word} {named}"
            for word, named in (
                ("CPU:", _filling(cpu, [(name, times * it.requests_cpu) for name, times, it in holders], _cpu_text)),
                (
                    "memory:",
                    _filling(memory, [(name, times * it.requests_memory) for name, times, it in holders], _memory_text),
                ),
            )
            if named
        ]
        if filling:
            what = (
                f"work without devices runs only on pools without taints, which can have {format_cpu(cpu)} CPU and "
                f"{format_bytes(memory)} memory; one team alone may fill them ({'; '.join(filling)}), and the others' "
                "waits whatever they are guaranteed"
            )
            fix = (
                "raise maxNodes of such a pool, or lower the quotas and borrowing limits of those teams, or their "
                "namespaceQuota, which each of their namespaces has"
            )
            yield warning(placed.context.clusters[cluster.name], ("nodePools",), what, fix)


def _filling(room: int, reach: Iterable[tuple[str, int]], text: Callable[[int], str]) -> str:
    """The teams whose quota reaches as far as there is room, the largest first; empty if there are none."""
    filling = sorted((share for share in reach if share[1] >= room), key=lambda share: (-share[1], share[0]))
    named = ", ".join(f"{team} {text(amount)}" for team, amount in filling[:_MOST_NAMED])
    return named + (f" and {len(filling) - _MOST_NAMED} more" if len(filling) > _MOST_NAMED else "")


def _cpu_text(amount: int) -> str:
    return format_cpu(MilliCpu(amount))


def _memory_text(amount: int) -> str:
    return format_bytes(Bytes(amount))


CHECKS: Final = (devices_are_not_promised_twice, cpu_and_memory_are_not_promised_twice, no_team_can_fill_the_cpu_nodes)
