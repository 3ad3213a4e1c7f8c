"""What the members of a sweep or a schedule write: trials side by side, runs one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from allotment.operations.run.growing_logs import GrowingLog, growing_lines
from allotment.ports.backends import LogLine
from allotment.ports.clock import Clock
from allotment.ports.store import JobsReader
from allotment.ports.stored_jobs import StoredJob

LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at logs that grow, and for the next run."""
LogOf = Callable[[StoredJob, bool], Iterator[LogLine | None]]


def sweep_lines(
    store: JobsReader,
    sweep: StoredJob,
    logs: Callable[[str], Iterable[GrowingLog]],
    clock: Clock,
    *,
    trial: int | None,
    follow: bool,
    tail: int | None,
) -> Iterator[LogLine | None]:
    """Lines of all trials, or of one, as they come; each says as its rank of which trial it is.

    Args:
        store: where they are kept.
        sweep: whose trials.
        logs: of a job, by its id.
        clock: time between two looks.
        trial: only this one; None for all.
        follow: until the sweep is over.
        tail: only so many of the last lines that are there now.

    Raises:
        NotFoundError: nothing is there, and nothing will come.
    """

    def all_of_them() -> Iterator[GrowingLog]:
        for member in reversed(store.members(sweep.id)):
            if trial in {None, member.number}:
                yield from (replace(each, rank=member.number) for each in logs(member.id))

    return growing_lines(
        sweep.id, all_of_them, clock,
        every=LOOK_AGAIN, tail=tail, goes_on=lambda: follow and not store.get(sweep.id).state.over,
    )  # fmt: skip


def schedule_lines(
    store: JobsReader, schedule: StoredJob, log: LogOf, clock: Clock, *, follow: bool
) -> Iterator[LogLine | None]:
    """Lines of the newest run; followed, of each run after it as well, until the schedule is over.

    Args:
        store: where they are kept.
        schedule: whose runs.
        log: of a run, and whether it is to be followed.
        clock: time between two looks.
        follow: until the schedule is over.
    """
    last = -1
    while True:
        newest = next(iter(store.members(schedule.id, 1)), None)
        if newest is not None and newest.number > last:
            last = newest.number
            yield from log(newest, follow)
        elif not follow or store.get(schedule.id).state.over:
            return
        else:
            yield None
            clock.sleep(LOOK_AGAIN)
        if not follow:
            return
