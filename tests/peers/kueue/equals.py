"""Random scenarios full of ties: like queues in like cohorts, few sizes, few moments. Pure."""

from __future__ import annotations

from random import Random
from typing import Any

_SIZES = (1, 1, 2)


def generate_equal(seed: int, version: str) -> dict[str, Any]:
    """A scenario in the corpus's format in which Kueue often has several equals to choose from."""
    rng = Random(seed)
    teams = ("a", "b", "c")
    queues = [_queue(rng, f"{team}{number}", team) for team in teams for number in range(rng.randint(1, 2))]
    root: dict[str, Any] = {"name": "top"}
    if quota := rng.randint(0, 4):
        root["resourceGroups"] = [_group(quota)]
    return {
        "id": f"equals-{seed}",
        "kueue": version,
        "fairSharing": {"enabled": rng.random() < 0.7},
        "flavors": [{"name": "f"}],
        "cohorts": [root, *({"name": team, "parent": "top", "fairWeight": 1} for team in teams)],
        "clusterQueues": queues,
        "workloads": [_job(rng, number, rng.choice(queues)["name"]) for number in range(rng.randint(2, 7))],
        "env": {
            "wakeupDelay": 1000,
            "evictionLatency": 0,
            "idleCycles": 4,
            "maxCyclesPerInstant": 400,
            "maxCyclesTotal": 3000,
        },
    }


def _group(nominal: int) -> dict[str, Any]:
    flavors = [{"flavor": "f", "resources": {"cpu": {"nominal": 1000 * nominal}}}]
    return {"coveredResources": ["cpu"], "flavors": flavors}


def _queue(rng: Random, name: str, cohort: str) -> dict[str, Any]:
    return {
        "name": name,
        "queueingStrategy": "BestEffortFIFO",
        "resourceGroups": [_group(rng.choice((0, 0, 2)))],
        "cohort": cohort,
        "preemption": {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"},
        "fairWeight": 1,
    }


def _job(rng: Random, number: int, queue: str) -> dict[str, Any]:
    at = rng.choice((0, 10_000, 20_000))
    pods = {"name": "main", "count": 1, "requests": {"cpu": 1000 * rng.choice(_SIZES)}}
    return {
        "name": f"w{number}",
        "uid": f"u{number}",
        "clusterQueue": queue,
        "priority": rng.choice((0, 0, 9)),
        "createdAt": at,
        "queuedAt": at,
        "runtime": rng.choice((15_000, 400_000)),
        "podSets": [pods],
    }
