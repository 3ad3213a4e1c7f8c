"""Replay of scenario files: reading, comparing, explaining the first difference."""

import copy
from typing import Any

import pytest

from allotment.errors import InputError
from allotment.scenarios.reading import read_scenario
from allotment.scenarios.replay import replay
from allotment.scheduling.queueing.gates import gates_for

RAW: dict[str, Any] = {
    "id": "demo-1",
    "class": "demo",
    "kueue": "main@ff69552e79 (v0.19.2, 2026-08-22)",
    "env": {
        "wakeupDelay": 1000,
        "evictionLatency": 0,
        "idleCycles": 4,
        "maxCyclesPerInstant": 400,
        "maxCyclesTotal": 3000,
    },
    "flavors": [{"name": "f"}],
    "clusterQueues": [
        {
            "name": "q",
            "resourceGroups": [
                {
                    "coveredResources": ["cpu", "memory"],
                    "flavors": [{"flavor": "f", "resources": {"cpu": {"nominal": 1000}, "memory": {"nominal": 2048}}}],
                }
            ],
        }
    ],
    "workloads": [
        {
            "name": name,
            "uid": name,
            "clusterQueue": "q",
            "priority": 0,
            "createdAt": created,
            "queuedAt": created,
            "runtime": 500,
            "podSets": [{"name": "main", "count": 1, "requests": {"cpu": 600, "memory": 1536}}],
        }
        for name, created in (("a", 0), ("b", 1))
    ],
}


def recorded() -> dict[str, Any]:
    """The scenario with our own answer as the record."""
    return {**RAW, "decisions": replay(RAW).answer["decisions"], "pending": [], "stats": {"cycles": 3}}


def test_reading_units_and_version() -> None:
    scenario = read_scenario(RAW)
    assert scenario.settings.version == "0.19"
    assert dict(scenario.arrivals[0].workload.pod_sets[0].requests) == {"cpu": 600, "memory": 1536 << 20}


def test_an_identical_record_has_no_difference() -> None:
    result = replay(recorded())
    assert result.departures == ()
    assert result.compared == ("decisions", "cycles", "pending")


def test_the_first_differing_cycle_is_named_with_what_went_before() -> None:
    raw = copy.deepcopy(recorded())
    raw["decisions"][2]["workload"] = "c"
    departure = replay(raw).departures[0]
    assert departure.place == "decisions at t=1500 ms, cycle 3"
    assert '"workload": "c"' in departure.recorded[0]
    assert '"workload": "b"' in departure.ours[0]
    assert len(departure.state) == 2


DEVIATIONS = {
    "cycles": {"stats": {"cycles": 99}},
    "pending": {"pending": [{"workload": "b", "message": "", "queue": "active"}]},
    "pendingLog": {"pendingLog": []},
}


@pytest.mark.parametrize(("part", "change"), DEVIATIONS.items())
def test_every_part_is_compared(part: str, change: dict[str, Any]) -> None:
    result = replay({**recorded(), **change})
    assert [each.place.partition(" at ")[0] for each in result.departures] == [part]


BROKEN = {
    "missing field": {"env": None},
    "unknown queue": {"workloads": [{**RAW["workloads"][0], "clusterQueue": "nowhere"}]},
    "unknown version": {"kueue": "v0.3.1"},
    "cohort cycle": {"cohorts": [{"name": "x", "parent": "y"}, {"name": "y", "parent": "x"}]},
    "unknown topology": {"flavors": [{"name": "f", "topology": "none"}]},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_bad_input_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        replay({**RAW, **change})
    assert caught.value.fix


def test_gates_differ_by_version() -> None:
    assert gates_for("0.20").recompute_assignment_upon_overlap
    assert not gates_for("0.19").recompute_assignment_upon_overlap
    assert not gates_for("0.17").scheduling_equivalence_hashing
