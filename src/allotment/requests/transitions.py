"""The moves of a request: who may do what where it stands, as a table, and what becomes of it.

What is decided is kept in a record with all that whoever decided was shown. Nothing here reads a clock: time, too, is
somebody who does something, and may do it only once a request is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from allotment.errors import ConflictError, UsageError, spelled
from allotment.model.moments import written
from allotment.model.requests.gates import AT_ONCE, Approvals
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import (
    DecisionRecord,
    DemonstratedNeed,
    Effect,
    GrantRequest,
    RequestAct,
    RequestState,
)
from allotment.model.requests.terms import Terms, Wish
from allotment.requests.approvers import RequestRules, Somebody, capacity_of, route_of, who_decides
from allotment.requests.beginning import given_at
from allotment.requests.gates import NOTHING_BESIDE, GivenBeside, MetGate, gate_met, needs_somebody, whole_of
from allotment.requests.refusals import NEXT, history, no_move, not_yours
from allotment.requests.sound_terms import check_terms, gives_no_more


class ActsFor(Enum):
    """Who may make a move."""

    REQUESTER = "the requester"
    DECIDER = "whoever decides"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class RequestMove:
    """A row of the table.

    Attributes:
        to: where it leads.
        by: whose move it is.
    """

    to: RequestState
    by: frozenset[ActsFor]


_REQUESTER: Final = frozenset({ActsFor.REQUESTER})
_DECIDER: Final = frozenset({ActsFor.DECIDER})
_TIME: Final = frozenset({ActsFor.TIME})

MOVES: Final[Mapping[tuple[RequestState, RequestAct], RequestMove]] = MappingProxyType(
    {
        (RequestState.WAITING, RequestAct.APPROVE): RequestMove(RequestState.APPROVED, _DECIDER),
        (RequestState.WAITING, RequestAct.COUNTER): RequestMove(RequestState.OFFERED, _DECIDER),
        (RequestState.WAITING, RequestAct.DENY): RequestMove(RequestState.DENIED, _DECIDER),
        (RequestState.WAITING, RequestAct.WITHDRAW): RequestMove(RequestState.WITHDRAWN, _REQUESTER),
        (RequestState.WAITING, RequestAct.ESCALATE): RequestMove(RequestState.WAITING, _TIME),
        (RequestState.WAITING, RequestAct.LAPSE): RequestMove(RequestState.LAPSED, _TIME),
        (RequestState.OFFERED, RequestAct.ACCEPT): RequestMove(RequestState.APPROVED, _REQUESTER),
        # A better offer, or the end of one: what is on the table is the requester's to take, and nobody else's.
        (RequestState.OFFERED, RequestAct.COUNTER): RequestMove(RequestState.OFFERED, _DECIDER),
        (RequestState.OFFERED, RequestAct.DENY): RequestMove(RequestState.DENIED, _DECIDER),
        (RequestState.OFFERED, RequestAct.WITHDRAW): RequestMove(RequestState.WITHDRAWN, _REQUESTER | _TIME),
    }
)
"""All moves after the submission, which `submitted` makes. What is not here is refused."""
_RECORDED: Final = frozenset(
    {RequestAct.APPROVE, RequestAct.COUNTER, RequestAct.DENY, RequestAct.ACCEPT, RequestAct.LAPSE}
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What whoever decides is shown of a request on certain terms; see `DecisionRecord` for what is kept of it.

    Attributes:
        budget_left: in any month that the terms lie in, once they are granted (`pricing.left_after`).
        budget_month: in which that is, such as ``2027-01``; empty where nothing is known of it.
        undone_in: seconds in which it can be taken back; None where that is not known, or not to be done.
        beside: what the team has by other grants on which nobody decided (`gates.given_beside`).
        extends: the grant that it prolongs or changes, as it stands; None for none.
    """

    effects: tuple[Effect, ...] = ()
    unknown: str = ""
    need: DemonstratedNeed | None = None
    budget_left: int | None = None
    budget_month: str = ""
    undone_in: int | None = None
    beside: GivenBeside = NOTHING_BESIDE
    extends: TeamGrant | None = None


NOTHING_SHOWN: Final = Shown()


