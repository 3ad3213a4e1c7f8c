"""Causes of the vocabulary on lively platforms, answered blind first: what `why` says of what was played."""

from __future__ import annotations

from typing import Any, Final

import pytest

from allotment.model.explanation import Confidence
from benchmarks.why.__main__ import answer, recorded, told
from benchmarks.why.scenes.kept_back import KEPT_BACK
from benchmarks.why.scoring import keys as keys_of
from benchmarks.why.scoring import remedy_keys, score

pytestmark = pytest.mark.corpus

CASES: Final = {case["id"]: case for case in recorded("lively")}
SCENES: Final = {each.id: each for _, situations in KEPT_BACK.values() for each in situations}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_cause_is_found_and_what_helps_comes_first(name: str) -> None:
    case: dict[str, Any] = CASES[name]
    found = answer(case)
    scored = score(case, found)
    assert (found.cause, found.verdict) == (SCENES[name].cause, SCENES[name].verdict), told(case, found, scored)
    assert found.confidence is not Confidence.UNSURE
    assert not scored.distractors
    # Of what the scene says to help, not every act was tried on a stage.
    helps = {key for each in case["truth"]["remedies"] for key in keys_of(each)}
    assert remedy_keys(found.remedies[0]) & helps, told(case, found, scored)


def test_every_cause_that_has_no_case_elsewhere_is_played_twice() -> None:
    causes = [SCENES[name].cause for name in CASES]
    assert len(set(causes)) >= 20
    assert all(causes.count(each) >= 2 for each in causes)
