"""The report of a job: what it asked for beside what it used, and what to ask for next time, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from allotment.jobs.trials import trials_of
from allotment.model.jobs.run import JobState
from allotment.model.jobs.use import UseSummary
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu
from allotment.ports.job_service import FamilySummary
from allotment.ports.stored_jobs import StoredJob

_ROOM: Final = 125
"""Percent of what was used that is asked for next time: a peak is not always met by a look each second."""
_MUCH: Final = 2
"""As many times more than was used is too much; below that, asking for less would gain little and risk an end."""
_STEP: Final = 64 << 20
_LEAST_RUN: Final = 10_000
"""Milliseconds of a run from which CPU may be judged: a shorter one has hardly begun."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One quantity, in words.

    Attributes:
        what: such as ``memory of a replica``.
        used: "no telemetry" where nobody measured.
    """

    what: str
    asked: str
    used: str


@dataclass(frozen=True, slots=True)
class BestTrial:
    """The trial of a sweep that did best.

    Attributes:
        metric: by which.
        value: of it.
        trial: its number, from 0.
        arguments: with which it ran.
    """

    metric: str
    value: float
    trial: int
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FamilyReport:
    """The members of a sweep or a schedule.

    Attributes:
        states: how many stand how.
        best: None where nothing was reported.
    """

    states: Mapping[JobState, int]
    best: BestTrial | None = None


@dataclass(frozen=True, slots=True)
class JobReport:
    """A job that is over, or so far.

    Attributes:
        use: None where it is not over; of a sweep or a schedule, of all members that are.
        waited_ms: milliseconds from its submission to its first start, and in the queue between attempts.
        advice: what to ask for next time, and why, in sentences.
        family: of a sweep or a schedule; None of others.
    """

    job: StoredJob
    use: UseSummary | None
    waited_ms: int
    lines: tuple[ReportLine, ...]
    advice: tuple[str, ...]
    family: FamilyReport | None = None


def report_of(job: StoredJob, now: int) -> JobReport:
    """The report of a job.

    Args:
        job: everything that is known of it.
        now: milliseconds since the epoch, up to which what goes on is counted.
    """
    return JobReport(job, job.use, _waited(job, now), tuple(_lines(job)), tuple(_advice(job)))


def has_members(job: StoredJob) -> bool:
    """Whether a job is a sweep or a schedule that the server keeps, and has begun; others are their back end's."""
    return job.standing is not None


def family_report_of(job: StoredJob, family: FamilySummary, now: int) -> JobReport:
    """The report of a sweep or a schedule: what its members used together beside what one of them asks for.

    Args:
        job: everything that is known of it.
        family: its members together.
        now: milliseconds since the epoch.
    """
    together = replace(job, use=family.use)
    said = [each for each in _advice(together) if not each.startswith("name a maxRunTime")]
    return JobReport(
        together,
        family.use,
        _waited(job, now),
        tuple(_lines(together)),
        tuple(said),
        FamilyReport(family.states, _best(job)),
    )


def _best(job: StoredJob) -> BestTrial | None:
    rule = None if job.job.sweep is None else job.job.sweep.early_stop
    standing = job.standing
    if rule is None or job.job.sweep is None or standing is None or standing.best is None:
        return None
    trials = trials_of(job.job.sweep)
    given = trials[standing.best_number] if standing.best_number < len(trials) else ()
    return BestTrial(rule.metric, standing.best, standing.best_number, given)


def _waited(job: StoredJob, now: int) -> int:
    waits = {JobState.SUBMITTED, JobState.HELD, JobState.QUEUED}
    moves = job.history.moves
    ends = [*(each.at for each in moves[1:]), now]
    return sum(end - each.at for each, end in zip(moves, ends, strict=True) if each.state in waits)


def _lines(job: StoredJob) -> Iterator[ReportLine]:
    needs, use, wish = job.job.needs, job.use, job.job.needs.accelerators
    unknown = "not over yet" if use is None else "no telemetry"
    if wish is not None:
        busy = unknown if use is None or use.busy_permille is None else f"{use.busy_permille / 10:g} % busy"
        yield ReportLine("accelerators of a replica", f"{wish.count} {wish.classes[0]}", busy)
        memory = unknown if use is None or use.device_memory is None else format_bytes(use.device_memory)
        yield ReportLine("memory of an accelerator", "", memory)
    cpu = unknown if use is None or use.cpu is None else f"{format_cpu(use.cpu)} on average"
    yield ReportLine("CPU of a replica", format_cpu(needs.cpu), cpu)
    peak = unknown if use is None or use.memory is None else f"{_mebibytes(use.memory)} at most"
    yield ReportLine("memory of a replica", _mebibytes(needs.memory), peak)
    limit = job.job.run_time
    yield ReportLine(
        "time", "" if limit is None else f"{limit} s at most", unknown if use is None else f"{use.run_ms / 1000:g} s"
    )


def _advice(job: StoredJob) -> Iterator[str]:
    use, needs = job.use, job.job.needs
    if use is None:
        return
    if use.memory is not None and use.memory * _MUCH < needs.memory and job.state is JobState.SUCCEEDED:
        enough = Bytes(-(-use.memory * _ROOM // 100 // _STEP) * _STEP)
        used = f"it used {_mebibytes(use.memory)} of {_mebibytes(needs.memory)}"
        yield f"ask for memory: {format_bytes(enough)} ({used})"
    judged = use.cpu is not None and use.run_ms >= _LEAST_RUN and job.state is JobState.SUCCEEDED
    if judged and use.cpu is not None and use.cpu * _MUCH < needs.cpu:
        enough_cpu = MilliCpu(max(100, -(-use.cpu * _ROOM // 100 // 100) * 100))
        used = f"it used {format_cpu(use.cpu)} of {format_cpu(needs.cpu)} on average"
        yield f"ask for cpu: {format_cpu(enough_cpu)} ({used})"
    if use.displaced and job.job.checkpoint is None:
        yield f"write checkpoints: it was displaced {use.displaced} times, and began again each time"
    if job.job.run_time is None and job.state is JobState.SUCCEEDED:
        yield f"name a maxRunTime: it ran {use.run_ms / 1000:g} s, and `allot when` tells others more with it"


def _mebibytes(amount: int) -> str:
    return format_bytes(Bytes(-(-amount // (1 << 20)) << 20))
