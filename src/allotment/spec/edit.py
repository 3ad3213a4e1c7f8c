"""Changes of a platform directory as pure functions: text in, changed files out, validated before they are returned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import CapacityError, ConflictError, InputError, NotFoundError, UsageError
from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Cluster, Environment
from allotment.model.names import is_plain
from allotment.model.platform import Platform
from allotment.model.quantity import format_bytes, format_cpu, parse_bytes, parse_cpu
from allotment.model.source import Changes, SourceTree
from allotment.spec.asked import asked_in, clusters_asked
from allotment.spec.declared import DeclaredDocument
from allotment.spec.flavors import Flavors
from allotment.spec.load import load_platform
from allotment.spec.problems import did_you_mean, echo
from allotment.spec.read import read
from allotment.spec.schema.team import TeamSpec
from allotment.spec.starter import starter_files
from allotment.spec.surgery import append_field, append_item, remove_document, remove_field, remove_item, replace_value
from allotment.spec.writing import quoted

_LEAVING: Final = "# The team has left: it runs nothing; its data are kept until this day.\n"


@dataclass(frozen=True, slots=True)
class TeamRequest:
    """A team to be added.

    Attributes:
        accelerators: devices by accelerator (``a100``) or accelerator and capacity type (``a100:spot``), in every
            cluster or in one (``training/a100``).
        cpu: Kubernetes quantity.
        memory: Kubernetes quantity.
        groups: the identity provider's groups whose people are members.
        owners: those whose people are owners.
        clusters: where; None: in the clusters that `accelerators` names, or, where it names none, in the
            one cluster outside production that offers everything asked for.
    """

    name: str
    accelerators: Mapping[str, int] = field(default_factory=dict)
    cpu: str = "64"
    memory: str = "256Gi"
    groups: tuple[str, ...] = ()
    clusters: tuple[str, ...] | None = None
    cost_center: str | None = None
    owners: tuple[str, ...] = ()


def add_team(tree: SourceTree, request: TeamRequest) -> Changes:
    """A file for a new team.

    Raises:
        UsageError: the name or an amount cannot be, or no single cluster follows from the request.
        NotFoundError: no such cluster, or none that offers the accelerators.
        ConflictError: the team exists.
        CapacityError: the accelerators exist, but fewer are free than asked for.
        InvalidPlatformError: the directory is not valid, before or after.
    """
    _require_name(request.name, "team")
    platform = load_platform(tree).platform
    if platform.team(request.name) is not None:
        raise ConflictError(f'the team "{request.name}" exists', fix="choose another name, or edit its file")
    known = next((team.name for team in platform.teams if team.id == request.name), None)
    if known is not None:
        raise ConflictError(
            f'clusters know team {known} by the id "{request.name}"',
            why="it was named so, and its namespaces, queues and work are",
            fix="choose another name",
        )
    named = clusters_asked(request.clusters or (), request.accelerators)
    clusters = _named(platform, named) if named else [_choose(platform, _words(request, ""))]
    for cluster in clusters:
        _require_offer(platform, cluster, _words(request, cluster.name))
    path = f"{_folder(tree)}/{request.name}.yaml".removeprefix("/")
    if path in tree.files:
        raise ConflictError(f"the file {path} exists", fix="move it, or add the team by hand")
    changes = {path: _team_text(request, clusters)}
    added = load_platform(tree.with_changes(changes)).platform
    if added.team(request.name) is None:
        raise InputError(f"{path} is not read", why="the platform's include leaves it out", fix="widen include")
    return changes


def remove_team(tree: SourceTree, name: str, keep_data_until: dt.date) -> Changes:
    """Mark a team as leaving: it runs nothing any more, its grants end, its data stay until the date has passed.

    Raises:
        NotFoundError: no such team.
        InvalidPlatformError: the directory is not valid.
        InputError: the team's file is written in a way that cannot be edited safely.
    """
    platform = load_platform(tree).platform
    team = platform.team(name)
    if team is None:
        raise NotFoundError(f"there is no team {echo(name)}", fix=did_you_mean(name, (t.name for t in platform.teams)))
    source = _entry(tree, name).source
    text, day = tree.files[source.file], keep_data_until.isoformat()
    if team.offboarding is not None:
        changed = replace_value(source.file, text, source.index, ("offboarding", "keepDataUntil"), day)
    else:
        block = f"{_LEAVING}offboarding:\n  keepDataUntil: {day}\n"
        changed = append_field(source.file, text, source.index, block)
    changes: Changes = {source.file: changed}
    changes = {**changes, **_without_grants(tree.with_changes(changes), name)}
    load_platform(tree.with_changes(changes))
    return changes


def finish_removals(tree: SourceTree, today: dt.date, only: str = "") -> Changes:
    """Remove the teams whose data are due: their documents, what clusters override for them, grants and budgets.

    Args:
        tree: the directory.
        today: a day after the last one on which their data are kept.
        only: name of the one team that is meant; empty for all.

    Raises:
        InvalidPlatformError: the directory is not valid, before or after (a pool may still be dedicated to the team).
        InputError: a file is written in a way that cannot be edited safely.
    """
    platform = load_platform(tree).platform
    due = [t.name for t in platform.teams if t.offboarding is not None and t.offboarding.keep_data_until < today]
    due = [name for name in due if only in ("", name)]
    changed = tree
    for name in due:
        changed = changed.with_changes(_without_overrides(changed, name))
        changed = changed.with_changes(_without_grants(changed, name))
        changed = changed.with_changes(_without_mentions(changed, name))
        source = _entry(changed, name).source
        changed = changed.with_changes({source.file: remove_document(changed.files[source.file], source.index)})
    if due:
        load_platform(changed)
    paths = [path for path in tree.files if tree.files[path] != changed.files.get(path)]
    return {path: changed.files.get(path) for path in paths}


def starter(name: str) -> Mapping[str, str]:
    """A commented platform directory to start from; it is valid as it stands.

    Raises:
        UsageError: the name cannot be a platform's.
    """
    _require_name(name, "platform")
    files = starter_files(name)
    load_platform(SourceTree(files))
    return files


def list_namespace(tree: SourceTree, cluster: str, fields: Sequence[str], namespace: str) -> Changes:
    """Add a namespace to lists of a cluster, such as ``warnNamespaces``; lists that have it stay.

    Raises:
        NotFoundError: no such cluster.
        InvalidPlatformError: the directory is not valid, before or after.
        InputError: the cluster's file is written in a way that cannot be edited safely.
    """
    entry = next((entry for entry in read(tree).declared.clusters if entry.spec.name == cluster), None)
    if entry is None:
        raise NotFoundError(f"there is no cluster {echo(cluster)}")
    file, index = entry.source.file, entry.source.index
    present = entry.spec.model_dump(by_alias=True, include={"warn_namespaces", "without_network_policies"})
    text = tree.files[file]
    for field_ in fields:
        if namespace not in present[field_]:
            text = append_item(file, text, index, field_, namespace)
    changes: Changes = {} if text == tree.files[file] else {file: text}
    load_platform(tree.with_changes(changes))
    return changes


def _without_overrides(tree: SourceTree, team: str) -> Changes:
    changes: dict[str, str | None] = {}
    for entry in read(tree).declared.clusters:
        if team in entry.spec.overrides.teams:
            file = entry.source.file
            text = changes.get(file) or tree.files[file]
            changes[file] = remove_field(file, text, entry.source.index, ("overrides", "teams", team))
    return changes


def _without_grants(tree: SourceTree, team: str) -> Changes:
    """The documents of what the team was granted, the last of a file first: they are counted from its beginning."""
    changes: dict[str, str | None] = {}
    for entry in reversed(read(tree).declared.grants):
        if entry.spec.team == team:
            file, index = entry.source.file, entry.source.index
            changes[file] = remove_document(changes.get(file) or tree.files[file], index)
    return changes


def _without_mentions(tree: SourceTree, team: str) -> Changes:
    """What others were given of the team's, which is nobody's now, and its budget."""
    declared = read(tree).declared
    changes: dict[str, str | None] = {}
    for entry in declared.grants:
        file, index = entry.source.file, entry.source.index
        for number in reversed(range(len(entry.spec.taken_from))):
            if entry.spec.taken_from[number].team == team:
                text = changes.get(file) or tree.files[file]
                changes[file] = remove_item(file, text, index, ("takenFrom", number))
    for approvals in declared.approvals:
        if team in approvals.spec.budgets:
            file = approvals.source.file
            text = changes.get(file) or tree.files[file]
            changes[file] = remove_field(file, text, approvals.source.index, ("budgets", team))
    return changes


def _entry(tree: SourceTree, name: str) -> DeclaredDocument[TeamSpec]:
    return next(entry for entry in read(tree).declared.teams if entry.spec.name == name)


def _require_name(name: str, what: str) -> None:
    if not is_plain(name):
        raise UsageError(
            f"{echo(name)} cannot be the name of a {what}",
            why="it becomes the name of Kubernetes objects",
            fix="use lower-case letters, digits and single dashes, at most 63 characters",
        )


def _words(request: TeamRequest, cluster: str) -> dict[str, int]:
    return {_word(asked): count for asked, count in asked_in(cluster, request.accelerators).items()}


def _word(asked: str) -> str:
    """``a100`` stays, ``a100:spot`` becomes the flavor's name."""
    accelerator, colon, capacity = asked.partition(":")
    if colon and capacity not in {member.value for member in CapacityType}:
        raise UsageError(f"{echo(capacity)} is no capacity type", fix=did_you_mean(capacity, list(CapacityType)))
    return f"{accelerator}-{capacity}" if colon else accelerator


