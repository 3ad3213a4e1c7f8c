"""The second bench: situations from public questions, recorded on a real control plane, and what `why` says of them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from allotment.model.explanation import Confidence, Explanation
from benchmarks.why.__main__ import answer, recorded, told
from benchmarks.why.scenes import SITUATIONS
from benchmarks.why.scoring import Score, score

pytestmark = pytest.mark.corpus

LEAST: Final = 29 / 30
"""Share of the situations that must be answered right: cause, verdict, first remedy, no distractor."""
FEWEST: Final = 30
Answered = list[tuple[dict[str, Any], Explanation, Score]]


@pytest.fixture(scope="module")
def answered() -> Answered:
    found = [(case, answer(case)) for case in recorded()]
    return [(case, explanation, score(case, explanation)) for case, explanation in found]


def test_situations_are_answered_right(answered: Answered) -> None:
    wrong = [told(*each) for each in answered if not each[2].right]
    assert 1 - len(wrong) / len(answered) >= LEAST, "\n".join(wrong)


def test_none_is_wrong_and_sure(answered: Answered) -> None:
    wrong = {
        case["id"]: found.cause
        for case, found, scored in answered
        if not scored.cause and found.confidence is Confidence.SURE
    }
    assert wrong == {}


def test_nothing_that_does_not_help_is_recommended(answered: Answered) -> None:
    assert {case["id"]: scored.distractors for case, _, scored in answered if scored.distractors} == {}


def test_each_has_a_source_a_remedy_that_was_tried_and_a_distractor() -> None:
    cases = recorded()
    scenes = {each.id: each for each in SITUATIONS}
    lacking = [
        case["id"]
        for case in cases
        if not urlsplit(case["source"]).path.strip("/")
        or not any(each["verified"] for each in case["truth"]["remedies"])
        or not case["truth"]["distractors"]
    ]
    assert lacking == []
    assert len(cases) >= FEWEST
    assert {case["id"]: (case["cause"], case["source"]) for case in cases} == {
        case["id"]: (scenes[case["id"]].cause, scenes[case["id"]].source) for case in cases
    }
    assert max(Counter(case["cause"] for case in cases).values()) <= 3, "the situations are of many causes"
