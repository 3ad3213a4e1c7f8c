"""A training job of the examples, from its file to its report, and what is told of jobs besides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Final

from allotment.api.examples.fleet import CLUSTER, FLAVOR, platform
from allotment.api.examples.moments import NOW, at
from allotment.api.examples.people import ADA
from allotment.api.job_files import SentJobFile
from allotment.api.log_blocks import written_lines
from allotment.errors import NotFoundError
from allotment.model.accelerator import CapacityType
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import GivenClass, JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.jobs.use import UseSummary
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.source import SourceTree
from allotment.operations.run.course import JobCourse, course_of
from allotment.operations.run.log_search import searched
from allotment.operations.run.reporting import JobReport, report_of
from allotment.ports.backends import BackendOffer, EndOfRun, ForeseenStart, LogLine
from allotment.ports.job_service import (
    CountedJobs,
    FamilySummary,
    ForeseenJob,
    JobCounts,
    JobReceipt,
    JobSubmission,
    ServedBackend,
    ServerStatus,
    SubmissionAnswer,
    answer_of,
)
from allotment.ports.log_lines import LogQuery, LogSearch
from allotment.ports.store import JobGroup, JobsPage
from allotment.ports.stored_jobs import JobAttempt, JobRow, StoredJob, StoredWait, row_of
from allotment.spec.jobs.load import load_jobs
from allotment.spec.jobs.writing import job_text

JOB_ID: Final = "jk3f7q2mnab"
RETRY_ID: Final = "jw5h2c4ttpe"
CODE: Final = "8c1f0e5d2b7a4936"
JOB_FILE: Final = SentJobFile(
    """\
kind: Job
name: pretrain
team: nlp
run:
  script: train.py
  args: [--config, large.yaml]
  image: registry.acme.example/nlp/pretrain:v2
resources:
  cpu: 8
  memory: 64Gi
  accelerators: {class: a100, count: 8}
