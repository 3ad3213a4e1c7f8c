"""Whoever something is taken of hears when it is, until when, and when it is back; and not whose it is meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.notice import Audience, AudienceKind, Delta, Measure, NoticeKind
from allotment.requests.granting import ended
from allotment.requests.lending import of_lent
from allotment.requests.notices import due_notices, with_told
from allotment.requests.request_notices import NEWS_FOR
from tests.unit.requests.cases import HOUR, START, grant, taken, terms

END = START + 72 * HOUR


def lent(state: GrantState = GrantState.ACTIVE) -> TeamGrant:
    return replace(grant(), terms=terms(6, taking=(taken(3), taken(1, "recsys"))), state=state)


@pytest.mark.parametrize(
    ("each", "now", "subjects"),
    [
        (lent(GrantState.DUE), START, []),
        (lent(GrantState.GIVING), START, ["something is taken of its guarantee"]),
        (lent(), START, ["something is taken of its guarantee"]),
        (lent(GrantState.TAKING_BACK), END, []),
        (lent(GrantState.ENDED), END, ["what was taken of its guarantee is back"]),
        (lent(GrantState.ENDED), END + NEWS_FOR + 1, []),
        (ended(lent(GrantState.DUE), START), START, []),
        (replace(grant(), state=GrantState.ACTIVE), START, []),
    ],
    ids=["due", "giving", "active", "taking back", "ended", "long ago", "never given", "taken of nobody"],
)
def test_when_it_is_told(each: TeamGrant, now: int, subjects: list[str]) -> None:
    assert [notice.subject for notice in of_lent([each], now, NEWS_FOR)] == [
        f"{team}: {said}" for said in subjects for team in ("cv", "recsys")
    ]


def test_what_is_told_and_to_whom() -> None:
    cv, _ = of_lent([lent()], START, NEWS_FOR)

    assert cv.to == (Audience(AudienceKind.TEAM, "cv"),)
    assert (cv.team, cv.kind, cv.deltas) == ("cv", NoticeKind.GUARANTEE_LENT, (Delta(Measure.DEVICES, 3),))
    assert cv.lines[0].startswith(
        "3 a100-spot in training of your guarantee are another team's until 2027-01-14T09:00:00Z."
    )
    assert "nlp" not in "".join((cv.subject, *cv.lines))


def test_it_is_told_once_and_again_when_it_lasts_longer() -> None:
    told = lent()
    for each in of_lent([told], START, NEWS_FOR):
        told = with_told(told, each)
    assert of_lent([told], START, NEWS_FOR) == ()
    longer = replace(told, terms=replace(told.terms, until=END + HOUR))
    assert len(of_lent([longer], START, NEWS_FOR)) == 2
    back = replace(told, state=GrantState.ENDED)
    assert [each.lines[0] for each in of_lent([back], END, NEWS_FOR)] == [
        "3 a100-spot in training count among your guarantee again.",
        "1 a100-spot in training count among your guarantee again.",
    ]
    assert {each.kind for each in due_notices([lent()], {}, (), (), (), START)} == {NoticeKind.GUARANTEE_LENT}
