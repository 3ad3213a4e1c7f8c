"""How far a team is with its month: sums of what is known, and nothing in place of what is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.terms import QuotaShare, RequestKind, Terms
from allotment.requests.balancing import balance_of
from allotment.requests.pricing import month_of

HOUR: Final = 3_600_000
NOW: Final = month_of(1_795_000_000_000).start + 240 * HOUR


def grant(name: str, devices: int, since: int, until: int | None, price: int | None) -> TeamGrant:
    shares = (QuotaShare("east", "a100", devices, MilliCpu(0), Bytes(0)),)
    terms = Terms(shares, (), since, until, price)
    return TeamGrant(
        id=name, team="nlp", kind=RequestKind.GPUS, subject="", requester="ada", terms=terms, approved=(terms,),
        state=GrantState.ACTIVE, revision=1, written="", commit="", trouble="", told=(),
    )  # fmt: skip


def test_what_lies_in_the_month_is_counted_once_with_what_jobs_cost() -> None:
    month = month_of(NOW)
    here = grant("g1", 4, NOW - 10 * HOUR, NOW + 10 * HOUR, 240_000_000)
    across = grant("g2", 1, month.start - 100 * HOUR, month.start + 100 * HOUR, 200_000_000)
    before = grant("g3", 1, month.start - 50 * HOUR, month.start, 50_000_000)
    found = balance_of("nlp", 1_000_000_000, 300_000_000, (here, across, before), {"g1": 72_000}, NOW)
    assert (found.start, found.end) == (month.start, month.end)
    assert (found.jobs, found.granted, found.granted_so_far) == (300_000_000, 340_000_000, 220_000_000)
    assert found.left == 1_000_000_000 - 300_000_000 - 340_000_000
    paces = {each.id: (each.given, each.used) for each in found.grants}
    assert paces["g1"] == (4 * 10 * 3600, 72_000)
    assert paces["g2"] == (200 * 3600, None), "of what nothing is known nothing is said"


def test_what_has_no_price_is_not_known_to_cost_nothing() -> None:
    endless = grant("g1", 4, NOW - HOUR, None, None)
    found = balance_of("nlp", 1_000_000_000, 0, (endless,), {}, NOW)
    assert (found.granted, found.granted_so_far, found.left) == (None, None, None)
    unpriced = balance_of("nlp", 1_000_000_000, None, (), {}, NOW)
    assert (unpriced.jobs, unpriced.left) == (None, None)
    assert balance_of("nlp", None, 5, (), {}, NOW).left is None


def test_only_what_stands_has_a_pace_and_what_ends_first_comes_first() -> None:
    late = grant("g1", 1, NOW - HOUR, None, 0)
    soon = grant("g2", 1, NOW - HOUR, NOW + HOUR, 0)
    over = replace(grant("g3", 1, NOW - HOUR, NOW - 1, 0), state=GrantState.ENDED)
    due = replace(grant("g4", 1, NOW + HOUR, NOW + 2 * HOUR, 0), state=GrantState.DUE)
    found = balance_of("nlp", None, 0, (late, over, due, soon), {}, NOW)
    assert [each.id for each in found.grants] == ["g2", "g1"]
