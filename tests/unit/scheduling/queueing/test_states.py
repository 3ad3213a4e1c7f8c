"""The states of a workload, and the one table of their moves."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import EngineSettings
from allotment.scheduling.queueing.states import MOVES, Place, WorkloadState
from tests.unit.scheduling.queueing.casebook import Desk, cluster, cq, job, on

ONE_QUEUE = (cq("a", on("f", 4)),)
IMPOSSIBLE = [each for each in product(WorkloadState, repeat=2) if each[1] not in MOVES[each[0]]]


def test_every_state_has_a_way_on_and_one_back_to_the_queue() -> None:
    assert set(MOVES) == set(WorkloadState)
    for state in WorkloadState:
        reached = {state}
        while more := {after for before in reached for after in MOVES[before]} - reached:
            reached |= more
        assert WorkloadState.QUEUED in reached, state


@pytest.mark.parametrize(("before", "after"), IMPOSSIBLE, ids=lambda each: each.name)
def test_a_move_that_the_table_lacks_is_refused_and_changes_nothing(
    before: WorkloadState, after: WorkloadState
) -> None:
    record = Desk(ONE_QUEUE).asking(job("j", "a", 1))
    record.state = before
    with pytest.raises(AssertionError, match=f"workload j cannot become {after.name}: it is {before.name}"):
        record.become(after)
    assert record.state is before


def engine_with_one(cpu: int) -> QueueingEngine:
    engine = QueueingEngine(cluster(*ONE_QUEUE), EngineSettings())
    engine.add(job("j", "a", cpu))
    engine.run_cycle(0)
    return engine


MISUSE: dict[str, tuple[int, Place, Callable[[QueueingEngine], object]]] = {
    "it runs and arrives again": (1, Place.RUNNING, lambda engine: engine.arrive(0)),
    "it waits and arrives again": (9, Place.INADMISSIBLE, lambda engine: engine.arrive(0)),
    "it waits and finishes": (9, Place.INADMISSIBLE, lambda engine: engine.finish(0)),
    "it waits and is evicted": (9, Place.INADMISSIBLE, lambda engine: engine.mark_evicted(0)),
    "it waits and stops": (9, Place.INADMISSIBLE, lambda engine: engine.requeue_evicted(0)),
}


@pytest.mark.parametrize(("cpu", "place", "act"), MISUSE.values(), ids=MISUSE)
def test_a_caller_that_mixes_up_what_happened_is_told(
    cpu: int, place: Place, act: Callable[[QueueingEngine], object]
) -> None:
    engine = engine_with_one(cpu)
    assert engine.place(0) is place
    with pytest.raises(AssertionError, match="workload j cannot become"):
        act(engine)


def test_being_evicted_does_not_show_before_it_is_over() -> None:
    engine = engine_with_one(1)
    engine.mark_evicted(0)
    assert engine.place(0) is Place.RUNNING
    with pytest.raises(AssertionError, match="cannot become EVICTED: it is EVICTED"):
        engine.mark_evicted(0)
    engine.requeue_evicted(0)
    assert engine.place(0) is Place.ACTIVE
    engine.withdraw(0)
    assert engine.place(0) is Place.ABSENT
