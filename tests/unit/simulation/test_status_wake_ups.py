"""Where cohorts stand in cohorts, new counts in a ClusterQueue's status give refused workloads another chance."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.scenarios.reading import read_scenario
from allotment.simulation.environment import simulate
from allotment.simulation.outcome import Evicted


def queue(name: str, cohort: str, nominal: int) -> dict[str, Any]:
    quotas = {"flavor": "f", "resources": {"cpu": {"nominal": nominal}}}
    return {
        "name": name,
        "cohort": cohort,
        "resourceGroups": [{"coveredResources": ["cpu"], "flavors": [quotas]}],
        "preemption": {"reclaimWithinCohort": "LowerPriority"},
    }


def workload(name: str, owner: str, cpu: int, priority: int, at: int) -> dict[str, Any]:
    return {
        "name": name,
        "uid": name,
        "clusterQueue": owner,
        "priority": priority,
        "createdAt": at,
        "runtime": 100_000,
        "podSets": [{"name": "main", "count": 1, "requests": {"cpu": cpu}}],
    }


def scenario(parent: str | None, status_delay: int | None) -> dict[str, Any]:
    """`wide` borrows 3 of 5, so `asks` for 3 is refused: neither share is lower. Then `wide` borrows the other 2."""
    environment = {"wakeupDelay": 1000, "evictionLatency": 1, "idleCycles": 3, "maxCyclesPerInstant": 0}
    return {
        "id": "status",
        "env": {**environment, "maxCyclesTotal": 0} | ({} if status_delay is None else {"statusDelay": status_delay}),
        "fairSharing": {"enabled": True},
        "flavors": [{"name": "f"}],
        "cohorts": [{"name": "root"}, {"name": "team", "parent": parent}],
        "clusterQueues": [queue("one", "team", 0), queue("two", "team", 0), queue("lender", "team", 5000)],
        "workloads": [
            workload("wide", "one", 3000, 0, 0),
            workload("asks", "two", 3000, 5, 10_000),
            workload("more", "one", 2000, 10, 20_000),
        ],
    }


@pytest.mark.parametrize(
    ("parent", "status_delay", "evictions"),
    [
        pytest.param("root", 1000, [(22_000, "wide")], id="a-second-for-the-status-and-one-for-the-wake-up"),
        pytest.param("root", 4000, [(25_000, "wide")], id="a-slow-status"),
        pytest.param("root", None, [], id="recorded-scenarios-know-no-status"),
        pytest.param(None, 1000, [], id="the-root-itself-is-not-read-again"),
    ],
)
def test_a_new_status_gives_refused_workloads_another_chance(
    parent: str | None, status_delay: int | None, evictions: list[tuple[int, str]]
) -> None:
    outcome = simulate(read_scenario(scenario(parent, status_delay)), until=90_000)
    assert [(each.t, each.workload) for each in outcome.decisions if isinstance(each, Evicted)] == evictions
