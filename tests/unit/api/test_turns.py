"""Threads take short turns while a server runs, and memory is cleared though nothing looks through all of it."""

from __future__ import annotations

import gc
import sys
import time
import weakref
from collections.abc import Callable

import pytest

from allotment.api import turns
from allotment.api.turns import short_turns


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.own = self


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_what_refers_to_itself_goes_at_fixed_times_and_all_is_as_before_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "_FIRST", 0.01)
    monkeypatch.setattr(turns, "_EACH", 0.01)
    before = sys.getswitchinterval(), gc.get_threshold()
    with short_turns():
        assert sys.getswitchinterval() < before[0]
        until(lambda: gc.get_freeze_count() > 0)
        circle = Circle()
        seen = weakref.ref(circle)
        gc.freeze()  # as one that has outlasted a look
        del circle
        until(lambda: seen() is None)
    assert (sys.getswitchinterval(), gc.get_threshold()) == before
    assert gc.get_freeze_count() == 0
