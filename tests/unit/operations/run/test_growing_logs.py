"""The last lines of a log: as many as were asked for, in a memory that no log can fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.clock import SystemClock
from allotment.operations.run import growing_logs
from allotment.operations.run.growing_logs import GrowingLog, growing_lines
from allotment.ports.backends import LogLine

TEXT = b"".join(b"%d\n" % number for number in range(1000))


def last(text: bytes, tail: int) -> list[bytes | None]:
    log = GrowingLog("log", 0, lambda start: (text[start : start + 700], min(start + 700, len(text))))
    found = growing_lines("job", lambda: [log], SystemClock(), every=1, tail=tail, goes_on=lambda: False)
    return [each.text if each else None for each in found]


@pytest.mark.parametrize("tail", [0, 1, 999, 1000, 1001])
def test_so_many_of_the_last_lines(tail: int) -> None:
    assert last(TEXT, tail) == TEXT.splitlines()[max(0, 1000 - tail) :]


def test_what_is_held_has_a_bound_and_who_waits_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing_logs, "_MOST_HELD", 100 * (growing_logs._LINE_COST + 3))
    monkeypatch.setattr(growing_logs, "_LINES_WITHOUT_A_WORD", 400)
    assert last(TEXT, 10**9) == [None, None, *TEXT.splitlines()[900:]]
    assert last(b"x" * 10_000, 5) == [], "longer than all that is held"


def test_what_was_given_up_before_it_was_read_joins_no_lines_and_what_was_lost_is_said_once_at_the_end() -> None:
    parts = {0: (b"one\ntw", 6), 6: (b"ree\nfour", 28), 28: (b"", 28)}
    log = GrowingLog("log", 0, parts.__getitem__, lambda: "[lost]")
    found = growing_lines("job", lambda: [log], SystemClock(), every=1, tail=None, goes_on=lambda: False)
    missing = b"[allotment: 14 bytes of output missing here: newer ones took their place]"
    assert [each.text if each else None for each in found] == [b"one", b"tw", missing, b"ree", b"four", b"[lost]"]


def test_a_line_waits_for_the_next_only_where_that_was_read_with_it() -> None:
    parts = {0: (b"one\ntwo\nthr", 11), 11: (b"ee\n", 14), 14: (b"", 14)}
    found = growing_lines(
        "job",
        lambda: [GrowingLog("log", 0, parts.__getitem__)],
        SystemClock(),
        every=1,
        tail=None,
        goes_on=lambda: False,
    )
    assert [(each.text, each.more) for each in found if each] == [(b"one", True), (b"two", False), (b"three", False)]


@dataclass
class Kept:
    """A log that grows, of which some stretches are no longer kept; how much of it is read is counted."""

    stretches: list[tuple[int, bytes]]
    block: int
    was_read: int = 0

    def read(self, start: int) -> tuple[bytes, int]:
        for begins, text in self.stretches:
            if start < begins + len(text):
                at = max(start, begins)
                data = text[at - begins : at - begins + self.block]
                self.was_read += len(data)
                return data, at + len(data)
        return b"", start

    def size(self) -> int:
        return max((begins + len(text) for begins, text in self.stretches), default=0)

    def grow(self, text: bytes) -> None:
        self.stretches.append((self.size(), text))


class Still:
    """A clock that stands; something happens while somebody sleeps."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        del seconds
        self._happens()


TEXTS = st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\n\n", b"x" * 9]), max_size=30).map(b"".join)
LOGS = st.lists(st.lists(st.tuples(st.integers(0, 5), TEXTS), max_size=3), max_size=3)


def told(
    logs: list[list[tuple[int, bytes]]], grows: list[bytes], block: int, tail: int, *, from_the_end: bool
) -> list[tuple[int, bytes]]:
    """What is told of logs, each of stretches behind gaps, and of how the last of them grows."""
    kept = []
    for parts in logs:
        log = Kept([], block)
        for gap, text in parts:
            log.stretches += [(log.size() + gap, text)] if text else []
        kept.append(log)
    left = list(grows) if kept else []
    those = [GrowingLog(str(rank), rank, each.read, lambda: "[end]") for rank, each in enumerate(kept)]
    if from_the_end:
        those = [replace(log, size=each.size) for log, each in zip(those, kept, strict=True)]
    clock = Still(lambda: kept[-1].grow(left.pop(0)))
    lines: Iterator[LogLine | None] = growing_lines(
        "job", lambda: those or [GrowingLog("none", 0, lambda start: (b"", start))], clock,
        every=0.1, tail=tail, goes_on=lambda: bool(left),
    )  # fmt: skip
    return [(each.rank, each.text) for each in lines if each is not None]


@given(LOGS, st.lists(TEXTS, max_size=2), st.integers(1, 40), st.integers(0, 12), st.integers(0, 300))
def test_from_its_end_a_log_is_told_as_from_its_beginning(
    logs: list[list[tuple[int, bytes]]], grows: list[bytes], block: int, tail: int, held: int
) -> None:
    """Whatever is missing in it, however it grows, and however little is held or read at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(growing_logs, "_BLOCK", 7)
        patched.setattr(growing_logs, "_LINE_COST", 3)
        patched.setattr(growing_logs, "_LONGEST_LINE", 4)
        patched.setattr(growing_logs, "_MOST_HELD", held)
        ways = [told(logs, grows, block, tail, from_the_end=each) for each in (False, True)]
    assert ways[0] == ways[1]


@pytest.mark.parametrize("text", [b"\n" * (8 << 20), b"a line of a log\n" * (1 << 19)])
def test_for_the_last_lines_a_long_log_is_not_read(text: bytes) -> None:
    log = Kept([(0, text)], 1 << 16)
    those = [GrowingLog("log", 0, log.read, size=log.size)]
    lines = list(growing_lines("job", lambda: those, SystemClock(), every=1, tail=5, goes_on=lambda: False))
    assert [each and each.text for each in lines] == text.splitlines()[-5:]
    assert log.was_read < 1 << 18
