"""Values ↔ rows: the only place that knows what stands in which column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store.tables import JOBS
from allotment.errors import InputError, at, quoted, shown
from allotment.model.jobs.family import FamilyStanding, TrialMetric
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.jobs.use import AttemptUse, UseSummary
from allotment.model.jobs.written import STORE, read_value, write_value
from allotment.ports.backends import EndOfRun
from allotment.ports.device_times import DeviceInterval, DeviceUse, TimedDevice
from allotment.ports.stored_jobs import JobAttempt, JobEvent, JobRow, StoredJob, StoredWait, row_of

Row = Mapping[str, Any]

LISTED: Final = [JOBS.c[name] for name in JobRow.__dataclass_fields__ if name in JOBS.c]
"""What a listing shows of a job."""
LISTED_OF_IDS: Final = sa.select(*LISTED).where(JOBS.c.id.in_(sa.bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class RowsOfJob:
    """A job's rows of all tables, in the order of their numbers."""

    job: Row
    moves: Sequence[Row]
    attempts: Sequence[Row]
    events: Sequence[Row]
    waits: Sequence[Row]


def summary_to_row(job: StoredJob) -> dict[str, Any]:
    """What changes of a job's own row."""
    row = row_of(job)
    return {
        "version": job.version,
        "native": job.native,
        "state": row.state.value,
        "attempt": row.attempt,
        "started": row.started,
        "ended": row.ended,
        "cause": row.cause.value,
        "said": row.said,
        "code": job.code,
        "used": None if job.use is None else write_value("use", job.use),
        "metric": row.metric,
        "reported": None if job.metric is None else write_value("metric", job.metric),
        "standing": None if job.standing is None else write_value("standing", job.standing),
    }


def job_to_row(job: StoredJob) -> dict[str, Any]:
    """A job's own row."""
    row = row_of(job)
    return {
        "id": job.id,
        "name": row.name,
        "team": row.team,
        "project": row.project,
        "owner": job.owner,
        "backend": job.backend,
        "priority": row.priority,
        "devices": row.devices,
        "accelerator": row.accelerator,
        "submitted": row.submitted,
        "supersedes": job.supersedes,
        "parent": job.parent,
        "number": job.number,
        "asked": write_value("job", job.job),
        **summary_to_row(job),
    }


def move_to_row(job: str, number: int, move: Move) -> dict[str, Any]:
    """A move of a job."""
    return {
        "job": job,
        "number": number,
        "at": move.at,
        "state": move.state.value,
        "cause": move.cause.value,
        "attempt": move.attempt,
        "said": move.said,
    }


def attempt_to_row(job: str, attempt: JobAttempt) -> dict[str, Any]:
    """An attempt of a job."""
    return {
        "job": job,
        "number": attempt.number,
        "started": attempt.started,
        "ended": attempt.ended,
        "places": write_value("places", attempt.places),
        "result": None if attempt.end is None else write_value("end", attempt.end),
        "measured": None if attempt.measured is None else write_value("measured", attempt.measured),
    }


def event_to_row(job: str, number: int, event: JobEvent) -> dict[str, Any]:
    """An event of a job."""
    return {"job": job, "number": number, **asdict(event)}


def wait_to_row(job: str, number: int, wait: StoredWait) -> dict[str, Any]:
    """Why a job waited."""
    return {"job": job, "number": number, **asdict(wait)}


def job_from_rows(rows: RowsOfJob) -> StoredJob:
    """A job with everything that is known of it.

    Raises:
        InputError: a later version wrote it, or it is damaged.
    """
    with at(f"job {shown(rows.job['id'])}"):
        try:
            found = _job_from_rows(rows.job, rows)
        except (ValueError, TypeError) as error:
            raise InputError("a word of this job means nothing here", why=quoted(error), fix=STORE.fix) from error
        if not found.history.moves:
            raise InputError("this job has no history", why="the rows of its moves are gone", fix=STORE.fix)
        return found


def _job_from_rows(own: Row, rows: RowsOfJob) -> StoredJob:
    return StoredJob(
        id=own["id"],
        job=read_value("job", Job, own["asked"]),
        owner=own["owner"],
        backend=own["backend"],
        native=own["native"],
        code=own["code"],
        supersedes=own["supersedes"],
        version=own["version"],
        use=None if own["used"] is None else read_value("use", UseSummary, own["used"]),
        parent=own["parent"],
        number=own["number"],
        metric=None if own["reported"] is None else read_value("metric", TrialMetric, own["reported"]),
        standing=None if own["standing"] is None else read_value("standing", FamilyStanding, own["standing"]),
        history=JobHistory(
            tuple(
                Move(each["at"], JobState(each["state"]), MoveCause(each["cause"]), each["attempt"], each["said"])
                for each in rows.moves
            )
        ),
        attempts=tuple(
            JobAttempt(
                number=each["number"],
                started=each["started"],
                ended=each["ended"],
                places=read_value("places", tuple[RunningPlace, ...], each["places"]),
                end=None if each["result"] is None else read_value("end", EndOfRun, each["result"]),
                measured=None if each["measured"] is None else read_value("measured", AttemptUse, each["measured"]),
            )
            for each in rows.attempts
        ),
        events=tuple(JobEvent(each["at"], each["kind"], each["said"]) for each in rows.events),
        waits=tuple(
            StoredWait(each["since"], each["code"], each["cause"], each["said"], each["until"]) for each in rows.waits
        ),
    )


def listed_from_row(row: Row) -> JobRow:
    """A row of a listing."""
    return JobRow(**{**row, "state": JobState(row["state"]), "cause": MoveCause(row["cause"])})


def interval_to_row(interval: DeviceInterval) -> dict[str, Any]:
    """A stretch of a device's time."""
    return {**asdict(interval.device), **asdict(interval.use), "start": interval.start, "until": interval.end}


def interval_from_row(row: Row) -> DeviceInterval:
    """A stretch of a device's time."""
    device = TimedDevice(row["backend"], row["node"], row["device"])
    use = DeviceUse(**{name: row[name] for name in DeviceUse.__dataclass_fields__})
    return DeviceInterval(device, row["start"], row["until"], use)
