"""Other amounts, groups, cost centre or display name for a team that exists: in place, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.model.quantity import format_cpu, parse_bytes, parse_cpu
from allotment.model.quota import Allowance
from allotment.model.source import Changes, SourceTree
from allotment.spec import documents
from allotment.spec.asked import asked_in, clusters_asked
from allotment.spec.convert.placements import allowance, effective
from allotment.spec.declared import Declared, DeclaredDocument
from allotment.spec.flavors import Flavors
from allotment.spec.identity import id_of
from allotment.spec.insertion import insert_value, set_list
from allotment.spec.load import load_platform
from allotment.spec.problems import Path, did_you_mean, echo
from allotment.spec.read import read
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.team import TeamSpec
from allotment.spec.surgery import append_field, replace_scalar, scalar_at
from allotment.spec.writing import quoted


@dataclass(frozen=True, slots=True)
class AmountsRequest:
    """What a team is to have; what is not named stays.

    Attributes:
        accelerators: devices by a flavor's or an accelerator's name, in every cluster or in one (``training/a100``).
        borrowing, lending: the most that may be borrowed beyond, and lent of, what is guaranteed of a device, by the
            same names; None for no bound.
        clusters: where; None: in the clusters that devices name, or, where they name none, in the one cluster that the
            team is in.
        members: the identity provider's groups whose people are members: these, and no others.
        owners: the same for owners.
        cost_center: of its bill, in every cluster.
        display_name: its name for people; `renaming` gives it another name.
    """

    name: str
    cpu: str | None = None
    memory: str | None = None
    accelerators: Mapping[str, int] = field(default_factory=dict)
    borrowing: Mapping[str, int | None] = field(default_factory=dict)
    lending: Mapping[str, int | None] = field(default_factory=dict)
    clusters: tuple[str, ...] | None = None
    cost_center: str | None = None
    display_name: str | None = None
    members: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def devices(self) -> Mapping[str, object]:
        """All that is asked about devices, by the names that say where."""
        return {**self.accelerators, **self.borrowing, **self.lending}


def set_amounts(tree: SourceTree, request: AmountsRequest) -> Changes:
    """Change the team's document, or a cluster's override of it.

    Raises:
        UsageError: nothing is asked for, or the team is in several clusters and none is named.
        NotFoundError: no such team, or it is not in that cluster.
        InvalidPlatformError: the directory is not valid, before or after.
        InputError: a file is written in a way that cannot be edited safely.
    """
    platform = load_platform(tree).platform
    declared = read(tree).declared
    entry = next((entry for entry in declared.teams if entry.spec.name == request.name), None)
    if entry is None:
        known = [team.spec.name for team in declared.teams]
        raise NotFoundError(f"there is no team {echo(request.name)}", fix=did_you_mean(request.name, known))
    amounts = request.cpu is not None or request.memory is not None or bool(request.devices)
    titles = _titles(request)
    if not amounts and not titles and not request.members and not request.owners:
        raise UsageError(
            "nothing to set",
            fix="name something: --cpu, --memory, --accelerator, --borrowing, --lending, --group, --owner, "
            "--cost-center or --display-name",
        )
    changed = _grouped(_titled(tree, entry, titles), entry, request)
    where = _clusters(request, entry.spec) if amounts else ()
    for cluster in where:
        flavors = Flavors(next(site.flavors for site in platform.clusters if site.name == cluster))
        for fields, value in _amounts(request, cluster):
            place, path = _place(declared, entry, cluster, fields)
            path = _as_written(place, path, flavors, id_of(entry.spec))
            changed = changed.with_changes(_written(changed, place, path, value))
        for word, limit, bound in _limits(request, cluster):
            place, path = _place(declared, entry, cluster, ("accelerators", word))
            path = _as_written(place, path, flavors, id_of(entry.spec))
            changed = changed.with_changes(_limited(changed, place, path, limit, bound))
    load_platform(changed)
    _require_alone(declared, read(changed).declared, request.name, where)
    return {file: text for file, text in changed.files.items() if text != tree.files[file]}


def own_allowance(tree: SourceTree, team: str, cluster: str, flavor: str) -> Allowance | None:
    """What a team has of a flavor in a cluster by its own document, without grants; None where it has none.

    Raises:
        NotFoundError: no such team, or no such cluster.
        InvalidPlatformError: the directory is not valid.
    """
    platform = load_platform(tree).platform
    declared = read(tree).declared
    entry = next((entry.spec for entry in declared.teams if entry.spec.name == team), None)
    if entry is None:
        known = [each.spec.name for each in declared.teams]
        raise NotFoundError(f"there is no team {echo(team)}", fix=did_you_mean(team, known))
    site = platform.cluster(cluster)
    if site is None:
        known = [each.name for each in platform.clusters]
        raise NotFoundError(f"there is no cluster {echo(cluster)}", fix=did_you_mean(cluster, known))
    if cluster not in entry.placements:
        return None
    spec = effective(entry, next(each.spec for each in declared.clusters if each.spec.name == cluster))
    flavors = Flavors(site.flavors)
    for word, amount in spec.accelerators.items():
        meant = flavors.meant(word, id_of(entry))
        if meant is not None and meant.name == flavor:
            return allowance(amount)
    return None


def _titles(request: AmountsRequest) -> dict[str, str]:
    asked = {"costCenter": request.cost_center, "displayName": request.display_name}
    return {name: value for name, value in asked.items() if value is not None}


def _titled(tree: SourceTree, team: DeclaredDocument[TeamSpec], titles: Mapping[str, str]) -> SourceTree:
    """The team's own fields: where they stand, or else at the end of its document."""
    file, index = team.source.file, team.source.index
    present = team.spec.model_dump(by_alias=True, include={"cost_center", "display_name"})
    text = tree.files[file]
    for name, value in titles.items():
        if present[name] == value:
            continue
        if (name,) in documents.positions(file, text, {index})[index]:
            text = replace_scalar(file, text, index, (name,), quoted(value))
        else:
            text = append_field(file, text, index, f"{name}: {quoted(value)}\n")
    return tree.with_changes({file: text})


