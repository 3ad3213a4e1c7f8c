"""A simulation's ledger: what jobs held, what was down, what nobody had."""

from __future__ import annotations

from allotment.accounting.ledger import CauseOfTime, grouped
from allotment.accounting.simulated import simulated_ledger
from allotment.scheduling.queueing.settling import Settled
from allotment.simulation.capacity import CapacityStep
from allotment.simulation.figures import JobFigures, RunFigures, Span
from allotment.simulation.outcome import Standstill

GPU = "nvidia.com/gpu"


def job(name: str, *spans: tuple[int, int, int]) -> JobFigures:
    held = tuple(Span(start, end, ((GPU, amount),), lost=False) for start, end, amount in spans)
    return JobFigures(name, "cq", 0, 0, None, 0, 0, ((GPU, 0),), held)


def run(*jobs: JobFigures, quota: tuple[tuple[int, int], ...], nodes: tuple[tuple[int, int], ...] = ()) -> RunFigures:
    return RunFigures(
        scenario="by-hand",
        until=100,
        end=100,
        makespan=0,
        cycles=0,
        ended=next(iter(Settled)),
        resource=GPU,
        capacity={},
        queues=(),
        jobs=jobs,
        pending=(),
        capacity_steps=tuple(CapacityStep(t, {GPU: amount}) for t, amount in quota),
        node_steps=tuple(CapacityStep(t, {GPU: amount}) for t, amount in nodes),
    )


def causes(figures: RunFigures, standstills: tuple[Standstill, ...] = ()) -> tuple[int, dict[str, int]]:
    ledger = simulated_ledger(figures, standstills)
    assert sum(each.gpu_ms for each in ledger.entries) == ledger.capacity_ms
    return ledger.capacity_ms, {each.name: each.gpu_ms for each in grouped(ledger, lambda entry: entry.charge.cause)}


def test_what_jobs_hold_is_productive_and_the_rest_is_free() -> None:
    figures = run(job("a", (10, 60, 4)), job("b", (20, 100, 2)), quota=((0, 8),))

    assert causes(figures) == (800, {CauseOfTime.PRODUCTIVE: 360, CauseOfTime.UNALLOCATED: 440})


def test_a_node_that_is_down_is_unhealthy_with_the_job_that_stands_still() -> None:
    figures = run(job("a", (0, 100, 4)), quota=((0, 8),), nodes=((0, 8), (50, 4)))

    assert causes(figures, (Standstill("a", 50, 70),)) == (
        800,
        # From 50 to 70 the four that are down are the job's; from then on they are nobody's.
        {CauseOfTime.PRODUCTIVE: 320, CauseOfTime.UNALLOCATED: 4 * 50 + 4 * 20, CauseOfTime.UNHEALTHY: 80 + 120},
    )


def test_work_above_a_lowered_quota_shows_devices_that_were_there() -> None:
    figures = run(job("a", (0, 100, 8)), quota=((0, 8), (40, 2)))

    assert causes(figures) == (800, {CauseOfTime.PRODUCTIVE: 800})
