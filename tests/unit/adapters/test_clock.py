"""Clocks."""

from __future__ import annotations

import datetime as dt

import pytest

from allotment.adapters.clock import FixedClock, LaterClock, SystemClock


def test_real_time_is_utc_and_passes() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(-1)
    clock.sleep(0.001)
    assert before.utcoffset() == dt.timedelta(0)
    assert clock.now() > before


def test_the_later_of_two_is_told_whichever_is_behind() -> None:
    slow, fast = FixedClock(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)), FixedClock(dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
    assert LaterClock(slow, fast).now() == LaterClock(fast, slow).now() == fast.now()
    LaterClock(slow, fast).sleep(60)
    assert slow.now() == dt.datetime(2026, 1, 1, 0, 1, tzinfo=dt.UTC)


def test_virtual_time_passes_at_once() -> None:
    clock = FixedClock(dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    clock.sleep(90)
    clock.sleep(-5)
    assert clock.now() == dt.datetime(2026, 1, 1, 0, 1, 30, tzinfo=dt.UTC)
    with pytest.raises(ValueError, match="aware"):
        FixedClock(dt.datetime(2026, 1, 1))  # noqa: DTZ001
