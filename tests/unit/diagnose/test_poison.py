"""One object with a value that nothing expects does not keep the others from their answer."""

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.chain import findings
from allotment.model.explanation import Explanation
from allotment.model.moments import LATEST, milliseconds, seconds
from allotment.operations.ask import explaining
from tests.unit.diagnose.building import case_of, pod, waiting
from tests.unit.diagnose.queues import platform, queued
from tests.unit.diagnose.test_queue import ROOM, requeued


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z"])
def test_a_moment_at_the_end_of_all_years_is_bounded(at: str) -> None:
    assert milliseconds(at) == LATEST == 1000 * seconds(at)
    assert milliseconds("0001-01-01T00:00:00+23:59") == 0
    found = findings(case_of([*platform(ROOM), *queued(status=requeued(at))]))
    assert [each.facts["requeue_at"] for _, each in found if each.cause == "requeue-backoff"] == [
        "9000-01-01T00:00:00Z"
    ]


def test_what_cannot_be_told_is_named_and_the_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = explaining.explain

    def explain(case: Case, *, with_remedies: bool) -> Explanation:
        if case.reference.name == "poison":
            raise OverflowError("date value out of range\x1b")
        return told(case, with_remedies=with_remedies)

    monkeypatch.setattr(explaining, "explain", explain)
    snapshot = case_of([*waiting(), pod("poison")]).snapshot
    found = explaining.why_all(snapshot)
    assert [each.subject.name for each in found.waiting] == ["train"]
    (untold,) = (text for text in found.unseen if "poison" in text)
    assert "could not be told (OverflowError: date value out of range" in untold
    assert "\x1b" not in untold
