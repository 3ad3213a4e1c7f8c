"""Admission fair sharing: LocalQueues that used less come first."""

from dataclasses import replace

import pytest

from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import (
    AdmissionFairSharing,
    ClusterState,
    EngineSettings,
    LocalQueue,
    PreemptionPolicy,
    Workload,
)
from allotment.simulation.environment import Admitted, simulate
from tests.unit.scheduling.queueing.states import queue, scenario, state, workload

SHARING = EngineSettings(admission_fair_sharing=AdmissionFairSharing(half_life=100, sampling_interval=50))


def job(name: str, team: str, cpu: int = 5, **changes: int) -> Workload:
    return replace(workload(name, "q", cpu, **changes), local_queue=team)


def cluster(*weights: LocalQueue) -> ClusterState:
    return replace(
        state(queue("q", usage_based=True, within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY)),
        local_queues=weights,
    )


def admitted_in_order(engine: QueueingEngine, names: list[str], start: int = 0) -> list[str]:
    order: list[str] = []
    for cycle in range(len(names)):
        order += [names[index] for index in engine.run_cycle(start + cycle).admitted]
    return order


def test_the_penalty_of_an_admission_counts_at_once() -> None:
    engine = QueueingEngine(cluster(), SHARING)
    names = ["a1", "a2", "b1"]
    for name, since in zip(names, range(3), strict=True):
        engine.add(job(name, name[0], 3, since=since))
    assert admitted_in_order(engine, names) == ["a1", "b1", "a2"]


def test_usage_outweighs_priority() -> None:
    engine = QueueingEngine(cluster(), SHARING)
    names = ["a1", "a2", "b1"]
    engine.add(job("a1", "a", 3))
    engine.add(job("a2", "a", 3, priority=9, since=1))
    engine.add(job("b1", "b", 3, since=2))
    assert admitted_in_order(engine, names) == ["a2", "b1", "a1"]


def test_a_weight_divides_usage() -> None:
    engine = QueueingEngine(cluster(LocalQueue("a", "q", 4.0)), SHARING)
    names = ["a1", "b1", "a2", "b2"]
    for since, name in enumerate(names):
        engine.add(job(name, name[0], 2, since=since))
    assert admitted_in_order(engine, names) == ["a1", "b1", "a2", "b2"]


def test_usage_decays_with_the_half_life() -> None:
    engine = QueueingEngine(cluster(), SHARING)
    first = engine.add(job("a1", "a", 8))
    engine.run_cycle(0)
    engine.sample_usage(100)
    engine.finish(first)
    second = engine.add(job("b1", "b", 3, since=1))
    engine.run_cycle(100)
    engine.finish(second)
    engine.sample_usage(400)
    waiting = {engine.add(job("a2", "a", 9, since=2)): "a2", engine.add(job("b2", "b", 9, since=3)): "b2"}
    winner = engine.run_cycle(400).admitted[0]
    assert waiting[winner] == "b2", "a: 8 x 1/2 x 1/8 = 0.5, b: penalty settled, nothing running at a sample"


def test_a_refused_shape_is_refused_for_every_team() -> None:
    engine = QueueingEngine(cluster(), SHARING)
    indices = [engine.add(job(f"{team}1", team, 99, since=since)) for since, team in enumerate("abc")]
    engine.run_cycle(0)
    assert [engine.place(index) for index in indices] == ["inadmissible"] * 3
    late = engine.add(job("d1", "d", 99, since=9))
    assert engine.place(late) == "inadmissible"


def test_the_heavy_team_is_preempted_first() -> None:
    engine = QueueingEngine(cluster(), SHARING)
    heavy = [engine.add(job(f"a{number}", "a", 3, since=number)) for number in range(2)]
    light = engine.add(job("b", "b", 3, since=5))
    for now in range(3):
        engine.run_cycle(now)
    assert engine.place(light) == "running"
    engine.add(job("urgent", "c", 4, priority=5, since=9))
    victims = [each.workload for each in engine.run_cycle(3).preemptions]
    assert victims == [heavy[1]], "most recently admitted of the team that uses most"


@pytest.mark.parametrize("usage_based", [True, False])
def test_simulation_alternates_teams(usage_based: bool) -> None:
    jobs = [job(f"{team}{number}", team, 10, since=number) for number in range(3) for team in "ab"]
    jobs.sort(key=lambda each: each.name)
    story = scenario(
        state(queue("q", usage_based=usage_based)),
        *((replace(each, queued_since=position), 100) for position, each in enumerate(jobs)),
        settings=EngineSettings(admission_fair_sharing=AdmissionFairSharing(half_life=10_000, sampling_interval=50)),
    )
    teams = "".join(each.workload[0] for each in simulate(story).decisions if isinstance(each, Admitted))
    assert teams == ("ababab" if usage_based else "aaabbb")
