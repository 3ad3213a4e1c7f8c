"""A request's moves: every state is reached, whoever is not named is refused, and what is decided is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from allotment.errors import AllotmentError, ConflictError, ForbiddenError, UsageError
from allotment.model.requests.gates import AT_ONCE
from allotment.model.requests.request import DemonstratedNeed, Effect, GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import Terms
from allotment.requests.approvers import RequestRules, Somebody
from allotment.requests.gates import GivenBeside
from allotment.requests.transitions import MOVES, ActsFor, Shown, moved, next_route
from tests.unit.requests.cases import (
    ADA,
    ANN,
    BOB,
    DEE,
    EVE,
    HOUR,
    LEA,
    LEAD,
    MILLION,
    OLA,
    RULES,
    START,
    USUAL,
    deed,
    request,
    share,
    taken,
    terms,
)

DAY_ON = START + 24 * HOUR
"""When the time of the first route is over, and BOB is away."""
LATER = START + HOUR
OFFER = terms(4, hours=24)


def offered() -> GrantRequest:
    return moved(request(6), RequestAct.COUNTER, deed(LEA, LATER, on=OFFER), RULES)


STANDING = {
    RequestState.WAITING: request(6),
    RequestState.OFFERED: offered(),
    RequestState.APPROVED: moved(request(6), RequestAct.APPROVE, deed(LEA, LATER), RULES),
    RequestState.DENIED: moved(request(6), RequestAct.DENY, deed(LEA, LATER), RULES),
    RequestState.WITHDRAWN: moved(request(6), RequestAct.WITHDRAW, deed(ANN, LATER), RULES),
    RequestState.LAPSED: moved(
        moved(request(6), RequestAct.ESCALATE, deed(None, DAY_ON), RULES),
        RequestAct.LAPSE,
        deed(None, DAY_ON + 48 * HOUR),
        RULES,
    ),
}
"""A request in each state."""


def test_every_state_is_reached_and_what_is_over_goes_nowhere() -> None:
    assert {state: each.state for state, each in STANDING.items()} == {state: state for state in RequestState}
    assert {each.to for each in MOVES.values()} | {RequestState.WAITING} == set(RequestState)
    assert {state for state, _ in MOVES} == {each for each in RequestState if not each.over}


@pytest.mark.parametrize(
    ("state", "act"), [(state, act) for state in RequestState for act in RequestAct if (state, act) not in MOVES]
)
def test_what_is_not_in_the_table_is_refused_with_how_it_stands(state: RequestState, act: RequestAct) -> None:
    for who in (ANN, LEA, ADA, None):
        with pytest.raises(ConflictError) as caught:
            moved(STANDING[state], act, deed(who, DAY_ON, on=OFFER), RULES)
        assert caught.value.what.startswith(f"request r0000001 is {state.value}: ")
        assert caught.value.why
        assert caught.value.fix


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (RequestState.WAITING, "route platform-lead decides on it until 2027-01-12T09:00:00Z"),
        (RequestState.OFFERED, "lea offered other terms on it on 2027-01-11T10:00:00Z"),
        (RequestState.APPROVED, "lea approved it on 2027-01-11T10:00:00Z"),
        (RequestState.DENIED, "lea denied it on 2027-01-11T10:00:00Z"),
        (RequestState.WITHDRAWN, "it was withdrawn, or an offer on it was not accepted in time"),
        (RequestState.LAPSED, "nobody answered until 2027-01-14T09:00:00Z"),
    ],
)
def test_who_decided_when_is_said(state: RequestState, why: str) -> None:
    with pytest.raises(ConflictError) as caught:
        moved(STANDING[state], RequestAct.SUBMIT, deed(ANN), RULES)

    assert caught.value.why == why


def test_a_gate_is_named_where_it_decided() -> None:
    with pytest.raises(ConflictError) as caught:
        moved(request(1), RequestAct.DENY, deed(LEA), RULES)

    assert caught.value.why == "gate small approved it on 2027-01-11T09:00:00Z"


WHO = {
    "requester": ANN,
    "decider": LEA,
    "administrator": ADA,
    "owner": OLA,
    "next route": BOB,
    "another": EVE,
    "time": None,
}
MAY = {ActsFor.REQUESTER: {"requester"}, ActsFor.DECIDER: {"decider", "administrator"}, ActsFor.TIME: {"time"}}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("state", "act"), MOVES, ids=[f"{state.value}-{act.value}" for state, act in MOVES])
def test_a_move_is_made_by_whom_the_table_names_and_nobody_else(state: RequestState, act: RequestAct, who: str) -> None:
    before, move = STANDING[state], MOVES[state, act]
    before = replace(before, route="leadership") if act is RequestAct.LAPSE else before
    given = OFFER if act is RequestAct.COUNTER else None
    at = before.due or 0
    doing = deed(WHO[who], at if who == "time" else LATER, on=given)
    may = set().union(*(MAY[each] for each in move.by))
    if who in may:
        after = moved(before, act, doing, RULES)
        assert (after.state, after.revision) == (move.to, before.revision + 1)
        assert (after.due is None, after.route == "") == (move.to.over, move.to.over)
        assert after.decisions[: len(before.decisions)] == before.decisions
    else:
        with pytest.raises(ForbiddenError) as caught:
            moved(before, act, doing, RULES)
        assert caught.value.why


@pytest.mark.parametrize(
    ("act", "recorded"),
    [
        (RequestAct.APPROVE, True),
        (RequestAct.COUNTER, True),
        (RequestAct.DENY, True),
        (RequestAct.WITHDRAW, False),
        (RequestAct.ESCALATE, False),
    ],
)
def test_what_is_decided_is_kept_and_nothing_else(act: RequestAct, *, recorded: bool) -> None:
    who = ANN if act is RequestAct.WITHDRAW else None if act is RequestAct.ESCALATE else LEA
    at = DAY_ON if act is RequestAct.ESCALATE else LATER
    after = moved(request(6), act, deed(who, at, on=OFFER if act is RequestAct.COUNTER else None), RULES)

    assert len(after.decisions) == recorded


def test_a_record_holds_what_was_shown() -> None:
    need = DemonstratedNeed(30, 1, 1, None, 1, 1, 0)
    shown = Shown((Effect("cv", "", 60, None),), "2 of 3 clusters answer", need, 5 * MILLION)
    given = terms(4, hours=24, since=LATER)
    (record,) = moved(request(6), RequestAct.APPROVE, deed(LEA, LATER, on=given, shown=shown), RULES).decisions

    assert (record.at, record.act, record.by, record.whence) == (LATER, RequestAct.APPROVE, "lea", "test")
    assert (record.gate, record.route, record.terms, record.reason) == ("", "platform-lead", given, "so be it")
    assert (record.effects, record.unknown, record.need) == (shown.effects, shown.unknown, need)
    assert (record.budget_left, record.for_himself) == (5 * MILLION, False)


# Submitting


def test_what_meets_a_gate_of_no_route_is_approved_at_once() -> None:
    at_once = request(2, shown=Shown(budget_left=7))

    assert (at_once.state, at_once.revision, at_once.gate, at_once.route, at_once.due) == (
        RequestState.APPROVED, 1, "small", "", None,
    )  # fmt: skip
    (record,) = at_once.decisions
    assert (record.by, record.gate, record.route, record.for_himself) == ("", "small", AT_ONCE, False)
    assert (record.terms, record.act, record.budget_left) == (at_once.terms, RequestAct.APPROVE, 7)


@pytest.mark.parametrize(
    ("devices", "gate", "route", "hours"), [(6, "", "platform-lead", 24), (8, "large", "leadership", 48)]
)
def test_everything_else_waits_for_its_route(devices: int, gate: str, route: str, hours: int) -> None:
    waiting = request(devices)

    assert (waiting.state, waiting.gate, waiting.route) == (RequestState.WAITING, gate, route)
    assert waiting.due == START + hours * HOUR
    assert waiting.decisions == ()


def test_what_is_known_of_it_opens_gates() -> None:
    assert request(6, price=MILLION, shown=Shown(undone_in=60)).gate == "cheap"
    assert request(6, price=MILLION, shown=Shown(budget_left=0)).gate == "budget"
    assert request(2, shown=Shown(beside=GivenBeside(6))).gate == "large"


def test_terms_that_cannot_be_are_not_submitted() -> None:
    with pytest.raises(UsageError, match="at most 30 days"):
        request(4, hours=31 * 24)


# On which terms


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        (None, True),
        (terms(6), True),
        (terms(3, hours=24), True),
        (terms(6, hours=1, since=START + HOUR), True),
        (terms(7), False),
        (terms(6, hours=73), False),
        (terms(6, since=START - 1), False),
        (terms(shares=(share(1, flavor="h100"),)), False),
        (terms(6, taking=(taken(1),)), False),
    ],
)
def test_what_is_approved_lies_within_what_was_asked(given: Terms | None, *, fits: bool) -> None:
    if fits:
        after = moved(request(6), RequestAct.APPROVE, deed(LEA, START, on=given), RULES)
        assert after.terms == (given or terms(6))
        assert after.asked == terms(6)
    else:
        with pytest.raises(UsageError, match="more than request r0000001 is about"):
            moved(request(6), RequestAct.APPROVE, deed(LEA, START, on=given), RULES)


def test_nothing_is_approved_whose_time_is_over() -> None:
    with pytest.raises(UsageError, match="its time is over"):
        moved(request(6, hours=12), RequestAct.APPROVE, deed(LEA, START + 12 * HOUR), RULES)


def test_an_offer_is_accepted_as_it_is_and_says_who_made_it() -> None:
    taken_up = moved(offered(), RequestAct.ACCEPT, deed(ANN, LATER, on=OFFER), RULES)

    assert (taken_up.state, taken_up.asked) == (RequestState.APPROVED, terms(6))
    assert taken_up.terms == terms(4, hours=23, since=LATER), "what has passed is not given any more"
    assert [(each.act, each.by, each.route) for each in taken_up.decisions] == [
        (RequestAct.COUNTER, "lea", "platform-lead"),
        (RequestAct.ACCEPT, "ann", "platform-lead"),
    ]
    assert not taken_up.decisions[-1].for_himself
    assert moved(offered(), RequestAct.ACCEPT, deed(ANN, LATER), RULES) == taken_up


def test_another_offer_is_not_accepted_unread() -> None:
    better = moved(offered(), RequestAct.COUNTER, deed(LEA, LATER + 1, on=terms(5, hours=24)), RULES)

    assert better.due == LATER + 1 + 24 * HOUR
    with pytest.raises(ConflictError, match="not that any more"):
        moved(better, RequestAct.ACCEPT, deed(ANN, LATER + 2, on=OFFER), RULES)


def test_an_offer_stands_until_it_is_due_and_not_into_its_past() -> None:
    standing = offered()
    assert standing.due == LATER + 24 * HOUR
    long = moved(request(6), RequestAct.COUNTER, deed(LEA, LATER, on=terms(6, hours=99)), RULES)
    assert moved(long, RequestAct.ACCEPT, deed(ANN, (long.due or 0) - 1), RULES).state is RequestState.APPROVED
    with pytest.raises(ConflictError, match="is over"):
        moved(long, RequestAct.ACCEPT, deed(ANN, long.due or 0), RULES)
    with pytest.raises(ConflictError, match="lies in the past"):
        moved(standing, RequestAct.ACCEPT, deed(ANN, START + 24 * HOUR), RULES)


def test_an_offer_without_terms_is_none() -> None:
    with pytest.raises(UsageError, match="no terms are offered"):
        moved(request(6), RequestAct.COUNTER, deed(LEA), RULES)


H100 = terms(shares=(share(6, flavor="h100"),))


@pytest.mark.parametrize(
    ("asked", "who", "offer", "capacity"),
    [
        (6, LEA, terms(7, hours=99), "platform-lead"),
        (6, LEA, H100, "platform-lead"),
        (6, LEA, terms(8), None),
        (6, LEA, terms(shares=(share(8, flavor="h100"),)), None),
        (6, BOB, terms(8), "leadership"),
        (6, ADA, terms(8), "leadership, by an administrator"),
        (8, BOB, terms(7, hours=99), "leadership"),
        (8, LEA, terms(7, hours=99), None),
        (8, LEA, terms(6), None),
        (6, LEA, terms(shares=(share(1, flavor="h100"),)), "platform-lead"),
    ],
    ids=[
        "longer", "another accelerator", "more than the route decides on", "or another one", "by whose it is",
        "by an administrator", "from above", "from below", "less from below", "what would be given at once",
    ],
)  # fmt: skip
def test_an_offer_beyond_what_was_asked_is_for_those_who_decide_on_that(
    asked: int, who: Somebody, offer: Terms, capacity: str | None
) -> None:
    """Else a route could be gone round: ask for little, and be offered much."""
    if capacity is None:
        with pytest.raises(ForbiddenError):
            moved(request(asked), RequestAct.COUNTER, deed(who, START, on=offer), RULES)
    else:
        after = moved(request(asked), RequestAct.COUNTER, deed(who, START, on=offer), RULES)
        assert (after.terms, after.decisions[-1].route) == (offer, capacity)


def test_another_ones_large_offer_makes_nobody_elses_small() -> None:
    large = moved(request(6), RequestAct.COUNTER, deed(BOB, on=terms(12)), RULES)

    with pytest.raises(ForbiddenError):
        moved(large, RequestAct.COUNTER, deed(LEA, on=terms(11)), RULES)
    assert moved(large, RequestAct.COUNTER, deed(LEA, on=terms(5)), RULES).terms == terms(5)


def test_whoever_decides_for_himself_is_refused_or_it_is_kept() -> None:
    with pytest.raises(ForbiddenError, match="not yours to approve") as caught:
        moved(request(6, by="lea"), RequestAct.APPROVE, deed(LEA), RULES)
    assert caught.value.why == "on route platform-lead nobody decides for himself"

    (record,) = moved(request(8, by="bob"), RequestAct.APPROVE, deed(BOB), RULES).decisions
    assert record.for_himself
    own_offer = moved(request(8, by="bob"), RequestAct.COUNTER, deed(BOB, on=terms(9)), RULES)
    assert moved(own_offer, RequestAct.ACCEPT, deed(BOB), RULES).decisions[-1].for_himself


def test_who_may_is_said_to_who_may_not() -> None:
    with pytest.raises(ForbiddenError) as caught:
        moved(request(6), RequestAct.APPROVE, deed(EVE), RULES)

    assert caught.value.why == "on route platform-lead it is for group grp-leads to decide"


# Time


def test_time_hands_on_to_the_next_route_and_lets_lapse_after_the_last() -> None:
    waiting = request(6)
    second = moved(waiting, RequestAct.ESCALATE, deed(None, DAY_ON + 5), RULES)
    assert (second.route, second.due) == ("leadership", DAY_ON + 5 + 48 * HOUR)
    assert (next_route(waiting, USUAL), next_route(second, USUAL)) == ("leadership", "")
    # Whoever stands in decides then.
    assert moved(second, RequestAct.APPROVE, deed(DEE, DAY_ON + 5), RULES).decisions[-1].route == "leadership, for bob"
    lapsed = moved(second, RequestAct.LAPSE, deed(None, second.due or 0), RULES)
    (record,) = lapsed.decisions
    assert (record.by, record.act, record.route) == ("", RequestAct.LAPSE, "leadership")


@pytest.mark.parametrize(
    ("before", "act", "at"),
    [
        (request(6), RequestAct.ESCALATE, DAY_ON - 1),
        (request(6), RequestAct.LAPSE, DAY_ON),
        (request(8), RequestAct.ESCALATE, START + 48 * HOUR),
        (offered(), RequestAct.WITHDRAW, LATER + 24 * HOUR - 1),
    ],
    ids=["too early", "another route is next", "no other route", "an offer that stands"],
)
def test_time_does_nothing_before_its_time(before: GrantRequest, act: RequestAct, at: int) -> None:
    with pytest.raises(ConflictError):
        moved(before, act, deed(None, at), RULES)


def test_a_late_decision_counts_until_the_next_route_has_it() -> None:
    assert moved(request(6), RequestAct.APPROVE, deed(LEA, DAY_ON + 1), RULES).state is RequestState.APPROVED
    second = moved(request(6), RequestAct.ESCALATE, deed(None, DAY_ON), RULES)
    with pytest.raises(ForbiddenError):
        moved(second, RequestAct.APPROVE, deed(LEA, DAY_ON + 1), RULES)


def test_a_request_whose_route_is_gone_goes_on() -> None:
    gone = replace(request(6), route="gone")
    last = RequestRules(replace(USUAL, routes=(replace(LEAD, escalates_to=""),)))

    assert moved(gone, RequestAct.APPROVE, deed(LEA), RULES).decisions[-1].route == "platform-lead"
    assert moved(gone, RequestAct.ESCALATE, deed(None, DAY_ON), RULES).route == "leadership"
    assert moved(gone, RequestAct.LAPSE, deed(None, DAY_ON), last).state is RequestState.LAPSED


def refusals() -> Iterator[AllotmentError]:
    for before, act, who in product(STANDING.values(), RequestAct, WHO.values()):
        try:
            moved(before, act, deed(who, DAY_ON), RULES)
        except AllotmentError as refused:
            yield refused


def test_every_refusal_says_why_and_what_to_do() -> None:
    found = list(refusals())

    assert len(found) > 200
    assert [each for each in found if not each.fix] == []
    assert {each.what for each in found if not each.why} == {"no terms are offered"}
