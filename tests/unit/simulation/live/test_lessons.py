"""Which past starts an interval learns from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from allotment.scheduling.queueing.inputs import Workload
from allotment.simulation.live.lessons import spread_over_bursts
from allotment.simulation.live.seen import SeenJob

TREES = {"nlp": "a", "vision": "a", "fraud": "b"}


def started(number: int, came: int, got: int, queue: str = "nlp") -> SeenJob:
    return SeenJob(Workload(f"job-{number}", f"{number}", queue, 0, came, ()), came, got, 0, ())


def burst(at: int, size: int, queue: str = "nlp") -> list[SeenJob]:
    """All come within their burst, the first of which waits longest."""
    return [started(at + each, at + each, at + 2 * size, queue) for each in range(size)]


@pytest.mark.parametrize(
    ("jobs", "number", "chosen"),
    [
        (burst(0, 3), 5, [0, 1, 2]),
        (burst(0, 6), 3, [0, 2, 4]),
        # The last burst is no more than a part of it, however large it is.
        ([*burst(0, 2), *burst(100, 10)], 4, [0, 1, 100, 105]),
        ([*burst(0, 4), *burst(100, 4)], 3, [0, 100, 102]),
        # Queues of one tree share their bursts, another tree has its own.
        ([*burst(0, 2), *burst(2, 2, "vision"), *burst(100, 4)], 4, [0, 2, 100, 102]),
        ([*burst(0, 2), *burst(2, 2, "fraud"), *burst(100, 4)], 3, [0, 2, 100]),
        # What is older than four times as many teaches nothing of today.
        ([*burst(0, 2), *burst(100, 8)], 2, [100, 104]),
    ],
)
def test_as_alike_from_each_burst_as_there_are(jobs: list[SeenJob], number: int, chosen: list[int]) -> None:
    assert [each.submitted for each in spread_over_bursts(jobs, TREES, number)] == chosen


@given(
    some.lists(some.tuples(some.integers(0, 50), some.integers(1, 20), some.sampled_from(sorted(TREES)))), some.data()
)
def test_as_many_as_can_be_and_none_twice(drawn: list[tuple[int, int, str]], data: some.DataObject) -> None:
    times = sorted(drawn)
    jobs = [started(number, came, came + wait, queue) for number, (came, wait, queue) in enumerate(times)]
    number = data.draw(some.integers(0, 60))
    chosen = spread_over_bursts(jobs, TREES, number)
    assert len({each.name for each in chosen}) == len(chosen) == min(number, len(jobs))
