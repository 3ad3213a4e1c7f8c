"""Simulations: waits, use and evictions by queue; placement experiments by policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.model.grammar import count
from allotment.operations.foresee.simulating import PlacementRuns, PolicyRun, RunRequest
from allotment.reports.documents.form import seconds
from allotment.reports.documents.placement import policy_document
from allotment.reports.documents.simulation import queue_document, quota_used, why_stopped
from allotment.reports.pages.charts import short_time
from allotment.reports.pages.choices import choice_lines
from allotment.reports.pages.placement import placement_page
from allotment.scheduling.placement.gpu.fragmentation import FRAGMENT_CAUSES, FragmentCause
from allotment.simulation.figures import QueueFigures, RunFigures


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}%"


def run_listing(run: RunFigures) -> Listing[QueueFigures]:
    """A row a queue."""
    return Listing(
        kind="QueueFigures",
        rows=run.queues,
        columns=(
            Column("QUEUE", lambda row: row.name),
            Column("JOBS", lambda row: row.jobs),
            Column("FINISHED", lambda row: row.finished, wide=True),
            _time("MEAN WAIT", lambda row: row.waits.mean),
            _time("P50", lambda row: row.waits.p50),
            _time("P95", lambda row: row.waits.p95),
            _time("LONGEST", lambda row: row.waits.longest, wide=True),
            Column("EVICTIONS", lambda row: row.evictions),
            Column("PENDING", lambda row: row.pending, style=lambda row: "yellow" if row.pending else ""),
            Column(
                "QUOTA USED",
                lambda row: quota_used(run, row),
                text=lambda row: _percent(quota_used(run, row)),
                unit="percent",
            ),
        ),
        name=lambda row: row.name,
        document=lambda row: queue_document(run, row),
        labels=lambda row: {"queue": row.name},
        nothing="the scenario has no queues",
    )


def _time(title: str, of: Callable[[QueueFigures], float], *, wide: bool = False) -> Column[QueueFigures]:
    return Column(title, lambda row: seconds(of(row)), wide=wide, text=lambda row: short_time(of(row)), unit="seconds")


def run_text(run: RunFigures, rows: Sequence[QueueFigures], width: int | None, *, headers: bool) -> str:
    """The queues, then the whole."""
    listing = run_listing(run)
    columns = [column for column in listing.columns if not column.wide]
    waits = run.waits
    lines = [table_text(columns, rows, width=width, headers=headers), ""] if rows else []
    lines.append(
        f"{run.scenario}: {count(len(run.jobs), 'job')}; wait {short_time(waits.mean)} on average, "
        f"{short_time(waits.p50)} median, {short_time(waits.p95)} at 95 %"
    )
    lines.append(
        f"{100 * run.utilisation(run.resource):.1f} % of {run.resource or 'nothing'} used over {short_time(run.end)}; "
        f"makespan {short_time(run.makespan)}; {count(run.evictions, 'eviction')}; {len(run.pending):,} pending"
    )
    stalled = [job.stalled for job in run.jobs if job.stalled]
    if stalled:
        lines.append(f"{count(len(stalled), 'job')} held quota without progress for {short_time(sum(stalled))} in all")
    lines += run.remarks
    lines += choice_lines(run.choices)
    if why := why_stopped(run):
        lines.append(f"{click.style('stopped:', fg='red')} {why}")
    return "\n".join(lines)


def run_settings(run: RunFigures, request: RunRequest) -> str:
    """How it was run, in words."""
    parts = [f"policies: {', '.join(request.policies)}"] if request.policies else []
    if run.until is not None:
        parts.append(f"stopped at {short_time(run.until)}")
    if request.spread:
        parts.append(f"run times vary by a log-normal factor of sigma {request.spread:g}, seed {request.seed}")
    return "; ".join(parts) or "as the file says, to its end"


def placement_listing(runs: PlacementRuns) -> Listing[PolicyRun]:
    """A row a policy."""
    return Listing(
        kind="PolicyRun",
        rows=runs.runs,
        columns=(
            Column("POLICY", lambda row: row.policy.value),
            Column(
                "ALLOCATED",
                lambda row: round(row.result.allocation, 3),
                text=lambda row: f"{row.result.allocation:.2f}%",
                unit="percent",
            ),
            Column(
                "FRAGMENT",
                lambda row: round(row.result.fragment, 3),
                text=lambda row: f"{row.result.fragment:.2f}%",
                unit="percent",
            ),
            Column("PLACED", lambda row: row.result.placed),
            Column("ARRIVED", lambda row: row.result.arrived),
            *(_cause_column(cause, wide=True) for cause in FRAGMENT_CAUSES),
        ),
        name=lambda row: row.policy.value,
        document=lambda row: policy_document(row, runs.nodes),
        labels=lambda row: {"policy": row.policy.value},
    )


def _cause_column(cause: FragmentCause, *, wide: bool) -> Column[PolicyRun]:
    return Column(
        cause.title.upper().replace(",", ""),
        lambda row: round(row.result.share(cause), 3),
        text=lambda row: f"{row.result.share(cause):.2f}%",
        unit="percent",
        wide=wide,
    )


def placement_text(runs: PlacementRuns, rows: Sequence[PolicyRun], width: int | None, *, headers: bool) -> str:
    """The policies, and their fragment by cause."""
    listing = placement_listing(runs)
    if not rows:
        return listing.nothing
    columns = [column for column in listing.columns if not column.wide]
    present = [cause for cause in FRAGMENT_CAUSES if any(row.result.share(cause) for row in rows)]
    causes = [listing.columns[0], *(_cause_column(cause, wide=False) for cause in present)]
    lines = [table_text(columns, rows, width=width, headers=headers)]
    if present:
        lines += ["", "fragment by why the typical pod cannot use it:"]
        lines += [table_text(causes, rows, width=width, headers=headers)]
    lines += ["", f"percent of {count(runs.gpus, 'GPU')} on {count(len(runs.nodes), 'node')}; seed {runs.seed}"]
    return "\n".join(lines)


def placement_report(runs: PlacementRuns) -> str:
    """Placement experiments as an HTML page."""
    nodes = f"{count(len(runs.nodes), 'node')} with {count(runs.gpus, 'GPU')}"
    settings = f"{count(runs.pods, 'pod')} on {nodes}; seed {runs.seed}"
    entries = [(run.policy.value, run.result) for run in runs.runs]
    return placement_page(f"Placement of {runs.trace}", settings, runs.nodes, entries)