def _named(platform: Platform, names: tuple[str, ...]) -> list[Cluster]:
    found = []
    for name in names:
        cluster = platform.cluster(name)
        if cluster is None:
            known = [cluster.name for cluster in platform.clusters]
            raise NotFoundError(f"there is no cluster {echo(name)}", fix=did_you_mean(name, known))
        found.append(cluster)
    return found


def _choose(platform: Platform, words: Mapping[str, int]) -> Cluster:
    """The one cluster outside production that offers everything; production is never chosen for anybody."""
    outside = [cluster for cluster in platform.clusters if cluster.environment is not Environment.PRODUCTION]
    offering = [cluster for cluster in outside if not _lacking(cluster, words)]
    if not offering:
        offers = "; ".join(f"{cluster.name}: {_offers(cluster)}" for cluster in platform.clusters)
        wanted = ", ".join(words) or "CPU"
        raise NotFoundError(
            f"no cluster outside production offers {wanted}",
            why=offers or "there is none",
            fix="name the cluster that you mean",
        )
    roomy = [cluster for cluster in offering if not _short(platform, cluster, words)]
    if not roomy:
        raise _no_room(platform, offering, words)
    if len(roomy) > 1:
        names = ", ".join(cluster.name for cluster in roomy)
        raise UsageError("more than one cluster offers this", why=names, fix="name the clusters that you mean")
    return roomy[0]