def _grouped(tree: SourceTree, team: DeclaredDocument[TeamSpec], request: AmountsRequest) -> SourceTree:
    """The groups that are named, each list as a whole."""
    file, present = team.source.file, team.spec.groups
    text = tree.files[file]
    for field_, asked, given in (
        ("owners", request.owners, present.owners),
        ("members", request.members, present.members),
    ):
        if asked and set(asked) != set(given):
            text = set_list(file, text, team.source.index, ("groups", field_), tuple(dict.fromkeys(asked)))
    return tree.with_changes({file: text})


def _require_alone(before: Declared, after: Declared, name: str, where: tuple[str, ...]) -> None:
    """Nobody else's amounts may have changed: a value with an anchor stands for every alias of it."""
    for old, new in zip(before.teams, after.teams, strict=True):
        for cluster, placement in old.spec.placements.items():
            if (old.spec.name != name or cluster not in where) and new.spec.placements[cluster] != placement:
                raise InputError(
                    f"the amount is also that of team {old.spec.name} in {cluster}",
                    why="the file uses one value for both, by an alias",
                    fix="write the values out by hand, or name both clusters",
                )


def _amounts(request: AmountsRequest, cluster: str) -> Iterator[tuple[Path, str]]:
    try:
        if request.cpu is not None:
            yield ("cpu",), format_cpu(parse_cpu(request.cpu))
        if request.memory is not None:
            parse_bytes(request.memory)
            yield ("memory",), request.memory
    except ValueError:
        raise UsageError("that is no amount", fix="for example --cpu 32 --memory 128Gi") from None
    for word, count in asked_in(cluster, request.accelerators).items():
        yield ("accelerators", word.replace(":", "-")), str(count)


def _limits(request: AmountsRequest, cluster: str) -> Iterator[tuple[str, str, int | None]]:
    for limit, asked in (("borrowingLimit", request.borrowing), ("lendingLimit", request.lending)):
        for word, bound in asked_in(cluster, asked).items():
            yield word.replace(":", "-"), limit, bound


def _clusters(request: AmountsRequest, team: TeamSpec) -> tuple[str, ...]:
    where = tuple(team.placements)
    named = clusters_asked(request.clusters or (), request.devices)
    if named is None and len(where) > 1:
        raise UsageError(
            f"team {team.name} is in several clusters", why=", ".join(where), fix="name those you mean with --cluster"
        )
    for name in named or ():
        if name not in where:
            raise NotFoundError(f"team {team.name} is not in cluster {echo(name)}", fix=did_you_mean(name, where))
    return named or where


def _place(
    declared: Declared, team: DeclaredDocument[TeamSpec], cluster: str, fields: Path
) -> tuple[DeclaredDocument[KindSpec], Path]:
    """Where the amount counts: a cluster's override takes the place of the team's own field."""
    site = next(entry for entry in declared.clusters if entry.spec.name == cluster)
    override = site.spec.overrides.teams.get(team.spec.name)
    if override is not None and getattr(override, str(fields[0])) is not None:
        return site, ("overrides", "teams", team.spec.name, *fields)
    return team, ("placements", cluster, *fields)


def _as_written(place: DeclaredDocument[KindSpec], path: Path, flavors: Flavors, team: str) -> Path:
    """The path of devices with the word that the document has for the flavor that is meant; the word asked, if none."""
    if path[-2] != "accelerators":
        return path
    spec: object = place.spec
    for step in path[:-1]:
        spec = spec[step] if isinstance(spec, Mapping) else getattr(spec, str(step))
    words = tuple(spec) if isinstance(spec, Mapping) else ()
    asked = flavors.meant(str(path[-1]), team)
    if path[-1] in words or asked is None:
        return path
    same = (word for word in words if (flavor := flavors.meant(word, team)) and flavor.name == asked.name)
    return (*path[:-1], next(same, path[-1]))


def _written(tree: SourceTree, place: DeclaredDocument[KindSpec], path: Path, value: str) -> Changes:
    file, index = place.source.file, place.source.index
    text = tree.files[file]
    where = documents.positions(file, text, {index})[index]
    if path not in where:
        return {file: insert_value(file, text, index, path, value)}
    nominal = (*path, "nominal")
    return {file: replace_scalar(file, text, index, nominal if nominal in where else path, value)}


def _limited(tree: SourceTree, place: DeclaredDocument[KindSpec], path: Path, limit: str, bound: int | None) -> Changes:
    """The file with another bound beside a guarantee, which is there by now."""
    file, index = place.source.file, place.source.index
    text, value = tree.files[file], _NO_BOUND if bound is None else str(bound)
    where = documents.positions(file, text, {index})[index]
    if (*path, limit) in where:
        return {file: replace_scalar(file, text, index, (*path, limit), value)}
    if bound is None:
        return {}
    if path not in where:
        raise UsageError(
            f"the team is guaranteed no {echo(str(path[-1]))} there",
            why="a bound stands beside a guarantee, which may be 0",
            fix=f"name both: --accelerator {path[-1]}=0 offers it for borrowing alone",
        )
    if (*path, "nominal") in where:
        return {file: insert_value(file, text, index, (*path, limit), value)}
    nominal = scalar_at(file, text, index, path)
    return {file: replace_scalar(file, text, index, path, f"{{nominal: {nominal}, {limit}: {value}}}")}


_NO_BOUND: Final = "null"
