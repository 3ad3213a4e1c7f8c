"""What a change of a live cluster would do, as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.foresee.live.whatif import ChangedStart, LiveWhatIf
from allotment.reports.documents.form import seconds


def live_whatif_document(found: LiveWhatIf, rows: Sequence[ChangedStart]) -> Mapping[str, Any]:
    """The answer as JSON."""
    return {
        "kind": "LiveWhatIf",
        "observedAt": found.observed_at,
        "changes": list(found.request.changes),
        "settings": [
            {"what": each.what, "before": each.before, "after": each.after, "note": each.note or None}
            for each in found.settings
        ],
        "basis": str(found.found.basis),
        "futures": found.found.futures,
        "seed": found.request.seed,
        "unchanged": found.unchanged,
        "preempted": [{"kind": each.kind, "namespace": each.namespace, "name": each.name} for each in found.preempted],
        "notes": list(found.notes),
        "jobs": [changed_start_document(row) for row in rows],
    }


def changed_start_document(row: ChangedStart) -> Mapping[str, Any]:
    """One that waits; waits are medians, null where they are not known or lie beyond the horizon.

    ``runsAfter`` is null but for those that get quota by the change, and where nodes could not be seen.
    """
    change = row.change
    return {
        "job": {"kind": row.subject.kind, "namespace": row.subject.namespace, "name": row.subject.name},
        "queue": change.queue,
        "getsQuotaBefore": change.starts_before,
        "getsQuotaAfter": change.starts_after,
        "runsAfter": row.starts,
        "keptThen": None if row.then is None else {"cause": row.then.cause, "summary": row.then.summary},
        "waitSecondsBefore": _finite(change.before),
        "waitSecondsAfter": _finite(change.after),
        "changeSeconds": None if change.change is None else seconds(change.change),
    }


def _finite(wait: float | None) -> float | None:
    return None if wait is None or wait == math.inf else seconds(wait)
