"""The situations of the second bench, made anew on a real control plane: are they still what was recorded?

A newer Kueue or Kubernetes may write other words into its objects than it did when a situation was recorded. The scene
itself asserts that the broken state is reached; here the answer to it must be that to the recorded file.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.model.explanation import Explanation
from benchmarks.why.__main__ import answer, cases, told
from benchmarks.why.record import FOLDER, record
from benchmarks.why.scenes import SITUATIONS
from benchmarks.why.scoring import score
from benchmarks.why.situation import Situation

pytestmark = [pytest.mark.live, pytest.mark.nightly]


def _said(found: Explanation) -> tuple[str, str, list[tuple[str, str]]]:
    """What must not change. Names may: controllers make some of them up."""
    remedies = [(str(each.kind), each.target.kind if each.target else "") for each in found.remedies]
    return found.cause, str(found.verdict), remedies


@pytest.mark.parametrize("situation", [pytest.param(each, id=each.id) for each in SITUATIONS])
def test_a_situation_made_anew_is_answered_as_the_recorded_one(situation: Situation, tmp_path: Path) -> None:
    record(situation, tmp_path, untried=True)
    (anew,) = cases(tmp_path)
    (recorded,) = (each for each in cases(FOLDER) if each["id"] == situation.id)
    found = answer(anew)
    anew["truth"]["remedies"] = recorded["truth"]["remedies"]  # those that were tried
    anew["truth"]["distractors"] = recorded["truth"]["distractors"]
    scored = score(anew, found)
    assert scored.cause, told(anew, found, scored)
    assert scored.verdict, told(anew, found, scored)
    assert not scored.distractors, told(anew, found, scored)
    assert _said(found) == _said(answer(recorded)), told(anew, found, scored)
