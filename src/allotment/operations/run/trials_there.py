"""Trials of a sweep that its back end runs as one: how each stands, from the places that were told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.jobs.trials import trials_of
from allotment.ports.stored_jobs import StoredJob

_WAITING: Final = "waiting"
_RUNNING: Final = "running"
_NOT_RUN: Final = "not run"
_ENDED: Final = "ended"


@dataclass(frozen=True, slots=True)
class TrialThere:
    """A trial that is no job of its own.

    Attributes:
        number: from 0.
        state: a job's word for how it ended; ``running`` or ``waiting`` before, ``not run`` or, where nobody has told
            how, ``ended`` of one that will not any more.
        node: where it runs, or ran last; empty where it did not.
        code: its exit code; None where nobody has told.
        arguments: of it.
    """

    number: int
    state: str
    node: str
    code: int | None
    arguments: tuple[str, ...]


def trials_there(job: StoredJob) -> tuple[TrialThere, ...]:
    """The trials of a sweep, by number; none of other jobs. What was tried again stands as it did the last time."""
    if job.job.sweep is None:
        return ()
    last = {place.rank: place for attempt in job.attempts for place in attempt.places}
    found = []
    for number, arguments in enumerate(trials_of(job.job.sweep)):
        place = last.get(number)
        if place is None:
            state = _NOT_RUN if job.state.over else _WAITING
        elif place.over is None:
            state = _ENDED if job.state.over else _RUNNING
        else:
            state = place.over.value
        node, code = ("", None) if place is None else (place.node, place.code)
        found.append(TrialThere(number, state, node, code, tuple(arguments)))
    return tuple(found)
