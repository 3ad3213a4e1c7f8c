"""Whether teams fit where they are placed: isolation, pod sizes, spot under production."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Environment
from allotment.model.team import Isolation
from allotment.spec.checks.context import PlacedContext, error, warning
from allotment.spec.problems import Issue

_OWN_CLUSTER: Final = (Isolation.CLUSTER, Isolation.SUBSCRIPTION)


def isolated_teams_have_their_pool(placed: PlacedContext) -> Iterator[Issue]:
    """Isolation node-pool needs a pool dedicated to the team wherever it is, and no devices from elsewhere."""
    for team, cluster, placement in placed.placements():
        if team.isolation is not Isolation.NODE_POOL:
            continue
        entry, path = placed.place(team.name, cluster.name)
        if not any(pool.dedicated_to == team.id for pool in cluster.node_pools):
            what = f"isolation node-pool, but cluster {cluster.name} has no pool dedicated to {team.name}"
            fix = f"add dedicatedTo: {team.name} to a node pool there, or choose another isolation"
            yield error(entry, path, what, fix)
            continue
        for allowance in placement.accelerators:
            if cluster.flavor(allowance.flavor).dedicated_to is None:
                word = placed.word(team.name, cluster.name, allowance.flavor)
                at, fields = placed.place(team.name, cluster.name, "accelerators", word)
                what = f"{allowance.flavor} is shared, but the team's isolation is node-pool"
                yield error(at, fields, what, "name a flavor of the team's own pools")


def separate_teams_are_alone(placed: PlacedContext) -> Iterator[Issue]:
    """Isolation cluster and subscription mean that nobody else is there."""
    present: dict[str, list[str]] = {}
    for team, cluster, _placement in placed.placements():
        present.setdefault(cluster.name, []).append(team.name)
    for team, cluster, _placement in placed.placements():
        others = [name for name in present[cluster.name][:3] if name != team.name]
        if team.isolation in _OWN_CLUSTER and others:
            entry, path = placed.place(team.name, cluster.name)
            what = f"isolation {team.isolation}, but {others[0]} is placed in {cluster.name} too"
            yield error(entry, path, what, "place one of the two elsewhere, or choose another isolation")


def quota_can_be_used(placed: PlacedContext) -> Iterator[Issue]:
    """Limits per pod that shut a team out of its own quota, and flavors that give nothing."""
    taken = {
        (each.team, each.share.cluster, each.share.flavor) for grant in placed.platform.grants for each in grant.taken
    }
    for team, cluster, placement in placed.placements():
        per_pod = team.member_limits.accelerators
        if per_pod == 0 and any(entry.devices.nominal for entry in placement.accelerators):
            what = f"no pod may have a device, but the team has quota in {cluster.name}"
            entry = placed.context.teams[team.name]
            yield warning(entry, ("memberLimits", "accelerators"), what, "raise the limit, or remove the quota")
        for allowance in placement.accelerators:
            amount = allowance.devices
            if (team.name, cluster.name, allowance.flavor) in taken:
                continue
            if amount.nominal == 0 and (placement.cohort is None or amount.borrowing_limit == 0):
                word = placed.word(team.name, cluster.name, allowance.flavor)
                entry_at, path = placed.place(team.name, cluster.name, "accelerators", word)
                what = f"nothing of {allowance.flavor} is guaranteed and nothing can be borrowed"
                yield warning(entry_at, path, what, "raise nominal, or allow borrowing")


def work_finds_a_node(placed: PlacedContext) -> Iterator[Issue]:
    """Teams without accelerators where every node is for accelerators, or another team's: nothing of them can run."""
    for team, cluster, placement in placed.placements():
        # What further taints a pool without accelerators has, work may tolerate.
        within_reach = any(
            pool.is_open or (pool.accelerator is None and pool.dedicated_to in (None, team.id))
            for pool in cluster.node_pools
        )
        if not placement.accelerators and not within_reach:
            entry, path = placed.place(team.name, cluster.name)
            what = f"no node of {cluster.name} takes work without accelerators, and the team has none there"
            fix = "nothing of the team can run there: give it accelerators, or add a node pool without"
            yield warning(entry, path, what, fix)


def member_limits_fit_a_node(placed: PlacedContext) -> Iterator[Issue]:
    """A limit per pod that no node of the team's can hold, in any of its clusters: pods would wait for ever."""
    largest: dict[str, int] = {}
    limits: dict[str, int] = {}
    for team, cluster, placement in placed.placements():
        flavors = {entry.flavor for entry in placement.accelerators}
        sizes = (pool.accelerators_per_node for pool in cluster.node_pools if pool.flavor in flavors)
        largest[team.name] = max(largest.get(team.name, 0), *sizes, 0)
        if team.member_limits.accelerators is not None:
            limits[team.name] = team.member_limits.accelerators
    for name, limit in limits.items():
        if 0 < largest[name] < limit:
            what = f"a pod may ask for {limit} devices, but the team's largest node has {largest[name]}"
            entry = placed.context.teams[name]
            yield warning(entry, ("memberLimits", "accelerators"), what, f"lower it to {largest[name]}")


def production_services_do_not_vanish(placed: PlacedContext) -> Iterator[Issue]:
    """Spot flavors where a team may run services of a tier that must not be on spot."""
    steady = {tier.default_priority: tier.name for tier in placed.platform.slo_tiers if not tier.spot_allowed}
    for team, cluster, placement in placed.placements():
        if placement.environment is not Environment.PRODUCTION:
            continue
        tier = next((steady[rung] for rung in team.priorities if rung in steady), None)
        if tier is None:
            continue
        for allowance in placement.accelerators:
            if cluster.flavor(allowance.flavor).capacity_type is CapacityType.SPOT:
                word = placed.word(team.name, cluster.name, allowance.flavor)
                entry, path = placed.place(team.name, cluster.name, "accelerators", word)
                what = f"spot capacity in production for a team with services of tier {tier}, which may not be on spot"
                yield warning(entry, path, what, "use an on-demand or reserved flavor, or set spotAllowed on the tier")


CHECKS: Final = (
    isolated_teams_have_their_pool,
    separate_teams_are_alone,
    quota_can_be_used,
    work_finds_a_node,
    member_limits_fit_a_node,
    production_services_do_not_vanish,
)
