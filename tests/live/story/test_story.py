"""Sixteen devices for three days, of which twelve for two are given: over a real store, repository and two clusters.

Told once as it should go, and again while the server is killed: both end the same.
"""

from __future__ import annotations

import difflib
import json
import random
import sys

import pytest

from tests.live.story.conftest import Tellers
from tests.live.story.killing import Telling, drawn, tell
from tests.live.story.telling import BECAUSE, BEFORE, GIVEN, WHY, Outcome, Story

pytestmark = pytest.mark.live
KILLS = 10
"""In one telling."""


@pytest.fixture(scope="module")
def plain(tellers: Tellers) -> Outcome:
    """As it should go, looked at step by step."""
    with tellers.begun() as story:
        telling = tell(story, {
            "she looks what would become of it": lambda: is_foreseen(story),
            "he looks at it": lambda: is_shown(story),
            "it is given": lambda: is_given(story),
        })  # fmt: skip
        said(telling)
        story.house.run("audit", "verify")
        return story.outcome()


def said(telling: Telling) -> None:
    steps = ", ".join(f"{name} {took:.1f} s" for name, took in telling.took.items())
    kills = ", ".join(f"{name} +{after:.2f} s" for name, after in telling.kills)
    sys.stdout.write(f"\n{sum(telling.took.values()):.0f} s: {steps}; {len(telling.kills)} kills: {kills or 'none'}\n")


def is_foreseen(story: Story) -> None:
    seen = story.seen
    assert (seen["state"], seen["route"], seen["id"]) == ("waiting", "leads", None)
    assert seen["terms"]["price"] == 16 * 72 * 3_000_000
    assert {each["work"]: (each["before"], each["after"]) for each in seen["effects"] if each["team"] == "nlp"} == {
        "release": (None, 0)
    }
    assert any(each["team"] != "nlp" for each in seen["effects"]), "somebody else's work gives way"
    assert not story.house.listed("requests", "-a"), "nothing is asked for yet"


def is_shown(story: Story) -> None:
    seen = story.seen
    assert (seen["requester"], seen["justification"], seen["youDecide"]) == ("ada@acme.example", WHY, True)
    assert {each["team"] for each in seen["effects"]} == {"nlp", "cv"}


def is_given(story: Story) -> None:
    assert story.stage.quotas() == GIVEN
    assert story.stage.changes(story.at_head()) == []
    assert story.stage.east.admitted("cv") < {"first", "second"}, "what was borrowed of nlp has given way"


def test_what_is_offered_and_accepted_is_given_for_its_time_and_nothing_is_left(plain: Outcome) -> None:
    assert (plain.quotas, plain.changes) == (BEFORE, [])
    assert [each for each in plain.files if each.startswith("grants/")] == []
    (request,) = plain.requests
    assert [(each["act"], each["by"], each["reason"]) for each in request["decisions"]] == [
        ("counter", "lee@acme.example", BECAUSE), ("accept", "ada@acme.example", None),
    ]  # fmt: skip
    assert [(each["state"], each["trouble"]) for each in plain.grants] == [("ended", None)]
    author = "ada@acme.example <ada@acme.example>\nAllotment\n"
    assert plain.commits.count(author) == plain.commits.count("Signed-off-by: Allotment") == 2
    assert plain.commits.index("nlp: grant 8 a100") < plain.commits.index("nlp: take back 8 a100")
    assert plain.acts == [
        ("request.submit", "ada@acme.example", WHY),
        ("request.counter", "lee@acme.example", BECAUSE),
        ("request.accept", "ada@acme.example", ""),
        ("grant.begin", "allotment", ""),
        ("grant.give", "allotment", ""),
        ("grant.expire", "allotment", ""),
        ("grant.take-back", "allotment", ""),
    ]


def differences(found: Outcome, wanted: Outcome) -> list[str]:
    """Line by line."""
    texts = [json.dumps(vars(each), indent=1, sort_keys=True).replace("\\n", "\n") for each in (wanted, found)]
    return list(difflib.unified_diff(*(each.splitlines() for each in texts), lineterm="", n=1))


def killed(tellers: Tellers, wanted: Outcome, seed: int) -> None:
    with tellers.begun() as story:
        telling = tell(story, {}, drawn(KILLS, random.Random(seed)))
        said(telling)
        assert len(telling.kills) == KILLS
        assert story.house.refused == [], "whoever starts a server again after a crash does so once"
        different = differences(story.outcome(), wanted)
        assert not different, "\n".join(different)
        story.house.run("audit", "verify")


def test_a_server_that_is_killed_ten_times_tells_the_same_story(tellers: Tellers, plain: Outcome) -> None:
    killed(tellers, plain, 1)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 22))
def test_a_server_that_is_killed_anywhere_tells_the_same_story(tellers: Tellers, plain: Outcome, seed: int) -> None:
    killed(tellers, plain, seed)
