"""Simulations as JSON: written by `allot simulate -o json`, read by `allot compare`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from allotment.errors import InputError, shown
from allotment.model.json_text import SHORTER, LongNumberError, read_json
from allotment.operations.foresee.simulating import RunRequest
from allotment.reports.documents.chances import ChoiceFields, choice_document, read_choice
from allotment.reports.documents.form import API_VERSION, seconds
from allotment.reports.documents.fragments import CAUSE_FIELDS
from allotment.scenarios.fields import Amount, Name, Number
from allotment.scenarios.parsing import SomeFields, parsed
from allotment.scheduling.queueing.settling import Settled
from allotment.simulation.capacity import CapacityStep
from allotment.simulation.difference import JobWait, RunSummary
from allotment.simulation.figures import JobFigures, QueueFigures, RunFigures, Waits
from allotment.simulation.fragments import FragmentCourse
from allotment.simulation.outcome import cap_met


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
        "livelock": run.ended is Settled.ENDLESS,
        "stoppedBy": cap_met(run.ended),
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


def why_stopped(run: RunFigures) -> str:
    """Why a simulation ended before its time, a clause; empty if it did not."""
    cap = cap_met(run.ended)
    if cap is None:
        return ""
    if run.ended is Settled.ENDLESS:
        return f"jobs preempt each other for ever; {cap} ended the simulation"
    return f"at scheduling cycle {run.cycles:,}, as {cap} says"


def _steps(steps: Sequence[CapacityStep]) -> list[Mapping[str, Any]]:
    return [{"seconds": seconds(step.t), "amounts": dict(step.amounts)} for step in steps]


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
        "quotaUsedPercent": quota_used(run, row),
    }


def quota_used(run: RunFigures, row: QueueFigures) -> float | None:
    """How much of its quota a queue used over the whole run, in percent; None without quota."""
    quota = row.quota.get(run.resource, 0) * run.end
    return round(100 * row.used.get(run.resource, 0) / quota, 1) if quota else None


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


class _JobFields(SomeFields, frozen=True):
    job: Name
    queue: Name
    wait_seconds: Number
    evictions: Amount
    started_seconds: Number | None = None


class _RunFields(SomeFields, frozen=True):
    """What a comparison reads of a saved run."""

    makespan_seconds: Number
    utilisation: dict[str, Number]
    jobs: tuple[_JobFields, ...]
    random_choices: tuple[ChoiceFields, ...] = ()


def read_run(text: str, file: str) -> RunSummary:
    """A run as `allot simulate -o json` wrote it.

    Raises:
        InputError: it is something else, or of another version; the field is named.
    """
    try:
        data = read_json(text)
    except LongNumberError as error:
        raise InputError(f"{file}: {error}", fix=SHORTER) from None
    except (json.JSONDecodeError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise InputError(f"{file} is no JSON", why=why, fix=_SAVE) from None
    if not isinstance(data, dict) or data.get("kind") != "SimulationRun":
        raise InputError(f"{file} is no saved simulation", fix=_SAVE)
    run = _run_fields(data, file)
    return RunSummary(
        name=file,
        jobs=tuple(
            JobWait(each.job, each.queue, each.wait_seconds, each.started_seconds is not None, each.evictions)
            for each in run.jobs
        ),
        makespan=run.makespan_seconds,
        utilisation=tuple(run.utilisation.items()),
        choices=tuple(read_choice(each) for each in run.random_choices),
    )


_SAVE: Final = "save a run with allot simulate FILE -o json"


def _run_fields(data: Mapping[str, Any], file: str) -> _RunFields:
    version = data.get("apiVersion", API_VERSION)
    if version != API_VERSION:
        raise InputError(
            f"{file} is a run written in {shown(version)[:60]}",
            why=f"this version of allot reads {API_VERSION}",
            fix=f"compare it with the allot that wrote it, or {_SAVE} anew",
        )
    try:
        return parsed(data, _RunFields)
    except InputError as error:
        # Nobody writes a saved run by hand: the way out is to make it anew.
        raise InputError(f"{file}: {error.what}", why=error.why, fix=_SAVE) from None
