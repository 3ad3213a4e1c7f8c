"""Names: unique, never the system's, and never two that people would mix up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from allotment.model import labels
from allotment.model.cluster import QueueLayout
from allotment.model.names import is_reserved
from allotment.spec.checks.context import Context, error, warning
from allotment.spec.convert.teams import namespaces_of
from allotment.spec.declared import DeclaredDocument
from allotment.spec.flavors import usual_name
from allotment.spec.identity import id_of, ids_of
from allotment.spec.problems import Issue, Path, did_you_mean, echo
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.platform import ALWAYS_EXEMPT
from allotment.spec.schema.team import TeamSpec

_OUR_NODE_LABELS: Final = frozenset({labels.ACCELERATOR, labels.CAPACITY_TYPE, labels.DEDICATED, labels.NODE_POOL})


def documents_have_names_of_their_own(context: Context) -> Iterator[Issue]:
    """Two documents of one kind and name: which of them is meant?"""
    declared = context.declared
    for entries in (
        declared.clusters,
        declared.slurms,
        declared.accelerators,
        declared.teams,
        declared.priorities,
        declared.policies,
        declared.slo_tiers,
        declared.shared_services,
        declared.storage_classes,
        declared.grants,
    ):
        first: dict[str, DeclaredDocument[KindSpec]] = {}
        for entry in entries:
            name = str(getattr(entry.spec, "name"))  # noqa: B009 - every kind has a name, their base has none
            seen = first.setdefault(name, entry)
            if seen is not entry:
                what = f"the name {echo(name)} is taken by another document of this kind in {seen.source.file}"
                yield error(entry, ("name",), what, "rename one, or remove it")


def ids_are_one_teams(context: Context) -> Iterator[Issue]:
    """What one team is called, in the directory or in clusters, no other one is: it would pass for it."""
    named = {entry.spec.name: entry for entry in reversed(context.declared.teams)}
    known: dict[str, str] = {}
    for entry in context.declared.teams:
        team, own = entry.spec.name, id_of(entry.spec)
        here = ("id",) if entry.spec.id is not None else ("name",)
        first = known.setdefault(own, team)
        if first != team:
            what = f"clusters know team {first} by the id {echo(own)} already"
            yield error(entry, here, what, "give the newer team another name: an id stays with its team for good")
        elif own != team and own in named:
            what = f"{echo(own)} is the name of another team, and this one would pass for it"
            yield error(entry, here, what, "give that team another name: an id stays with its team for good")


def team_namespaces_are_free(context: Context) -> Iterator[Issue]:
    """A team's namespace must be nobody else's: not the system's, not a shared service's, not an exempt one."""
    declared = context.declared
    taken = {
        entry.spec.namespace: f"the shared service {entry.spec.name}"
        for entry in declared.shared_services
        if entry.spec.namespace is not None
    }
    exempt = declared.platform.spec.exempt_namespaces if declared.platform is not None else ()
    taken.update(dict.fromkeys((*exempt, *ALWAYS_EXEMPT), "a namespace that policies leave alone"))
    for entry in declared.teams:
        for path, namespace in _namespaces(entry.spec):
            if is_reserved(namespace):
                what = f"the namespace {echo(namespace)} belongs to the system"
                yield error(entry, path, what, "choose another name; kube-, allotment- and openshift- are reserved")
            elif namespace in taken:
                what = f"the namespace {echo(namespace)} is already that of {taken[namespace]}"
                yield error(entry, path, what, "choose another name, or move the other one")


def team_namespaces_are_one_teams(context: Context) -> Iterator[Issue]:
    """One namespace, one team: a second one would be handed the first one's work, secrets and data."""
    names = {word: entry.spec.name for entry in context.declared.teams for word in (entry.spec.name, id_of(entry.spec))}
    owners: dict[str, str] = {}
    for entry in context.declared.teams:
        team = entry.spec.name
        for index in _repeated(entry.spec.namespaces):
            what = f"the namespace {echo(entry.spec.namespaces[index])} is given twice"
            yield error(entry, ("namespaces", index), what, "remove one of the two")
        for path, namespace in _namespaces(entry.spec):
            owner = owners.setdefault(namespace, team)
            if owner != team:
                what = f"the namespace {echo(namespace)} is already one of team {owner}"
                yield error(entry, path, what, "choose another name")
            elif names.get(namespace, team) != team:
                what = f"{echo(namespace)} is the name of another team, and would pass for its namespace"
                yield error(entry, path, what, "choose another name")


def only_namespaces_of_the_team_are_chosen(context: Context) -> Iterator[Issue]:
    """An exception holds, and a claim is made, in namespaces of the own team."""
    for entry in context.declared.teams:
        known = namespaces_of(entry.spec)
        for path, name in _chosen(entry.spec):
            if name not in known:
                yield error(entry, path, f"the team has no namespace {echo(name)}", did_you_mean(name, known))


def _chosen(spec: TeamSpec) -> Iterator[tuple[Path, str]]:
    """Each namespace that a field narrows itself to."""
    if spec.pod_security is not None:
        for index, name in enumerate(spec.pod_security.namespaces):
            yield ("podSecurity", "namespaces", index), name
    for number, claim in enumerate(spec.storage.claims):
        for index, name in enumerate(claim.namespaces):
            yield ("storage", "claims", number, "namespaces", index), name


def _namespaces(spec: TeamSpec) -> Iterator[tuple[Path, str]]:
    """Each namespace of a team with the field that names it."""
    for index, name in enumerate(namespaces_of(spec)):
        usual = ("name",) if spec.id is None else ("id",)
        yield (("namespaces", index) if spec.namespaces else usual), name


