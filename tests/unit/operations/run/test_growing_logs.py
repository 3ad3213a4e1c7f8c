"""The last lines of a log: as many as were asked for, in a memory that no log can fill."""

from __future__ import annotations

import pytest

from allotment.adapters.clock import SystemClock
from allotment.operations.run import growing_logs
from allotment.operations.run.growing_logs import GrowingLog, growing_lines

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
