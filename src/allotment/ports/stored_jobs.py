"""A job as the store keeps it, and what a change makes of it: decided here, kept the same way by every store."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from allotment.errors import ConflictError, InputError, OutdatedError, quoted
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.family import FamilyStanding, TrialMetric
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.jobs.use import AttemptUse, UseSummary
from allotment.model.jobs.written import write_value
from allotment.ports.backends import EndOfRun

T = TypeVar("T")

MOST_SENTENCE: Final = 1000
"""Characters that are kept of a sentence; some come from a back end, and anybody may have written them."""
MOST_EVENTS: Final = 500
"""Events that are kept of a job: the first ones; of a schedule, which has no end, the newest."""
MOST_WAITS: Final = 500
"""Reasons to wait that are kept of a job: the first ones."""
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
"""What no database takes as text."""


def kept_text(text: str, most: int = MOST_SENTENCE) -> str:
    """Foreign text in a form that every store can keep: bounded, what is no text replaced."""
    return _NO_TEXT.sub("\ufffd", text[:most])


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """One start of a job.

    Attributes:
        number: from 1.
        started: milliseconds since the epoch; None until it runs.
        ended: milliseconds since the epoch; None while it runs.
        places: where its replicas ran.
        end: how it ended, as far as the back end tells.
        measured: use of its devices so far; None where nobody measured.
    """

    number: int
    started: int | None = None
    ended: int | None = None
    places: tuple[RunningPlace, ...] = ()
    end: EndOfRun | None = None
    measured: AttemptUse | None = None


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job and was no move: a checkpoint, a warning, a lost node.

    Attributes:
        at: milliseconds since the epoch.
        kind: in one word.
        said: in a sentence; foreign text.
    """

    at: int
    kind: str
    said: str


@dataclass(frozen=True, slots=True)
class StoredWait:
    """Why a job waited, for a time.

    Attributes:
        since: milliseconds since the epoch.
        code: of the cause, as in docs/causes.
        cause: the back end's own word; empty where it has none.
        said: in a sentence.
        until: milliseconds since the epoch; None while it holds.
    """

    since: int
    code: str
    cause: str
    said: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """Everything that is known of a submitted job.

    Attributes:
        id: unique over all jobs for good, a DNS label.
        owner: user name of who submitted it.
        backend: name of the back end that it was submitted to.
        native: its name there; empty until it has one.
        code: reference of the packed code folder; empty where there is none.
        supersedes: id of the job that it retries or clones; empty for a first one.
        events: in the order in which they were told.
        waits: the same.
        version: number of changes so far; a change names the one that it was decided on.
        parent: id of the sweep or the schedule whose member it is; empty for a job of its own.
        number: of a trial, from 0; of a run, the moment it was due, in milliseconds since the epoch; else 0.
        metric: what a trial has reported; None of others, and until it has.
        standing: how far a sweep or a schedule is; None of others, and until it begins.
    """

    id: str
    job: Job
    owner: str
    backend: str
    history: JobHistory
    native: str = ""
    code: str = ""
    supersedes: str = ""
    attempts: tuple[JobAttempt, ...] = ()
    events: tuple[JobEvent, ...] = ()
    waits: tuple[StoredWait, ...] = ()
    use: UseSummary | None = None
    version: int = 0
    parent: str = ""
    number: int = 0
    metric: TrialMetric | None = None
    standing: FamilyStanding | None = None

    @property
    def state(self) -> JobState:
        """Where it stands."""
        return self.history.moves[-1].state

    @property
    def submitted(self) -> int:
        """When it came, in milliseconds since the epoch."""
        return self.history.moves[0].at

    @property
    def started(self) -> int | None:
        """When it last began to run; None if it never did."""
        return next((each.at for each in reversed(self.history.moves) if each.state is JobState.RUNNING), None)

    @property
    def ended(self) -> int | None:
        """When it was over; None while it is not."""
        return self.history.moves[-1].at if self.state.over else None


@dataclass(frozen=True, slots=True)
class StoredChange:
    """What is to become of one job; all of it or nothing.

    Attributes:
        id: of the job.
        version: of the job as this was decided on it.
        moves: in their order.
        native: None leaves it.
        code: None leaves it.
        attempts: each replaces the one of its number, or is added.
        events: are added.
        waits: each replaces the one with its beginning and code, or is added.
        use: None leaves it.
        metric: None leaves it.
        standing: None leaves it.
        audited: whose act it is; None where nobody asked for it.
    """

    id: str
    version: int
    moves: tuple[Move, ...] = ()
    native: str | None = None
    code: str | None = None
    attempts: tuple[JobAttempt, ...] = ()
    events: tuple[JobEvent, ...] = ()
    waits: tuple[StoredWait, ...] = ()
    use: UseSummary | None = None
    metric: TrialMetric | None = None
    standing: FamilyStanding | None = None
    audited: AuditedAct | None = None


@dataclass(frozen=True, slots=True)
class JobRow:
    """What a listing says of a job.

    Attributes:
        devices: accelerators of all replicas; of a sweep, of all trials that may run at the same time.
        accelerator: class that it likes best, or ``any``; empty where it asks for none.
        cause: of its last move.
        said: why it waits, how far its members are, or what was said with that move, in a sentence.
        parent: id of the sweep or the schedule whose member it is; empty for a job of its own.
        number: of a trial, from 0; of a run, the moment it was due, in milliseconds since the epoch; else 0.
        metric: what a trial reported last; None where it has reported no number.
        plain: what `said` means in plain words, as `allot ps` tells it; empty in the store, which keeps what was said.
    """

    id: str
    name: str
    team: str
    project: str
    owner: str
    backend: str
    native: str
    priority: str
    devices: int
    accelerator: str
    state: JobState
    attempt: int
    submitted: int
    started: int | None
    ended: int | None
    cause: MoveCause
    said: str
    version: int
    parent: str = ""
    number: int = 0
    metric: float | None = None
    plain: str = ""

    def ran(self, now: int) -> int | None:
        """Milliseconds since it last began to run, to its end or a moment; None where it never did, or waits again."""
        waits = self.state in {JobState.QUEUED, JobState.STARTING}
        return None if self.started is None or waits else max(0, (self.ended or now) - self.started)


