"""An answer is told again when it is another, not when time passes; a silence is told once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import islice

import pytest

from allotment.adapters.clock import FixedClock
from allotment.errors import UnreachableError
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.answering_again import answered_again

BEGAN = dt.datetime(2026, 11, 27, 12, tzinfo=dt.UTC)


class Looks:
    """Shows what the test says, one after the other; the last for ever."""

    def __init__(self, clock: FixedClock, shown: Sequence[str | None]) -> None:
        self.clock = clock
        self.shown = list(shown)

    def look(self) -> Snapshot:
        word = self.shown.pop(0)
        self.clock.sleep(2)
        if word is None:
            raise UnreachableError("no answer")
        return Snapshot(taken_at=word)

    def wait(self, seconds: float) -> bool:
        self.clock.sleep(seconds)
        return bool(self.shown) and self.shown[0] != "same"


def answers(shown: Sequence[str | None], number: int) -> tuple[list[str | None], float]:
    clock = FixedClock(BEGAN)
    looks = Looks(clock, shown)
    found = answered_again(looks, clock, lambda snapshot: snapshot.taken_at, lambda text: text[0])
    told = [each.answer for each in islice(found, number)]
    return told, (clock.now() - BEGAN).total_seconds()


def test_only_another_answer_is_told() -> None:
    told, took = answers(["a1", "a2", "b1", "b2", "a3"], 3)
    assert told == ["a1", "b1", "a3"]
    # Five looks of 2 s, and after each of four of them a silence of 30 s and a pause of four times the look.
    assert took == 5 * 2 + 4 * (30 + 8)


def test_a_silence_is_told_once_and_what_comes_after_it_is_told_again() -> None:
    told, _ = answers(["a", None, None, "a", "a", "b"], 4)
    assert told == ["a", None, "a", "b"]


def test_a_silence_at_the_beginning_is_an_error() -> None:
    with pytest.raises(UnreachableError):
        answers([None], 1)
