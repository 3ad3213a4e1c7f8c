"""What is due, in order; done twice it is no more than done once."""

from __future__ import annotations

import pytest

from allotment.model.requests.request import RequestAct, RequestState
from allotment.requests.deadlines import DueAct, due_acts
from allotment.requests.transitions import moved
from tests.unit.requests.cases import HOUR, LEA, RULES, START, USUAL, deed, request, terms

FIRST = START + 24 * HOUR

SMALL = request(6, name="c0000001")
LARGE = request(8, name="b0000001")
OFFERED = moved(request(6, name="a0000001"), RequestAct.COUNTER, deed(LEA, START + HOUR, on=terms(4)), RULES)
DENIED = moved(request(6, name="d0000001"), RequestAct.DENY, deed(LEA), RULES)
AT_ONCE = request(1, name="e0000001")
ALL = (SMALL, DENIED, LARGE, OFFERED, AT_ONCE)


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (FIRST - 1, ()),
        (FIRST, (DueAct("c0000001", RequestAct.ESCALATE),)),
        (FIRST + HOUR, (DueAct("a0000001", RequestAct.WITHDRAW), DueAct("c0000001", RequestAct.ESCALATE))),
        (
            START + 48 * HOUR,
            (
                DueAct("a0000001", RequestAct.WITHDRAW),
                DueAct("b0000001", RequestAct.LAPSE),
                DueAct("c0000001", RequestAct.ESCALATE),
            ),
        ),
    ],
)
def test_what_is_due(at: int, due: tuple[DueAct, ...]) -> None:
    assert due_acts(ALL, USUAL, at) == due


def test_what_is_done_is_not_due_again_and_everything_comes_to_an_end() -> None:
    standing = {each.id: each for each in ALL}
    now = START
    for _ in range(4):
        now += 48 * HOUR
        for each in due_acts(standing.values(), USUAL, now):
            standing[each.id] = moved(standing[each.id], each.act, deed(None, now), RULES)
        assert due_acts(standing.values(), USUAL, now) == ()

    assert {each.id: each.state for each in standing.values()} == {
        "a0000001": RequestState.WITHDRAWN,
        "b0000001": RequestState.LAPSED,
        "c0000001": RequestState.LAPSED,
        "d0000001": RequestState.DENIED,
        "e0000001": RequestState.APPROVED,
    }
