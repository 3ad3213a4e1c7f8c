"""The parts that need no control plane: generating, shrinking, leading the engine, telling differences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from allotment.scheduling.simulate.scenario import read_scenario
from tests.live.differential.agreement import report
from tests.live.differential.objects import cluster_objects, workload_object
from tests.live.differential.placing import Placed, generate_placement, placement_differences
from tests.live.differential.record import Record, shown
from tests.live.differential.scenarios import generate, smaller
from tests.live.differential.twin import Twin, first_difference


def size(scenario: object) -> int:
    return len(json.dumps(scenario))


@pytest.mark.parametrize("fair", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_scenarios_are_repeatable_readable_and_shrink(seed: int, fair: bool) -> None:
    scenario = generate(seed, fair=fair)
    assert scenario == generate(seed, fair=fair)
    assert read_scenario(scenario).settings.version == "0.19"
    before = size(scenario)
    tries = list(smaller(scenario))
    assert len(tries) > len(scenario["workloads"])
    for each in tries:
        assert each != scenario
        read_scenario(each)
        assert {name for _, name in each["steps"]} <= {workload["name"] for workload in each["workloads"]}
    assert size(scenario) == before


def played_by_the_engine(seed: int) -> Record:
    """A record as if our own engine were the live system."""
    scenario = generate(seed, fair=False)
    names = [each["name"] for each in scenario["workloads"]]
    record = Record(scenario, "p", [("create", name) for name in names])
    record.uids = {name: name for name in names}
    record.created = {name: index for index, name in enumerate(names)}
    record.reserved = [{} for _ in names]
    twin = Twin(record)
    for number in range(len(names)):
        twin.act(number)
        record.states.append(twin.states())
        record.messages.append({name: min(texts) for name, texts in twin.messages().items()})
    return record


def test_a_decision_that_differs_is_found_and_reported_with_its_scenario() -> None:
    record = played_by_the_engine(3)
    assert first_difference(record) is None
    first = record.actions[0][1]
    record.states[2] = {**record.states[2], first: "running main*7(cpu=elsewhere)"}
    difference = first_difference(record)
    assert difference is not None
    assert (difference.number, difference.action) == (2, record.actions[2])
    text = report(record.scenario, difference)
    assert f"{first}: Kueue says 'running main*7(cpu=elsewhere)', our engine says " in text
    assert json.loads(text.splitlines()[-1]) == record.scenario


def test_objects_are_named_apart() -> None:
    scenario = generate(1, fair=True)
    one, two = (
        {(each["kind"], each["metadata"]["name"]) for each in cluster_objects(scenario, prefix, "n")}
        for prefix in ("x-1", "x-2")
    )
    assert not one & two
    body = workload_object(scenario["workloads"][0], "x-1", "n")
    assert body["spec"]["queueName"] == f"x-1-{scenario['workloads'][0]['clusterQueue']}"


def test_states_of_live_workloads() -> None:
    admission = {"podSetAssignments": [{"name": "main", "count": 2, "flavors": {"cpu": "p-f0"}}]}
    reserved = {"type": "QuotaReserved", "status": "True"}
    preempted = {"type": "Preempted", "status": "True", "reason": "InClusterQueue"}
    evicted = [reserved, preempted, {"type": "Evicted", "status": "True", "reason": "Preempted"}]
    assert shown({"status": {}}, "p") == "pending"
    assert shown({"status": {"conditions": [reserved], "admission": admission}}, "p") == "running main*2(cpu=f0)"
    assert shown({"status": {"conditions": evicted, "admission": admission}}, "p") == "evicted InClusterQueue"


def test_a_wrong_node_or_message_is_a_difference() -> None:
    scenario = generate_placement(0)
    nowhere = [Placed(None, "", ())] * len(scenario["pods"])
    [difference] = placement_differences(scenario, nowhere)
    assert scenario["pods"][0]["name"] in difference


def test_a_recorded_course_of_kueue_0_19_2() -> None:
    """Kueue 0.19.2 keeps the progress of a flavor scan when an entry is skipped; 0.18 starts over."""
    text = (Path(__file__).parent / "recorded" / "scan-progress.json").read_text()
    record = Record(**json.loads(text))
    record.actions = [(verb, name) for verb, name in record.actions]
    assert first_difference(record) is None
    assert first_difference(record, "0.18") is not None
