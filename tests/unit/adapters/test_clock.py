"""Clocks."""

from __future__ import annotations

import datetime as dt

import pytest

from allotment.adapters.clock import FixedClock, SystemClock


def test_real_time_is_utc_and_passes() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(-1)
    clock.sleep(0.001)
    assert before.utcoffset() == dt.timedelta(0)
    assert clock.now() > before


def test_virtual_time_passes_at_once() -> None:
    clock = FixedClock(dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    clock.sleep(90)
    clock.sleep(-5)
    assert clock.now() == dt.datetime(2026, 1, 1, 0, 1, 30, tzinfo=dt.UTC)
    with pytest.raises(ValueError, match="aware"):
        FixedClock(dt.datetime(2026, 1, 1))  # noqa: DTZ001
