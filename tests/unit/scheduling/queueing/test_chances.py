"""Where Kueue chooses at random among equals the engine says so, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from allotment.scheduling.queueing.choices import ChanceKind
from allotment.scheduling.queueing.inputs import ClusterState, EngineSettings, PreemptionPolicy
from allotment.simulation.environment import Simulation, simulate
from allotment.simulation.outcome import RunOutcome
from allotment.simulation.scenario import Scenario
from tests.by_day import by_day
from tests.unit.scheduling.queueing.states import cohort, queue, scenario, state, workload

FAIR = EngineSettings(fair_sharing=True)
CLASSICAL = EngineSettings()


def watched(world: Scenario) -> RunOutcome:
    return Simulation(world, choices=True).run()


def choices(world: Scenario) -> list[tuple[ChanceKind, str, set[str], set[str]]]:
    found = watched(world).choices
    return [(each.what, each.preemptor, set(each.chosen), set(each.others)) for each in found]


def teams(**weights: float) -> ClusterState:
    """Three cohorts below one, each with a queue that only borrows; the third has the quota in a queue of its own."""
    rates = {"a": 1.0, "b": 1.0, "c": 1.0, **weights}
    cohorts = [cohort("top"), *(replace(cohort(name, parent="top"), fair_weight=rates[name]) for name in rates)]
    borrowing = [queue(f"{name}-borrows", 0, cohort=name) for name in rates]
    owner = queue("owner", 8, cohort="c", reclaim_within_cohort=PreemptionPolicy.ANY)
    return state(*borrowing, owner, cohorts=tuple(cohorts))


def reclaimed(cluster: ClusterState, cpu: int = 4, run: EngineSettings = FAIR) -> Scenario:
    """Two cohorts have borrowed the same from the third, which takes some of it back."""
    return scenario(
        cluster,
        (workload("high", "a-borrows", 4, priority=1000, since=0), 900),
        (workload("low", "b-borrows", 4, priority=1, since=1), 900),
        (workload("mine", "owner", cpu, since=100), 900),
        settings=run,
    )


def test_cohorts_of_equal_share_are_preempted_at_random() -> None:
    (found,) = choices(reclaimed(teams()))
    assert found == (ChanceKind.PREEMPTED, "mine", {"low"}, {"high"})


@pytest.mark.parametrize(
    "world",
    [reclaimed(teams(a=2.0)), reclaimed(teams(), cpu=8), reclaimed(teams(), run=CLASSICAL)],
    ids=["another weight", "both have to go", "classical"],
)
def test_nothing_hangs_on_chance_where_one_comes_first_or_all_go(world: Scenario) -> None:
    assert not choices(world)


def race(run: EngineSettings, *, nominal: int = 0, since: int = 0, priority: int = 0, shared: int = 4) -> Scenario:
    """Two queues each want 4 that the cohort has once."""
    cluster = state(queue("q0", nominal, cohort="c"), queue("q1", nominal, cohort="c"), cohorts=(cohort("c", shared),))
    return scenario(
        cluster,
        (workload("first", "q0", 4), 50),
        (replace(workload("second", "q1", 4, priority=priority), queued_since=since), 50),
        settings=run,
    )


@pytest.mark.parametrize("run", [CLASSICAL, FAIR], ids=["classical", "fair"])
def test_jobs_of_equal_rank_race_for_what_is_there_once(run: EngineSettings) -> None:
    (found,) = choices(race(run))
    assert found == (ChanceKind.FIRST, "", {"first"}, {"second"})
    for decided in (race(run, priority=1), race(run, since=1), race(run, shared=8), race(run, nominal=4)):
        assert not choices(decided)


def test_of_three_two_come_first() -> None:
    cluster = state(*(queue(f"q{number}", 0, cohort="c") for number in range(3)), cohorts=(cohort("c", 4),))
    jobs = [(workload(f"j{number}", f"q{number}", 2), 50) for number in range(3)]
    for run in (CLASSICAL, FAIR):
        assert choices(scenario(cluster, *jobs, settings=run)) == [(ChanceKind.FIRST, "", {"j0", "j1"}, {"j2"})]


def test_what_nobody_competes_for_is_no_choice() -> None:
    """Equal rank, and one does not fit, but not because of the other."""
    cluster = state(queue("q0", 4, cohort="c"), queue("q1", 0, cohort="c", borrowing=0), cohorts=(cohort("c"),))
    world = scenario(cluster, (workload("first", "q0", 4), 50), (workload("never", "q1", 4), 50))
    assert not choices(world)


def test_watching_changes_no_decision() -> None:
    for world in (reclaimed(teams()), race(FAIR), race(CLASSICAL)):
        assert replace(watched(world), choices=(), pending_log=()) == replace(simulate(world), pending_log=())
        assert simulate(world).choices == ()


@st.composite
def equal_worlds(draw: st.DrawFn) -> Scenario:
    """Many ties: like queues in like cohorts, few sizes, few moments."""
    cohorts = [cohort("top", draw(st.integers(0, 4))), *(cohort(name, parent="top") for name in ("a", "b", "c"))]
    queues = [
        queue(
            f"{name}{number}",
            draw(st.sampled_from([0, 0, 2])),
            cohort=name,
            reclaim_within_cohort=PreemptionPolicy.ANY,
            within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY,
        )
        for name in ("a", "b", "c")
        for number in range(draw(st.integers(1, 2)))
    ]
    jobs = [
        (
            workload(
                f"w{number}",
                draw(st.sampled_from(queues)).name,
                draw(st.sampled_from([1, 2])),
                priority=draw(st.sampled_from([0, 0, 9])),
                since=draw(st.sampled_from([0, 10, 20])),
            ),
            draw(st.sampled_from([15, 400])),
        )
        for number in range(draw(st.integers(2, 7)))
    ]
    cluster = state(*queues, cohorts=tuple(cohorts))
    return scenario(cluster, *jobs, settings=FAIR)


def backwards(world: Scenario) -> Scenario:
    cluster = world.state
    turned = replace(cluster, cluster_queues=cluster.cluster_queues[::-1], cohorts=cluster.cohorts[::-1])
    return replace(world, state=turned)


@settings(max_examples=by_day(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(world=equal_worlds())
def test_the_order_of_lists_matters_only_where_it_is_said(world: Scenario) -> None:
    """Ours goes by the order of lists where Kueue's goes by chance: turn them, and only what is marked may change."""
    found = watched(world)
    other = watched(backwards(world))
    event("marked" if found.choices else "not marked")
    if not found.choices and not other.choices:
        assert decided(found) == decided(other)
    elif decided(found) != decided(other):
        first = min(each.t for each in (*found.choices, *other.choices))
        before = [line for line in decided(found) if line[0] < first]
        assert before == [line for line in decided(other) if line[0] < first]


def decided(outcome: RunOutcome) -> list[tuple[int, str, str]]:
    return sorted((each.t, type(each).__name__, each.workload) for each in outcome.decisions)
