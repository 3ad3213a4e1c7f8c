"""A log as it travels: a line of JSON for each block of lines, an empty one where nothing came for a while.

The last line is a list: of the error that kept the log from its end, empty where nothing did. A log without one was cut
off, which nothing else tells from one that has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from allotment.errors import AllotmentError
from allotment.ports.backends import LogLine
from allotment.ports.job_service import LogBlock, RefusedSubmission, refusal_of

_MOST_TOGETHER: Final = 1 << 16
"""Bytes of lines that are sent at once, but for one line that is longer."""
_LINE_COST: Final = 8
"""Bytes that a line counts beside its text: a log may be nothing but ends of lines."""


class _Together:
    """Lines that came together, until they are sent."""

    def __init__(self) -> None:
        self._rank = 0
        self._texts: list[bytes] = []
        self._times: list[int] = []
        self._ready: list[bytes] = []
        self._size = 0

    def take(self, line: LogLine) -> bool:
        """One more; whether it is time to send them."""
        if self._texts and (line.rank != self._rank or (line.at is None) == bool(self._times)):
            self._close()
        self._rank = line.rank
        self._texts.append(line.text)
        if line.at is not None:
            self._times.append(line.at)
        self._size += len(line.text) + _LINE_COST
        return not line.more or self._size >= _MOST_TOGETHER

    def sent(self) -> bytes:
        """All that were taken since the last time."""
        if self._texts:
            self._close()
        data = b"".join(self._ready)
        self._ready.clear()
        self._size = 0
        return data

    def _close(self) -> None:
        block = LogBlock(self._rank, b"\n".join(self._texts), tuple(self._times))
        self._ready += (msgspec.json.encode(block), b"\n")
        self._texts.clear()
        self._times.clear()


def written_lines(lines: Iterator[LogLine | None]) -> Iterator[bytes]:
    """What is sent, part after part; lines that came together go in one of them.

    An empty line lets it be noticed that whoever asked is gone.
    """
    together = _Together()
    end = ended_by(None)
    try:
        for each in lines:
            if each is None:
                yield together.sent() + b"\n"
            elif together.take(each):
                yield together.sent()
    except AllotmentError as error:
        end = ended_by(error)
    yield together.sent() + end


def ended_by(error: AllotmentError | None) -> bytes:
    """The last line: that all was sent, or what has ended it."""
    told: tuple[RefusedSubmission, ...] = () if error is None else (refusal_of(error),)
    return msgspec.json.encode(told) + b"\n"


def begun(lines: Iterator[LogLine | None]) -> Iterator[LogLine | None]:
    """The same lines, the first of them fetched: what is refused is refused before an answer has begun."""
    first = next(lines, None)

    def all_of_them() -> Iterator[LogLine | None]:
        yield first
        yield from lines

    return all_of_them()
