"""When pending jobs start, and what the answer rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.model.grammar import count
from allotment.operations.foresee.estimating import (
    ENOUGH_STARTS,
    MOST_REPLAYED,
    JobEstimate,
    KnownRuntimes,
    Submissions,
    WhenReport,
)
from allotment.reports.documents.estimate import ends_of, estimate_document, within
from allotment.reports.documents.form import seconds
from allotment.reports.pages.charts import short_time


def _text(ms: float | None, horizon: int) -> str:
    if ms is None:
        return "never"
    return short_time(ms) if ms < horizon else f"> {short_time(horizon)}"


def when_listing(found: WhenReport) -> Listing[JobEstimate]:
    """A row a job; times are counted from now, and infinite (``inf`` in csv) beyond the horizon."""
    horizon = found.horizon

    def end(title: str, index: int) -> Column[JobEstimate]:
        return Column(
            title,
            lambda row: math.inf if (known := within(ends_of(row)[index], horizon)) is None else known,
            text=lambda row: _text(ends_of(row)[index], horizon),
            unit="seconds",
        )

    return Listing(
        kind="StartEstimate",
        rows=found.estimates,
        columns=(
            Column("JOB", lambda row: row.job),
            Column("QUEUE", lambda row: row.queue),
            Column(
                "WAITED",
                lambda row: seconds(found.now - row.submitted),
                text=lambda row: short_time(found.now - row.submitted),
                unit="seconds",
            ),
            end("EARLIEST", 0),
            end("MEDIAN", 1),
            end("LATEST", 2),
            Column(
                "REASON", lambda row: None if row.reason is None else row.reason.cause.name.lower().replace("_", "-")
            ),
            Column("MESSAGE", lambda row: None if row.reason is None else row.reason.message or None, wide=True),
        ),
        name=lambda row: row.job,
        document=lambda row: estimate_document(found, row),
        labels=lambda row: {"queue": row.queue},
        nothing="no job waits at that moment",
    )


def when_text(found: WhenReport, rows: Sequence[JobEstimate], width: int | None, *, headers: bool) -> str:
    """The jobs, and what the answer rests on."""
    columns = [column for column in when_listing(found).columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers), ""] if rows else []
    lines.append(
        f"{found.scenario} at {short_time(found.now)}: {count(found.pending, 'job')} waiting, {found.running:,} running"
    )
    if rows:
        lines += basis(found)
    return "\n".join(lines)


def basis(found: WhenReport) -> list[str]:
    """What the intervals rest on, a sentence a line."""
    request = found.request
    past = "as recorded in the file" if found.recorded else "simulated from the file"
    if not found.runs:
        return [f"no future was simulated: waiting alone can help none of these jobs; the past is {past}"]
    runs = f"from {count(found.runs, 'simulation')} of the next {short_time(found.horizon)}, seed {request.seed}"
    lines = [f"{runs}; the past is {past}"]
    if found.horizon < request.horizon:
        asked, most = short_time(request.horizon), f"{MOST_REPLAYED:,}"
        lines.append(f"{asked} were asked for: the {most} submissions that are replayed at most last no longer")
        lines.append("--submissions none looks further")
    if request.runtimes is KnownRuntimes.HISTORY:
        lines.append(f"run times: drawn from {count(found.ended, 'job')} that ended")
    else:
        how = "assumed" if request.spread is None else "given"
        if found.measured:
            how = f"measured on {count(found.ended, 'job')} that ended"
        lines.append(f"run times: the file's, times a log-normal factor of sigma {found.spread or 0:.2g} ({how})")
    replayed = request.submissions is Submissions.PAST
    lines.append("others submit " + ("as they did before" if replayed else "nothing more"))
    share = round(100 * request.coverage)
    if found.learnt:
        lines.append(f"the interval is to hold {share} % of starts; corrected by {count(found.learnt, 'past start')}")
    else:
        asked = f": fewer than {ENOUGH_STARTS} past jobs had to wait" if request.learn else ""
        lines.append(f"the interval holds {share} % of the simulated starts; not corrected by past ones{asked}")
    return lines