def _require_offer(platform: Platform, cluster: Cluster, words: Mapping[str, int]) -> None:
    lacking = _lacking(cluster, words)
    if lacking:
        raise NotFoundError(f"{cluster.name} does not offer {lacking[0]}", fix=f"it offers {_offers(cluster)}")
    if _short(platform, cluster, words):
        raise _no_room(platform, [cluster], words)


def _lacking(cluster: Cluster, words: Mapping[str, int]) -> list[str]:
    flavors = Flavors(cluster.flavors)
    return [word for word in words if (flavor := flavors.meant(word, "")) is None or flavor.dedicated_to is not None]


def _offers(cluster: Cluster) -> str:
    return ", ".join(Flavors(cluster.flavors).offered_to("")) or "CPU only"


def _short(platform: Platform, cluster: Cluster, words: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Flavors with fewer free devices than asked for: (flavor, asked, free)."""
    flavors = Flavors(cluster.flavors)
    found = []
    for word, count in words.items():
        flavor = flavors.meant(word, "")
        if flavor is None:
            continue
        held = sum(
            entry.devices.nominal
            for team, placement in platform.teams_in(cluster.name)
            for entry in placement.accelerators
            if entry.flavor == flavor.name and team.offboarding is None
        )
        if held + count > flavor.capacity:
            found.append((flavor.name, count, flavor.capacity - held))
    return found


def _no_room(platform: Platform, clusters: list[Cluster], words: Mapping[str, int]) -> CapacityError:
    parts = [
        f"{cluster.name}: {asked} of {flavor} asked for, {free} not yet guaranteed to a team"
        for cluster in clusters
        for flavor, asked, free in _short(platform, cluster, words)
    ]
    return CapacityError(
        "the pools cannot guarantee that many accelerators",
        why="; ".join(parts),
        fix="ask for fewer, lower another team's guarantee, or raise maxNodes",
    )


def _folder(tree: SourceTree) -> str:
    """Where teams stand: the folder of those that have a file of their own, or teams/."""
    for path in sorted(tree.files):
        if path.startswith("teams/"):
            return "teams"
    files = [entry.source.file for entry in read(tree).declared.teams if entry.source.index == 0]
    return files[0].rpartition("/")[0] if files else "teams"


def _team_text(request: TeamRequest, clusters: list[Cluster]) -> str:
    try:
        cpu, size = format_cpu(parse_cpu(request.cpu)), parse_bytes(request.memory)
    except ValueError as error:
        raise UsageError(str(error), fix="for example --cpu 32 --memory 128Gi") from None
    # Without a unit it stays as it was written, and is refused as it would be in a file; so would be bytes in digits.
    whole = format_bytes(size)
    memory = whole if whole[-1].isalpha() and request.memory[-1].isalpha() else request.memory
    lines = ["kind: Team", f"name: {request.name}"]
    if request.cost_center is not None:
        lines.append(f"costCenter: {quoted(request.cost_center)}")
    roles = {"owners": request.owners, "members": request.groups}
    if any(roles.values()):
        lines.append("groups:")
    for role, groups in roles.items():
        if groups:
            lines += [f"  {role}:", *(f"    - {quoted(group)}" for group in groups)]
    lines.append("placements:")
    for cluster in clusters:
        lines += [f"  {cluster.name}:", f"    cpu: {cpu}", f"    memory: {memory}"]
        if words := _words(request, cluster.name):
            lines += ["    accelerators:", *(f"      {word}: {count}" for word, count in words.items())]
    return "\n".join(lines) + "\n"
