"""`allot balance` says what is known, and that something is not."""

from __future__ import annotations

import json

from allotment.cli.commands.decide.balance_view import balances_listing, balances_text
from allotment.model.requests.balance import GrantPace, TeamBalance

DAY = 86_400_000
NOW = 20 * DAY
KNOWN = TeamBalance(
    team="nlp",
    start=0,
    end=30 * DAY,
    budget=1_000_000_000,
    jobs=100_000_000,
    granted=760_000_000,
    granted_so_far=500_000_000,
    left=140_000_000,
    grants=(
        GrantPace("gabcdefg", 4, 10 * DAY, 30 * DAY, 3_456_000, 1_728_000),
        GrantPace("gzzzzzzz", 1, 0, None, 9, None),
    ),
)
UNKNOWN = TeamBalance("cv", 0, 30 * DAY, None, None, None, None, None, ())


def text(*balances: TeamBalance) -> str:
    return balances_text(balances, "USD", NOW, width=200, headers=True)


def test_money_is_said_beside_the_time_that_has_passed() -> None:
    told = text(KNOWN)
    assert "nlp" in told
    for said in ("1,000 USD", "100 USD", "760 USD", "140 USD", "86 %", "66 %"):
        assert said in told, said
    assert "grant gabcdefg of nlp, 4 GPUs: 50 % of its GPU-hours so far were used; 50 % of its time has passed" in told
    assert "grant gzzzzzzz of nlp, 1 GPU: what of it was used is not known; it has no end" in told


def test_what_is_not_known_is_no_0() -> None:
    told = text(UNKNOWN)
    assert "no prices declared" in told
    assert "0 USD" not in told
    document = json.loads(json.dumps(balances_listing((UNKNOWN,), "USD", NOW).document(UNKNOWN)))
    assert (document["jobs"], document["granted"], document["left"], document["budget"]) == (None, None, None, None)
