"""Another name for a team: in the directory alone. What clusters know it by stays, and so does all it has there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.errors import ConflictError, InputError, NotFoundError, UsageError
from allotment.model.names import is_plain
from allotment.model.platform import Platform
from allotment.model.source import Changes, SourceTree
from allotment.model.team import Team
from allotment.spec.declared import DeclaredDocument
from allotment.spec.identity import id_of
from allotment.spec.load import load_platform
from allotment.spec.problems import Path, did_you_mean, echo
from allotment.spec.read import read
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.grant import GrantSpec
from allotment.spec.schema.team import TeamSpec
from allotment.spec.surgery import insert_below, remove_field, replace_key, replace_scalar

_ID: Final = "id: {}  # what clusters know the team by: its name before it was renamed\n"


def rename_team(tree: SourceTree, old: str, new: str) -> Changes:
    """The team's document and every reference to it under another name; nothing in any cluster changes.

    Raises:
        UsageError: the new name cannot be a team's, or is the old one.
        NotFoundError: no such team.
        ConflictError: another team has that name, or clusters know one by it.
        InvalidPlatformError: the directory is not valid, before or after.
        InputError: a file is written in a way that cannot be edited safely.
    """
    before = load_platform(tree).platform
    team = before.team(old)
    if team is None:
        raise NotFoundError(f"there is no team {echo(old)}", fix=did_you_mean(old, (t.name for t in before.teams)))
    _require_free(before, team, new)
    declared = read(tree).declared
    entry = next(entry for entry in declared.teams if entry.spec.name == old)
    changed = _renamed(tree, entry, new)
    for site in declared.clusters:
        changed = _referring(changed, site, old, new)
    for slurm in declared.slurms:
        if old in slurm.spec.accounts:
            file, index = slurm.source.file, slurm.source.index
            text = replace_key(file, changed.files[file], index, ("accounts", old), new)
            changed = changed.with_changes({file: text})
    for approvals in declared.approvals:
        if old in approvals.spec.budgets:
            file, index = approvals.source.file, approvals.source.index
            text = replace_key(file, changed.files[file], index, ("budgets", old), new)
            changed = changed.with_changes({file: text})
    for grant in declared.grants:
        changed = _granting(changed, grant, old, new)
    after = load_platform(changed).platform
    if _as_before(after, team, new) != before:
        raise InputError(
            "more than the name would change",
            why="a file uses one value for several fields, by an alias",
            fix="write the values out, then rename",
        )
    return {file: text for file, text in changed.files.items() if text != tree.files[file]}


def _require_free(platform: Platform, team: Team, new: str) -> None:
    if not is_plain(new):
        raise UsageError(
            f"{echo(new)} cannot be the name of a team",
            fix="use lower-case letters, digits and single dashes, at most 63 characters",
        )
    if new == team.name:
        raise UsageError(f"that is the name of team {team.name} already", fix="choose another one")
    for other in platform.teams:
        if other is not team and new in (other.name, other.id):
            known = "" if new == other.name else f": clusters know team {other.name} by it"
            raise ConflictError(f"the name {echo(new)} is taken{known}", fix="choose another one")


def _renamed(tree: SourceTree, entry: DeclaredDocument[TeamSpec], new: str) -> SourceTree:
    file, index = entry.source.file, entry.source.index
    text = replace_scalar(file, tree.files[file], index, ("name",), new)
    if entry.spec.id is None:
        text = insert_below(file, text, index, "name", _ID.format(id_of(entry.spec)))
    elif entry.spec.id == new:
        text = remove_field(file, text, index, ("id",))
    return tree.with_changes({file: text})


def _referring(tree: SourceTree, site: DeclaredDocument[ClusterSpec], old: str, new: str) -> SourceTree:
    """Pools of its own, overrides of its placement, and the name of its queue."""
    file, index = site.source.file, site.source.index
    text = tree.files[file]
    for path in _keys(site.spec, old):
        text = replace_key(file, text, index, path, new)
    for number, pool in enumerate(site.spec.node_pools):
        if pool.dedicated_to == old:
            text = replace_scalar(file, text, index, ("nodePools", number, "dedicatedTo"), new)
    return tree.with_changes({file: text})


def _granting(tree: SourceTree, grant: DeclaredDocument[GrantSpec], old: str, new: str) -> SourceTree:
    """Whose the grant is, and of whom it takes."""
    file, index = grant.source.file, grant.source.index
    text = tree.files[file]
    if grant.spec.team == old:
        text = replace_scalar(file, text, index, ("team",), new)
    for number, taken in enumerate(grant.spec.taken_from):
        if taken.team == old:
            text = replace_scalar(file, text, index, ("takenFrom", number, "team"), new)
    return tree.with_changes({file: text})


def _keys(spec: ClusterSpec, team: str) -> Iterator[Path]:
    if team in spec.overrides.teams:
        yield "overrides", "teams", team
    if team in spec.names.queues:
        yield "names", "queues", team


def _as_before(after: Platform, team: Team, new: str) -> Platform:
    """The platform with the old name put back: all that may differ."""

    def back(name: str) -> str:
        return team.name if name == new else name

    budgets = tuple(replace(each, team=back(each.team)) for each in after.approvals.budgets)
    return replace(
        after,
        approvals=replace(after.approvals, budgets=budgets),
        grants=tuple(
            replace(
                each,
                team=back(each.team),
                taken=tuple(replace(taken, team=back(taken.team)) for taken in each.taken),
            )
            for each in after.grants
        ),
        teams=tuple(
            replace(each, name=team.name, display_name=team.display_name) if each.name == new else each
            for each in after.teams
        ),
        slurms=tuple(
            replace(each, accounts={back(key): name for key, name in each.accounts.items()}) for each in after.slurms
        ),
    )
