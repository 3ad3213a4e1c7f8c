"""On every recorded situation: rules whose need is not met find nothing when they are asked all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from allotment.diagnose.case import Case
from allotment.diagnose.needs import NEEDS
from allotment.diagnose.subjects import find_case
from benchmarks.why.__main__ import cases, recorded
from benchmarks.why.cases import snapshot_of
from tests.unit.diagnose.test_one_of_many import passed_over

pytestmark = pytest.mark.corpus


def subject(case: dict[str, Any]) -> Case:
    named = case["subject"]
    return find_case(snapshot_of(case), f"{named['kind']}/{named['name']}", named.get("namespace", ""))


def test_rules_that_are_passed_over_would_have_found_nothing(data: Path) -> None:
    every = [*cases(data / "why_bench" / "cases.jsonl.gz"), *recorded(), *recorded("lively")]
    met = dict.fromkeys(NEEDS, 0)
    for each in every:
        case = subject(each)
        assert passed_over(case) == [], each["id"]
        met = {need: count + need(case) for need, count in met.items()}
    assert min(met.values()) > 0, met  # of each need there is one that has it
    assert max(met.values()) < len(every)
