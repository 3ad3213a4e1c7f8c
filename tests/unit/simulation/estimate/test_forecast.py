"""Estimates on the queueing engine: known run times give exact starts, unknown ones honest intervals."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.scheduling.queueing.inputs import EngineSettings, PodSetAdmission, PreemptionPolicy, Workload
from allotment.scheduling.queueing.settling import Bounds
from allotment.simulation.chance import Chance
from allotment.simulation.environment import simulate
from allotment.simulation.estimate import forecast
from allotment.simulation.estimate.arrivals import PastArrival, ReplayedPast
from allotment.simulation.estimate.forecast import (
    Future,
    FutureArrival,
    Question,
    RunningWorkload,
    Situation,
    StartEstimate,
    estimate_starts,
)
from allotment.simulation.estimate.interval import Interval
from allotment.simulation.estimate.runtimes import Runtimes
from allotment.simulation.outcome import Admitted, Evicted
from allotment.simulation.scenario import Arrival, Assumptions, Scenario
from tests.by_day import by_day
from tests.unit.scheduling.queueing.states import endless, queue, state, workload

GOT = (PodSetAdmission("main", 1, (("cpu", "f"),)),)


class Known:
    """Run times that are known, with a factor drawn around 1 if there is a spread."""

    def __init__(self, spread: float = 0.0, **totals: int) -> None:
        self.totals = totals
        self.spread = spread

    def remaining(self, name: str, elapsed: int, chance: Chance) -> int:
        factor = math.exp(chance.gauss(0.0, self.spread)) if self.spread else 1.0
        return max(1, round(self.totals[name] * factor) - elapsed)


def running(name: str, cpu: int, since: int, cluster_queue: str = "q") -> RunningWorkload:
    return RunningWorkload(workload(name, cluster_queue, cpu), GOT, since)


def ask(situation: Situation, runtimes: Known, *asked: str, **rest: object) -> dict[str, StartEstimate]:
    found = estimate_starts(situation, Question(asked, 10_000), lambda: runtimes, random.Random(1), **rest)  # type: ignore[arg-type]
    return {each.workload: each for each in found}


def one_queue(runs: Sequence[RunningWorkload], waits: Sequence[Workload], now: int = 100) -> Situation:
    return Situation(state(queue("q")), EngineSettings(), now, tuple(runs), tuple(waits))


def test_known_run_times_give_a_point() -> None:
    situation = one_queue(
        [running("a", 6, 40), running("b", 4, 90)], [workload("x", "q", 5, since=91), workload("y", "q", 5, since=92)]
    )
    answers = ask(situation, Known(a=100, b=50, x=30, y=1), "x", "y")
    assert answers["x"] == StartEstimate("x", Interval(40.0, 40.0), 40.0, 0.0, futures=100)
    assert answers["y"].interval == Interval(40.0, 40.0), "the other 5 of 10 CPUs are free once b has ended too"


def test_what_never_fits_is_said_to_never_start() -> None:
    answers = ask(one_queue([], [workload("big", "q", 11)]), Known(big=1), "big")
    assert answers["big"].never == 1.0
    assert answers["big"].interval == Interval(math.inf, math.inf)


def test_who_fits_starts_now() -> None:
    assert ask(one_queue([], [workload("x", "q", 10)]), Known(x=5), "x")["x"].interval == Interval(0.0, 0.0)


def test_uncertain_run_times_give_a_width_and_the_seed_decides() -> None:
    situation = one_queue([running("a", 10, 0)], [workload("x", "q", 5, since=50)], now=60)
    runtimes = Known(0.5, a=200, x=1)
    first, again = ask(situation, runtimes, "x"), ask(situation, runtimes, "x")
    assert first == again
    interval = first["x"].interval
    assert interval.low < first["x"].median < interval.high
    assert interval.covers(140)


def test_later_arrivals_of_higher_priority_push_the_start_back() -> None:
    def rival(chance: Chance, runtimes: Runtimes) -> list[FutureArrival]:
        return [FutureArrival(workload("rival", "q", 10, priority=5, since=120), 120, 500)]

    situation = one_queue([running("a", 10, 0)], [workload("x", "q", 5, since=50)])
    assert ask(situation, Known(a=150, x=1), "x")["x"].median == 50
    assert ask(situation, Known(a=150, x=1), "x", arrivals=rival)["x"].median == 550


def test_a_preempted_workload_runs_again_from_its_beginning() -> None:
    def rival(chance: Chance, runtimes: Runtimes) -> list[FutureArrival]:
        return [FutureArrival(workload("rival", "q", 10, priority=5, since=120), 120, 30)]

    cluster = state(queue("q", within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY))
    situation = Situation(
        cluster, EngineSettings(), 100, (running("a", 10, 0),), (workload("x", "q", 5, since=50),), eviction_latency=7
    )
    # The rival starts at 127, ends at 157; then a is first again (it queued at 0) and runs its 150 once more.
    assert ask(situation, Known(a=150, x=1), "x", arrivals=rival)["x"].median == 157 + 150 - 100


def test_a_future_of_endless_preemption_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = (
        RunningWorkload(workload("w0", "q0", 4, priority=5), GOT, 0),
        RunningWorkload(workload("w1", "q1", 1, since=1), GOT, 1),
    )
    waits = (workload("w2", "q1", 5, priority=5, since=2), workload("x", "q1", 6, since=3))
    monkeypatch.setattr(forecast, "PATIENT", Bounds(idle_cycles=4, in_instant=200))
    situation = Situation(endless(), EngineSettings(fair_sharing=True), 100, runs, waits)
    runtimes = Known(w0=200, w1=200, w2=10, x=10)
    (answer,) = estimate_starts(situation, Question(("x",), 10_000, repeats=1), lambda: runtimes, random.Random(1))
    assert answer.never == 1.0


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Queues that borrow from each other; nobody is preempted, so every job starts once."""
    queues = [
        queue(name, draw(st.integers(0, 8)), cohort="c", lending=draw(st.none() | st.integers(0, 6)))
        for name in ("q0", "q1")
    ]
    arrivals = tuple(
        Arrival(
            workload(f"w{n}", f"q{draw(st.integers(0, 1))}", draw(st.integers(1, 4)), since=10 * n),
            10 * n,
            draw(st.integers(1, 60)),
        )
        for n in range(draw(st.integers(1, 9)))
    )
    assumptions = Assumptions(20, draw(st.sampled_from([0, 15])), 4, 40, 200)
    return Scenario("random", "random", state(*queues), EngineSettings(), assumptions, arrivals)


