"""The jobs that a sweep or a schedule is made of. Each has an id and a name that follow from its number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from allotment.jobs.trials import trials_of
from allotment.model.jobs.bounds import LONGEST_NAME
from allotment.model.jobs.job import Job, JobType
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.ports.stored_jobs import StoredJob

_MINUTE: Final = 60_000
"""Milliseconds: no two times of a schedule lie in the same one."""


def trial_of(parent: StoredJob, number: int, arguments: Sequence[str], now: int) -> StoredJob:
    """A trial of a sweep, as it is submitted.

    Args:
        parent: the sweep.
        number: of the trial, from 0.
        arguments: with which it runs, behind those of all trials.
        now: milliseconds since the epoch.
    """
    said = f"trial {number} of {parent.id}: {' '.join(arguments)}"
    job = trial_job(parent.job, arguments)
    job = replace(job, name=_name(parent.job.name, number))
    return _member(parent, _trial_id(parent.id, number), job, number, said, now)


def sweep_of(job: StoredJob) -> str:
    """Id of the sweep that a job is a trial of; empty where it is none, as the run of a schedule."""
    return job.parent if job.parent and job.id == _trial_id(job.parent, job.number) else ""


def _trial_id(parent: str, number: int) -> str:
    return f"{parent}-t{number}"


def run_of(parent: StoredJob, due: int, now: int) -> StoredJob:
    """A run of a schedule, as it is submitted.

    Args:
        parent: the schedule.
        due: its time, in milliseconds since the epoch.
        now: milliseconds since the epoch.
    """
    minute = due // _MINUTE
    job = replace(run_job(parent.job), name=_name(parent.job.name, minute))
    return _member(parent, f"{parent.id}-r{minute}", job, due, f"a run of {parent.id}", now)


def first_member(job: Job) -> Job:
    """A sweep or a schedule as one of its members: what a back end is asked about before it is taken."""
    if job.schedule is not None:
        job = run_job(job)
    return job if job.sweep is None else trial_job(job, trials_of(job.sweep)[0])


def trial_job(job: Job, arguments: Sequence[str]) -> Job:
    """What is run with the arguments of a trial."""
    program = replace(job.program, argv=(*job.program.argv, *arguments))
    return replace(job, type=_type(job, JobType.TRAINING), program=program, sweep=None, after=())


def run_job(job: Job) -> Job:
    """What is run at a time of a schedule."""
    kind = JobType.TRAINING if job.sweep is None else JobType.SWEEP
    return replace(job, type=_type(job, kind), schedule=None, after=())


def _type(job: Job, kind: JobType) -> JobType:
    """Of a member; a job that says it is something else than a family stays that, and is refused as that."""
    return kind if job.type in {JobType.SWEEP, JobType.SCHEDULED} else job.type


def _name(name: str, number: int) -> str:
    """As Kubernetes names Jobs of a CronJob; what is too long is cut in front."""
    end = f"-{number}"
    return name[: LONGEST_NAME - len(end)].rstrip("-") + end


def _member(parent: StoredJob, job_id: str, job: Job, number: int, said: str, now: int) -> StoredJob:
    history = JobHistory().become(Move(now, JobState.SUBMITTED, MoveCause.SUBMITTED, said=said))
    return StoredJob(
        job_id, job, parent.owner, parent.backend, history, code=parent.code, parent=parent.id, number=number
    )
