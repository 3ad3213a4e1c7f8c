"""Grants: of whom and where they are, that what they take is there, and that they end."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.moments import written
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu
from allotment.spec.checks.context import Check, Context, error, warning
from allotment.spec.convert.grants import flavor_of
from allotment.spec.convert.placements import effective
from allotment.spec.declared import DeclaredDocument
from allotment.spec.devices import device_meant
from allotment.spec.identity import id_of, ids_of
from allotment.spec.problems import Issue, Path, Source, did_you_mean, echo
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.grant import GrantSpec, ShareSpec
from allotment.spec.schema.team import TeamSpec

_Held = tuple[str, str, str, str]
"""Team, cluster, field of a share, and the flavor where it is devices."""


@dataclass(frozen=True, slots=True)
class _GrantPart:
    """A share of a grant.

    Attributes:
        path: where it stands.
        team: whose quota it is.
        taken: whether it is taken of that team, not given to it.
        flavor: its name, as far as it can be told.
    """

    entry: DeclaredDocument[GrantSpec]
    path: Path
    team: str
    taken: bool
    share: ShareSpec
    flavor: str

    @property
    def amounts(self) -> Mapping[str, int]:
        """Of each field that has an amount."""
        return {"devices": self.share.devices, "cpu": self.share.cpu, "memory": self.share.memory}

    def held(self, field: str) -> _Held:
        """What a field is an amount of."""
        return self.team, self.share.cluster, field, self.flavor if field == "devices" else ""


def _parts(context: Context) -> Iterator[_GrantPart]:
    """Each grant's shares: given ones, then those that are taken."""
    ids = ids_of(context.declared)
    for entry in context.declared.grants:
        team = entry.spec.team
        for index, share in enumerate(entry.spec.gpus):
            flavor = flavor_of(share, team, context.flavors, ids)
            yield _GrantPart(entry, ("gpus", index), team, taken=False, share=share, flavor=flavor)
        for index, taken in enumerate(entry.spec.taken_from):
            flavor = flavor_of(taken, taken.team, context.flavors, ids)
            yield _GrantPart(entry, ("takenFrom", index), taken.team, taken=True, share=taken, flavor=flavor)


def grants_name_teams(context: Context) -> Iterator[Issue]:
    """A grant is of a team that there is, and that stays."""
    for entry in context.declared.grants:
        named: list[tuple[Path, str]] = [(("team",), entry.spec.team)]
        named += [(("takenFrom", index, "team"), each.team) for index, each in enumerate(entry.spec.taken_from)]
        for path, name in named:
            if not context.known("Team", context.teams, name):
                yield error(entry, path, f"there is no team {echo(name)}", did_you_mean(name, context.teams))
        team = context.teams.get(entry.spec.team)
        if team is not None and team.spec.offboarding is not None:
            what = f"team {entry.spec.team} leaves, and runs nothing any more"
            yield warning(entry, ("team",), what, _remove(entry))


def grants_name_placements(context: Context) -> Iterator[Issue]:
    """Quota rises and falls where the team has a queue, in flavors that the queue offers."""
    for part in _parts(context):
        name, here = part.share.cluster, (*part.path, "cluster")
        site, team = context.clusters.get(name), context.teams.get(part.team)
        if not context.known("Cluster", context.clusters, name):
            fix = did_you_mean(name, context.clusters)
            yield error(part.entry, here, f"there is no cluster {echo(name)}", fix)
        elif site is not None and team is not None and name not in team.spec.placements:
            what = f"team {part.team} has no placement in {name}"
            fix = f"add placements: {{{name}: …}} to the team, in {team.source.file}"
            yield error(part.entry, here, what, _another(part) if part.taken else fix)
        elif site is not None and team is not None and _whole(context, site.spec):
            yield from _of_flavor(context, part, team, site)


def grants_name_clusters_of_the_team(context: Context) -> Iterator[Issue]:
    """What is given besides quota is in clusters that the team is in."""
    for entry in context.declared.grants:
        team = context.teams.get(entry.spec.team)
        spaces = [("namespaces", index, each.clusters) for index, each in enumerate(entry.spec.namespaces)]
        volumes = [("volumes", index, each.clusters) for index, each in enumerate(entry.spec.volumes)]
        for field, index, clusters in (*spaces, *volumes):
            for at, name in enumerate(clusters):
                if team is not None and name not in team.spec.placements:
                    what = f"team {entry.spec.team} has no placement in {echo(name)}"
                    fix = did_you_mean(name, team.spec.placements)
                    yield error(entry, (field, index, "clusters", at), what, fix)


def _of_flavor(
    context: Context, part: _GrantPart, team: DeclaredDocument[TeamSpec], site: DeclaredDocument[ClusterSpec]
) -> Iterator[Issue]:
    name, here, word = site.spec.name, (*part.path, "flavor"), part.share.flavor
    flavors, own = context.flavors[name], id_of(team.spec)
    flavor = flavors.meant(word, own)
    if flavor is None or flavor.dedicated_to not in (None, own):
        what = f"cluster {name} has no accelerator or flavor {echo(word)} for team {part.team}"
        offered = {each: context.accelerators.get(each) for each in flavors.offered_to(own)}
        yield error(part.entry, here, what, device_meant(word, offered))
    elif flavor.name not in _offered(context, team.spec, site.spec):
        what = f"the queue of team {part.team} in {name} offers no {flavor.name}"
        override = site.spec.overrides.teams.get(part.team)
        overridden = override is not None and override.accelerators is not None
        file = site.source.file if overridden else team.source.file
        fields = f"overrides.teams.{part.team}" if overridden else f"placements.{name}"
        fix = f"add {flavor.name}: 0 to {fields}.accelerators, in {file}: the grant then raises it"
        yield error(part.entry, here, what, _another(part) if part.taken else fix)


