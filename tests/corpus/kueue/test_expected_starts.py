"""With run times known and nobody else submitting, `allot when` must say what the real Kueue then did."""

from __future__ import annotations

import math
from typing import Any

import pytest

from allotment.operations.foresee.estimating import Submissions, WhenRequest, estimate
from allotment.scenarios.lines import ScenarioLine
from tests.corpus.kueue.data import scenarios

pytestmark = pytest.mark.corpus

SHARES = {
    "basic": 0.95,
    "hierarchical": 0.95,
    "fair_sharing": 0.95,
    "mixed": 0.95,
    "preempt_classic": 0.95,
    "strict_vs_besteffort": 0.95,
    # Not in a situation: jobs in their grace period, and how far the scan of flavors had come.
    "multi_flavor": 0.9,
    "partial_admission": 0.75,
    "evict_latency": 0.75,
    "tas": 0.75,
}


def agreement(raw: dict[str, Any], *, recorded: bool) -> tuple[int, int]:
    """Estimates that say what is recorded, of all; asked when the last job was submitted."""
    now = max(each.get("queuedAt", each["createdAt"]) for each in raw["workloads"])
    data = raw if recorded else {key: value for key, value in raw.items() if key != "decisions"}
    request = WhenRequest(at=now, runs=2, spread=0.0, submissions=Submissions.NONE)
    found = estimate([ScenarioLine("x", 1, data)], None, request)
    starts: dict[str, int] = {}
    for each in raw["decisions"]:
        if each["event"] == "admit" and each["t"] > now:
            starts.setdefault(each["workload"], each["t"] - now)
    # A wake-up timer that runs at that moment is not in a situation either: one wake-up sooner or later.
    slack = max(1000, 2 * raw["env"]["wakeupDelay"])
    right = 0
    for row in found.estimates:
        wait = math.inf if row.interval is None else row.interval.low
        truth = starts.get(row.job, math.inf)
        right += wait == truth or abs(wait - truth) <= slack
    return right, len(found.estimates)


@pytest.mark.parametrize(("kind", "share"), SHARES.items())
def test_the_expected_start_is_the_recorded_one(kind: str, share: float) -> None:
    results = [agreement(raw, recorded=i % 2 == 0) for i, raw in enumerate(scenarios(kind, step=23, limit=6))]
    right, of = (sum(each[part] for each in results) for part in (0, 1))
    assert of > 20
    assert right >= share * of
