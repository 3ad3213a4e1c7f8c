"""Teams: where they are, what they name, who may use them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.spec.checks.context import Context, error, warning
from allotment.spec.convert.clusters import cohort_names, environment_of
from allotment.spec.convert.platform import default_storage_class
from allotment.spec.convert.teams import namespaces_of
from allotment.spec.declared import DeclaredDocument
from allotment.spec.devices import device_meant
from allotment.spec.identity import id_of
from allotment.spec.problems import Issue, Path, did_you_mean, echo
from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.team import PlacementOverrideSpec, PlacementSpec, TeamSpec

Fields = tuple[DeclaredDocument[KindSpec], Path, PlacementSpec | PlacementOverrideSpec]


def placements_name_clusters(context: Context) -> Iterator[Issue]:
    """A team is somewhere, and only in clusters that exist."""
    for entry in context.declared.teams:
        if not entry.spec.placements:
            what = "the team has no cluster, so nothing would be made for it"
            yield error(entry, ("placements",), what, "add a placement; the name of a cluster and the quota there")
        for name in entry.spec.placements:
            if not context.known("Cluster", context.clusters, name):
                fix = did_you_mean(name, context.clusters)
                yield error(entry, ("placements", name), f"there is no cluster {echo(name)}", fix)


def accelerators_name_flavors(context: Context) -> Iterator[Issue]:
    """Each word means a flavor of the cluster that the team may use, and no two the same one."""
    for team, site, (entry, path, fields) in _placements(context):
        if fields.accelerators is None or _uncertain(context, site):
            continue
        flavors = context.flavors[site.name]
        seen: dict[str, str] = {}
        for word in fields.accelerators:
            here = (*path, "accelerators", word)
            flavor = flavors.meant(word, id_of(team))
            if flavor is None:
                what = f"cluster {site.name} has no accelerator or flavor {echo(word)} for team {team.name}"
                yield error(entry, here, what, device_meant(word, _devices(context, flavors.offered_to(id_of(team)))))
            elif flavor.dedicated_to not in (None, id_of(team)):
                what = f"the flavor {echo(word)} is dedicated to team {flavor.dedicated_to}"
                yield error(entry, here, what, did_you_mean("", flavors.offered_to(id_of(team))))
            elif flavor.name in seen:
                what = f"{echo(word)} and {echo(seen[flavor.name])} mean the same flavor {flavor.name}"
                yield error(entry, here, what, "keep one of the two")
            else:
                seen[flavor.name] = word


def quotas_name_accelerators(context: Context) -> Iterator[Issue]:
    """A namespace quota for a device that the team's queue does not offer guards nothing."""
    for team, site, (entry, path, fields) in _placements(context):
        if fields.namespace_quota is None or _uncertain(context, site):
            continue
        flavors = context.flavors[site.name]
        offered = set(flavors.by_accelerator)
        for name in fields.namespace_quota.accelerators:
            if name not in offered:
                what = f"cluster {site.name} has no accelerator {echo(name)} for team {team.name}"
                here = (*path, "namespaceQuota", "accelerators", name)
                yield error(entry, here, what, did_you_mean(name, offered))
        for key in fields.namespace_quota.objects:
            if key not in _COUNTED and not key.startswith("count/"):
                what = f"{echo(key)} is no ResourceQuota key"
                here = (*path, "namespaceQuota", "objects", key)
                yield error(
                    entry, here, what, f"{did_you_mean(key, _COUNTED)}; others are written count/<plural>.<group>"
                )


_COUNTED: Final = frozenset(
    {
        "configmaps",
        "secrets",
        "services",
        "services.nodeports",
        "services.loadbalancers",
        "replicationcontrollers",
        "resourcequotas",
    }
)


def cohorts_exist(context: Context) -> Iterator[Issue]:
    """A queue joins a cohort of its cluster, or none."""
    for _team, site, (entry, path, fields) in _placements(context):
        if fields.cohort is None:
            continue
        known = cohort_names(site)
        if fields.cohort not in known:
            what = f"cluster {site.name} has no cohort {echo(fields.cohort)}"
            yield error(entry, (*path, "cohort"), what, did_you_mean(fields.cohort, known))
        elif fields.standalone:
            what = "a queue that stands alone joins no cohort"
            yield error(entry, (*path, "cohort"), what, "remove cohort, or standalone")


def environments_agree(context: Context) -> Iterator[Issue]:
    """A placement's environment is one of the team's."""
    for team, site, (entry, path, fields) in _placements(context):
        if not team.environments or not path or path[0] != "placements":
            continue
        override = site.overrides.teams.get(team.name)
        changed = override.environment if override is not None else None
        environment = changed or fields.environment or environment_of(site)
        if environment not in team.environments:
            names = ", ".join(team.environments)
            what = f"the placement is in {environment}, the team's environments are {names}"
            fix = f"add {environment} to the team's environments, or remove the placement"
            yield error(entry, path, what, fix)


def priorities_are_rungs(context: Context) -> Iterator[Issue]:
    """A team may use rungs of the ladder, each named once."""
    rungs = {rung.name: rung for rung in context.ladder}
    for entry in context.declared.teams:
        seen: set[str] = set()
        for index, name in enumerate(entry.spec.priorities):
            if not context.known("Priority", rungs, name):
                fix = did_you_mean(name, rungs)
                yield error(entry, ("priorities", index), f"the ladder has no rung {echo(name)}", fix)
            elif name in seen:
                yield error(entry, ("priorities", index), f"{echo(name)} is named twice", "remove one of the two")
            seen.add(name)


