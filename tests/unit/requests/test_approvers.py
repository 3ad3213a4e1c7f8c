"""Who decides on a route, in what capacity, and who does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.model.requests.gates import ApproverAbsence, Route
from allotment.requests.approvers import RequestRules, Somebody, capacity_of, route_of, who_decides
from tests.unit.requests.cases import (
    ADA,
    ANN,
    BOB,
    DEE,
    EVE,
    HOUR,
    LEA,
    LEAD,
    LEADERSHIP,
    OLA,
    OWNERS,
    RULES,
    START,
    USUAL,
    request,
)

AWAY = START + 20 * HOUR
BACK = START + 44 * HOUR


@pytest.mark.parametrize(
    ("who", "route", "at", "capacity"),
    [
        (LEA, LEAD, START, "platform-lead"),
        (ANN, LEAD, START, None),
        (BOB, LEAD, START, None),
        (BOB, LEADERSHIP, START, "leadership"),
        (LEA, LEADERSHIP, START, None),
        # BOB is away from AWAY on until BACK, and may decide all the same.
        (DEE, LEADERSHIP, AWAY - 1, None),
        (DEE, LEADERSHIP, AWAY, "leadership, for bob"),
        (DEE, LEADERSHIP, BACK - 1, "leadership, for bob"),
        (DEE, LEADERSHIP, BACK, None),
        (BOB, LEADERSHIP, AWAY, "leadership"),
        (DEE, LEAD, AWAY, None),
        # Owners are those of the team that asks.
        (OLA, OWNERS, START, "owners"),
        (EVE, OWNERS, START, None),
        (Somebody("mel", frozenset({"team-owners"})), OWNERS, START, None),
        (ADA, LEAD, START, "platform-lead, by an administrator"),
        (ADA, LEADERSHIP, START, "leadership, by an administrator"),
        (replace(ADA, groups=ADA.groups | LEA.groups), LEAD, START, "platform-lead"),
    ],
)
def test_somebody_decides(who: Somebody, route: Route, at: int, capacity: str | None) -> None:
    assert capacity_of(who, request(), route, RULES, at) == capacity


def test_a_deputy_decides_by_the_groups_of_who_is_away_where_they_are_known() -> None:
    absent = replace(USUAL, absences=(ApproverAbsence("lea", "dee", START, START + HOUR),))
    unknown, known = RequestRules(absent), RequestRules(absent, away={"lea": LEA})

    assert capacity_of(DEE, request(), LEAD, unknown, START) is None
    assert capacity_of(DEE, request(), LEAD, known, START) == "platform-lead, for lea"
    assert capacity_of(DEE, request(), LEADERSHIP, known, START) is None


def test_standing_in_is_not_handed_on() -> None:
    chain = (ApproverAbsence("bob", "dee", START, BACK), ApproverAbsence("dee", "eve", START, BACK))

    assert capacity_of(EVE, request(), LEADERSHIP, RequestRules(replace(USUAL, absences=chain)), START) is None


@pytest.mark.parametrize("who", [LEA, ADA, replace(ADA, groups=ADA.groups | LEA.groups)], ids=["lead", "admin", "both"])
def test_nobody_decides_for_himself_where_the_route_is_for_others(who: Somebody) -> None:
    own = request(by=who.name)

    assert capacity_of(who, own, LEAD, RULES, START) is None
    assert capacity_of(who, own, replace(LEAD, others_only=False), RULES, START) is not None


def test_a_deputy_is_not_the_requesters_own_voice() -> None:
    own = request(by="bob")
    others = replace(LEADERSHIP, others_only=True)

    assert capacity_of(DEE, own, LEADERSHIP, RULES, AWAY) == "leadership, for bob"
    assert capacity_of(DEE, own, others, RULES, AWAY) is None
    assert capacity_of(DEE, request(), others, RULES, AWAY) == "leadership, for bob"


def test_where_a_route_is_gone_the_last_resort_decides() -> None:
    waiting = replace(request(), route="gone")
    nobody = replace(USUAL, otherwise="gone as well")

    assert route_of(request(), USUAL) == LEAD
    assert route_of(waiting, USUAL) == LEAD
    left = route_of(waiting, nobody)
    assert capacity_of(ADA, waiting, left, RULES, START) == "gone, by an administrator"
    assert [each for each in (ANN, LEA, BOB, OLA) if capacity_of(each, waiting, left, RULES, START)] == []


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (LEAD, "group grp-leads"),
        (LEADERSHIP, "bob"),
        (OWNERS, "the owners of team nlp"),
        (replace(OWNERS, approvers=("grp-a", "team-owners"), users=("x",)), "the owners of team nlp, group grp-a, x"),
        (replace(LEAD, approvers=()), "the platform's administrators"),
    ],
)
def test_who_decides_is_said(route: Route, said: str) -> None:
    assert who_decides(route, "nlp") == said
