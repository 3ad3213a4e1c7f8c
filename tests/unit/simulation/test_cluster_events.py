"""Quotas, stop policies and evictions at given times; wake-ups after a change; what a file may say; the figures."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from allotment.errors import InputError
from allotment.operations.foresee.opening import read_line
from allotment.operations.foresee.simulating import RunRequest
from allotment.operations.foresee.simulating import simulate as figures_of
from allotment.scenarios.lines import ScenarioLine
from allotment.scheduling.queueing.inputs import EngineSettings, PreemptionPolicy
from allotment.scheduling.queueing.reasons import Cause
from allotment.simulation.capacity import CapacityStep
from allotment.simulation.environment import simulate
from allotment.simulation.events import (
    UNLIMITED,
    Event,
    Eviction,
    NodeDown,
    NodeUp,
    QuotaChange,
    StopChange,
    StopPolicy,
)
from allotment.simulation.failures import with_random_failures
from allotment.simulation.figures import figures
from allotment.simulation.scenario import Scenario
from tests.unit.scheduling.queueing.states import cohort, queue, scenario, state, workload
from tests.unit.simulation.changing import gang, hosts, run, story, told

EXAMPLE = Path("examples/scenarios/node-failure.jsonl")


def quota(t: int, owner: str, *, of_cohort: bool = False, **amounts: int) -> QuotaChange:
    return QuotaChange(t, owner, of_cohort, "f", "cpu", **amounts)


def with_events(base: Scenario, *events: Event, latency: int = 0, wakeup: int = 10) -> Scenario:
    return replace(
        base, events=events, assumptions=replace(base.assumptions, eviction_latency=latency, wakeup_delay=wakeup)
    )


# Quotas


def test_more_quota_is_used_after_the_wake_up() -> None:
    base = scenario(state(queue("q")), (workload("w", "q", 12), 100))
    assert run(with_events(base, quota(70, "q", nominal=20))) == ["80 admit w", "180 finish w"]


def test_less_quota_evicts_nobody_but_lets_nobody_in() -> None:
    base = scenario(state(queue("q")), (workload("a", "q", 8), 100), (workload("b", "q", 3, since=60), 10))
    assert run(with_events(base, quota(50, "q", nominal=4))) == [
        "0 admit a",
        "100 finish a",
        "110 admit b",
        "120 finish b",
    ]


def test_an_owner_takes_back_what_a_change_gave_it() -> None:
    owner = queue("owner", 0, cohort="c", reclaim_within_cohort=PreemptionPolicy.ANY)
    base = scenario(
        state(owner, queue("guest", 10, cohort="c")),
        (workload("g", "guest", 10), 1_000),
        (workload("o", "owner", 6, since=5), 100),
    )
    events = (quota(50, "owner", nominal=10), quota(50, "guest", nominal=0))
    assert run(with_events(base, *events))[:3] == ["0 admit g", "60 evict g InCohortReclamation", "60 admit o"]


@pytest.mark.parametrize(
    ("event", "admitted"),
    [
        (quota(50, "q", borrowing_limit=5), True),
        (quota(50, "q", borrowing_limit=UNLIMITED), True),
        (quota(50, "q", borrowing_limit=4), False),
        (quota(50, "c", of_cohort=True, nominal=5), False),
    ],
)
def test_limits_change_as_well(event: QuotaChange, admitted: bool) -> None:
    cluster = state(queue("q", 2, cohort="c", borrowing=0), queue("other", 8, cohort="c"), cohorts=(cohort("c", 1),))
    lines = run(with_events(scenario(cluster, (workload("w", "q", 7), 10)), event))
    assert lines == (["60 admit w", "70 finish w"] if admitted else [])


def test_a_lending_limit_closes_a_queue_for_its_cohort() -> None:
    cluster = state(queue("q", 0, cohort="c"), queue("lender", 8, cohort="c"))
    base = scenario(cluster, (workload("a", "q", 4), 10), (workload("b", "q", 4, since=60), 10))
    assert run(with_events(base, quota(50, "lender", lending_limit=3))) == ["0 admit a", "10 finish a"]


def test_a_cohort_may_be_given_quota() -> None:
    cluster = state(queue("q", 0, cohort="c"), cohorts=(cohort("top", 1), cohort("c", 1, parent="top")))
    base = scenario(cluster, (workload("w", "q", 7), 10))
    assert run(with_events(base, quota(50, "top", of_cohort=True, nominal=6))) == ["60 admit w", "70 finish w"]


# Stop policies and evictions


def test_a_held_queue_admits_nobody_and_its_jobs_run_on() -> None:
    base = scenario(state(queue("q")), (workload("a", "q", 4), 100), (workload("b", "q", 4, since=60), 10))
    held = with_events(base, StopChange(50, "q", StopPolicy.HOLD))
    outcome = simulate(held)
    assert told(outcome) == ["0 admit a", "100 finish a"]
    assert [(each.workload, each.cause, each.message) for each in outcome.pending] == [
        ("b", Cause.QUEUE_STOPPED, "ClusterQueue q is stopped")
    ]
    released = with_events(base, *held.events, StopChange(200, "q", StopPolicy.NONE))
    assert run(released)[2:] == ["200 admit b", "210 finish b"]


def test_hold_and_drain_sends_the_running_away() -> None:
    base = scenario(state(queue("q"), queue("r")), (workload("a", "q", 4), 100), (workload("b", "r", 4), 100))
    events = (StopChange(50, "q", StopPolicy.HOLD_AND_DRAIN, grace=20), StopChange(60, "q", StopPolicy.NONE))
    assert run(with_events(base, *events)) == [
        "0 admit a",
        "0 admit b",
        "50 evict a ClusterQueueStopped",
        "70 admit a",
        "100 finish b",
        "170 finish a",
    ]


def test_nobody_preempts_from_a_stopped_queue() -> None:
    """As in Kueue, whose snapshot leaves a stopped queue out; what it uses of the cohort still counts."""
    owner = queue("owner", 10, cohort="c", reclaim_within_cohort=PreemptionPolicy.ANY)
    base = scenario(
        state(owner, queue("guest", 0, cohort="c")),
        (workload("g", "guest", 8), 1_000),
        (workload("o", "owner", 6, since=60), 100),
    )
    assert run(with_events(base))[1] == "60 evict g InCohortReclamation"
    assert run(with_events(base, StopChange(50, "guest", StopPolicy.HOLD)))[1:] == [
        "1000 finish g",
        "1010 admit o",
        "1110 finish o",
    ]


@pytest.mark.parametrize(("grace", "back"), [(None, 90), (0, 50), (25, 75)])
def test_a_job_asked_to_leave_keeps_its_quota_for_the_grace_period(grace: int | None, back: int) -> None:
    base = scenario(state(queue("q")), (workload("a", "q", 8), 100))
    assert run(with_events(base, Eviction(50, "a", grace), latency=40)) == [
        "0 admit a",
        "50 evict a Requested",
        f"{back} admit a",
        f"{back + 100} finish a",
    ]


def test_who_does_not_run_or_leaves_already_is_not_asked_again() -> None:
    base = scenario(state(queue("q")), (workload("a", "q", 8), 100), (workload("b", "q", 7, since=5), 10))
    events = (Eviction(50, "a", 20), Eviction(60, "a", 500), Eviction(55, "b"), Eviction(500, "a"))
    assert run(with_events(base, *events)) == [
        "0 admit a",
        "50 evict a Requested",
        "70 admit a",
        "170 finish a",
        "180 admit b",
        "190 finish b",
    ]


# Wake-ups


def test_a_running_timer_takes_a_later_change_in() -> None:
    """One wake-up for the finish at 30 and the quota at 35: ten after the first."""
    base = scenario(state(queue("q")), (workload("a", "q", 4), 30), (workload("b", "q", 14, since=1), 10))
    assert run(with_events(base, quota(35, "q", nominal=20)))[2] == "40 admit b"


def test_a_change_in_another_tree_wakes_nobody_here() -> None:
    cluster = state(queue("q"), queue("r"))
    base = scenario(cluster, (workload("w", "q", 12), 10), settings=EngineSettings())
    before = simulate(with_events(base)).cycles
    assert simulate(with_events(base, quota(50, "r", nominal=1))).cycles == before
    assert simulate(with_events(base, quota(50, "q", nominal=11))).cycles > before


def test_events_of_one_instant_happen_in_their_order() -> None:
    base = scenario(state(queue("q")), (workload("w", "q", 12), 10))
    up, down = quota(50, "q", nominal=20), quota(50, "q", nominal=5)
    assert run(with_events(base, down, up)) == ["60 admit w", "70 finish w"]
    assert run(with_events(base, up, down)) == []


def test_events_need_not_be_in_order_and_the_same_ones_give_the_same() -> None:
    base = story(hosts(3), [(gang("a", 2), 1_000), (gang("b", 1, at=5), 50)])
    events = (NodeDown(100, "n0"), Eviction(40, "b"), NodeDown(20, "n2"))
    first = simulate(replace(base, events=events))
    assert first == simulate(replace(base, events=events)) == simulate(replace(base, events=events[::-1]))


# What a file may say


def document(**changes: Any) -> dict[str, Any]:
    return {**json.loads(EXAMPLE.read_text()), **changes}


def error_of(event: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        read_line(ScenarioLine("some.jsonl", 7, document(events=[{"t": 0, "kind": "nodeUp", "node": "a100-0"}, event])))
    return caught.value.what


QUOTA = {"t": 1, "kind": "quota", "flavor": "a100", "resource": "nvidia.com/gpu"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"t": 1}, "events[1].kind is missing"),
        ({"t": 1, "kind": "nodedown", "node": "a100-0"}, "events[1].kind is 'nodedown', not one of nodeDown, nodeUp,"),
        ({"t": -1, "kind": "nodeDown", "node": "a100-0"}, "events[1].t is -1, not a whole number of milliseconds, at"),
        ({"t": 1, "kind": "drain"}, "events[1].node is missing"),
        ({"t": 1, "kind": "drain", "node": "n9"}, "events[1].node is 'n9', not one of the nodes"),
        ({"t": 1, "kind": "drain", "node": "a100-0", "grace": "30s"}, "events[1].grace is '30s', not a whole number"),
        ({"t": 1, "kind": "evict", "workload": "x"}, "events[1].workload is 'x', not one of the workloads"),
        ({**QUOTA, "nominal": 4}, "events[1] names neither a clusterQueue nor a cohort"),
        ({**QUOTA, "clusterQueue": "cv"}, "events[1] changes nothing"),
        ({**QUOTA, "clusterQueue": "x", "nominal": 4}, "events[1].clusterQueue is 'x', not one of the clusterQueues"),
        ({**QUOTA, "cohort": "x", "nominal": 4}, "events[1].cohort is 'x', not one of the cohorts"),
        ({**QUOTA, "clusterQueue": "cv", "cohort": "training-eastus", "nominal": 4}, "events[1] names both"),
        ({**QUOTA, "clusterQueue": "cv", "nominal": "unlimited"}, "events[1].nominal is 'unlimited', not a whole"),
        ({**QUOTA, "clusterQueue": "cv", "lendingLimit": -3}, "events[1].lendingLimit is -3, not a whole number of"),
        (
            {**QUOTA, "flavor": "h100", "clusterQueue": "cv", "nominal": 1},
            "events[1]: cv has no quota of nvidia.com/gpu",
        ),
        (
            {"t": 1, "kind": "stopPolicy", "clusterQueue": "cv", "policy": "Stop"},
            "events[1].policy is 'Stop', not one of",
        ),
    ],
)
def test_file_line_and_field_are_named(event: dict[str, Any], said: str) -> None:
    assert error_of(event).startswith(f"some.jsonl:7: {said}")


def test_limits_and_toleration_are_read() -> None:
    events = [
        {**QUOTA, "clusterQueue": "cv", "borrowingLimit": 3, "lendingLimit": "unlimited"},
        {"t": 2, "kind": "stopPolicy", "clusterQueue": "cv", "policy": "Hold"},
    ]
    found = read_line(ScenarioLine("f", 1, document(events=events)))
    change, stop = found.events
    assert change == QuotaChange(1, "cv", False, "a100", "nvidia.com/gpu", None, 3, UNLIMITED)
    assert stop == StopChange(2, "cv", StopPolicy.HOLD)
    assert found.assumptions.not_ready_toleration == 300_000
    assert read_line(ScenarioLine("f", 1, document(kueue="v0.18.0"))).assumptions.not_ready_toleration == 30_000


# Random failures


def test_random_failures_follow_the_seed_and_their_means() -> None:
    asked = {"meanBetween": 1_000_000, "meanRepair": 100_000, "until": 1_000_000_000}
    base = read_line(ScenarioLine("f", 1, document(events=[], nodeFailures=asked)))
    first, again, other = (with_random_failures(base, random.Random(seed)).events for seed in (1, 1, 2))
    assert first == again != other
    downs = [each for each in first if isinstance(each, NodeDown)]
    ups = [each for each in first if isinstance(each, NodeUp)]
    assert [each.node for each in downs] == [each.node for each in ups]
    away = [up.t - down.t for down, up in zip(downs, ups, strict=True)]
    assert sum(away) / len(away) == pytest.approx(100_000, rel=0.1)
    assert len(downs) == pytest.approx(4 * 1_000_000_000 / 1_100_000, rel=0.1)
    assert max(each.t for each in downs) <= 1_000_000_000


def test_a_run_with_random_failures_is_the_same_for_the_same_seed() -> None:
    asked = {"meanBetween": 3_600_000, "meanRepair": 900_000, "until": 30_000_000}
    base = read_line(ScenarioLine("f", 1, document(nodeFailures=asked)))
    first, again, other = (figures_of(base, RunRequest(seed=seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert sum(each.stalled for each in first.jobs) > 0


# Figures


def test_the_example_tells_its_story() -> None:
    run_ = figures_of(read_line(ScenarioLine("f", 1, document())), RunRequest())
    jobs = {each.name: each for each in run_.jobs}
    assert jobs["cv-detector"].evictions == 1
    assert jobs["cv-detector"].stalled == 300_000
    assert jobs["nlp-finetune"].moves == 1, "drained, and its pods found another node"
    assert jobs["nlp-finetune"].evictions == 0
    assert all(each.finished is not None for each in run_.jobs)
    gpus = [(step.t // 60_000, step.amounts["nvidia.com/gpu"]) for step in run_.node_steps]
    assert gpus == [(0, 32), (60, 24), (95, 32), (120, 24), (180, 32)]


def test_utilisation_is_over_the_quota_there_was_when_it_was_there() -> None:
    base = scenario(state(queue("q", 10)), (workload("a", "q", 8), 100))
    changed = with_events(base, quota(25, "q", nominal=20), quota(75, "q", nominal=0))
    found = figures(changed, simulate(changed))
    assert found.capacity_steps == (
        CapacityStep(0, {"cpu": 10}),
        CapacityStep(25, {"cpu": 20}),
        CapacityStep(75, {"cpu": 0}),
    )
    assert found.capacity == found.queues[0].quota == {"cpu": 12.5}
    assert found.utilisation("cpu") == 8 / 12.5


def test_changes_after_the_end_do_not_count() -> None:
    base = scenario(state(queue("q", 10)), (workload("a", "q", 8), 100))
    found = figures(with_events(base, quota(900, "q", nominal=20)), simulate(base))
    assert (found.end, found.capacity) == (100, {"cpu": 10})