def somebody_may_use_it(context: Context) -> Iterator[Issue]:
    """A team without groups, and a team that nobody pays for."""
    for entry in context.declared.teams:
        groups = entry.spec.groups
        if not (groups.owners or groups.members):
            what = "the team has neither owners nor members, so nobody can run anything"
            yield warning(entry, ("groups",), what, "add the identity provider's group under groups.members")
        if entry.spec.cost_center == "unassigned":
            what = "the team has no cost centre: its cost is shown as unallocated"
            yield warning(entry, ("costCenter",), what, "add costCenter: with the code that finance uses")


def storage_fits(context: Context) -> Iterator[Issue]:
    """Claims have a class, names of their own, and room."""
    classes = {entry.spec.name for entry in context.declared.storage_classes}
    default = default_storage_class(context.declared)
    for entry in context.declared.teams:
        storage = entry.spec.storage
        names: set[str] = set()
        for index, claim in enumerate(storage.claims):
            here = ("storage", "claims", index)
            if claim.name in names:
                yield error(entry, (*here, "name"), f"the claim {echo(claim.name)} is given twice", "rename one")
            names.add(claim.name)
            if claim.storage_class is None and not default:
                what = "the claim names no storage class, and the directory has no default one"
                yield error(
                    entry, (*here, "storageClass"), what, "name one, or declare a StorageClass with default: true"
                )
            elif claim.storage_class is not None and claim.storage_class not in classes:
                what = f"the storage class {echo(claim.storage_class)} is not declared here"
                fix = did_you_mean(claim.storage_class, classes)
                yield warning(entry, (*here, "storageClass"), what, f"{fix}; or make sure that every cluster has it")
        if storage.total is not None and _most_claimed(entry.spec) > storage.total:
            what = "the claims ask for more than the total"
            yield error(entry, ("storage", "total"), what, "raise the total, or shrink a claim")


def _most_claimed(spec: TeamSpec) -> int:
    """The sum of the claims in the namespace that gets most of them: the total holds for each."""
    return max(
        sum(claim.size for claim in spec.storage.claims if not claim.namespaces or namespace in claim.namespaces)
        for namespace in namespaces_of(spec)
    )


def container_defaults_are_in_order(context: Context) -> Iterator[Issue]:
    """Request <= limit <= the most of one pod; and none is 0, which would mean uncounted, or not limited."""
    for entry in context.declared.teams:
        given, most = entry.spec.container_defaults, entry.spec.member_limits
        for name in ("cpu", "memory"):
            request, limit = getattr(given.requests, name), getattr(given.limits, name)
            at_most = getattr(most, name)
            for field, amount in (("requests", request), ("limits", limit)):
                here = ("containerDefaults", field, name)
                if amount == 0:
                    what = "a default of 0 leaves out what containers take"
                    yield error(entry, here, what, "write an amount, or remove the field")
                elif amount is not None and at_most is not None and amount > at_most:
                    what = f"the default is above memberLimits.{name}: every pod that relies on it would be refused"
                    yield error(entry, here, what, f"lower it, or raise memberLimits.{name}")
            if request is not None and limit is not None and request > limit:
                what = f"the default request is above the default limit of {name}"
                yield error(entry, ("containerDefaults", "requests", name), what, "lower it, or raise the limit")


def _devices(context: Context, names: Iterable[str]) -> dict[str, AcceleratorSpec | None]:
    return {name: context.accelerators.get(name) for name in names}


def _placements(context: Context) -> Iterator[tuple[TeamSpec, ClusterSpec, Fields]]:
    """Every placement in a known cluster; then what clusters override of it."""
    for entry in context.declared.teams:
        for name, placement in entry.spec.placements.items():
            site = context.clusters.get(name)
            if site is not None:
                yield entry.spec, site.spec, (entry, ("placements", name), placement)
    for site in context.declared.clusters:
        for name, override in site.spec.overrides.teams.items():
            team = context.teams.get(name)
            if team is not None:
                yield team.spec, site.spec, (site, ("overrides", "teams", name), override)


def _uncertain(context: Context, site: ClusterSpec) -> bool:
    """Whether flavors may be missing because a pool's accelerator has errors that are told already."""
    return any(
        pool.accelerator is not None and pool.accelerator not in context.accelerators for pool in site.node_pools
    )


def guests_are_named(context: Context) -> Iterator[Issue]:
    """A guest is somebody: groups of the system hold everybody, or nobody knows whom."""
    for entry in context.declared.teams:
        for index, guest in enumerate(entry.spec.guests):
            if guest.startswith("system:"):
                what = f"{echo(guest)} is a name of Kubernetes itself, and no guest"
                yield error(entry, ("guests", index), what, "name users or groups of the identity provider")


CHECKS: Final = (
    placements_name_clusters,
    accelerators_name_flavors,
    quotas_name_accelerators,
    cohorts_exist,
    environments_agree,
    priorities_are_rungs,
    somebody_may_use_it,
    guests_are_named,
    storage_fits,
    container_defaults_are_in_order,
)