def team_names_differ_by_more_than_dashes(context: Context) -> Iterator[Issue]:
    """data-science and datascience are two tenants; whoever types the wrong one sees another team's queue."""
    first: dict[str, str] = {}
    for entry in context.declared.teams:
        name = entry.spec.name
        seen = first.setdefault(name.replace("-", ""), name)
        if seen != name:
            yield warning(
                entry, ("name",), f"{echo(name)} and {echo(seen)} differ only by dashes", "rename one of the teams"
            )


def clusters_have_contexts_of_their_own(context: Context) -> Iterator[Issue]:
    """Two clusters behind one kubeconfig context would overwrite each other."""
    first: dict[str, str] = {}
    for entry in context.declared.clusters:
        used = entry.spec.context or entry.spec.name
        seen = first.setdefault(used, entry.spec.name)
        if seen != entry.spec.name:
            what = f"cluster {seen} uses the same kubeconfig context"
            yield error(entry, ("context",), what, "give each cluster a context of its own")


def names_inside_a_cluster_are_unique(context: Context) -> Iterator[Issue]:
    """Pools and cohorts."""
    for entry in context.declared.clusters:
        for field, names in (
            ("nodePools", [pool.name for pool in entry.spec.node_pools]),
            ("cohorts", [cohort.name for cohort in entry.spec.cohorts]),
        ):
            for index in _repeated(names):
                what = f"the name {echo(names[index])} is given twice in this cluster"
                yield error(entry, (field, index, "name"), what, "rename one of the two")


def flavors_have_names_of_their_own(context: Context) -> Iterator[Issue]:
    """Accelerator, capacity type and team join to a flavor's name; unlucky names join to the same."""
    ids = ids_of(context.declared)
    for entry in context.declared.clusters:
        first: dict[str, tuple[object, ...]] = {}
        for index, pool in enumerate(entry.spec.node_pools):
            parts = (pool.accelerator, pool.capacity_type, pool.dedicated_to) if pool.accelerator else ()
            name = usual_name(pool, ids)
            if first.setdefault(name, parts) != parts:
                what = f"two different flavors would both be named {echo(name)}"
                yield error(entry, ("nodePools", index, "name"), what, "rename the accelerator or the team")


def chosen_names_are_of_flavors(context: Context) -> Iterator[Issue]:
    """A name is chosen for a flavor that there is, once, and never means another device."""
    ids = ids_of(context.declared)
    for entry in context.declared.clusters:
        accelerator_of = {usual_name(pool, ids): pool.accelerator for pool in entry.spec.node_pools}
        accelerator_of.setdefault(labels.CPU_FLAVOR, None)
        chosen = entry.spec.names.flavors
        taken = {name: name for name in accelerator_of if name not in chosen}
        for usual, name in chosen.items():
            here = ("names", "flavors", usual)
            if usual not in accelerator_of:
                fix = did_you_mean(usual, accelerator_of)
                yield error(entry, here, f"the pools make no flavor {echo(usual)}", fix)
                continue
            if taken.setdefault(name, usual) != usual:
                yield error(
                    entry, here, f"the name {echo(name)} is that of flavor {taken[name]}", "choose another name"
                )
            elif name in context.accelerators and name != accelerator_of[usual]:
                what = f"{echo(name)} is the name of another accelerator, and would pass for it"
                yield error(entry, here, what, "choose another name")


def chosen_names_are_of_queues(context: Context) -> Iterator[Issue]:
    """Two teams with one ClusterQueue would share what each is guaranteed."""
    ids = ids_of(context.declared)
    for entry in context.declared.clusters:
        shared = entry.spec.queue_layout is QueueLayout.SHARED
        here_too = [name for name, team in context.teams.items() if entry.spec.name in team.spec.placements]
        usual_names = [*here_too, *([labels.SHARED_QUEUE] if shared else [])]
        chosen = entry.spec.names.queues
        taken = {ids.get(name, name): name for name in usual_names if name not in chosen}
        for usual, name in chosen.items():
            here = ("names", "queues", usual)
            if usual not in usual_names:
                if context.known("Team", context.teams, usual) and usual not in context.teams:
                    continue
                what = f"there is no queue of a team {echo(usual)} in this cluster"
                yield error(entry, here, what, did_you_mean(usual, usual_names))
            elif taken.setdefault(name, usual) != usual:
                yield error(
                    entry, here, f"the name {echo(name)} is that of {taken[name]}'s queue", "choose another name"
                )


def pool_labels_are_the_pools_own(context: Context) -> Iterator[Issue]:
    """Labels and taints that Allotment derives cannot be declared as well: the two could disagree."""
    for entry in context.declared.clusters:
        for index, pool in enumerate(entry.spec.node_pools):
            for key in _OUR_NODE_LABELS & pool.labels.keys():
                what = f"the label {key} follows from the pool's own fields"
                yield error(entry, ("nodePools", index, "labels", key), what, "remove it")
            for at, taint in enumerate(pool.taints):
                if taint.key == labels.DEDICATED:
                    what = f"the taint {taint.key} follows from dedicatedTo"
                    yield error(entry, ("nodePools", index, "taints", at), what, "remove it and set dedicatedTo")


def _repeated(names: Iterable[str]) -> Iterator[int]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield index
        seen.add(name)


CHECKS: Final = (
    documents_have_names_of_their_own,
    ids_are_one_teams,
    team_namespaces_are_free,
    team_namespaces_are_one_teams,
    only_namespaces_of_the_team_are_chosen,
    team_names_differ_by_more_than_dashes,
    clusters_have_contexts_of_their_own,
    names_inside_a_cluster_are_unique,
    flavors_have_names_of_their_own,
    chosen_names_are_of_flavors,
    chosen_names_are_of_queues,
    pool_labels_are_the_pools_own,
)
