"""Members of a sweep or a schedule for people: a row each, with what one is told apart by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.jobs.trials import trials_of
from allotment.model.moments import written
from allotment.operations.run.plain_reasons import plain_reason
from allotment.operations.run.reporting import FamilyReport
from allotment.operations.run.trials_there import TrialThere, trials_there
from allotment.ports.stored_jobs import JobEvent, JobRow, StoredJob

_RUNS_SHOWN: Final = 20
"""Runs of a schedule that a description names: the newest."""
_SEVERAL: Final = re.compile(r"(\d{1,9}) ")


def family_lines(job: StoredJob, members: Sequence[JobRow], now: int, call: str) -> Iterator[str]:
    """The members of a sweep or a schedule, and what was left out of it; nothing where the job has none.

    Args:
        job: the sweep or the schedule.
        members: those of its members that are to be told, in any order.
        now: milliseconds since the epoch.
        call: how the program was called.
    """
    if job.job.schedule is not None:
        yield from _runs(job, members, now, call)
    elif job.job.sweep is not None and members:
        arguments = trials_of(job.job.sweep)
        yield "trials"
        columns: tuple[Column[JobRow], ...] = (
            Column("TRIAL", lambda row: row.number),
            Column("ID", lambda row: row.id),
            Column("STATE", lambda row: row.state.value),
            Column("RAN", lambda row: ran(row, now) or None),
            Column("ARGUMENTS", lambda row: shown(" ".join(_of(arguments, row.number)))),
            *_metric(job),
            Column("REASON", lambda row: shown(plain_reason(row.said)) or None),
        )
        rows = sorted(members, key=lambda row: row.number)
        yield from (f"  {line}" for line in table_text(columns, rows, width=None).splitlines())
    elif job.job.sweep is not None and job.attempts:
        yield "trials"
        yield from (f"  {line}" for line in table_text(_TRIALS, trials_there(job), width=None).splitlines())


_TRIALS: Final[tuple[Column[TrialThere], ...]] = (
    Column("TRIAL", lambda each: each.number),
    Column("STATE", lambda each: each.state),
    Column("NODE", lambda each: shown(each.node) or None),
    Column("CODE", lambda each: each.code),
    Column("ARGUMENTS", lambda each: shown(" ".join(each.arguments))),
)


def _metric(job: StoredJob) -> Iterator[Column[JobRow]]:
    rule = None if job.job.sweep is None else job.job.sweep.early_stop
    if rule is not None:
        yield Column(shown(rule.metric).upper(), lambda row: None if row.metric is None else f"{row.metric:.6g}")


def _runs(job: StoredJob, members: Sequence[JobRow], now: int, call: str) -> Iterator[str]:
    columns: tuple[Column[JobRow], ...] = (
        Column("DUE", lambda row: written(row.number)),
        Column("ID", lambda row: row.id),
        Column("STATE", lambda row: row.state.value),
        Column("RAN", lambda row: ran(row, now) or None),
        Column("REASON", lambda row: shown(plain_reason(row.said)) or None),
    )
    rows = sorted(members, key=lambda row: -row.number)
    if rows:
        yield "runs"
        yield from (f"  {line}" for line in table_text(columns, rows[:_RUNS_SHOWN], width=None).splitlines())
    if len(rows) > _RUNS_SHOWN:
        yield f"  and earlier ones: {call} ps --of {job.id}"
    if job.events:
        yield f"left out ({0 if job.standing is None else job.standing.left_out} times)"
        told = job.events[-_RUNS_SHOWN:]
        before = (0 if job.standing is None else job.standing.left_out) - sum(map(_times, told))
        if before > 0:
            yield f"  {before} before these"
        yield from (f"  {written(each.at)}  {shown(each.said)}" for each in told)


def _times(event: JobEvent) -> int:
    """How many times an event of a schedule tells of."""
    several = _SEVERAL.match(event.said)
    return 1 if several is None else int(several[1])


def _of(arguments: Sequence[Sequence[str]], number: int) -> Sequence[str]:
    return arguments[number] if 0 <= number < len(arguments) else ()


def ran(row: JobRow, now: int) -> str:
    """How long a job has run; empty where it never did, or waits again."""
    lasted = row.ran(now)
    return "" if lasted is None else duration(lasted / 1000)


def family_report_lines(report: FamilyReport, job: StoredJob) -> Iterator[str]:
    """How the members of a family ended, and which trial did best."""
    told = [
        f"{number} {state.value}" for state, number in sorted(report.states.items(), key=lambda each: each[0].value)
    ]
    total = sum(report.states.values())
    what = "trial" if job.job.schedule is None else "run"
    yield f"  {total} {what}{'' if total == 1 else 's'}: {', '.join(told) or 'none yet'}"
    best = report.best
    if best is not None:
        yield f"  best {shown(best.metric)}={best.value:.6g} in trial {best.trial}: {shown(' '.join(best.arguments))}"
