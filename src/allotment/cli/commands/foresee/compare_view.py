"""Two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.model.grammar import count
from allotment.reports.documents.comparison import queue_change_document, rounded
from allotment.reports.pages.charts import short_time
from allotment.reports.pages.choices import choice_lines
from allotment.simulation.difference import ChangedSetting, JobChange, JobWait, QueueChange, RunDifference

_SHOWN: Final = 10
"""Jobs in the table output; JSON has all."""


def signed(seconds: float | None) -> str:
    """``+5 min``, ``-2.5 h``, ``0``; empty where it is not known."""
    if seconds is None:
        return ""
    sign = "+" if seconds > 0 else "-" if seconds < 0 else ""
    return sign + short_time(abs(seconds) * 1000)


def _time(seconds: float | None) -> str:
    return "" if seconds is None else short_time(seconds * 1000)


def _style(seconds: float | None) -> str:
    return "" if not seconds else "red" if seconds > 0 else "green"


def difference_listing(found: RunDifference) -> Listing[QueueChange]:
    """A row a queue."""
    return Listing(
        kind="QueueChange",
        rows=found.queues,
        columns=(
            Column("QUEUE", lambda row: row.queue),
            Column("JOBS", lambda row: row.jobs),
            Column("BEFORE", lambda row: rounded(row.before), text=lambda row: _time(row.before), unit="seconds"),
            Column("AFTER", lambda row: rounded(row.after), text=lambda row: _time(row.after), unit="seconds"),
            Column(
                "CHANGE",
                lambda row: rounded(row.change),
                text=lambda row: signed(row.change),
                unit="seconds",
                style=lambda row: _style(row.change),
            ),
            Column("LONGER", lambda row: row.longer),
            Column("SHORTER", lambda row: row.shorter),
            Column("MOST", lambda row: rounded(row.most), text=lambda row: signed(row.most), unit="seconds"),
            Column(
                "EVICTIONS", lambda row: row.evictions, text=lambda row: f"{row.evictions:+d}" if row.evictions else "0"
            ),
            Column("NEWLY STARTED", lambda row: row.newly_started, wide=True),
            Column("NO LONGER STARTED", lambda row: row.no_longer_started, wide=True),
        ),
        name=lambda row: row.queue,
        document=queue_change_document,
        labels=lambda row: {"queue": row.queue},
        nothing="no job is in both runs",
    )


def difference_text(found: RunDifference, rows: Sequence[QueueChange], width: int | None, *, headers: bool) -> str:
    """What was changed, the queues, the jobs that change most, and the whole."""
    columns = [column for column in difference_listing(found).columns if not column.wide]
    lines = [_setting(each) for each in found.settings]
    lines += [""] if lines else []
    lines += [table_text(columns, rows, width=width, headers=headers), ""] if rows else []
    queues = {row.queue for row in rows}
    jobs = [job for job in found.jobs if job.queue in queues]
    if jobs:
        lines += [table_text(_JOB_COLUMNS, jobs[:_SHOWN], width=width, headers=headers)]
        if len(jobs) > _SHOWN:
            lines.append(f"and {count(len(jobs) - _SHOWN, 'job')} more; -o json has all")
        lines.append("")
    lines += _sum(found)
    return "\n".join(lines)


def _setting(row: ChangedSetting) -> str:
    return f"{row.what}  {row.before} → {row.after}" + (f"  ({row.note})" if row.note else "")


_JOB_COLUMNS: Final[tuple[Column[JobChange], ...]] = (
    Column("JOB", lambda row: row.job),
    Column("QUEUE", lambda row: row.queue),
    Column("BEFORE", lambda row: _wait(row.before)),
    Column("AFTER", lambda row: _wait(row.after)),
    Column("CHANGE", lambda row: signed(row.change), style=lambda row: _style(row.change)),
)


def _wait(job: JobWait) -> str:
    return _time(job.wait) if job.started else "does not start"


def _sum(found: RunDifference) -> list[str]:
    before, after = found.before, found.after
    longer, shorter = (sum(getattr(row, word) for row in found.queues) for word in ("longer", "shorter"))
    lines = [f"waiting longer: {count(longer, 'job')}; less: {shorter:,}"]
    started = sum(row.newly_started for row in found.queues)
    stopped = sum(row.no_longer_started for row in found.queues)
    if started or stopped:
        lines.append(f"starting that did not: {count(started, 'job')}; not starting any more: {stopped:,}")
    if found.added or found.removed:
        lines.append(f"only after: {_names(found.added)}; only before: {_names(found.removed)}")
    lines.append(
        f"makespan {_time(before.makespan)} → {_time(after.makespan)}; evictions {before.evictions} → {after.evictions}"
    )
    use = dict(after.utilisation)
    lines += [
        f"{resource} used {100 * share:.1f} % → {100 * use[resource]:.1f} %"
        for resource, share in before.utilisation
        if resource in use
    ]
    lines += choice_lines(before.choices, of="before")
    lines += choice_lines(after.choices, of="after")
    return lines


def _names(jobs: Sequence[JobWait]) -> str:
    if not jobs:
        return "none"
    named = ", ".join(
        f"{job.job} (waits {_wait(job)})" if job.started else f"{job.job} ({_wait(job)})" for job in jobs[:5]
    )
    return named + (f" and {len(jobs) - 5:,} more" if len(jobs) > 5 else "")
