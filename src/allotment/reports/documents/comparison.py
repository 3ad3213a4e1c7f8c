"""Two runs side by side, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.reports.documents.chances import choice_document
from allotment.simulation.difference import JobWait, QueueChange, RunDifference, RunSummary


def rounded(seconds: float | None) -> float | None:
    """Seconds as JSON and csv have them; None where they are not known."""
    return None if seconds is None else round(seconds, 3)


def difference_document(found: RunDifference, rows: Sequence[QueueChange], kind: str) -> Mapping[str, Any]:
    """The comparison as JSON."""
    return {
        "kind": kind,
        "before": _run_document(found.before),
        "after": _run_document(found.after),
        "settings": [
            {"what": each.what, "before": each.before, "after": each.after, "note": each.note or None}
            for each in found.settings
        ],
        "queues": [queue_change_document(row) for row in rows],
        "jobs": [
            {
                "job": each.job,
                "queue": each.queue,
                "waitSecondsBefore": rounded(each.before.wait),
                "waitSecondsAfter": rounded(each.after.wait),
                "startedBefore": each.before.started,
                "startedAfter": each.after.started,
                "changeSeconds": rounded(each.change),
            }
            for each in found.jobs
        ],
        "added": [_job_document(each) for each in found.added],
        "removed": [_job_document(each) for each in found.removed],
    }


def _run_document(run: RunSummary) -> Mapping[str, Any]:
    return {
        "name": run.name,
        "jobs": len(run.jobs),
        "makespanSeconds": rounded(run.makespan),
        "evictions": run.evictions,
        "utilisation": {resource: round(share, 6) for resource, share in run.utilisation},
        "randomChoices": [choice_document(each) for each in run.choices],
    }


def queue_change_document(row: QueueChange) -> Mapping[str, Any]:
    """A queue as JSON."""
    return {
        "queue": row.queue,
        "jobs": row.jobs,
        "meanWaitSecondsBefore": rounded(row.before),
        "meanWaitSecondsAfter": rounded(row.after),
        "changeSeconds": rounded(row.change),
        "longer": row.longer,
        "shorter": row.shorter,
        "largestChangeSeconds": rounded(row.most),
        "newlyStarted": row.newly_started,
        "noLongerStarted": row.no_longer_started,
        "evictionsChange": row.evictions,
    }


def _job_document(row: JobWait) -> Mapping[str, Any]:
    return {"job": row.job, "queue": row.queue, "waitSeconds": rounded(row.wait), "started": row.started}
