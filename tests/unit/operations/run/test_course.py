"""The course of a job: all that became of it, in order and in plain words."""

from __future__ import annotations

import random
from dataclasses import replace

from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.operations.run.course import CourseKind, course_of
from allotment.ports.stored_jobs import JobEvent, StoredWait
from benchmarks.run.store import drawn

RAW = (
    "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, "
    "3 more needed"
)


def test_moves_waits_and_events_come_in_order_and_in_plain_words() -> None:
    moves = (
        Move(1, JobState.SUBMITTED, MoveCause.SUBMITTED),
        Move(5, JobState.QUEUED, MoveCause.TAKEN, said=RAW),
        Move(9, JobState.RUNNING, MoveCause.STARTED, 1),
    )
    job = replace(
        drawn(1, random.Random(1)),
        history=JobHistory(moves),
        waits=(StoredWait(5, "ALT-1316", "quota-used", RAW, 8),),
        events=(JobEvent(9, "checkpoint", "step 3 is kept"),),
    )
    course = course_of(job)
    assert course.id == job.id
    assert [(each.at, each.kind, each.word) for each in course.steps] == [
        (1, CourseKind.MOVE, "submitted"),
        (5, CourseKind.MOVE, "queued"),
        (5, CourseKind.WAIT, "quota-used"),
        (9, CourseKind.MOVE, "running"),
        (9, CourseKind.EVENT, "checkpoint"),
    ]
    queued, waits, running, event = course.steps[1:]
    assert queued.raw == waits.raw == RAW
    assert queued.plain == waits.plain != RAW
    assert (waits.cause, waits.until) == ("ALT-1316", 8)
    assert (running.attempt, running.cause, running.raw) == (1, "started", "")
    assert (event.plain, event.raw) == ("step 3 is kept", "")
