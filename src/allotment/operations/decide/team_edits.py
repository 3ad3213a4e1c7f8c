"""What a team that comes, or leaves, makes of the platform directory and of clusters; nothing is written here."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from allotment.errors import AllotmentError, CapacityError, NotFoundError, UsageError, quoted
from allotment.model.platform import Platform
from allotment.model.requests.team import NewTeam
from allotment.model.requests.terms import RequestKind, Wish
from allotment.model.source import Changes, SourceTree
from allotment.model.team import Isolation
from allotment.operations.directory.isolation import Advice, Needs, advise
from allotment.operations.directory.teams import diff_of
from allotment.ports.request_service import ForeseenChange, MadeInCluster
from allotment.render.manifests import render
from allotment.spec.budgets import with_budget
from allotment.spec.edit import TeamRequest, add_team, finish_removals, remove_team
from allotment.spec.load import Loaded, load_platform

MOST_BUDGET: Final = 1_000_000_000_000_000
"""Millionths of the currency: a billion a month. More is a slip of the hand, and no directory may say it."""


def changes_of(tree: SourceTree, wish: Wish) -> Changes:
    """What the directory becomes by a request that is about a team.

    Raises:
        UsageError: the name, an amount or the day cannot be, or a namespace is not enough for what the team needs.
        NotFoundError: there is no such team, cluster or accelerator.
        ConflictError: such a team is there already.
        CapacityError: the accelerators exist, but fewer are free than asked for.
        InvalidPlatformError: the directory is not valid, before or after.
    """
    if wish.kind is RequestKind.LEAVE:
        return _loaded(tree, remove_team(tree, wish.team, last_day(wish)))
    new = wish.new_team or NewTeam()
    _check_budget(new)
    _check_isolation(advice_for(new))
    changes = add_team(tree, team_request(wish.team, new))
    if new.budget is not None:
        changes = {**changes, **with_budget(tree.with_changes(changes), wish.team, new.budget)}
    return _loaded(tree, changes)


def _loaded(tree: SourceTree, changes: Changes) -> Changes:
    """The changes, once what comes of them was seen to be valid: nobody is to find that out from a commit."""
    load_platform(tree.with_changes(changes))
    return changes


def _check_budget(new: NewTeam) -> None:
    if new.budget is not None and not 0 <= new.budget <= MOST_BUDGET:
        raise UsageError(
            "a team cannot have such a budget",
            why=f"it is an amount from 0 to {MOST_BUDGET // 1_000_000:,} a month",
            fix="say another amount, or leave it out for none",
        )


def advice_for(new: NewTeam) -> Advice:
    """The weakest level of isolation that gives a team what it needs."""
    return advise(Needs.named(new.needs))


def _check_isolation(advice: Advice) -> None:
    """What is carried out by itself is a namespace: a boundary that is stronger is no edit of one file."""
    level = advice.level
    if level.isolation is not Isolation.NAMESPACE:
        raise UsageError(
            f"a team with such needs is isolated by {level.isolation.value}: {level.boundary}",
            why=f"{'; '.join(advice.reasons)}; a request makes namespaces in clusters that are shared",
            fix="have an administrator of the platform declare it (docs/isolation.md, `allot team isolation`), "
            "or leave out what is not needed",
        )


def without_others(error: AllotmentError) -> AllotmentError:
    """Why a team cannot be as it is asked for, told to somebody who may not read of other teams.

    Args:
        error: as `changes_of` raises it; it may name teams, what they have, and clusters.
    """
    if isinstance(error, NotFoundError):
        return NotFoundError(error.what, fix="ask an administrator of the platform for the names that there are")
    return CapacityError(
        "there is no room for such a team",
        why="what it is to have is others' already, or cannot be had there",
        fix="ask for less, or in other clusters; administrators of the platform see why",
    )


def without_team(tree: SourceTree, name: str, today: dt.date) -> Changes:
    """What the directory becomes once a team is taken out whose data need not be kept any longer."""
    return finish_removals(tree, today, only=name)


def team_request(name: str, new: NewTeam) -> TeamRequest:
    """The same as `allot team add` asks for it."""
    return TeamRequest(
        name=name,
        accelerators=dict(new.accelerators),
        cpu=new.cpu,
        memory=new.memory,
        groups=new.members,
        clusters=new.clusters or None,
        cost_center=new.cost_center or None,
        owners=new.owners,
    )


def last_day(wish: Wish) -> dt.date:
    """Until when, that day included, the data of a team that is to leave are kept.

    Raises:
        UsageError: it is no day.
    """
    try:
        return dt.date.fromisoformat(wish.keep_data_until)
    except ValueError:
        raise UsageError(
            f"{quoted(wish.keep_data_until)} is no day",
            why="until then the team's data are kept",
            fix="write it such as 2027-01-31",
        ) from None


def foreseen_change(tree: SourceTree, wish: Wish, *, whole: bool = True) -> ForeseenChange:
    """What a request about a team would do.

    Args:
        tree: the directory as it is.
        wish: of the request.
        whole: whether changes of files that are others' as well are shown; else the team's own alone.

    Raises:
        AllotmentError: as `changes_of`.
    """
    changes = changes_of(tree, wish)
    before, after = load_platform(tree), load_platform(tree.with_changes(changes))
    shown = changes if whole else {path: text for path, text in changes.items() if path not in tree.files}
    return ForeseenChange(
        diff=diff_of(tree, shown),
        made=made_in_clusters(before.platform, after.platform),
        warnings=tuple(_news(before, after)) if whole else (),
        isolation=_isolation_of(wish),
    )


def _isolation_of(wish: Wish) -> str:
    if wish.kind is not RequestKind.TEAM:
        return ""
    advice = advice_for(wish.new_team or NewTeam())
    return f"{advice.level.isolation.value}: {advice.level.boundary}; {'; '.join(advice.reasons)}"


def _news(before: Loaded, after: Loaded) -> Iterable[str]:
    # Lines move with an edit, so a warning is the same one if file, field and words are.
    known = {(each.file, each.field, each.what) for each in before.warnings}
    return (f"{each.file}: {each.what}" for each in after.warnings if (each.file, each.field, each.what) not in known)


def made_in_clusters(before: Platform, after: Platform) -> tuple[MadeInCluster, ...]:
    """What is declared for each cluster in one version of a platform and was not in the other."""
    found = []
    for cluster in after.clusters:
        old = before.cluster(cluster.name)
        known = set() if old is None else {each.key for each in render(before, old)}
        kinds = Counter(each.key.kind for each in render(after, cluster) if each.key not in known)
        if kinds:
            found.append(MadeInCluster(cluster.name, tuple(sorted(kinds.items()))))
    return tuple(found)


def said_once_more(wish: Wish) -> Wish:
    """The wish of a team that leaves, whose name was typed once more.

    Raises:
        UsageError: another name was typed.
    """
    if wish.subject != wish.team:
        raise UsageError(
            f"{quoted(wish.subject)} is not the name of the team that is to leave",
            why=f"its work is ended, and its data are deleted after {wish.keep_data_until}: its name is typed for that",
            fix=f"add --confirm {wish.team}; over HTTP it is `subject`",
        )
    return replace(wish, keep_data_until=last_day(wish).isoformat())