class StaleWriteError(ConflictError):
    """A change was decided on a job that has changed since: look at it again, and decide anew."""

    def __init__(self, job_id: str, decided_on: int, present: int) -> None:
        super().__init__(
            f"job {job_id} has changed meanwhile",
            why=f"version {decided_on} was looked at, and it is at {present}",
            fix="read it again, and decide anew",
        )


def check_read(job: StoredJob, read: int | None) -> None:
    """See that a job is as somebody has read it.

    Args:
        job: as it is.
        read: version that he has seen; None for whichever it is at.

    Raises:
        OutdatedError: it has changed since.
    """
    if read is not None and read != job.version:
        raise OutdatedError(
            f"job {job.id} has changed since it was read",
            why=f"version {read} was read, and it is at {job.version}",
            fix="read it again, and decide anew",
        )


def first_kept(job: StoredJob) -> StoredJob:
    """A job as it is kept when it comes: its moves checked, its text such as a store can keep.

    Raises:
        IllegalMoveError: its moves are none that a job can make.
        InputError: it holds what is no text, or is too long.
        ValueError: it has no move.
    """
    if not job.history.moves:
        raise ValueError(f"job {job.id} has no first move")
    names = (
        job.id,
        job.backend,
        job.job.name,
        job.job.team,
        job.job.project,
        job.job.priority,
        job.supersedes,
        job.parent,
    )
    for name in names:
        if _NO_TEXT.search(name):
            raise InputError(f"{quoted(ascii(name))} cannot be kept", why="it holds what is no text", fix="rename it")
    write_value("job", job.job)
    change = StoredChange(
        job.id, 0, job.history.moves, job.native, job.code, job.attempts, job.events, job.waits, job.use
    )
    bare = replace(job, history=JobHistory(), attempts=(), events=(), waits=(), version=0, owner=kept_text(job.owner))
    return replace(changed(bare, change), version=0)


def changed(job: StoredJob, change: StoredChange) -> StoredJob:
    """The job after a change.

    Raises:
        StaleWriteError: it was decided on another version.
        IllegalMoveError: a move is none that it can make.
    """
    if job.version != change.version:
        raise StaleWriteError(job.id, change.version, job.version)
    history = job.history
    for move in change.moves:
        history = history.become(replace(move, said=kept_text(move.said)))
    attempts = _merged(job.attempts, [_clean_attempt(each) for each in change.attempts], lambda each: each.number)
    waits = [replace(each, cause=kept_text(each.cause), said=kept_text(each.said)) for each in change.waits]
    events = [replace(each, kind=kept_text(each.kind), said=kept_text(each.said)) for each in change.events]
    return replace(
        job,
        history=history,
        native=job.native if change.native is None else kept_text(change.native),
        code=job.code if change.code is None else change.code,
        attempts=tuple(sorted(attempts, key=lambda each: each.number)),
        events=_kept_events(job, events),
        waits=_merged(job.waits, waits, lambda each: (each.since, each.code))[:MOST_WAITS],
        use=job.use if change.use is None else change.use,
        metric=job.metric if change.metric is None else change.metric,
        standing=job.standing if change.standing is None else kept_standing(change.standing),
        version=job.version + 1,
    )


def _kept_events(job: StoredJob, news: Sequence[JobEvent]) -> tuple[JobEvent, ...]:
    every = (*job.events, *news)
    return every[:MOST_EVENTS] if job.job.schedule is None else every[-MOST_EVENTS:]


def kept_standing(standing: FamilyStanding) -> FamilyStanding:
    """How far a family is, in a form that every store can keep."""
    return replace(standing, said=kept_text(standing.said))


def _clean_attempt(attempt: JobAttempt) -> JobAttempt:
    end = None if attempt.end is None else replace(attempt.end, said=kept_text(attempt.end.said))
    places = tuple(
        replace(each, node=kept_text(each.node), devices=tuple(kept_text(device) for device in each.devices))
        for each in attempt.places
    )
    return replace(attempt, end=end, places=places)


def _merged(present: Sequence[T], news: Sequence[T], key: Callable[[T], Hashable]) -> tuple[T, ...]:
    found = {key(each): each for each in present}
    found.update({key(each): each for each in news})
    return tuple(found.values())


def row_of(job: StoredJob) -> JobRow:
    """What a listing says of it."""
    wish, last = job.job.needs.accelerators, job.history.moves[-1]
    waits = next((each.said for each in reversed(job.waits) if each.until is None), "")
    far = "" if job.standing is None else job.standing.said
    at_once = 1 if job.job.sweep is None else job.job.sweep.at_once
    return JobRow(
        id=job.id,
        name=job.job.name,
        team=job.job.team,
        project=job.job.project,
        owner=job.owner,
        backend=job.backend,
        native=job.native,
        priority=job.job.priority,
        devices=job.job.devices * at_once,
        accelerator="" if wish is None else wish.said,
        state=job.state,
        attempt=job.history.attempt,
        submitted=job.submitted,
        started=job.started,
        ended=job.ended,
        cause=last.cause,
        said=last.said if job.state.over else far or waits or last.said,
        version=job.version,
        parent=job.parent,
        number=job.number,
        metric=None if job.metric is None else job.metric.last,
    )
