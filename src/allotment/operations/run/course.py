"""What became of a job so far, in one order: its moves, what held it up, and what happened beside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from allotment.operations.run.plain_reasons import plain_reason
from allotment.ports.stored_jobs import StoredJob


class CourseKind(StrEnum):
    """What a step of a course is."""

    MOVE = "move"
    """The job came into another state."""
    WAIT = "wait"
    """Something held it up, from then on."""
    EVENT = "event"
    """Something happened that moved nothing."""


@dataclass(frozen=True, slots=True)
class CourseStep:
    """One thing that became of a job.

    Attributes:
        at: milliseconds since the epoch.
        word: the state that it came into, the cause that held it up, or the kind of event.
        cause: why it moved, a word of `MoveCause`; of a wait its ``ALT-nnnn``.
        plain: what was said, in plain words.
        raw: in the back end's own words; empty where these are plain. Foreign text.
        attempt: that it concerns, from 1; 0 where it is none's.
        until: when what held it up was over; None while it holds, and of all that is no wait.
    """

    at: int
    kind: CourseKind
    word: str
    cause: str = ""
    plain: str = ""
    raw: str = ""
    attempt: int = 0
    until: int | None = None


@dataclass(frozen=True, slots=True)
class JobCourse:
    """What became of a job so far.

    Attributes:
        steps: in the order in which they came; of one moment moves before what happened beside.
    """

    id: str
    steps: tuple[CourseStep, ...]


def course_of(job: StoredJob) -> JobCourse:
    """All of it, from the day it was submitted on."""
    moves = [
        _step(each.at, CourseKind.MOVE, each.state.value, each.cause.value, each.said, each.attempt)
        for each in job.history.moves
    ]
    waits = [
        _step(each.since, CourseKind.WAIT, each.cause, each.code, each.said, until=each.until) for each in job.waits
    ]
    events = [_step(each.at, CourseKind.EVENT, each.kind, "", each.said) for each in job.events]
    # A sort keeps the order of what is equal.
    return JobCourse(job.id, tuple(sorted((*moves, *waits, *events), key=lambda each: each.at)))


def _step(
    at: int, kind: CourseKind, word: str, cause: str, said: str, attempt: int = 0, until: int | None = None
) -> CourseStep:
    plain = plain_reason(said)
    return CourseStep(at, kind, word, cause, plain, "" if plain == said else said, attempt, until)
