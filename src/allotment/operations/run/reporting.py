"""The report of a job: what it asked for beside what it used, and what to ask for next time, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from allotment.jobs.trials import trials_of
from allotment.model.grammar import count
from allotment.model.jobs.job import AcceleratorWish
from allotment.model.jobs.native import native_shown
from allotment.model.jobs.run import JobState
from allotment.model.jobs.use import IdleMark, UseSummary, percent_at
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu
from allotment.operations.run.marking import device_time, told_of_mark
from allotment.operations.run.using import measured_so_far
from allotment.ports.job_service import FamilySummary
from allotment.ports.stored_jobs import StoredJob

_ROOM: Final = 125
"""Percent of what was used that is asked for next time: a peak is not always met by a look each second."""
_MUCH: Final = 2
"""As many times more than was used is too much; below that, asking for less would gain little and risk an end."""
_STEP: Final = 64 << 20
_LEAST_RUN: Final = 10_000
"""Milliseconds of a run from which CPU and memory may be judged: a shorter one has hardly begun."""
_LEAST_MEASURED: Final = 60_000
"""Device-milliseconds that have to be measured before anything is said of them."""
_LEAST_AFTER: Final = 60_000
_TENTH: Final = 10
_BUSY: Final = 30
"""Percent; accelerators that are less busy than this on average are not fed."""
_BEFORE_IT_RUNS: Final = frozenset({JobState.STAGING, JobState.STARTING})


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
        waited_ms: milliseconds in queues; of what has not started yet, since its submission.
        advice: what to ask for next time, and why, in sentences.
        family: of a sweep or a schedule; None of others.
        idle: what rules of idleness would have done, in sentences.
    """

    job: StoredJob
    use: UseSummary | None
    waited_ms: int
    lines: tuple[ReportLine, ...]
    advice: tuple[str, ...]
    family: FamilyReport | None = None
    idle: tuple[str, ...] = ()


def report_of(job: StoredJob, now: int) -> JobReport:
    """The report of a job.

    Args:
        job: everything that is known of it.
        now: milliseconds since the epoch, up to which what goes on is counted.
    """
    marks = measured_so_far(job).marks if job.use is None else job.use.marks
    told = tuple(told_of_mark(_to_now(job, each, now)) for each in marks)
    return JobReport(job, job.use, _waited(job, now), tuple(_lines(job)), tuple(_advice(job)), idle=told)


def _to_now(job: StoredJob, mark: IdleMark, now: int) -> IdleMark:
    """The mark with what a running attempt has held since it was last told."""
    use = job.attempts[-1].measured if job.attempts else None
    if job.state.over or use is None or use.mark != mark:
        return mark
    return replace(mark, held_ms=mark.held_ms + use.devices * max(0, now - use.until))


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
        () if family.use is None else tuple(map(told_of_mark, family.use.marks)),
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
    if not job.state.over and job.standing is None and not any(each.started is not None for each in job.attempts):
        return max(0, now - job.submitted)  # it still does, whether in a queue or because its program is not there yet
    waits = {JobState.SUBMITTED, JobState.HELD, JobState.QUEUED}
    moves = job.history.moves
    ends = [*(each.at for each in moves[1:]), now]
    return sum(end - each.at for each, end in zip(moves, ends, strict=True) if each.state in waits)


def _lines(job: StoredJob) -> Iterator[ReportLine]:
    needs, use = job.job.needs, job.use
    unknown = _unmeasured(job)
    if needs.accelerators is not None:
        yield from _device_lines(job, needs.accelerators)
    cpu = unknown if use is None or use.cpu is None else f"{format_cpu(use.cpu)} on average"
    yield ReportLine("CPU of a replica", format_cpu(needs.cpu), cpu)
    peak = unknown if use is None or use.memory is None else f"{_mebibytes(use.memory)} at most"
    yield ReportLine("memory of a replica", _mebibytes(needs.memory), peak)
    limit = job.job.run_time
    yield ReportLine(
        "time", "" if limit is None else f"{limit} s at most", unknown if use is None else f"{use.run_ms / 1000:g} s"
    )
    yield from _staging_lines(job)
    lost = sum(0 if each.end is None else each.end.output_lost for each in job.attempts)
    if lost:
        yield ReportLine("output", "", f"{count(lost, 'byte')} could not be written")


def _unmeasured(job: StoredJob) -> str:
    """Why nothing is known of what it used."""
    if job.use is not None:
        return "no telemetry"
    never = job.state.over and not any(each.started is not None for each in job.attempts)
    return "it never ran" if never else "not over yet"


def _staging_lines(job: StoredJob) -> Iterator[ReportLine]:
    """How long it took until its program could run, where that took any time; of members together, their devices'."""
    if job.use is None:
        return
    took = sum(after.at - each.at for each, after in pairwise(job.history.moves) if each.state in _BEFORE_IT_RUNS)
    held = job.use.staging_ms or 0
    told = [f"{took / 1000:g} s"] if took else []
    if job.job.devices and (took or held):
        told.append(f"{device_time(held)} held meanwhile")
    if told:
        yield ReportLine("staging and start", "", ", ".join(told))


