"""The parts that need no control plane: generating, shrinking, leading the engine, telling differences."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allotment.scenarios.placement.replay import answers
from allotment.scenarios.reading import read_scenario
from tests.live.differential.agreement import judge, judge_placements, report
from tests.live.differential.objects import cluster_objects, workload_object
from tests.live.differential.placements import Placed, allowing, first_misplaced, generate_placement
from tests.live.differential.record import Record, domains_of, next_move, shown
from tests.live.differential.scenarios import generate, generate_topology, simplifications, without_steps
from tests.live.differential.shrinking import DROP, Change, Scenario, changed, effective
from tests.live.differential.twin import Difference, Twin, first_difference, message_agreement

Make = Callable[..., Scenario]
RECORDED = Path(__file__).parents[2] / "live" / "differential" / "recorded"


def size(scenario: object) -> int:
    return len(json.dumps(scenario))


@pytest.mark.parametrize("make", [generate, generate_topology])
@pytest.mark.parametrize("fair", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_scenarios_are_repeatable_readable_and_shrink(make: Make, seed: int, fair: bool) -> None:
    scenario = make(seed, fair=fair)
    assert scenario == make(seed, fair=fair)
    assert read_scenario(without_steps(scenario)).settings.version == "0.19"
    before = size(scenario)
    tries = [changed(scenario, [each]) for each in simplifications(scenario)]
    assert len(tries) > len(scenario["workloads"])
    for each in tries:
        assert each != scenario
        assert size(each) <= before
        read_scenario(without_steps(each))
        assert {name for _, name in each["steps"]} <= {workload["name"] for workload in each["workloads"]}
    assert size(scenario) == before


def test_changes_find_their_place_by_name_and_never_leave_nothing() -> None:
    scenario = {"nodes": [{"name": "a", "taints": [{"key": "x"}]}, {"name": "b", "taints": []}]}
    both = [Change(("nodes", "a")), Change(("nodes", "b"))]
    assert changed(scenario, both) == {"nodes": [{"name": "b", "taints": []}]}
    assert changed(scenario, [Change(("nodes", "a", "taints", "x"))])["nodes"][0]["taints"] == []
    assert changed(scenario, [both[0], Change(("nodes", "a", "taints"), 1)]) == changed(scenario, both[:1])
    assert Change(("nodes",)).value is DROP


class EngineArena:
    """Our own engine in the place of the live system."""

    def play(self, scenarios: Sequence[Scenario]) -> list[Record]:
        return [self._play(each) for each in scenarios]

    def _play(self, scenario: Scenario) -> Record:
        names = [each["name"] for each in scenario["workloads"]]
        record = Record(scenario, "p", uids={name: name for name in names})
        record.created = {name: number for number, name in enumerate(names)}
        twin = Twin(record)
        script = list(scenario["steps"])
        while move := next_move(record, script):
            record.actions.append(move)
            record.reserved.append(dict.fromkeys(names, len(record.actions)))
            twin.act(len(record.actions) - 1)
            record.states.append(twin.states())
            record.messages.append({name: min(texts) for name, texts in twin.messages().items()})
        return record


def played_by_the_engine(seed: int) -> Record:
    [record] = EngineArena().play([generate(seed, fair=False)])
    return record


def without(key: str) -> Callable[[Record], Difference | None]:
    """A twin that knows nothing of a field of ClusterQueues or quotas."""

    def strip(raw: Any) -> Any:
        if isinstance(raw, dict):
            return {name: strip(value) for name, value in raw.items() if name != key}
        return [strip(each) for each in raw] if isinstance(raw, list) else raw

    return lambda record: first_difference(replace(record, scenario=strip(record.scenario)))


@pytest.mark.parametrize("key", ["borrowingLimit", "lendingLimit", "withinClusterQueue", "queueingStrategy"])
def test_a_difference_is_shrunk_until_nothing_can_be_left_out(key: str) -> None:
    scenarios = [generate(seed, fair=False) for seed in range(40)]
    broken = without(key)
    first = next(each for each in scenarios if broken(EngineArena().play([each])[0]) is not None)
    verdict = judge(EngineArena(), [first], broken)
    [failure] = verdict.failures
    smallest = json.loads(failure.splitlines()[-1])
    assert broken(EngineArena().play([smallest])[0]) is not None
    assert len(smallest["workloads"]) <= 2, failure
    assert len(smallest["steps"]) <= 2, failure
    simpler = [changed(smallest, [each]) for each in effective(smallest, simplifications(smallest))]
    assert all(broken(each) is None for each in EngineArena().play(simpler)), failure


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


def test_topology_domains_are_unpacked() -> None:
    blocks = {"universal": "p-b0"}
    hosts = {"individual": {"prefix": "p-n", "roots": ["0", "1"]}}
    one = {"domainCount": 2, "valuesPerLevel": [blocks, hosts], "podCounts": {"individual": [3, 1]}}
    two = {"domainCount": 1, "valuesPerLevel": [blocks, {"universal": "p-m"}], "podCounts": {"universal": 2}}
    assert domains_of(None) == []
    assert domains_of({"levels": ["block", "host"], "slices": [one, two]}) == [
        (["p-b0", "p-n0"], 3),
        (["p-b0", "p-n1"], 1),
        (["p-b0", "p-m"], 2),
    ]


def placed_by_us(scenario: Scenario) -> list[Placed]:
    """Our own placement in the place of kube-scheduler."""
    budgets = [allowing(each, 0) for each in scenario["pdbs"]]
    result: list[Placed] = []
    existing: list[dict[str, Any]] = []
    for number, pod in enumerate(scenario["pods"]):
        [ours] = answers({**scenario, "existing": existing, "pods": [pod], "pdbs": budgets})
        last = ours["attempts"][-1]
        victims = tuple(
            sorted(name for each in ours["attempts"] for name in each.get("preemption", {}).get("victims", ()))
        )
        allowed = tuple((each["name"], 0) for each in budgets)
        result.append(Placed(last.get("node"), last.get("message", ""), victims, tuple(existing), allowed))
        existing = [each for each in existing if each["name"] not in victims]
        if last.get("node"):
            existing.append({**pod, "node": last["node"], "start": number})
    return result


@pytest.mark.parametrize("seed", range(3))
def test_a_wrong_node_message_or_victim_is_a_difference(seed: int) -> None:
    scenario = generate_placement(seed)
    placed = placed_by_us(scenario)
    assert first_misplaced(scenario, placed) is None
    names = [each["name"] for each in scenario["pods"]]
    for number, each in enumerate(placed):
        wrong = [*placed]
        wrong[number] = replace(each, node=None, message="") if each.node else replace(each, message="no room")
        found = first_misplaced(scenario, wrong)
        assert found is not None
        assert found.pod == names[number]
        wrong[number] = replace(each, victims=(*each.victims, "another"))
        assert first_misplaced(scenario, wrong) is not None


@pytest.mark.parametrize(
    ("kind", "key", "pods", "nodes"),
    [("nodes", "taints", 1, 2), ("pods", "nodeSelector", 1, 1), ("pods", "topologySpreadConstraints", 2, 3)],
)
def test_a_placement_difference_is_shrunk(kind: str, key: str, pods: int, nodes: int) -> None:
    def broken(moment: Scenario) -> list[dict[str, Any]]:
        ignorant = [{name: value for name, value in each.items() if name != key} for each in moment[kind]]
        return answers({**moment, kind: ignorant})

    scenarios = [generate_placement(seed) for seed in range(12)]
    first = next(each for each in scenarios if first_misplaced(each, placed_by_us(each), broken))
    verdict = judge_placements(placed_by_us, [first], broken)
    [failure] = verdict.failures
    smallest = json.loads(failure.splitlines()[-1])
    assert first_misplaced(smallest, placed_by_us(smallest), broken) is not None
    assert len(smallest["pods"]) <= pods, failure
    assert len(smallest["nodes"]) <= nodes, failure


def recorded(name: str) -> Record:
    record = Record(**json.loads((RECORDED / f"{name}.json").read_text()))
    record.actions = [(verb, name) for verb, name in record.actions]
    return record


def test_kueue_0_19_2_keeps_the_progress_of_a_flavor_scan_when_an_entry_is_skipped_and_0_18_starts_over() -> None:
    record = recorded("scan-progress")
    assert first_difference(record) is None
    assert first_difference(record, "0.18") is not None


def test_new_counts_of_a_cluster_queue_wake_refused_workloads_where_cohorts_stand_in_cohorts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = recorded("status-wake-ups")
    assert first_difference(record) is None
    assert message_agreement(record) == (21, 21, [])
    monkeypatch.setattr(Twin, "_settle_status", lambda *_: None)
    difference = first_difference(record)
    assert difference is not None
    assert difference.live["w1"] == "evicted InCohortFairSharing"
