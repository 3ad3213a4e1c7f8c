"""When pending jobs start, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.foresee.estimating import JobEstimate, WhenReport
from allotment.reports.documents.form import seconds


def when_document(found: WhenReport, rows: Sequence[JobEstimate]) -> Mapping[str, Any]:
    """The answer as JSON."""
    request = found.request
    return {
        "kind": "StartEstimates",
        "scenario": found.scenario,
        "atSeconds": seconds(found.now),
        "confidencePercent": round(100 * request.coverage),
        "horizonSeconds": seconds(found.horizon),
        "runs": found.runs,
        "seed": request.seed,
        "past": "recorded" if found.recorded else "simulated",
        "runtimes": str(request.runtimes),
        "runtimeSpread": None if found.spread is None else round(found.spread, 6),
        "runtimeSpreadMeasured": found.measured,
        "submissions": str(request.submissions),
        "endedJobs": found.ended,
        "correctedByStarts": found.learnt,
        "running": found.running,
        "pending": found.pending,
        "jobs": [estimate_document(found, row) for row in rows],
    }


def estimate_document(found: WhenReport, row: JobEstimate) -> Mapping[str, Any]:
    """A job as JSON; an end that is null lies beyond the horizon, or never comes."""
    horizon = found.horizon
    low, middle, high = (within(value, horizon) for value in ends_of(row))
    return {
        "job": row.job,
        "queue": row.queue,
        "waitedSeconds": seconds(found.now - row.submitted),
        "possible": row.estimate is not None,
        "earliestSeconds": low,
        "medianSeconds": middle,
        "latestSeconds": high,
        "notStartedShare": None if row.estimate is None else round(row.estimate.never, 6),
        "simulatedSeconds": None
        if row.estimate is None
        else [within(end, horizon) for end in (row.estimate.interval.low, row.estimate.interval.high)],
        "cause": None if row.reason is None else row.reason.cause.name,
        "message": None if row.reason is None else row.reason.message,
    }


def ends_of(row: JobEstimate) -> tuple[float | None, float | None, float | None]:
    """Earliest, median and latest start in ms from now; None where it never starts."""
    if row.estimate is None or row.interval is None:
        return None, None, None
    middle = min(max(row.estimate.median, row.interval.low), row.interval.high)
    return row.interval.low, middle, row.interval.high


def within(ms: float | None, horizon: int) -> float | None:
    """Seconds, or None where the simulations did not look that far."""
    return None if ms is None or not ms < horizon else seconds(ms)
