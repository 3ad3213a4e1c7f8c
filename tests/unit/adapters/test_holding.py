"""A busy server is held to the processor that has most room for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Event, Thread
from typing import Final

import pytest

from allotment.adapters.holding import ALLOWED, Spent, held, hold_to, spent_of

STAT: Final = """\
cpu  300 0 100 600 50 0 10 40 0 0
cpu0 200 0 50 100 50 0 10 40 0 0
cpu1 100 0 50 500 0 0 0 0 0 0
cpu12 1 1 1 1 1 1 1 1 1 1
intr 12345 0
"""
needs_two = pytest.mark.skipif(len(ALLOWED) < 2, reason="there is one processor to be held to")


def spent(*busy: float, own: float = 0.0, at: float = 0.0) -> Spent:
    """Of processors from the first on, in thousandths of a second."""
    return Spent(
        {number: round(1000 * each) for number, each in enumerate(busy)},
        {number: round(1000 * at) for number, _ in enumerate(busy)},
        own,
        at,
    )


@pytest.mark.parametrize(
    ("now", "own", "busy", "wanted"),
    [
        pytest.param(None, 0.1, (0.1, 0.1), None, id="little to do"),
        pytest.param(None, 0.39, (0.9, 0.0), None, id="not enough to do, wherever others compute"),
        pytest.param(None, 0.6, (0.3, 0.3), 0, id="much to do, and all alike"),
        pytest.param(None, 0.6, (0.9, 0.4), 1, id="where there is most room"),
        pytest.param(1, 0.9, (0.0, 0.9), 1, id="what it does itself is no reason to move"),
        pytest.param(1, 0.3, (0.0, 0.3), 1, id="less to do, but not little"),
        pytest.param(1, 0.1, (0.0, 0.9), None, id="little to do from now on"),
        pytest.param(1, 0.5, (0.1, 0.8), 1, id="somebody else computes there, and a little elsewhere"),
        pytest.param(1, 0.5, (0.1, 1.0), 0, id="somebody else is held there as well"),
        pytest.param(1, 0.5, (0.9, 1.0), 1, id="all are as busy"),
        pytest.param(7, 0.5, (0.2, 0.1), 1, id="the processor is gone"),
        pytest.param(None, 0.9, (), None, id="nothing is told of any"),
    ],
)
def test_where_it_is_held(now: int | None, own: float, busy: tuple[float, ...], wanted: int | None) -> None:
    assert held(now, spent(*(0.0 for _ in busy)), spent(*busy, own=own, at=1.0)) == wanted


def test_what_processors_have_spent_is_read() -> None:
    found = spent_of(STAT, frozenset({0, 1, 2}), 1.5, 2.5)
    assert found == Spent({0: 300, 1: 150}, {0: 450, 1: 650}, 1.5, 2.5)


@pytest.fixture
def free_again() -> Iterator[None]:
    yield
    hold_to(ALLOWED)


@needs_two
@pytest.mark.usefixtures("free_again")
def test_all_threads_are_held() -> None:
    one = frozenset({min(ALLOWED)})
    ended, found = Event(), []
    beside = Thread(target=lambda: (ended.wait(), found.append(os.sched_getaffinity(0))))
    beside.start()
    hold_to(one)
    ended.set()
    beside.join()
    assert found == [one]
    assert os.sched_getaffinity(0) == one
    hold_to(ALLOWED)
    assert os.sched_getaffinity(0) == ALLOWED
