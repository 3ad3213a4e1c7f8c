"""Simulations: waits, use and evictions by queue; placement experiments by policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from allotment.cli.shell.amounts import count
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.operations.foresee.simulating import PlacementRuns, PolicyRun, RunRequest
from allotment.reports.choices import choice_document, choice_lines
from allotment.reports.documents.form import seconds
from allotment.reports.pages.charts import short_time
from allotment.reports.pages.placement import placement_page
from allotment.scheduling.placement.gpu.fragmentation import FRAGMENT_CAUSES, Cause
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode
from allotment.simulation.capacity import Step
from allotment.simulation.figures import JobFigures, QueueFigures, RunFigures, Waits
from allotment.simulation.fragments import FragmentCourse


def _quota_used(run: RunFigures, row: QueueFigures) -> float | None:
    quota = row.quota.get(run.resource, 0) * run.end
    return round(100 * row.used.get(run.resource, 0) / quota, 1) if quota else None


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
                lambda row: _quota_used(run, row),
                text=lambda row: _percent(_quota_used(run, row)),
                unit="percent",
            ),
        ),
        name=lambda row: row.name,
        document=lambda row: queue_document(run, row),
        labels=lambda row: {"queue": row.name},
        nothing="the scenario has no queues",
    )


def _time(title: str, of: Any, *, wide: bool = False) -> Column[QueueFigures]:
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
    if run.livelock:
        lines.append(
            click.style("stopped:", fg="red")
            + " jobs preempt each other for ever; a cap on scheduling cycles ended the simulation"
        )
    return "\n".join(lines)


def run_settings(run: RunFigures, request: RunRequest) -> str:
    """How it was run, in words."""
    parts = [f"policies: {', '.join(request.policies)}"] if request.policies else []
    if run.until is not None:
        parts.append(f"stopped at {short_time(run.until)}")
    if request.spread:
        parts.append(f"run times vary by a log-normal factor of sigma {request.spread:g}, seed {request.seed}")
    return "; ".join(parts) or "as the file says, to its end"


def _waits(waits: Waits) -> Mapping[str, Any]:
    return {
        "started": waits.jobs,
        "meanSeconds": seconds(waits.mean),
        "p50Seconds": seconds(waits.p50),
        "p95Seconds": seconds(waits.p95),
        "maxSeconds": seconds(waits.longest),
    }


def queue_document(run: RunFigures, row: QueueFigures) -> Mapping[str, Any]:
    """A queue as JSON; amounts are milli-CPU, bytes and devices, times seconds."""
    return {
        "queue": row.name,
        "jobs": row.jobs,
        "finished": row.finished,
        "pending": row.pending,
        "evictions": row.evictions,
        "wait": _waits(row.waits),
        "quota": dict(row.quota),
        "usedAmountSeconds": {resource: seconds(used) for resource, used in row.used.items()},
        "quotaUsedPercent": _quota_used(run, row),
    }


def job_document(row: JobFigures) -> Mapping[str, Any]:
    """A job as JSON."""
    return {
        "job": row.name,
        "queue": row.queue,
        "asked": dict(row.asked),
        "submittedSeconds": seconds(row.submitted),
        "startedSeconds": None if row.started is None else seconds(row.started),
        "finishedSeconds": None if row.finished is None else seconds(row.finished),
        "waitSeconds": seconds(row.waited),
        "stalledSeconds": seconds(row.stalled),
        "evictions": row.evictions,
        "moves": row.moves,
    }


def run_document(
    run: RunFigures, request: RunRequest, rows: Sequence[QueueFigures], fragments: FragmentCourse | None
) -> Mapping[str, Any]:
    """A simulation as JSON; what `allot compare` reads. `fragmentation` is null where nobody knows which node."""
    return {
        "kind": "SimulationRun",
        "scenario": run.scenario,
        "policies": [str(policy) for policy in request.policies],
        "seed": request.seed,
        "runtimeSpread": request.spread,
        "untilSeconds": None if run.until is None else seconds(run.until),
        "endSeconds": seconds(run.end),
        "makespanSeconds": seconds(run.makespan),
        "cycles": run.cycles,
        "livelock": run.livelock,
        "wait": _waits(run.waits),
        "evictions": run.evictions,
        "capacity": dict(run.capacity),
        "capacitySteps": _steps(run.capacity_steps),
        "nodeSteps": _steps(run.node_steps),
        "utilisation": {resource: round(run.utilisation(resource), 6) for resource in run.capacity},
        "fragmentation": None
        if fragments is None
        else {
            "seconds": [seconds(t) for t in fragments.times],
            "idleGpusByCause": {
                field: [round(value, 3) for value in fragments.of(cause)] for cause, field in CAUSE_FIELDS.items()
            },
        },
        "queues": [queue_document(run, row) for row in rows],
        "jobs": [job_document(job) for job in run.jobs],
        "randomChoices": [choice_document(each) for each in run.choices],
        "remarks": list(run.remarks),
        "pending": [
            {"job": each.workload, "queue": each.cluster_queue, "cause": each.cause.name, "message": each.message}
            for each in run.pending
        ],
    }


def _steps(steps: Sequence[Step]) -> list[Mapping[str, Any]]:
    return [{"seconds": seconds(step.t), "amounts": dict(step.amounts)} for step in steps]


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


def _cause_column(cause: Cause, *, wide: bool) -> Column[PolicyRun]:
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
    lines += ["", f"percent of {runs.gpus:,} GPUs on {count(len(runs.nodes), 'node')}; seed {runs.seed}"]
    return "\n".join(lines)


CAUSE_FIELDS: Final = {
    Cause.LACKS_BOTH: "lacksGpuAndCpu",
    Cause.LACKS_GPU: "lacksGpu",
    Cause.SATISFIED: "ofUse",
    Cause.LACKS_CPU: "lacksCpu",
    Cause.NO_GPU_TASK: "podNeedsNoGpu",
    Cause.NO_GPU_TASK_LACKS_CPU: "podNeedsNoGpuLacksCpu",
    Cause.WRONG_MODEL: "wrongGpuModel",
}
"""Idle GPU by cause, as JSON names it."""


def policy_document(row: PolicyRun, nodes: Sequence[GpuNode]) -> Mapping[str, Any]:
    """A placement experiment as JSON; of the nodes those with idle GPU."""
    result = row.result
    return {
        "policy": row.policy.value,
        "allocationPercent": round(result.allocation, 4),
        "fragmentPercent": round(result.fragment, 4),
        "idlePercentByCause": {field: round(result.share(cause), 4) for cause, field in CAUSE_FIELDS.items()},
        "placed": result.placed,
        "arrived": result.arrived,
        "allocationByDemandPercent": [round(value, 4) for value in result.curve],
        "idleByDemandPercent": {
            field: [round(shares[cause], 4) for shares in result.course] for cause, field in CAUSE_FIELDS.items()
        },
        "nodes": [
            {
                "node": node.name,
                "model": node.model,
                "gpus": node.gpus,
                "idleGpus": round(float(amounts.sum()) / WHOLE, 3),
                "idleGpusByCause": {
                    field: round(float(amounts[cause]) / WHOLE, 3)
                    for cause, field in CAUSE_FIELDS.items()
                    if amounts[cause]
                },
            }
            for node, amounts in zip(nodes, result.fragmentation.per_node, strict=True)
            if amounts.any()
        ],
    }


def placement_document(runs: PlacementRuns, rows: Sequence[PolicyRun]) -> Mapping[str, Any]:
    """Placement experiments as JSON."""
    return {
        "kind": "PlacementRuns",
        "trace": runs.trace,
        "nodes": len(runs.nodes),
        "gpus": runs.gpus,
        "pods": runs.pods,
        "seed": runs.seed,
        "runs": [policy_document(row, runs.nodes) for row in rows],
    }


def placement_report(runs: PlacementRuns) -> str:
    """Placement experiments as an HTML page."""
    settings = f"{runs.pods:,} pods on {len(runs.nodes):,} nodes with {runs.gpus:,} GPUs; seed {runs.seed}"
    entries = [(run.policy.value, run.result) for run in runs.runs]
    return placement_page(f"Placement of {runs.trace}", settings, runs.nodes, entries)
