"""What a job asked for beside what it used, for people."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.cli.commands.run.family_view import family_report_lines
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.operations.run.reporting import JobReport, ReportLine


def report_text(report: JobReport, currency: str) -> str:
    """A job's report for people: asked and used side by side, then what to ask for next time."""
    job, use = report.job, report.use
    lines = [f"{shown(job.job.name)} ({job.id}): {job.state.value} on {shown(job.backend)}", ""]
    several = report.family is not None or job.job.sweep is not None
    lines.append(table_text(_FAMILY_REPORT if several else _REPORT, report.lines, width=None))
    attempts = len(job.attempts)
    if report.family is None:
        goes_on = not job.state.over and not any(each.started is not None for each in job.attempts)
        waited = f"{'has waited' if goes_on else 'waited'} {duration(report.waited_ms / 1000)}"
        lines += ["", f"  {waited}{' so far' if goes_on else ''}, {count(attempts, 'attempt')}"]
    else:
        lines += ["", *family_report_lines(report.family, job)]
    if use is not None:
        held = f"{use.held_ms / 3_600_000:.4g} device-hours held"
        cost = "price not known" if use.cost is None else f"{use.cost / 1_000_000:.2f} {currency}"
        lines.append(f"  {held}, {cost}; displaced {count(use.displaced, 'time')}")
        if use.cost is not None and use.priced_as:
            first = f"the price of {shown(use.priced_as)}, the first class it asked for"
            lines.append(f"  the cost is at {first}: which class it was given is not known")
    lines += [f"  {shown(each)}" for each in report.idle]
    if report.advice:
        lines += ["", "next time"]
        lines += [f"  {shown(each)}" for each in report.advice]
    return "\n".join(lines)


_REPORT: Final[tuple[Column[ReportLine], ...]] = (
    Column("", lambda each: each.what),
    Column("ASKED", lambda each: each.asked or None),
    Column("USED", lambda each: each.used),
)
_FAMILY_REPORT: Final[tuple[Column[ReportLine], ...]] = (
    _REPORT[0],
    replace(_REPORT[1], title="ASKED FOR ONE"),
    replace(_REPORT[2], title="USED BY ALL"),
)
"""Trials and runs ask each for themselves, and are measured together."""
