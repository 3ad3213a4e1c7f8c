"""What the processes of a job wrote, line by line, attempt after attempt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import count
from typing import Final

from allotment.errors import NotFoundError
from allotment.operations.run.local.launching import launch_id
from allotment.ports.backends import LogLine
from allotment.ports.clock import Clock
from allotment.ports.job_processes import JobProcesses

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks at a log that grows."""
_SILENCE: Final = 1.0
"""Seconds without a line after which that is said."""
_LONGEST_LINE: Final = 1 << 20
"""Bytes after which a line without an end is handed out in parts."""


_GAP: Final = 3
"""Attempts in a row of which nothing is there, after which there are no later ones: what never started is forgotten."""


class _Tail:
    """One launch's log, read on from where it was left."""

    def __init__(self, processes: JobProcesses, launch: str, rank: int) -> None:
        self._processes = processes
        self._launch = launch
        self._rank = rank
        self._start = 0
        self._rest = b""

    def more(self, *, at_its_end: bool) -> Iterator[LogLine]:
        """All whole lines since the last time; at its end what is left, too."""
        while True:
            part = self._processes.log(self._launch, self._start)
            if not part.data:
                break
            self._start = part.end
            *lines, self._rest = (self._rest + part.data).split(b"\n")
            if len(self._rest) > _LONGEST_LINE:
                lines.append(self._rest)
                self._rest = b""
            yield from (LogLine(self._rank, line) for line in lines)
        if at_its_end and self._rest:
            yield LogLine(self._rank, self._rest)
            self._rest = b""


def log_lines(
    processes: JobProcesses,
    clock: Clock,
    job_id: str,
    *,
    rank: int | None,
    tail: int | None,
    goes_on: Callable[[], bool],
) -> Iterator[LogLine | None]:
    """The lines of a job's log.

    Args:
        processes: what ran it.
        clock: time between two looks.
        job_id: of the job.
        rank: only of this one; None for all.
        tail: only so many of the last lines that are there now; None for all.
        goes_on: whether more may come.

    Raises:
        NotFoundError: nothing was ever launched of it.
    """
    tails: dict[str, _Tail] = {}

    def read(*, at_its_end: bool) -> Iterator[LogLine]:
        for launch, its_rank in _launches(processes, job_id):
            if rank is None or its_rank == rank:
                one = tails.setdefault(launch, _Tail(processes, launch, its_rank))
                yield from one.more(at_its_end=at_its_end)

    if not any(rank is None or its_rank == rank for _, its_rank in _launches(processes, job_id)) and not goes_on():
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


def _launches(processes: JobProcesses, job_id: str) -> Iterator[tuple[str, int]]:
    """Ids and ranks of all launches of a job, attempt after attempt; those of other jobs are not looked at."""
    missing = 0
    for attempt in count(1):
        ranks = list(_ranks(processes, job_id, attempt))
        yield from ((launch_id(job_id, attempt, rank), rank) for rank in ranks)
        missing = 0 if ranks else missing + 1
        if missing > _GAP:
            return


def _ranks(processes: JobProcesses, job_id: str, attempt: int) -> Iterator[int]:
    for rank in count():
        try:
            processes.look(launch_id(job_id, attempt, rank))
        except NotFoundError:
            return
        yield rank
