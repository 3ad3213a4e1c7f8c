"""Our engine decides the sample in this repository as the real Kueue did.

The sample is written by `benchmarks/peers/kueue/sample.py`. The large corpora stay outside: tests/corpus/kueue.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from allotment.scenarios.replay import replay
from benchmarks.peers.kueue.sample import SAMPLE, scenarios

RECORDED: list[dict[str, Any]] = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
ANSWER = ("decisions", "pending", "pendingLog", "stats")


@pytest.mark.parametrize("scenario", RECORDED, ids=[each["id"] for each in RECORDED])
def test_the_same_as_kueue(scenario: dict[str, Any]) -> None:
    found = replay(scenario)
    assert found.departures == ()
    assert {"decisions", "cycles", "pending"} <= set(found.compared)


def test_the_scenarios_are_those_of_the_program() -> None:
    inputs = {each["id"]: {name: each[name] for name in each if name not in ANSWER} for each in RECORDED}
    made = {each["id"]: each for each in scenarios()}
    assert inputs == {name: made[name] for name in inputs}
    assert len(inputs) > 0.9 * len(made), "where Kueue decides at random a scenario is left out; most are not"


def test_the_sample_has_something_of_everything() -> None:
    decisions = [each for scenario in RECORDED for each in scenario["decisions"]]
    counts = {
        (scenario["id"], job["name"], pods["name"]): pods["count"]
        for scenario in RECORDED
        for job in scenario["workloads"]
        for pods in job["podSets"]
    }
    admitted = [
        (scenario["id"], each["workload"], pods)
        for scenario in RECORDED
        for each in scenario["decisions"]
        if each["event"] == "admit"
        for pods in each["podSets"]
    ]
    assert {each.get("reason") for each in decisions if each["event"] == "evict"} >= {
        "InClusterQueue",
        "InCohortReclamation",
        "InCohortReclaimWhileBorrowing",
        "InCohortFairSharing",
    }
    assert any(pods["count"] < counts[scenario, job, pods["name"]] for scenario, job, pods in admitted)
    assert any(len(pods.get("domains") or []) > 1 for _, _, pods in admitted)
    assert {flavor for _, _, pods in admitted for flavor in pods["flavors"].values()} >= {"f", "g", "spot", "old"}
    assert any(scenario["pending"] for scenario in RECORDED)
    assert any(scenario.get("pendingLog") for scenario in RECORDED)
    assert {scenario["kueue"] for scenario in RECORDED} == {"v0.20.0", "v0.19.2"}