replicas: 2
maxRunTime: 8h
"""
)
"""What `allot run` takes."""
_REASON: Final = "8 more nvidia.com/gpu are needed in flavor a100-on-demand"
_LOG: Final = (b"epoch 1 loss=2.31", b"epoch 2 loss=1.87", b"done")


@cache
def job() -> Job:
    """The job of the file."""
    (found,) = load_jobs(SourceTree({"job.yaml": JOB_FILE.text}), platform(), NOW)
    return found.job


def written() -> SentJobFile:
    """The file that means it."""
    return SentJobFile(job_text(job()))


def submission() -> JobSubmission:
    """It is to be run."""
    return JobSubmission(job(), CLUSTER, unwritten=frozenset({"resources.sharedMemory"}))


def unplaced() -> JobSubmission:
    """The same, for a back end that is not there."""
    return JobSubmission(job(), "training")


def _history(*moves: Move) -> JobHistory:
    history = JobHistory()
    for each in moves:
        history = history.become(each)
    return history


def stored() -> StoredJob:
    """It was taken, and waits."""
    history = _history(
        Move(at(-1), JobState.SUBMITTED, MoveCause.SUBMITTED),
        Move(at(-0.99), JobState.QUEUED, MoveCause.TAKEN, 1),
    )
    wait = StoredWait(at(-0.99), "ALT-1316", "cohort-exhausted", _REASON)
    return StoredJob(JOB_ID, job(), ADA, CLUSTER, history, f"job/pretrain-{JOB_ID}", CODE, waits=(wait,), version=2)


def stopped() -> StoredJob:
    """It was stopped before it ran."""
    moved = stored().history.become(Move(at(), JobState.STOPPED, MoveCause.BY_HAND, 1, f"by {ADA}"))
    waits = tuple(replace(each, until=at()) for each in stored().waits)
    return replace(stored(), history=moved, waits=waits, version=3)


def done() -> StoredJob:
    """It has run to its end."""
    history = stored().history
    for each in (
        Move(at(0.5), JobState.STARTING, MoveCause.ADMITTED, 1),
        Move(at(0.6), JobState.RUNNING, MoveCause.STARTED, 1),
        Move(at(6.6), JobState.SUCCEEDED, MoveCause.ENDED, 1),
    ):
        history = history.become(each)
    given = GivenClass("a100", CapacityType.ON_DEMAND)
    places = tuple(RunningPlace(rank, f"{FLAVOR}-{rank}", given=given, held=8) for rank in range(2))
    attempt = JobAttempt(1, at(0.6), at(6.6), places, EndOfRun(0))
    ran = at(6.6) - at(0.6)
    use = UseSummary(
        ran, 16 * ran, busy_permille=870, cpu=MilliCpu(6200), memory=Bytes(41 << 30), samples=5760, cost=288_000_000
    )
    waits = tuple(replace(each, until=at(0.5)) for each in stored().waits)
    return replace(stored(), history=history, attempts=(attempt,), waits=waits, use=use, version=5)


def receipt() -> JobReceipt:
    """It was taken."""
    return JobReceipt(stored())


def retried() -> JobReceipt:
    """What was stopped runs once more."""
    history = _history(Move(at(1), JobState.SUBMITTED, MoveCause.SUBMITTED))
    return JobReceipt(StoredJob(RETRY_ID, job(), ADA, CLUSTER, history, code=CODE, supersedes=JOB_ID))


def answers() -> tuple[SubmissionAnswer, ...]:
    """Of two that came together one was taken."""
    refused = NotFoundError(
        "there is no back end training", fix="`allot ps -o wide` names those on which your teams' jobs are"
    )
    return (answer_of(receipt()), answer_of(refused))


def foreseen() -> ForeseenJob:
    """It would wait for an hour or three."""
    start = ForeseenStart(now=False, waits_for=_REASON, within=(4_000_000, 12_960_000), plain="8 GPUs more are needed")
    return ForeseenJob(job(), start, price=16 * 3_000_000)


def row() -> JobRow:
    """It, in a list."""
    return replace(row_of(stored()), plain="8 GPUs more are needed")


def page() -> JobsPage:
    """A list of it alone."""
    return JobsPage((row(),))


def counts() -> JobCounts:
    """What waits and what runs."""
    found = ((JobState.QUEUED, 1), (JobState.RUNNING, 2))
    rows = (
        CountedJobs({JobGroup.STATE: state.value}, number, f"/api/v1/jobs?team=nlp&alone=false&state={state.value}")
        for state, number in found
    )
    return JobCounts(sum(number for _, number in found), tuple(rows))


def family() -> FamilySummary:
    """Of a sweep of twenty trials."""
    return FamilySummary({JobState.SUCCEEDED: 12, JobState.RUNNING: 4, JobState.QUEUED: 4})


def course() -> JobCourse:
    """What it has gone through."""
    return course_of(done())


def report() -> JobReport:
    """What it asked for, and what it used."""
    return report_of(done(), at(7))


def _lines() -> Iterator[LogLine | None]:
    for number, text in enumerate(_LOG):
        yield LogLine(0, text, at(1 + number / 60), more=number + 1 < len(_LOG))


def log() -> bytes:
    """Its log, as it travels."""
    return b"".join(written_lines(_lines()))


def found_lines() -> LogSearch:
    """Those of its log in which a loss stands."""
    return searched(_lines(), LogQuery(text="loss="), lambda: True)


def status() -> ServerStatus:
    """The server that runs jobs in one cluster."""
    offer = BackendOffer("kubernetes", ("JobSet", "Job"), {"a100": 32})
    return ServerStatus(
        version="1.0",
        pid=1,
        since=at(-72),
        platform="acme",
        directory="/etc/allotment/platform",
        teams=tuple(each.name for each in platform().teams),
        backends=(ServedBackend(CLUSTER, offer),),
        jobs={JobState.QUEUED: 1, JobState.RUNNING: 2},
        listens="https://allotment.acme.example",
    )
