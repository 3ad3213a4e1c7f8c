"""Logs as they travel: what comes out is what went in, at once where nothing more was at hand."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.api.log_blocks import written_lines
from allotment.errors import UnreachableError
from allotment.ports.backends import LogLine
from allotment.ports.job_service import LogBlock

LINES = st.builds(
    LogLine,
    st.integers(0, 1),
    st.binary(max_size=6).map(lambda text: text.replace(b"\n", b"")),
    st.none() | st.integers(0, 1 << 50),
    st.booleans(),
)


def read(data: bytes) -> list[LogLine | None]:
    found: list[LogLine | None] = []
    for line in data.splitlines():
        if line != b"[]":
            found += msgspec.json.decode(line, type=LogBlock).lines() if line else [None]
    return found


@given(st.lists(st.none() | LINES, max_size=30))
def test_what_travels_is_what_was_said_and_nothing_waits_that_has_no_follower(said: list[LogLine | None]) -> None:
    gone: list[LogLine | None] = []

    def lines() -> Iterator[LogLine | None]:
        for each in said:
            gone.append(each)
            yield each

    came = b""
    for part in written_lines(lines()):
        came += part
        assert read(came) == gone
        assert part.endswith(b"[]\n") or gone[-1] is None or not gone[-1].more
    assert read(came) == said
    assert came.endswith(b"[]\n")


@pytest.mark.parametrize(
    ("text", "number", "parts"), [(b"", 20_000, 3), (b"x" * 56, 2048, 3), (b"x" * (1 << 17), 3, 4)]
)
def test_what_waits_for_the_next_line_has_a_bound(text: bytes, number: int, parts: int) -> None:
    """64 KiB, an end of a line counted as eight bytes; a line that is longer goes alone, the end of the log last."""
    sent = list(written_lines(LogLine(0, text, more=True) for _ in range(number)))
    held = [len(read(part)) * (len(text) + 8) for part in sent]
    assert len(sent) == parts
    assert max(held) <= max(1 << 16, len(text) + 8)


def test_an_error_is_told_after_what_came_before_it() -> None:
    def lost() -> Iterator[LogLine]:
        yield LogLine(0, b"a", more=True)
        raise UnreachableError("x", why="y", fix="z")

    line, kept = b"".join(written_lines(lost())).splitlines()
    assert read(line) == [LogLine(0, b"a")]
    assert kept == b'[{"error":"UnreachableError","what":"x","why":"y","fix":"z"}]'
