"""What whoever decides is shown of a request: need, price, effect on everybody's waits, what is left of the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.model.requests.terms import RequestKind, Terms, Wish
from allotment.model.source import SourceTree
from allotment.operations.decide.effects import effects_of
from allotment.operations.decide.room import DecisionRoom
from allotment.operations.decide.taking import DevicesHeld, devices_held
from allotment.requests.gates import given_beside, lately, meet, nobody_decided, whole_of
from allotment.requests.giving import wanted
from allotment.requests.pricing import left_after
from allotment.requests.transitions import Shown
from allotment.spec.granting import grant_document, grant_path

_COMING: Final = frozenset({GrantState.DUE, GrantState.GIVING})
NOT_LOOKED: Final = Shown(unknown="it was not looked at for this: nothing is given")
_MINUTE: Final = 60
UNDONE_IN: Final[Mapping[RequestKind, int]] = {
    RequestKind.GPUS: 5 * _MINUTE,
    RequestKind.NAMESPACE: 5 * _MINUTE,
    RequestKind.NOTEBOOK: 5 * _MINUTE,
}
"""Seconds in which something is taken back, by a file that goes and an apply; what is not here holds data, or others
rely on it, or it is bought."""


@dataclass(frozen=True, slots=True)
class PresentLook:
    """What is known at the moment when something is decided.

    Attributes:
        platform: as declared, with what was granted.
        held: what is used of the guarantees in the clusters that were read.
        free: the platform without the grant that is to be changed: its devices are there for the change.
    """

    platform: Platform
    held: DevicesHeld
    free: Platform


def look(
    room: DecisionRoom, clusters: tuple[str, ...], since: int, until: int | None, changed: str = ""
) -> PresentLook:
    """Read what is needed of clusters; where none matters nothing is read, nor waited for.

    What was approved and is not in the directory yet counts as if it were, where it is given while something else is.

    Args:
        room: what it is read with.
        clusters: their names.
        since: when that is to begin, milliseconds since the epoch.
        until: when it ends; None for good.
        changed: id of the grant whose devices are to be others; empty for none.
    """
    if not clusters:
        return PresentLook(room.platform(), {}, room.platform())
    platform = _with_approved(room, since, until)
    free = _with_approved(room, since, until, changed) if changed else platform
    return PresentLook(platform, devices_held(platform, room.snapshots(clusters)), free)


def _with_approved(room: DecisionRoom, since: int, until: int | None, without: str = "") -> Platform:
    platform, now = room.platform(), room.now()
    there = {each.name for each in platform.grants}
    every = [each for each in room.store.grants(_COMING) if each.id not in there]
    coming = [each for each in every if meet(each.terms, since, until) and each.id != without]
    if room.repository is None or not (coming or without in there):
        return platform
    added: dict[str, str | None] = {grant_path(without): None} if without in there else {}
    for each in coming:
        for name, declared in wanted((each,), max(now, each.terms.since)).items():
            added[grant_path(name)] = grant_document(declared)
    try:
        return room.load(SourceTree(room.files()).with_changes(added).files)
    except AllotmentError:
        return platform  # one of them does not fit any more, and says so itself


def recounted(room: DecisionRoom, platform: Platform, wish: Wish, terms: Terms, shown: Shown, *, without: str) -> Shown:
    """The same with what has to be true at the very moment: what is left of the budget, what is given beside.

    Args:
        room: what it is known by.
        platform: as declared, with what was granted.
        wish: what is asked for.
        terms: on which, as they would be given now.
        shown: what is known already.
        without: id of a grant that these terms would prolong or change: what is left, and given, is so beside that.
    """
    extends = room.store.grant(without) if without else None
    whole = whole_of(terms, extends)
    grants = [each for each in room.store.grants(within=frozenset({wish.team})) if each.id != without]
    declared = platform.approvals.budget_of(wish.team)
    spent = room.spent(wish.team) if declared is not None else None
    by_nobody = [each for each in grants if nobody_decided(each)]
    beside = given_beside(whole, [each.terms for each in by_nobody], lately(platform.approvals))
    standing = sum(each.kind is wish.kind and each.state is not GrantState.ENDED for each in by_nobody)
    left = left_after(whole, declared, [each.terms for each in grants], spent, room.now())
    return replace(
        shown,
        budget_left=None if left is None else left.left,
        budget_month="" if left is None else left.month,
        beside=replace(beside, standing=standing),
        extends=extends,
    )


def shown_of(room: DecisionRoom, platform: Platform, wish: Wish, terms: Terms, *, without: str = "") -> Shown:
    """What is known of a request on certain terms, but for what `recounted` adds; what waits is simulated.

    Args:
        room: what it is known by.
        platform: as declared, with what was granted.
        wish: what is asked for.
        terms: on which.
        without: id of a grant that these terms would replace.
    """
    clusters = tuple(sorted({each.cluster for each in terms.shares}))
    more = terms if not without else _beyond(terms, room.store.grant(without).terms)
    read = room.snapshots(clusters)
    effects, unknown = effects_of(platform, read, more, wish.team, room.seed) if more.shares else ((), "")
    need, untold = room.need(platform, wish.team, clusters) if clusters else (None, "")
    if without and clusters:
        unknown = "; ".join(filter(None, (unknown, "what others would have from the end of the grant on")))
    return Shown(
        effects=effects,
        unknown="; ".join(filter(None, (unknown, f"need: {untold}" if untold else ""))),
        need=need,
        undone_in=None if room.repository is None else UNDONE_IN.get(wish.kind),
    )


def shown_then(request: GrantRequest) -> Shown:
    """What was known of a request when it was approved, as it was kept; of what was not given nothing is."""
    if request.state is not RequestState.APPROVED or not request.decisions:
        return NOT_LOOKED
    kept = request.decisions[-1]
    return Shown(kept.effects, kept.unknown, kept.need, kept.budget_left)


def _beyond(terms: Terms, held: Terms) -> Terms:
    """What terms give that is not held already: a platform that is declared has what is granted in it."""
    before = {(each.cluster, each.flavor): each.devices for each in held.shares}
    shares = (
        replace(each, devices=each.devices - before.get((each.cluster, each.flavor), 0))
        for each in terms.shares
        if each.devices > before.get((each.cluster, each.flavor), 0)
    )
    return replace(terms, shares=tuple(shares), taken=())
