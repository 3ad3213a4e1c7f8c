"""What the replicas of a job wrote, line by line, attempt after attempt; and what Slurm said of it, as of rank 0."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from allotment.errors import NotFoundError
from allotment.ports.backends import LogLine
from allotment.ports.clock import Clock
from allotment.ports.job_output import JobOutput

_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks: nodes write to a file system that is shared."""
_SILENCE: Final = 1.0
"""Seconds without a line after which that is said."""
_LONGEST_LINE: Final = 1 << 20
"""Bytes after which a line without an end is handed out in parts."""
_FILE: Final = re.compile(r"attempt-(\d+)(?:\.rank-(\d+))?\.log", re.ASCII)


class _Growing:
    """One file, read on from where it was left."""

    def __init__(self, output: JobOutput, job_id: str, name: str, rank: int) -> None:
        self._output = output
        self._job_id = job_id
        self._name = name
        self._rank = rank
        self._start = 0
        self._rest = b""

    def more(self, *, at_its_end: bool) -> Iterator[LogLine]:
        """All whole lines since the last time; at its end what is left, too."""
        while data := self._output.read(self._job_id, self._name, self._start):
            self._start += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > _LONGEST_LINE:
                lines.append(self._rest)
                self._rest = b""
            yield from (LogLine(self._rank, line) for line in lines)
        if at_its_end and self._rest:
            yield LogLine(self._rank, self._rest)
            self._rest = b""


def output_lines(
    output: JobOutput,
    clock: Clock,
    job_id: str,
    *,
    rank: int | None,
    tail: int | None,
    goes_on: Callable[[], bool],
) -> Iterator[LogLine | None]:
    """The lines of a job's output.

    Args:
        output: where it lies.
        clock: time between two looks.
        job_id: of the job.
        rank: only of this one; None for all, and Slurm's own words.
        tail: only so many of the last lines that are there now; None for all.
        goes_on: whether more may come.

    Raises:
        NotFoundError: nothing of it is there.
    """
    files: dict[str, _Growing] = {}

    def read(*, at_its_end: bool) -> Iterator[LogLine]:
        for name, its_rank in _files(output, job_id, rank):
            one = files.setdefault(name, _Growing(output, job_id, name, its_rank))
            yield from one.more(at_its_end=at_its_end)

    if not list(_files(output, job_id, rank)) and not goes_on():
        raise NotFoundError(
            f"nothing of {job_id} has run yet, so there is no log", fix="ask `allot describe` what it waits for"
        )
    there = read(at_its_end=not goes_on())
    yield from there if tail is None else deque(there, maxlen=tail)
    silent = 0.0
    while goes_on():
        clock.sleep(_LOOK_AGAIN)
        silent += _LOOK_AGAIN
        for line in read(at_its_end=False):
            silent = 0.0
            yield line
        if silent >= _SILENCE:
            silent = 0.0
            yield None
    yield from read(at_its_end=True)


def _files(output: JobOutput, job_id: str, rank: int | None) -> Iterator[tuple[str, int]]:
    """Names and ranks, attempt after attempt; Slurm's own words last."""
    found = [(match, name) for name in output.names(job_id) if (match := _FILE.fullmatch(name))]
    keyed = sorted((int(match[1]), match[2] is None, int(match[2] or 0), name) for match, name in found)
    for _, own_words, its_rank, name in keyed:
        if rank is None or (its_rank == rank and not own_words):
            yield name, its_rank