def _another(part: _GrantPart) -> str:
    return f"take it from a team that has {part.share.flavor} there"


def _whole(context: Context, site: ClusterSpec) -> bool:
    """Whether no flavor is missing because of an accelerator that has errors of its own."""
    return all(pool.accelerator is None or pool.accelerator in context.accelerators for pool in site.node_pools)


def _offered(context: Context, team: TeamSpec, site: ClusterSpec) -> dict[str, int]:
    """Guaranteed devices by flavor, as the team's queue offers them without any grant."""
    meant, own = context.flavors[site.name].meant, id_of(team)
    found = ((meant(word, own), amount.nominal) for word, amount in effective(team, site).accelerators.items())
    return {flavor.name: amount for flavor, amount in found if flavor is not None}


def grants_say_one_thing(context: Context) -> Iterator[Issue]:
    """A grant gives something, each thing once, and not to those it takes it from; it ends after it begins."""
    for entry in context.declared.grants:
        spec = entry.spec
        besides = spec.namespaces or spec.volumes
        if not any(each.devices or each.cpu or each.memory for each in spec.gpus) and not (besides and not spec.gpus):
            yield error(entry, ("gpus",), "the grant gives nothing", f"name what it gives, or {_remove(entry)}")
        if spec.until is not None and spec.until <= spec.since:
            yield error(entry, ("until",), "the grant is over before it begins", "write a later time")
    given: set[tuple[Source, _Held]] = set()
    taken: set[tuple[Source, _Held]] = set()
    for part in _parts(context):
        key = part.entry.source, part.held("devices")
        same = taken if part.taken else given
        if key in same:
            what = f"{part.flavor} in {part.share.cluster} is named twice"
            yield error(part.entry, part.path, what, "keep one entry, with the sum")
        elif part.taken and key in given:
            what = f"{part.flavor} in {part.share.cluster} is taken from the team that it is given to"
            yield error(part.entry, part.path, what, "remove it, and give less")
        same.add(key)


def grants_take_no_more_than_they_give(context: Context) -> Iterator[Issue]:
    """What is taken and given to nobody would be used by nobody; so the end of a grant never makes sums larger."""
    over: dict[tuple[Source, str, str, str], int] = defaultdict(int)
    for part in _parts(context):
        for field, amount in part.amounts.items():
            key = part.entry.source, part.share.cluster, part.flavor, field
            before = over[key]
            over[key] += amount if part.taken else -amount
            if part.taken and before <= 0 < over[key]:
                unit = part.flavor if field == "devices" else f"{field} with {part.flavor}"
                what = f"more {unit} in {part.share.cluster} is taken than the grant gives there"
                fix = f"take {_TEXT[field](over[key])} less: nobody would have the rest"
                yield error(part.entry, (*part.path, field), what, fix)


def grants_take_what_is_there(context: Context) -> Iterator[Issue]:
    """A team's guarantee does not fall below 0, whichever grants there are.

    What a team was granted itself cannot be taken of it: that grant could not end before the other one.
    """
    have = _guarantees(context)
    taken: dict[_Held, int] = defaultdict(int)
    for part in _parts(context):
        for field, amount in part.amounts.items():
            held = part.held(field)
            if not part.taken or held not in have:
                continue
            taken[held] += amount
            if taken[held] > have[held] >= taken[held] - amount:
                said, unit = _TEXT[field], part.flavor if field == "devices" else field
                what = (
                    f"team {part.team} has {said(have[held])} {unit} of its own in {part.share.cluster}, and grants "
                    f"take {said(taken[held])} of it"
                )
                yield error(part.entry, (*part.path, field), what, "take less, or from another team")


_TEXT: Final[Mapping[str, Callable[[int], str]]] = {
    "devices": str,
    "cpu": lambda amount: format_cpu(MilliCpu(amount)),
    "memory": lambda amount: format_bytes(Bytes(amount)),
}


def _guarantees(context: Context) -> dict[_Held, int]:
    """What the teams that grants are about are guaranteed without them."""
    found: dict[_Held, int] = {}
    for part in _parts(context):
        name = part.share.cluster
        team, site = context.teams.get(part.team), context.clusters.get(name)
        if team is None or site is None or name not in team.spec.placements:
            continue
        spec = effective(team.spec, site.spec)
        found[part.team, name, "cpu", ""] = spec.cpu.nominal
        found[part.team, name, "memory", ""] = spec.memory.nominal
        for flavor, amount in _offered(context, team.spec, site.spec).items():
            found[part.team, name, "devices", flavor] = amount
    return found


def grants_that_are_over_are_taken_out(context: Context) -> Iterator[Issue]:
    """Rendering has no clock: a grant counts until its document is gone."""
    midnight = dt.datetime.combine(context.today, dt.time.min, dt.UTC)
    for entry in context.declared.grants:
        until = entry.spec.until
        if until is not None and dt.datetime.fromtimestamp(until / 1000, dt.UTC) <= midnight:
            what = f"the grant has ended on {written(until)}, and still counts"
            yield warning(entry, ("until",), what, _remove(entry))


def _remove(entry: DeclaredDocument[GrantSpec]) -> str:
    return f"remove {entry.source.file}, or the document in it"


CHECKS: Final[tuple[Check, ...]] = (
    grants_name_teams,
    grants_name_placements,
    grants_name_clusters_of_the_team,
    grants_say_one_thing,
    grants_take_no_more_than_they_give,
    grants_take_what_is_there,
    grants_that_are_over_are_taken_out,
)