@settings(max_examples=by_day(40), deadline=None)
@given(scenario=scenarios(), seed=st.integers(0, 99))
def test_from_the_beginning_a_future_is_the_simulation(scenario: Scenario, seed: int) -> None:
    """With nothing running, known run times and the scenario's own arrivals, starts are those of `simulate`."""
    outcome = simulate(scenario)
    assert not any(isinstance(each, Evicted) for each in outcome.decisions)
    first: dict[str, int] = {}
    for each in outcome.decisions:
        if isinstance(each, Admitted):
            first.setdefault(each.workload, each.t)
    totals = {each.workload.name: each.runtime for each in scenario.arrivals}
    coming = sorted(scenario.arrivals, key=lambda each: each.queued_at)
    situation = Situation(
        scenario.state,
        scenario.settings,
        -1,
        (),
        (),
        scenario.assumptions.wakeup_delay,
        scenario.assumptions.eviction_latency,
    )
    future = Future(
        situation,
        Known(**totals),
        random.Random(seed),
        lambda _, __: [FutureArrival(each.workload, each.queued_at, each.runtime) for each in coming],
    )
    assert future.starts(totals, 10_000) == first


def test_the_past_is_replayed_in_order_and_after_now() -> None:
    past = [PastArrival(workload(f"p{n}", "q", 1, since=n * 10), n * 10) for n in range(1, 5)]
    known = Known(p1=1, p2=2, p3=3, p4=4)
    drawn = []
    for each in ReplayedPast(past, 0, 50)(random.Random(3), known):
        drawn.append(each)
        if len(drawn) == 12:
            break
    times = [each.at for each in drawn]
    assert times == sorted(times)
    assert times[0] > 50
    assert times[4] - times[0] == 50, "the span of the past"
    assert len({each.workload.name for each in drawn}) == 12
    assert [each.runtime for each in drawn[:4]] == [int(each.workload.name[1]) for each in drawn[:4]]


def test_submissions_that_have_begun_end_some_time() -> None:
    past = [PastArrival(workload(f"p{n}", "q", 1, since=n * 10), n * 10) for n in range(1, 5)]
    known = Known(p1=1, p2=2, p3=3, p4=4)
    chance = random.Random(2)
    replay = ReplayedPast(past, 0, 50, begun=0)
    lasted = sorted(max((each.at - 50 for each in replay(chance, known)), default=0) for _ in range(401))
    assert 30 <= lasted[200] <= 60, "as long again as they have gone on, in half of the futures"
    assert lasted[-1] > 500


@pytest.mark.parametrize("past", [[], None])
def test_without_a_past_there_is_no_future(past: list[PastArrival] | None) -> None:
    moment = [PastArrival(workload("p", "q", 1), 50)]
    replay = ReplayedPast([], 0, 50) if past is not None else ReplayedPast(moment, 50, 50)
    assert list(replay(random.Random(1), Known())) == []
