"""What whoever decides is shown of a request: need, price, effect on everybody's waits, what is left of the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import AllotmentError
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState
from allotment.model.requests.request import GrantRequest
from allotment.model.requests.terms import RequestKind, Terms, Wish
from allotment.operations.decide.effects import effects_of
from allotment.operations.decide.room import DecisionRoom
from allotment.operations.decide.taking import DevicesHeld, devices_held
from allotment.requests.gates import given_beside
from allotment.requests.giving import wanted
from allotment.requests.pricing import left_after
from allotment.requests.transitions import Shown
from allotment.spec.granting import grant_document, grant_path

_COMING: Final = frozenset({GrantState.DUE, GrantState.GIVING})
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
    """

    platform: Platform
    held: DevicesHeld


def look(room: DecisionRoom, clusters: tuple[str, ...]) -> PresentLook:
    """Read what is needed of clusters; what was approved and is not in the directory yet counts as if it were.

    Where no cluster matters nothing is read, nor waited for.
    """
    if not clusters:
        return PresentLook(room.platform(), {})
    platform = _with_approved(room)
    return PresentLook(platform, devices_held(platform, room.snapshots(clusters)))


def _with_approved(room: DecisionRoom) -> Platform:
    platform, now = room.platform(), room.now()
    there = {each.name for each in platform.grants}
    coming = [each for each in room.store.grants(_COMING) if each.id not in there]
    if room.repository is None or not coming:
        return platform
    added: dict[str, str] = {}
    for each in coming:
        for name, declared in wanted((each,), max(now, each.terms.since)).items():
            added[grant_path(name)] = grant_document(declared)
    try:
        return room.load({**room.files(), **added})
    except AllotmentError:
        return platform  # one of them does not fit any more, and says so itself


def recounted(room: DecisionRoom, platform: Platform, wish: Wish, terms: Terms, shown: Shown, *, without: str) -> Shown:
    """The same with what has to be true at the very moment: what is left of the budget, what is given beside."""
    grants = [each for each in room.store.grants() if each.team == wish.team and each.id != without]
    declared = platform.approvals.budget_of(wish.team)
    spent = room.spent(wish.team) if declared is not None else None
    at_once = [each.terms for each in grants if _nobody_decided(room.store.request(each.id))]
    return replace(
        shown,
        budget_left=left_after(terms, declared, [each.terms for each in grants], spent, room.now()),
        beside=given_beside(terms, at_once),
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


def _beyond(terms: Terms, held: Terms) -> Terms:
    """What terms give that is not held already: a platform that is declared has what is granted in it."""
    before = {(each.cluster, each.flavor): each.devices for each in held.shares}
    shares = (
        replace(each, devices=each.devices - before.get((each.cluster, each.flavor), 0))
        for each in terms.shares
        if each.devices > before.get((each.cluster, each.flavor), 0)
    )
    return replace(terms, shares=tuple(shares), taken=())


def _nobody_decided(request: GrantRequest) -> bool:
    return bool(request.decisions) and not any(each.by for each in request.decisions)
