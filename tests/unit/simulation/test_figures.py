"""Figures of a run against what one counts by hand, and properties on random scenarios."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.operations.foresee.opening import read_line
from allotment.operations.foresee.simulating import RunRequest, simulate
from allotment.scenarios.lines import ScenarioLine
from allotment.simulation.figures import Course, RunFigures, courses_of_use, courses_of_waiting, waits_of
from allotment.simulation.policies import QueuePolicy
from allotment.simulation.scenario import Scenario
from tests.by_day import by_day

GPU = "nvidia.com/gpu"


def job(name: str, queue: str, at: int, runtime: int, gpus: int, priority: int = 0) -> dict[str, Any]:
    return {
        "name": name,
        "uid": name,
        "clusterQueue": queue,
        "priority": priority,
        "createdAt": at,
        "runtime": runtime,
        "podSets": [{"name": "main", "count": 1, "requests": {GPU: gpus}}],
    }


def scenario(*jobs: dict[str, Any], quotas: dict[str, int], latency: int = 0) -> Scenario:
    return read_line(ScenarioLine("by-hand.jsonl", 1, scenario_data(*jobs, quotas=quotas, latency=latency)))


def scenario_data(*jobs: dict[str, Any], quotas: dict[str, int], latency: int = 0) -> dict[str, Any]:
    return {
        "id": "by-hand",
        "env": {
            "wakeupDelay": 1000,
            "evictionLatency": latency,
            "idleCycles": 3,
            "maxCyclesPerInstant": 1000,
            "maxCyclesTotal": 10_000,
        },
        "flavors": [{"name": "a100"}],
        "clusterQueues": [
            {
                "name": name,
                "cohort": "all",
                "resourceGroups": [
                    {
                        "coveredResources": [GPU],
                        "flavors": [{"flavor": "a100", "resources": {GPU: {"nominal": quota}}}],
                    }
                ],
                "preemption": {"reclaimWithinCohort": "Any"},
            }
            for name, quota in quotas.items()
        ],
        "workloads": list(jobs),
    }


BORROWED = [job("long", "a", 0, 100_000, 4), job("owner", "b", 10_000, 20_000, 2)]


def by_name(run: RunFigures) -> dict[str, Any]:
    return {each.name: each for each in run.jobs}


@pytest.mark.parametrize("latency", [0, 5_000])
def test_an_eviction_counts_as_waiting_and_its_work_as_use(latency: int) -> None:
    """`long` borrows all, is evicted when `owner` comes, runs again when it is done."""
    run = simulate(scenario(*BORROWED, quotas={"a": 2, "b": 2}, latency=latency), RunRequest())
    jobs = by_name(run)
    assert jobs["owner"].waited == latency, "the preemptor stays at the head and starts when the quota is free"
    free = 10_000 + latency
    first, second = jobs["long"].spans
    assert (first.start, first.end, first.lost) == (0, free, True)
    assert (second.end - second.start, second.lost) == (100_000, False)
    assert jobs["long"].waited == second.start - free
    assert jobs["long"].evictions == run.evictions == 1
    assert jobs["long"].started == 0
    assert run.makespan == run.end == second.end
    a, b = run.queues
    assert a.used == {GPU: 4 * (free + 100_000)}
    assert b.used == {GPU: 2 * 20_000}
    assert run.utilisation(GPU) == pytest.approx((a.used[GPU] + b.used[GPU]) / (4 * run.end))


def test_until_cuts_runs_and_counts_only_who_came() -> None:
    jobs = [*BORROWED, job("queued", "a", 12_000, 1, 4), job("later", "b", 60_000, 1, 1)]
    run = simulate(scenario(*jobs, quotas={"a": 2, "b": 2}), RunRequest(until=20_000))
    assert set(by_name(run)) == {"long", "owner", "queued"}
    assert run.end == 20_000
    assert run.makespan == 0
    assert {each.workload for each in run.pending} == {"long", "queued"}
    assert by_name(run)["queued"].waited == 8_000
    assert by_name(run)["queued"].started is None
    assert by_name(run)["owner"].spans[-1].end == 20_000
    assert run.queues[0].waits.jobs == 1, "a job that never started is pending, not waited for"


@pytest.mark.parametrize(
    ("asked", "main"),
    [
        ([{"cpu": 4, "habana.ai/gaudi": 1}, {"cpu": 4}], "habana.ai/gaudi"),
        ([{"cpu": 4}, {"cpu": 4, "google.com/tpu": 4}], "google.com/tpu"),
        ([{"nvidia.com/mig-1g.5gb": 1}, {"cpu": 4}, {"cpu": 4}], "nvidia.com/mig-1g.5gb"),
        ([{"nvidia.com/mig-1g.5gb": 1}, {"nvidia.com/mig-1g.5gb": 1}, {"amd.com/gpu": 1}], "amd.com/gpu"),
        ([{"example.com/gpu": 1, "cpu": 1}, {"cpu": 4}], "cpu"),
        ([{"nvidia.com/gpu": 0, "cpu": 1}], "cpu"),
    ],
)
def test_figures_are_about_devices_of_any_vendor(asked: list[dict[str, int]], main: str) -> None:
    names = sorted({name for each in asked for name in each})
    data = scenario_data(*(job(f"j{i}", "a", i, 1000, 0) for i in range(len(asked))), quotas={"a": 0})
    for each, requests in zip(data["workloads"], asked, strict=True):
        each["podSets"][0]["requests"] = requests
    (group,) = data["clusterQueues"][0]["resourceGroups"]
    group["coveredResources"] = names
    group["flavors"][0]["resources"] = {name: {"nominal": 100} for name in names}
    assert simulate(read_line(ScenarioLine("by-hand.jsonl", 1, data)), RunRequest()).resource == main


def test_percentiles_are_nearest_rank() -> None:
    run = simulate(scenario(*(job(f"j{i}", "a", i, 10_000, 1) for i in range(4)), quotas={"a": 1}), RunRequest())
    waits = waits_of(run.jobs)
    ordered = sorted(each.waited for each in run.jobs)
    assert (waits.jobs, waits.p50, waits.p95, waits.longest) == (4, ordered[1], ordered[3], ordered[3])
    assert waits.mean == pytest.approx(sum(ordered) / 4)


def test_nothing_at_all() -> None:
    run = simulate(scenario(quotas={"a": 1}), RunRequest())
    assert (run.end, run.makespan, run.utilisation(GPU), run.waits.jobs) == (0, 0, 0.0, 0)
    assert courses_of_use(run, 3) == (Course("a", (0.0, 0.0, 0.0)),)


@pytest.mark.parametrize(
    ("policies", "evictions"),
    [((), 1), ((QueuePolicy.NO_PREEMPTION,), 0), ((QueuePolicy.NO_PREEMPTION, QueuePolicy.RECLAIM), 1)],
)
def test_policies_apply_in_their_order(policies: tuple[QueuePolicy, ...], evictions: int) -> None:
    run = simulate(scenario(*BORROWED, quotas={"a": 2, "b": 2}), RunRequest(policies))
    assert run.evictions == evictions


def test_a_strict_queue_lets_nobody_overtake() -> None:
    jobs = [job("first", "a", 0, 10_000, 2), job("big", "a", 1_000, 10_000, 2), job("small", "a", 2_000, 1_000, 0)]
    free = simulate(scenario(*jobs, quotas={"a": 2}), RunRequest((QueuePolicy.BEST_EFFORT_FIFO,)))
    strict = simulate(scenario(*jobs, quotas={"a": 2}), RunRequest((QueuePolicy.STRICT_FIFO,)))
    assert by_name(free)["small"].waited == 0
    assert by_name(strict)["small"].waited == 8_000


jobs_strategy = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 60_000), st.integers(1, 50_000), st.integers(1, 6)), max_size=14
).map(lambda items: [job(f"j{i:02}", q, t * 100 + i, r, g) for i, (q, t, r, g) in enumerate(items)])


@settings(max_examples=by_day(60), deadline=None)
@given(jobs=jobs_strategy, until=st.none() | st.integers(0, 8_000_000), latency=st.sampled_from([0, 3_000]))
def test_time_is_accounted_for_completely(jobs: list[dict[str, Any]], until: int | None, latency: int) -> None:
    """Every job's time from coming to finishing (or the end) is waiting or running, and pictures add up to figures."""
    run = simulate(scenario(*jobs, quotas={"a": 3, "b": 2}, latency=latency), RunRequest(until=until))
    for each in run.jobs:
        held = sum(span.end - span.start for span in each.spans)
        until_when = each.finished if each.finished is not None else run.end
        assert each.waited + held == until_when - each.submitted
    for courses, total in (
        (courses_of_use(run, 7), sum(queue.used.get(GPU, 0) for queue in run.queues)),
        (courses_of_waiting(run, 7), sum(each.waited for each in run.jobs)),
    ):
        area = sum(sum(course.values) for course in courses) * run.end / 7
        assert area == pytest.approx(total, abs=1e-3 + 1e-9 * total)
    assert run.utilisation(GPU) <= 1 + 1e-9 or latency


