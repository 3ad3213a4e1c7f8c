"""Clusters: pools, cohorts, flavors, overrides, versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from allotment.model.cluster import COUNTED_ALWAYS, Environment, Feature, KueueApi, QueueLayout
from allotment.spec import defaults
from allotment.spec.checks.context import Context, error, warning
from allotment.spec.convert.clusters import environment_of
from allotment.spec.convert.teams import namespaces_of
from allotment.spec.declared import DeclaredDocument
from allotment.spec.devices import DECLARE, device_meant
from allotment.spec.flavors import devices_per_node
from allotment.spec.problems import Issue, did_you_mean, echo
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.platform import ALWAYS_EXEMPT

_VERSION_FIELDS: Final = ("kubernetes", "driver", "cuda", "cudnn", "runtime")
_ADMISSION_POLICIES_SINCE: Final = (1, 30)
"""First Kubernetes where ValidatingAdmissionPolicy is generally available."""


def pools_make_sense(context: Context) -> Iterator[Issue]:
    """Each pool by itself."""
    for entry in context.declared.clusters:
        if not entry.spec.node_pools:
            yield error(entry, ("nodePools",), "the cluster has no node pool", "declare at least one")
        for index, pool in enumerate(entry.spec.node_pools):
            here = ("nodePools", index)
            if pool.accelerator is not None and not context.known(
                "Accelerator", context.accelerators, pool.accelerator
            ):
                fix = f"{device_meant(pool.accelerator, context.accelerators)}{DECLARE}"
                yield error(entry, (*here, "accelerator"), f"there is no accelerator {echo(pool.accelerator)}", fix)
            if pool.accelerator is None and pool.accelerators_per_node:
                what = "a number of accelerators, but the pool names no accelerator"
                yield error(entry, (*here, "acceleratorsPerNode"), what, "add accelerator:, or remove this line")
            if pool.accelerator is not None and pool.accelerators_per_node == 0:
                what = "an accelerator pool whose nodes have none"
                yield error(entry, (*here, "acceleratorsPerNode"), what, "write how many a node offers")
            if pool.max_nodes < pool.min_nodes:
                what = f"at most {pool.max_nodes} nodes, at least {pool.min_nodes}"
                yield error(entry, (*here, "maxNodes"), what, f"write {pool.min_nodes} or more")
            if devices_per_node(pool) > pool.pods:
                what = f"a node offers {devices_per_node(pool)} devices but only {pool.pods} pods: the rest is stranded"
                yield warning(entry, (*here, "pods"), what, "allow more pods a node, or larger slices")


def leader_worker_sets_queue_as_pods(context: Context) -> Iterator[Issue]:
    """Kueue counts a LeaderWorkerSet as groups of its pods."""
    for entry in context.declared.clusters:
        features = entry.spec.features
        if Feature.LEADERWORKERSET in features and Feature.POD_INTEGRATION not in features:
            what = "leaderworkerset without pod-integration: its pods would be refused, and it would wait for ever"
            yield error(entry, ("features",), what, "add pod-integration, and switch it on in Kueue's configuration")


def slices_come_from_whole_devices(context: Context) -> Iterator[Issue]:
    """A node offers as many slices as whole devices give."""
    for entry in context.declared.clusters:
        for index, pool in enumerate(entry.spec.node_pools):
            spec = context.accelerators.get(pool.accelerator or "")
            if spec is not None and spec.partitions > 1 and devices_per_node(pool) % spec.partitions:
                what = f"{devices_per_node(pool)} slices a node, but a device gives {spec.partitions} of {spec.name}"
                fix = f"write a multiple of {spec.partitions}"
                yield warning(entry, ("nodePools", index, "acceleratorsPerNode"), what, fix)


def dedicated_pools_have_a_team(context: Context) -> Iterator[Issue]:
    """A pool for a team that does not exist, or is not here, serves nobody."""
    for entry in context.declared.clusters:
        for index, pool in enumerate(entry.spec.node_pools):
            team = pool.dedicated_to
            if team is None:
                continue
            here = ("nodePools", index, "dedicatedTo")
            if not context.known("Team", context.teams, team):
                yield error(entry, here, f"there is no team {echo(team)}", did_you_mean(team, context.teams))
            elif team in context.teams and entry.spec.name not in context.teams[team].spec.placements:
                what = f"team {echo(team)} has no placement in this cluster, so nobody can use the pool"
                yield warning(entry, here, what, "add the placement, or share the pool")


def open_namespaces_are_teams(context: Context) -> Iterator[Issue]:
    """A namespace without network policies is named on purpose, and not for ever."""
    for entry in context.declared.clusters:
        here = {
            namespace
            for team in context.declared.teams
            if entry.spec.name in team.spec.placements
            for namespace in namespaces_of(team.spec)
        }
        for index, name in enumerate(entry.spec.without_network_policies):
            path = ("withoutNetworkPolicies", index)
            if name in here:
                what = f"{echo(name)} has no network policies: whatever runs in the cluster reaches its pods"
                yield warning(entry, path, what, "take it off the list once its connections are known and declared")
            else:
                what = f"no team has the namespace {echo(name)} in this cluster"
                yield error(entry, path, what, did_you_mean(name, here))


def cohorts_are_trees(context: Context) -> Iterator[Issue]:
    """Unknown parents, and circles: Kueue switches off every queue of a cohort tree with a cycle."""
    for entry in context.declared.clusters:
        parents = {cohort.name: cohort.parent for cohort in entry.spec.cohorts}
        circle = in_circles(parents)
        for index, cohort in enumerate(entry.spec.cohorts):
            here = ("cohorts", index, "parent")
            if cohort.parent is not None and cohort.parent not in parents:
                what = f"there is no cohort {echo(cohort.parent)} in this cluster"
                yield error(entry, here, what, did_you_mean(cohort.parent, parents))
            elif cohort.name in circle:
                yield error(entry, here, f"the cohort {echo(cohort.name)} is its own ancestor", "break the circle")


def cohort_quotas_name_flavors(context: Context) -> Iterator[Issue]:
    """Each word means a flavor that all may use, and no two the same one."""
    for entry in context.declared.clusters:
        flavors = context.flavors[entry.spec.name]
        for index, cohort in enumerate(entry.spec.cohorts):
            seen: dict[str, str] = {}
            for word in cohort.quota.accelerators if cohort.quota is not None else ():
                here = ("cohorts", index, "quota", "accelerators", word)
                flavor = flavors.meant(word, "")
                if flavor is None:
                    what = f"the pools make no accelerator or flavor {echo(word)} that teams share"
                    yield error(
                        entry,
                        here,
                        what,
                        device_meant(word, {name: context.accelerators.get(name) for name in flavors.offered_to("")}),
                    )
                elif flavor.dedicated_to is not None:
                    what = f"the flavor {echo(word)} is dedicated to team {flavor.dedicated_to}"
                    yield error(entry, here, what, "give it to that team's placement")
                elif flavor.name in seen:
                    what = f"{echo(word)} and {echo(seen[flavor.name])} mean the same flavor {flavor.name}"
                    yield error(entry, here, what, "keep one of the two")
                seen.setdefault(flavor.name if flavor is not None else "", word)


def in_circles(parents: Mapping[str, str | None]) -> set[str]:
    """Names on a circle of the parent relation; each name is walked once."""
    done: set[str] = set()
    found: set[str] = set()
    for start in parents:
        trail: dict[str, int] = {}
        name: str | None = start
        while name is not None and name in parents and name not in done and name not in trail:
            trail[name] = len(trail)
            name = parents[name]
        if name is not None and name in trail:
            found.update(list(trail)[trail[name] :])
        done.update(trail)
    return found


def flavor_order_names_flavors(context: Context) -> Iterator[Issue]:
    """Each flavor at most once, and only those that the pools amount to."""
    for entry in context.declared.clusters:
        flavors = context.flavors[entry.spec.name].by_name
        seen: set[str] = set()
        for index, name in enumerate(entry.spec.flavor_order):
            here = ("flavorOrder", index)
            if name not in flavors or flavors[name].accelerator is None:
                fix = did_you_mean(name, {word for word, flavor in flavors.items() if flavor.accelerator is not None})
                yield error(entry, here, f"the pools make no flavor {echo(name)}", fix)
            elif name in seen:
                yield error(entry, here, f"{echo(name)} stands in the order twice", "remove one of the two")
            seen.add(name)


def further_resources_are_further(context: Context) -> Iterator[Issue]:
    """A queue names each resource once, and accelerators are divided among teams."""
    domains = {f"{spec.resource_name.partition('/')[0]}/" for spec in context.accelerators.values()}
    for entry in context.declared.clusters:
        seen: set[str] = set()
        for index, name in enumerate(entry.spec.further_resources):
            here = ("furtherResources", index)
            if name in COUNTED_ALWAYS or name == "pods":
                yield error(entry, here, f"{echo(name)} is counted in every cluster", "remove it")
            elif any(name.startswith(domain) for domain in domains):
                fix = "declare an accelerator with this resourceName, so that teams have shares of it"
                yield error(entry, here, f"{echo(name)} is an accelerator's", fix)
            elif name in seen:
                yield error(entry, here, f"{echo(name)} is named twice", "remove one of the two")
            seen.add(name)


def overrides_meet_placements(context: Context) -> Iterator[Issue]:
    """An override for a team that is not in the cluster changes nothing, which nobody means."""
    for entry in context.declared.clusters:
        for team in entry.spec.overrides.teams:
            here = ("overrides", "teams", team)
            if not context.known("Team", context.teams, team):
                yield error(entry, here, f"there is no team {echo(team)}", did_you_mean(team, context.teams))
            elif team in context.teams and entry.spec.name not in context.teams[team].spec.placements:
                what = f"team {echo(team)} has no placement in this cluster"
                yield error(entry, here, what, "add the placement to the team, or remove the override")


def warned_namespaces_have_policies(context: Context) -> Iterator[Issue]:
    """Where no policy holds, none warns."""
    platform = context.declared.platform
    exempt = {*ALWAYS_EXEMPT, *(platform.spec.exempt_namespaces if platform is not None else ())}
    for entry in context.declared.clusters:
        seen: set[str] = set()
        for index, name in enumerate(entry.spec.warn_namespaces):
            here = ("warnNamespaces", index)
            if name in exempt:
                what = f"no policy touches the namespace {echo(name)}, so none warns there"
                yield warning(entry, here, what, "remove it here, or from exemptNamespaces of the Platform document")
            elif name in seen:
                yield warning(entry, here, f"{echo(name)} is named twice", "remove one of the two")
            seen.add(name)


def weights_have_an_effect(context: Context) -> Iterator[Issue]:
    """A weight of 0 is last in every queue; a weight without fair sharing is ignored."""
    for entry in context.declared.clusters:
        for index, cohort in enumerate(entry.spec.cohorts):
            here = ("cohorts", index, "weight")
            if cohort.weight == 0:
                what = "weight 0: the cohort borrows only when nobody else wants to"
                yield warning(entry, here, what, "write a weight above 0 unless that is meant")
            elif cohort.weight != 1000 and not entry.spec.fair_sharing:
                yield warning(entry, here, "a weight without fair sharing has no effect", "set fairSharing: true")
        if entry.spec.queue_layout is QueueLayout.SHARED and entry.spec.cohorts:
            what = "cohorts have no effect with one shared queue"
            yield warning(entry, ("cohorts",), what, "remove them, or use queueLayout: per-team")


def kueue_serves_the_api(context: Context) -> Iterator[Issue]:
    """The API version that is written must be one that the cluster's Kueue serves."""
    for entry in context.declared.clusters:
        version, api = entry.spec.versions.kueue, entry.spec.kueue_api
        if version is None or api is None:
            continue
        minor = defaults.minor_of(version)
        if api is KueueApi.V1BETA2 and minor < defaults.KUEUE_V1BETA2_SINCE:
            what = f"Kueue {version} does not serve v1beta2 (0.15 is the first that does)"
            yield error(entry, ("kueueApi",), what, "write v1beta1, or upgrade Kueue")
        elif api is KueueApi.V1BETA1 and minor >= defaults.KUEUE_V1BETA1_UNTIL:
            what = f"Kueue {version} no longer serves v1beta1 (0.19 is the last that does)"
            yield error(entry, ("kueueApi",), what, "write v1beta2, or remove the line")


