"""Why a sweep waits that is one Job of a cluster: told with how many of its trials run, wait and are over."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.model.explanation import Explanation
from allotment.operations.ask.explaining import why
from allotment.operations.run.trials_in_cluster import told_of_trials
from tests.unit.diagnose.building import Raw, case_of, job, node, pod

MAIN = {"allotment.dev/job": "k7x2", "allotment.dev/part": "main"}


def sweep(at_once: int, **status: Any) -> Raw:
    """Of eight trials."""
    body = job("search--k7x2", at_once, gpus=8)
    body["metadata"] |= {"labels": MAIN, "annotations": {"allotment.dev/job-name": "search"}}
    body["spec"] |= {"completions": 8, "completionMode": "Indexed", "backoffLimitPerIndex": 0, "maxFailedIndexes": 8}
    return {**body, "status": status}


def told(body: Raw, nodes: int = 1, asked: str = "search") -> Explanation:
    """With a node for each of its pods that runs, and with pods that wait as far as its status says that it has any."""
    active = body["status"].get("active", 0)
    pods = [pod(f"p{each}", f"n{each}" if each < nodes else "", owner=body, gpus=8) for each in range(active)]
    there = case_of([body, *(node(f"n{each}") for each in range(nodes)), *pods], f"job/{body['metadata']['name']}")
    return told_of_trials(why(there.snapshot, asked), there.snapshot).explanation


COUNTED: list[tuple[str, Raw, int, str, list[str]]] = [
    (
        "some run, one waits", sweep(3, active=3, succeeded=1, failedIndexes="0,3-4"), 2,
        "of 8 trials 2 run, 1 waits, 4 are over, 1 is not made yet; ",
        ["1 trial comes later: atOnce lets 3 be under way at the same time"],
    ),
    (
        "as many run as may", sweep(2, active=2), 2, "of 8 trials 2 run, 6 are not made yet; it runs: 2 pods on n0, n1",
        ["6 trials come later: atOnce lets 2 be under way at the same time"],
    ),
    ("the last ones", sweep(2, active=1, succeeded=7), 1, "of 8 trials 1 runs, 7 are over; it runs: 1 pod on n0", []),
]  # fmt: skip


@pytest.mark.parametrize(("body", "nodes", "said", "later"), [row[1:] for row in COUNTED], ids=[r[0] for r in COUNTED])
def test_its_trials_are_counted(body: Raw, nodes: int, said: str, later: list[str]) -> None:
    answer = told(body, nodes)
    assert answer.summary.startswith(said)
    assert [each.summary for each in answer.contributing if each.cause == "sweep-at-once"] == later
    assert answer.facts["trials"] == 8


def test_a_gang_has_ranks_and_no_trials() -> None:
    body = sweep(2, active=2)
    body["spec"]["maxFailedIndexes"] = 0
    assert told(body, 2).summary.startswith("it runs: 2 pods")


def test_in_its_queue_none_runs() -> None:
    body = sweep(3)
    body["spec"]["suspend"] = True
    assert told(body).summary.startswith("of 8 trials 3 wait, 5 are not made yet; ")


OVER = {"conditions": [{"type": "Failed", "status": "True", "reason": "FailedIndexes"}]}
GANG = job("search--k7x2", 2)
GANG["metadata"] |= {"labels": MAIN}


@pytest.mark.parametrize(("body", "asked"), [
    (sweep(2, active=1), "pod/p0"),
    (sweep(2, **OVER), "search"),
    ({**GANG, "status": {"active": 2}}, "k7x2"),
])  # fmt: skip
def test_what_is_no_sweep_under_way_is_answered_as_before(body: Raw, asked: str) -> None:
    answer = told(body, asked=asked)
    assert "trials" not in answer.facts
    assert "trial" not in answer.summary
