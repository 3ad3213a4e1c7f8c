"""Fragmentation over the time of a simulation, by hand and as books that close."""

from __future__ import annotations

import json
from typing import Any

import pytest

from allotment.scenarios.reading import read_scenario
from allotment.scheduling.placement.gpu.fragmentation import FragmentCause
from allotment.simulation.environment import simulate
from allotment.simulation.figures import courses_of_use, figures
from allotment.simulation.fragments import FragmentCourse, fragment_course
from allotment.simulation.scenario import Scenario
from tests.unit.cli.conftest import ROOT
from tests.unit.simulation.test_figures import GPU

HOST = "kubernetes.io/hostname"


def scenario_of(jobs: list[tuple[int, int, int, int]], events: list[dict[str, Any]] | None = None) -> Scenario:
    """Two nodes of 4 GPUs and 8 CPUs; jobs as (time, run time, GPUs, milli-CPU), each on one node."""
    raw = {
        "id": "s",
        "env": {"wakeupDelay": 0, "evictionLatency": 0, "idleCycles": 3, "maxCyclesPerInstant": 0, "maxCyclesTotal": 0},
        "topologies": [{"name": "hosts", "levels": [HOST]}],
        "flavors": [{"name": "t4", "topology": "hosts"}],
        "nodes": [
            {"name": f"n{i}", "labels": {HOST: f"n{i}"}, "allocatable": {GPU: 4, "cpu": 8000, "pods": 9}}
            for i in range(2)
        ],
        "clusterQueues": [
            {
                "name": "q",
                "resourceGroups": [
                    {
                        "coveredResources": [GPU, "cpu"],
                        "flavors": [{"flavor": "t4", "resources": {GPU: {"nominal": 99}, "cpu": {"nominal": 99_000}}}],
                    }
                ],
            }
        ],
        "workloads": [
            {
                "name": f"j{i}",
                "uid": f"{i}",
                "clusterQueue": "q",
                "priority": 0,
                "createdAt": at,
                "runtime": runtime,
                "podSets": [
                    {
                        "name": "main",
                        "count": 1,
                        "requests": {GPU: gpus, "cpu": cpu},
                        "topologyRequest": {"required": HOST},
                    }
                ],
            }
            for i, (at, runtime, gpus, cpu) in enumerate(jobs)
        ],
        "events": events or [],
    }
    return read_scenario(raw)


def course(scenario: Scenario, end: int, steps: int) -> FragmentCourse:
    found = fragment_course(scenario, simulate(scenario, messages=False), end, steps)
    assert found is not None
    return found


def test_idle_gpu_by_hand() -> None:
    # From 0 to 100 one job holds 3 GPUs of a node, and all its CPU but one; the other job needs 4 GPUs and 2 CPUs.
    found = course(scenario_of([(0, 100, 3, 7000), (200, 100, 4, 2000)]), 400, 8)
    assert found.times == (25, 75, 125, 175, 225, 275, 325, 375)
    # At 25: a node with 1 GPU and 1 CPU left, where neither fits, and an empty one that both can use.
    assert found.amounts[0][FragmentCause.LACKS_BOTH] == 1
    assert found.amounts[0][FragmentCause.SATISFIED] == 4
    for at in (2, 3, 6, 7):  # nothing runs
        assert found.of(FragmentCause.SATISFIED)[at] == 8
    assert found.of(FragmentCause.SATISFIED)[4] == 4  # at 225 one node is full
    assert sum(found.amounts[4]) == 4


def test_a_node_out_of_service_has_nothing_idle() -> None:
    found = course(scenario_of([(0, 100, 1, 1000)], [{"t": 30, "kind": "cordon", "node": "n1"}]), 100, 10)
    assert [sum(row) for row in found.amounts] == [7, 7, 7, 3, 3, 3, 3, 3, 3, 3]


def test_books_close_on_an_example_with_failures_drains_and_moves() -> None:
    lines = (ROOT / "examples" / "scenarios" / "node-failure.jsonl").read_text(encoding="utf-8").splitlines()
    scenario = read_scenario(json.loads(lines[0]))
    outcome = simulate(scenario, messages=False)
    run = figures(scenario, outcome)
    found = fragment_course(scenario, outcome, run.end, 420)
    assert found is not None
    used = [sum(values) for values in zip(*(each.values for each in courses_of_use(run, 420)), strict=True)]
    service = {}
    for t in found.times:
        service[t] = [step.amounts[GPU] for step in run.node_steps if step.t <= t][-1]
    # Jobs on nodes that are away hold quota but no GPU in service; at all other times idle is what is not used.
    for at, t in enumerate(found.times[:-1]):
        if service[t] == 32 and float(used[at]).is_integer() and used[at] == used[at + 1]:
            assert sum(found.amounts[at]) == pytest.approx(32 - used[at])
        assert 0 <= sum(found.amounts[at]) <= service[t]


def test_without_known_nodes_there_is_no_picture() -> None:
    lines = (ROOT / "examples" / "scenarios" / "borrowing.jsonl").read_text(encoding="utf-8").splitlines()
    scenario = read_scenario(json.loads(lines[0]))
    assert fragment_course(scenario, simulate(scenario, messages=False, until=1), 1, 4) is None