def kubernetes_knows_our_policies(context: Context) -> Iterator[Issue]:
    """The guardrails are ValidatingAdmissionPolicies."""
    for entry in context.declared.clusters:
        version = entry.spec.versions.kubernetes
        if version is not None and defaults.minor_of(version) < _ADMISSION_POLICIES_SINCE:
            what = f"Kubernetes {version} has no generally available ValidatingAdmissionPolicy (1.30 has)"
            fix = "upgrade: without it no guardrail holds"
            yield warning(entry, ("versions", "kubernetes"), what, fix)


def production_clusters_are_identical(context: Context) -> Iterator[Issue]:
    """A warning, not an error: while a roll-out is between its waves they differ, and apply must go on working."""
    production = _of(context, Environment.PRODUCTION)
    for field in _VERSION_FIELDS:
        reference: tuple[str, str] | None = None
        for entry in production:
            version = getattr(entry.spec.versions, field)
            if version is None:
                continue
            if reference is None:
                reference = (entry.spec.name, version)
            elif version != reference[1]:
                what = f"{version} here, {reference[1]} in {reference[0]}: production clusters must be identical"
                yield warning(entry, ("versions", field), what, "finish the roll-out, or correct the figure")


def development_is_at_most_one_ahead(context: Context) -> Iterator[Issue]:
    """Two minors ahead tests what production will not get next."""
    newest = max(
        (
            defaults.minor_of(entry.spec.versions.kubernetes)
            for entry in _of(context, Environment.PRODUCTION)
            if entry.spec.versions.kubernetes is not None
        ),
        default=None,
    )
    for entry in _of(context, Environment.DEVELOPMENT):
        version = entry.spec.versions.kubernetes
        if newest is None or version is None:
            continue
        major, minor = defaults.minor_of(version)
        if (major, minor) > (newest[0], newest[1] + 1):
            what = f"Kubernetes {version} is more than one minor ahead of production ({newest[0]}.{newest[1]})"
            yield warning(entry, ("versions", "kubernetes"), what, "development leads by one minor at most")


def _of(context: Context, environment: Environment) -> list[DeclaredDocument[ClusterSpec]]:
    return [entry for entry in context.declared.clusters if environment_of(entry.spec) is environment]


CHECKS: Final = (
    pools_make_sense,
    leader_worker_sets_queue_as_pods,
    slices_come_from_whole_devices,
    dedicated_pools_have_a_team,
    open_namespaces_are_teams,
    cohorts_are_trees,
    cohort_quotas_name_flavors,
    flavor_order_names_flavors,
    further_resources_are_further,
    overrides_meet_placements,
    warned_namespaces_have_policies,
    weights_have_an_effect,
    kueue_serves_the_api,
    kubernetes_knows_our_policies,
    production_clusters_are_identical,
    development_is_at_most_one_ahead,
)
