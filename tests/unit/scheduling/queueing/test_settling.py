"""How an instant ends, and what ended it: a bound that is met says nothing of evictions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import EngineSettings
from allotment.scheduling.queueing.settling import PATIENT, Bounds, Settled, settle
from allotment.simulation.environment import simulate
from allotment.simulation.outcome import cap_met
from allotment.simulation.scenario import Scenario
from tests.unit.scheduling.queueing.states import endless, queue, scenario, state, workload


def in_a_row() -> Scenario:
    """Three jobs that come at once, one cycle each, and nobody preempts anybody."""
    return scenario(state(queue("q")), *((workload(f"w{n}", "q", 2), 100) for n in range(3)))


def in_a_circle() -> Scenario:
    """Two jobs that preempt each other for ever."""
    return scenario(
        endless(),
        (workload("w0", "q0", 4, priority=5), 10_000),
        (workload("w1", "q1", 1, since=1), 10_000),
        (workload("w2", "q1", 5, priority=5, since=2), 10_000),
        settings=EngineSettings(fair_sharing=True),
    )


@pytest.mark.parametrize(
    ("story", "in_instant", "in_all", "ended", "cap"),
    [
        (in_a_row(), 0, 0, Settled.AT_REST, None),
        (in_a_row(), 2, 0, Settled.INSTANT_BOUND, "env.maxCyclesPerInstant"),
        (in_a_row(), 0, 2, Settled.TOTAL_BOUND, "env.maxCyclesTotal"),
        (in_a_circle(), 50, 0, Settled.ENDLESS, "env.maxCyclesPerInstant"),
        (in_a_circle(), 0, 50, Settled.TOTAL_BOUND, "env.maxCyclesTotal"),
    ],
    ids=["no bound", "instant, no eviction", "total, no eviction", "instant, in a circle", "total, in a circle"],
)
def test_a_simulation_says_what_ended_it(
    story: Scenario, in_instant: int, in_all: int, ended: Settled, cap: str | None
) -> None:
    caps = replace(story.assumptions, max_cycles_per_instant=in_instant, max_cycles_total=in_all)
    outcome = simulate(replace(story, assumptions=caps))
    assert outcome.ended is ended
    assert cap_met(outcome.ended) == cap


def test_an_engine_that_is_past_the_bound_of_all_cycles_stops() -> None:
    engine = QueueingEngine(endless(), EngineSettings(fair_sharing=True))

    def carry_out(result: CycleResult) -> None:
        for preemption in result.preemptions:
            engine.requeue_evicted(preemption.workload)

    for name in ("first", "second"):
        engine.add(workload(name, "q1", 1))
    assert settle(engine, 0, carry_out, PATIENT) is Settled.AT_REST
    past = engine.cycles - 1
    assert past > 0
    engine.add(workload("w", "q0", 1))
    assert settle(engine, 1, carry_out, Bounds(idle_cycles=4, in_instant=0, in_all=past)) is Settled.TOTAL_BOUND
    assert engine.cycles == past + 2
