"""Logs that grow while they are read: line by line, one log after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import NotFoundError
from allotment.model.grammar import count
from allotment.ports.backends import LogLine
from allotment.ports.clock import Clock

_SILENCE: Final = 1.0
"""Seconds without a line after which that is said."""
_MOST_HELD: Final = 16 << 20
"""Bytes of last lines that are held at most."""
_LINE_COST: Final = 64
"""Bytes that a line counts beside its text: an empty one takes memory too."""
_LINES_WITHOUT_A_WORD: Final = 100_000
_BLOCK: Final = 1 << 16
"""Bytes that are read at once where a log is read from its end."""
_LONGEST_LINE: Final = 1 << 20
"""Bytes after which a line without an end is handed out in parts."""


@dataclass(frozen=True, slots=True)
class GrowingLog:
    """One log of one replica.

    Attributes:
        name: unique among the logs of the job.
        rank: of the replica.
        read: bytes from an offset on, or from the first one after it that is there, and the offset behind them; no
            bytes where there are none yet.
        closing: a line that stands behind it once it has ended; empty for none.
        size: how many bytes there are now, those included that are no longer kept; None where that is not told.
    """

    name: str
    rank: int
    read: Callable[[int], tuple[bytes, int]]
    closing: Callable[[], str] = str
    size: Callable[[], int] | None = None


class _Reader:
    """One log, read on from where it was left."""

    def __init__(self, log: GrowingLog, start: int = 0) -> None:
        self._log = log
        self._start = start
        self._rest = b""
        self._closed = False

    def more(self, *, at_its_end: bool) -> Iterator[LogLine]:
        """All whole lines since the last time; at its end what is left, too."""
        rank = self._log.rank
        while True:
            data, end = self._log.read(self._start)
            if not data:
                break
            missing = end - len(data) - self._start if self._start else 0
            self._start = end
            if missing > 0:
                yield from self._gap(missing)
            *whole, self._rest = (self._rest + data).split(b"\n")
            lines = [part for line in whole for part in _parts(line)]
            if len(self._rest) > _LONGEST_LINE:
                *parts, self._rest = _parts(self._rest)
                lines += parts
            if lines:
                last = lines.pop()
                yield from (LogLine(rank, line, more=True) for line in lines)
                yield LogLine(rank, last)
        if not at_its_end:
            return
        if self._rest:
            yield LogLine(rank, self._rest)
            self._rest = b""
        said = "" if self._closed else self._log.closing()
        if said:
            self._closed = True
            yield LogLine(rank, said.encode())

    def _gap(self, missing: int) -> Iterator[LogLine]:
        """What was given up before it was read: lines before and after it are not joined to one."""
        if self._rest:
            yield LogLine(self._log.rank, self._rest)
            self._rest = b""
        said = f"[allotment: {count(missing, 'byte')} of output missing here: newer ones took their place]"
        yield LogLine(self._log.rank, said.encode())


def _parts(line: bytes) -> Sequence[bytes]:
    """A line, in pieces where it is too long: the same ones from wherever it is read."""
    if len(line) <= _LONGEST_LINE:
        return (line,)
    return [line[at : at + _LONGEST_LINE] for at in range(0, len(line), _LONGEST_LINE)]


def _pieces(log: GrowingLog, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """What a log holds of a stretch, and where that lies."""
    at = begin
    while at < end:
        data, at = log.read(at)
        begins = at - len(data)
        if not data or begins >= end:
            return
        yield begins, data[: end - begins]


def _tail_of(log: GrowingLog, most: int) -> tuple[int, int]:
    """Where the last whole lines of a log begin, read from its end, and how many those are, at least.

    They are as many as are asked for, or as many as `_last` holds; else the log is read from its beginning.
    """
    if log.size is None:
        return 0, 0
    end, (data, at) = log.size(), log.read(0)
    first, ends, text, rest = at - len(data), 0, 0, 0
    while end > first:
        begin = max(first, end - _BLOCK)
        for at, data in reversed(list(_pieces(log, begin, end))):
            here = data.count(b"\n")
            if here and not ends:
                rest = text + len(data) - 1 - data.rfind(b"\n")
            text += len(data) - here
            ends += here
            if ends > most:
                return at + _behind(data, ends - most), most
            before = data.find(b"\n")
            if here and text - rest - before + (ends - 1) * _LINE_COST > _MOST_HELD:
                return at + before + 1, ends - 1
        end = begin
    return 0, ends


def _at_their_ends(logs: Sequence[GrowingLog], most: int) -> dict[str, _Reader]:
    """Readers, by name, that begin where the last lines of all logs together do, or before."""
    found: dict[str, _Reader] = {}
    for log in reversed(logs):
        start, lines = _tail_of(log, most)
        found[log.name] = _Reader(log, start)
        most -= lines
    return found


def _behind(data: bytes, number: int) -> int:
    """Where the line begins that follows so many others."""
    at = 0
    for _ in range(number):
        at = data.index(b"\n", at) + 1
    return at


def _last(lines: Iterator[LogLine], most: int) -> Iterator[LogLine | None]:
    """The last of the lines, as far as there is room to hold them; None now and then while there is none to hand out.

    A log may be nothing but ends of lines, and whoever asked may have gone: that is seen where something is sent.
    """
    held: deque[LogLine] = deque()
    room = _MOST_HELD
    for number, line in enumerate(lines, 1):
        held.append(line)
        room -= len(line.text) + _LINE_COST
        while held and (len(held) > most or room < 0):
            room += len(held.popleft().text) + _LINE_COST
        if not number % _LINES_WITHOUT_A_WORD:
            yield None
    yield from held


def growing_lines(
    job_id: str,
    logs: Callable[[], Iterable[GrowingLog]],
    clock: Clock,
    *,
    every: float,
    tail: int | None,
    goes_on: Callable[[], bool],
) -> Iterator[LogLine | None]:
    """The lines of a job's logs; None where nothing came for a while.

    Args:
        job_id: of the job.
        logs: those that are there now and are asked for, in the order in which they are to be read.
        clock: time between two looks.
        every: seconds between two looks.
        tail: only so many of the last lines that are there now, and no more than 16 MiB hold; None for all.
        goes_on: whether more may come.

    Raises:
        NotFoundError: none is there, and none will come.
    """
    readers: dict[str, _Reader] = {}

    def read(*, at_its_end: bool) -> Iterator[LogLine]:
        for log in logs():
            yield from readers.setdefault(log.name, _Reader(log)).more(at_its_end=at_its_end)

    if not any(True for _ in logs()) and not goes_on():
        raise NotFoundError(
            f"nothing of {job_id} has run, so there is no log", fix=f"ask `allot describe {job_id}` why"
        )
    if tail is not None:
        readers |= _at_their_ends(list(logs()), tail)
    there = read(at_its_end=not goes_on())
    yield from there if tail is None else _last(there, tail)
    silent = 0.0
    while goes_on():
        clock.sleep(every)
        silent += every
        for line in read(at_its_end=False):
            silent = 0.0
            yield line
        if silent >= _SILENCE:
            silent = 0.0
            yield None
    yield from read(at_its_end=True)