@dataclass(frozen=True, slots=True)
class Draft:
    """A request before it is submitted.

    Attributes:
        id: eight letters and digits, the first a letter.
        at: milliseconds since the epoch.
        whence: from where it is submitted.
        extends: id of the grant that it prolongs or changes; empty for none.
        shown: what is known of it.
        begins_when_given: whether nobody has named a beginning.
    """

    id: str
    wish: Wish
    terms: Terms
    requester: str
    at: int
    whence: str
    extends: str = ""
    shown: Shown = NOTHING_SHOWN
    begins_when_given: bool = False


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does with a request.

    Attributes:
        at: milliseconds since the epoch.
        by: who; None where time does it.
        whence: from where.
        reason: foreign text; empty where none is given.
        terms: for `APPROVE`, those that are granted (None for all that is on the table); for `COUNTER`, those that are
            offered; for `ACCEPT`, those that were read (None for whatever is offered).
        shown: what is known of it, on these terms.
    """

    at: int
    by: Somebody | None
    whence: str
    reason: str = ""
    terms: Terms | None = None
    shown: Shown = NOTHING_SHOWN


def submitted(draft: Draft, approvals: Approvals) -> GrantRequest:
    """The request of a draft: it waits for whoever decides, or is approved at once by the gate that it meets.

    Raises:
        UsageError: its terms cannot be.
    """
    check_terms(draft.wish, draft.terms, approvals.longest, draft.at)
    given = given_at(draft.terms, draft.at, begins_then=draft.begins_when_given)
    known = not draft.extends or draft.shown.extends is not None
    met = _met(draft.wish, given, draft.shown, approvals, draft.at, known=known)
    request = GrantRequest(
        id=draft.id,
        wish=draft.wish,
        requester=draft.requester,
        created=draft.at,
        state=RequestState.WAITING,
        terms=draft.terms,
        asked=draft.terms,
        gate=met.name,
        route=met.route,
        due=None,
        extends=draft.extends,
        revision=1,
        decisions=(),
        begins_when_given=draft.begins_when_given,
    )
    if met.route != AT_ONCE:
        return replace(request, due=_due(draft.at, request, approvals))
    deed = Deed(draft.at, None, draft.whence, shown=draft.shown)
    request = replace(request, terms=given)
    return replace(request, state=RequestState.APPROVED, decisions=(_record(request, RequestAct.APPROVE, deed, ""),))


def moved(request: GrantRequest, act: RequestAct, deed: Deed, rules: RequestRules) -> GrantRequest:
    """What becomes of a request when somebody does something with it.

    Args:
        request: as it stands.
        act: what is done.
        deed: by whom, when, and on what terms.
        rules: who decides.

    Raises:
        ConflictError: it does not stand so that this can be done.
        ForbiddenError: it is another's to do.
        UsageError: the terms cannot be, or are not this act's to give.
    """
    move = MOVES.get((request.state, act))
    if move is None:
        raise no_move(request, act)
    if ActsFor.TIME in move.by and deed.by is None:
        _check_due(request, act, deed.at, rules.approvals)
        capacity = request.route
    elif ActsFor.REQUESTER in move.by:
        _check_requester(request, act, deed)
        capacity = request.decisions[-1].route if request.decisions else ""
    elif ActsFor.DECIDER in move.by:
        capacity = _capacity(request, act, deed, rules)
    else:
        raise not_yours(request, act, "time does that", "wait")
    after = _on_new_terms(request, act, deed, rules)
    record = _record(after, act, deed, capacity) if act in _RECORDED else None
    after = replace(
        after,
        state=move.to,
        revision=request.revision + 1,
        decisions=request.decisions if record is None else (*request.decisions, record),
    )
    if move.to.over:
        return replace(after, route="", due=None)
    if act is RequestAct.ESCALATE:
        after = replace(after, route=route_of(request, rules.approvals).escalates_to)
    return replace(after, due=_due(deed.at, after, rules.approvals))


def next_route(request: GrantRequest, approvals: Approvals) -> str:
    """The route that decides once the time of the present one is over; empty for none."""
    name = route_of(request, approvals).escalates_to
    return "" if approvals.route(name) is None else name


def _met(
    wish: Wish, terms: Terms, shown: Shown, approvals: Approvals, now: int, *, known: bool = True
) -> MetGate:  # fmt: skip
    """The gate of terms; of an extension whose grant is not `known`, none that gives at once."""
    whole = whole_of(terms, shown.extends)
    at_once = known and not needs_somebody(wish, whole, shown.extends, approvals, now)
    return gate_met(wish, whole, approvals, shown.budget_left, shown.undone_in, shown.beside, at_once=at_once)


def why_waiting(request: GrantRequest, shown: Shown, approvals: Approvals, now: int) -> str:
    """Why a request waits that would be given at once if it were the only one; empty for any other."""
    if request.state is not RequestState.WAITING:
        return ""
    alone = gate_met(
        request.wish, request.terms, approvals, shown.budget_left, shown.undone_in, at_once=True
    )  # fmt: skip
    if alone.route != AT_ONCE:
        return ""
    why = needs_somebody(request.wish, whole_of(request.terms, shown.extends), shown.extends, approvals, now)
    return why or "with what the team was given at once lately, or with its grant, it is more than is given at once"


def _on_new_terms(request: GrantRequest, act: RequestAct, deed: Deed, rules: RequestRules) -> GrantRequest:
    """The request on the terms of an act, each checked as that act demands."""
    terms = deed.terms or request.terms
    match act:
        case RequestAct.APPROVE:
            if not gives_no_more(terms, request.terms):
                raise UsageError(
                    f"that is more than request {request.id} is about, or at another time",
                    why="what is approved lies within what was asked for",
                    fix="offer it to the requester instead",
                )
            terms = given_at(terms, deed.at, begins_then=request.begins_when_given)
            check_terms(request.wish, terms, rules.approvals.longest, deed.at)
            return replace(request, terms=terms)
        case RequestAct.COUNTER:
            if deed.terms is None:
                raise UsageError("no terms are offered", fix="say which, or approve what was asked for")
            if request.begins_when_given:
                terms = given_at(terms, deed.at, begins_then=True)
            check_terms(request.wish, terms, rules.approvals.longest, deed.at)
            met = _met(request.wish, terms, deed.shown, rules.approvals, deed.at)
            return replace(request, terms=terms, gate=met.name)
        case RequestAct.ACCEPT:
            _check_offer(request, deed, terms)
            return replace(request, terms=given_at(terms, deed.at, begins_then=request.begins_when_given))
        case _:
            return request


def _check_offer(request: GrantRequest, deed: Deed, terms: Terms) -> None:
    """An offer is taken as it is, and as long as it stands."""
    if terms != request.terms:
        raise ConflictError(
            f"what is offered on request {request.id} is not that any more",
            why=history(request),
            fix="read the offer again, and accept that one",
        )
    if request.due is not None and deed.at >= request.due:
        raise ConflictError(
            f"the offer on request {request.id} is over",
            why=f"it stood until {written(request.due)}",
            fix=NEXT[RequestState.WITHDRAWN],
        )
    if not request.begins_when_given and terms.until is not None and terms.until <= deed.at:
        raise ConflictError(
            f"what is offered on request {request.id} lies in the past",
            why=f"it ended {written(terms.until)}",
            fix=NEXT[RequestState.WITHDRAWN],
        )


def _capacity(request: GrantRequest, act: RequestAct, deed: Deed, rules: RequestRules) -> str:
    """In what capacity somebody decides.

    An offer that goes beyond what was asked for may be more than its route decides on: then the route of what is
    offered counts, unless the request has already come from there.
    """
    route = route_of(request, rules.approvals)
    if act is RequestAct.COUNTER and deed.terms is not None and not _is_no_more(request, deed.terms):
        met = _met(request.wish, deed.terms, deed.shown, rules.approvals, deed.at)
        needed = rules.approvals.route(met.route)
        if needed is not None and route.name not in _upwards(needed.name, rules.approvals):
            route = needed
    if deed.by is None:
        raise not_yours(
            request, act, f"nobody says who decides; {who_decides(route, request.wish.team)} may", "sign in"
        )
    capacity = capacity_of(deed.by, request, route, rules, deed.at)
    if capacity is not None:
        return capacity
    if route.others_only and deed.by.name == request.requester:
        raise not_yours(request, act, f"on route {route.name} nobody decides for himself", "let somebody else decide")
    why = f"on route {route.name} it is for {who_decides(route, request.wish.team)} to decide"
    raise not_yours(request, act, why, "ask one of them")


def _is_no_more(request: GrantRequest, terms: Terms) -> bool:
    """Than was asked for, whenever it was to begin where nobody named that."""
    if request.begins_when_given:
        terms = given_at(terms, request.asked.since, begins_then=True)
    return gives_no_more(terms, request.asked)


def _upwards(route: str, approvals: Approvals) -> tuple[str, ...]:
    """A route and all that follow it when nobody answers."""
    found: list[str] = []
    while route and route not in found:
        found.append(route)
        this = approvals.route(route)
        route = "" if this is None else this.escalates_to
    return tuple(found)


def _check_requester(request: GrantRequest, act: RequestAct, deed: Deed) -> None:
    if deed.by is None or deed.by.name != request.requester:
        raise not_yours(request, act, f"it is {spelled(request.requester)}'s", "let the requester do it")


def _check_due(request: GrantRequest, act: RequestAct, now: int, approvals: Approvals) -> None:
    """Time does what is due, and of two things the one that is."""
    if request.due is None or now < request.due:
        until = "" if request.due is None else f"it has until {written(request.due)}"
        raise ConflictError(f"request {request.id} is not due yet", why=until, fix="wait")
    following = next_route(request, approvals)
    if act is RequestAct.LAPSE and following:
        raise ConflictError(f"request {request.id} does not lapse", why=f"route {following} is next", fix="escalate it")
    if act is RequestAct.ESCALATE and not following:
        raise ConflictError(
            f"request {request.id} has no next route", why=f"{request.route} is the last", fix="let it lapse"
        )


def _due(at: int, request: GrantRequest, approvals: Approvals) -> int:
    """Until when somebody has time to answer from now on; an offer stands as long as its route may take to answer."""
    return at + route_of(request, approvals).answer_within * 1000


def _record(request: GrantRequest, act: RequestAct, deed: Deed, capacity: str) -> DecisionRecord:
    by = "" if deed.by is None else deed.by.name
    own = by == request.requester
    if act is RequestAct.ACCEPT:
        own = bool(request.decisions) and request.decisions[-1].for_himself
    return DecisionRecord(
        at=deed.at,
        act=act,
        by=by,
        whence=deed.whence,
        gate=request.gate,
        route=capacity,
        terms=request.terms,
        reason=deed.reason,
        effects=deed.shown.effects,
        unknown=deed.shown.unknown,
        need=deed.shown.need,
        budget_left=deed.shown.budget_left,
        for_himself=own,
    )