def _device_lines(job: StoredJob, wish: AcceleratorWish) -> Iterator[ReportLine]:
    """Of a job that runs, what was measured so far."""
    use = job.use or measured_so_far(job)
    unknown = _unmeasured(job)
    asked = f"{wish.count} of any class" if wish.any_class else f"{wish.count} {wish.classes[0]}"
    yield ReportLine("accelerators of a replica", asked, _busy(use) or unknown)
    memory = unknown if use.device_memory is None else f"{_mebibytes(use.device_memory)} at most"
    yield ReportLine("memory of an accelerator", "", memory)
    if use.idle_ms is None or use.idle_after_ms is None:
        yield ReportLine("accelerators idle", "", unknown)
        return
    not_seen = f", {device_time(use.unmeasured_ms)} not measured" if use.unmeasured_ms else ""
    yield ReportLine("accelerators idle", "", f"{device_time(use.idle_ms)}{not_seen}")
    yield ReportLine("idle after the last work", "", device_time(use.idle_after_ms))


def _busy(use: UseSummary) -> str:
    if use.busy_permille is None:
        return ""
    half, nearly, most = (percent_at(use.by_percent, each) for each in (500, 950, 1000))
    spread = "" if half is None else f" (median {half} %, 95th percentile {nearly} %, {most} % at most)"
    return f"{use.busy_permille / 10:g} % busy on average{spread}"


def _advice(job: StoredJob) -> Iterator[str]:
    use, needs = job.use, job.job.needs
    if use is None:
        return
    yield from _advice_of_memory(job, use)
    judged = use.cpu is not None and use.run_ms >= _LEAST_RUN and job.state is JobState.SUCCEEDED
    if judged and use.cpu is not None and use.cpu * _MUCH < needs.cpu:
        # Slurm, which calls its jobs by numbers, gives whole CPUs.
        step = 1000 if native_shown(job.native).isdecimal() else 100
        enough_cpu = MilliCpu(max(step, -(-use.cpu * _ROOM // 100 // step) * step))
        used = f"it used {format_cpu(use.cpu)} of {format_cpu(needs.cpu)} on average"
        if enough_cpu < needs.cpu:
            yield f"ask for cpu: {format_cpu(enough_cpu)} ({used})"
    yield from _advice_of_devices(job, use)
    if use.displaced and job.job.checkpoint is None:
        yield f"write checkpoints: it was displaced {count(use.displaced, 'time')}, and began again each time"
    if job.job.run_time is None and job.state is JobState.SUCCEEDED:
        yield f"name a maxRunTime: it ran {use.run_ms / 1000:g} s, and `allot when` tells others more with it"


def _advice_of_memory(job: StoredJob, use: UseSummary) -> Iterator[str]:
    asked = job.job.needs.memory
    if any(each.end is not None and each.end.out_of_memory for each in job.attempts):
        more = Bytes(-(-asked * _MUCH // _STEP) * _STEP)
        why = f"it was killed because it used more than the {_mebibytes(asked)} that it asked for"
        yield f"ask for more memory, such as {format_bytes(more)} ({why}; how much it needs nobody saw)"
    elif (
        use.memory is not None
        and use.memory * _MUCH < asked
        and use.run_ms >= _LEAST_RUN
        and job.state is JobState.SUCCEEDED
    ):
        enough = Bytes(-(-use.memory * _ROOM // 100 // _STEP) * _STEP)
        if enough < asked:
            yield f"ask for memory: {format_bytes(enough)} (it used {_mebibytes(use.memory)} of {_mebibytes(asked)})"


def _advice_of_devices(job: StoredJob, use: UseSummary) -> Iterator[str]:
    """Of what was measured for long enough to say so."""
    measured = sum(each for _, each in use.by_percent)
    if use.idle_ms is None or measured < _LEAST_MEASURED:
        return
    most, mean = percent_at(use.by_percent, 1000) or 0, (use.busy_permille or 0) / 10
    if most == 0:
        yield f"ask for no accelerators: in {device_time(measured)} that were measured they did nothing"
    elif mean < _BUSY and job.job.devices > 1:
        yield f"ask for fewer accelerators, or feed them faster: they were {mean:g} % busy on average"
    elif mean < _BUSY:
        yield f"feed the accelerator faster (more CPU, data nearer, larger batches): it was {mean:g} % busy on average"
    after = use.idle_after_ms or 0
    if most and after * _TENTH >= measured and after >= _LEAST_AFTER:
        yield f"end with the last work: the accelerators were then idle for {device_time(after)}"


def _mebibytes(amount: int) -> str:
    return format_bytes(Bytes(-(-amount // (1 << 20)) << 20))