@settings(max_examples=by_day(20), deadline=None)
@given(jobs=jobs_strategy, seed=st.integers(0, 5))
def test_the_same_seed_gives_the_same_run(jobs: list[dict[str, Any]], seed: int) -> None:
    prepared = scenario(*jobs, quotas={"a": 3, "b": 2})
    request = RunRequest(seed=seed, spread=0.7)
    assert simulate(prepared, request) == simulate(prepared, request)
    assert simulate(prepared, RunRequest()) == simulate(prepared, replace(RunRequest(), seed=seed))


def test_uncertain_run_times_keep_their_mean() -> None:
    many = scenario(*(job(f"j{i}", "a", i, 100_000, 1) for i in range(4000)), quotas={"a": 4000})
    run = simulate(many, RunRequest(seed=1, spread=0.5))
    ran = [each.spans[0].end - each.spans[0].start for each in run.jobs]
    assert sum(ran) / len(ran) == pytest.approx(100_000, rel=0.03)
    assert len(set(ran)) > 3000


@settings(max_examples=by_day(60), deadline=None)
@given(items=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 50), st.integers(1, 50), st.integers(1, 5))))
def test_what_is_asked_beyond_all_quota_stays_pending(items: list[tuple[str, int, int, int]]) -> None:
    jobs = [job(f"j{i}", q, t * 100 + i, r * 1000, g) for i, (q, t, r, g) in enumerate(items)]
    run = simulate(scenario(*jobs, quotas={"a": 2, "b": 1}), RunRequest())
    never = {each["name"] for each in jobs if each["podSets"][0]["requests"][GPU] > 3}
    assert never <= {each.workload for each in run.pending}
    assert sum(queue.pending for queue in run.queues) == len(run.pending)
    assert sum(queue.jobs for queue in run.queues) == len(jobs)
    assert sum(queue.finished for queue in run.queues) + len(run.pending) == len(jobs)
