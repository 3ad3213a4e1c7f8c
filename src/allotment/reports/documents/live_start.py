"""When what waits in a cluster starts, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from allotment.model.moments import written
from allotment.operations.foresee.live.when import LiveWhen, WaitingStart
from allotment.reports.documents.estimate import within
from allotment.reports.documents.form import seconds
from allotment.scheduling.snapshot.standing import OutOfQueue


def live_when_document(found: LiveWhen, rows: Sequence[WaitingStart]) -> Mapping[str, Any]:
    """The answer as JSON."""
    wishes = found.request.wishes
    return {
        "kind": "LiveStarts",
        "observedAt": found.observed_at,
        "confidencePercent": round(100 * wishes.coverage),
        "horizonSeconds": seconds(wishes.horizon),
        "budgetSeconds": wishes.budget,
        "tookSeconds": round(found.seconds, 3),
        "seed": found.request.seed,
        "submissions": "past" if wishes.replay else "none",
        "running": found.running,
        "pending": found.pending,
        "endedJobs": found.ended,
        "correctedByStarts": found.learnt,
        "recordedSnapshots": found.recorded,
        "podsInNoQueue": found.pods,
        "podsWithQuota": found.placing,
        "notes": list(found.notes),
        "jobs": [waiting_start_document(row) for row in rows],
    }


def waiting_start_document(row: WaitingStart) -> Mapping[str, Any]:
    """One that waits; an end that is null is not known, or lies beyond the horizon."""
    low, middle, high = ends_of_start(row)
    start = row.start
    horizon = 0 if start is None else start.horizon
    known = start is not None and start.interval is not None
    return {
        "job": {"kind": row.subject.kind, "namespace": row.subject.namespace, "name": row.subject.name},
        "cluster": row.source or None,
        "queue": row.queue or None,
        "waitedSeconds": None if row.waited is None else seconds(row.waited),
        "answer": answer_of(row),
        "basis": str(start.basis) if start is not None else None,
        "earliestSeconds": within(low, max(horizon, 1)),
        "medianSeconds": within(middle, max(horizon, 1)),
        "latestSeconds": within(high, max(horizon, 1)),
        "laterThanSeconds": seconds(horizon) if known and high is not None and high >= max(horizon, 1) else None,
        "simulatedSeconds": None
        if start is None or start.simulated is None
        else [within(end, max(horizon, 1)) for end in (start.simulated.low, start.simulated.high)],
        "futures": 0 if start is None else start.futures,
        "message": message_of(row) or None,
    }


def answer_of(row: WaitingStart) -> str:
    """``interval``, ``never``, ``kept`` (no queue tries it), ``no-basis``, or ``stands``: it waits in no queue."""
    if row.stands:
        return "stands"
    if row.never is not None:
        return "never"
    if row.kept is not None:
        return "kept"
    return "interval" if row.start is not None and row.start.interval is not None else "no-basis"


def message_of(row: WaitingStart) -> str:
    """Why there is no interval; empty where there is one."""
    if row.stands:
        return row.stands
    if row.never is not None:
        return f"even an empty cluster refuses it: {row.never.message}"
    if row.kept is not None:
        about = ", ".join(row.kept.about)
        if row.kept.reason is OutOfQueue.NOT_SEEN:
            return f"its queue could not be read: {about}"
        if row.kept.until:
            return f"Kueue sent it back, and tries it again at {written(row.kept.until)}"
        return row.kept.message or f"{str(row.kept.reason).replace('-', ' ')}{f': {about}' if about else ''}"
    if row.start is not None and row.start.interval is None:
        return _NO_INTERVAL[str(row.start.basis)]
    return ""


_NO_INTERVAL: Final[Mapping[str, str]] = {
    "none": "no basis: too little has ended to know run times, and not everything in its way has a limit",
    "no-time": "the time budget was over before there were enough futures",
}


def ends_of_start(row: WaitingStart) -> tuple[float | None, float | None, float | None]:
    """Earliest, median and latest start in milliseconds from now; None without an interval."""
    if row.start is None or row.start.interval is None:
        return None, None, None
    shown = row.start.interval
    return shown.low, min(max(row.start.median, shown.low), shown.high), shown.high
