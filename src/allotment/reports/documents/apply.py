"""What apply did, and what is left, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.change.apply import ApplyReport, Outcome, Status
from allotment.reports.documents.objects import object_document


def report_document(report: ApplyReport, rows: Sequence[Outcome]) -> Mapping[str, Any]:
    """The report as JSON."""
    counts = Counter(outcome.status for outcome in report.outcomes)
    return {
        "kind": "ApplyReport",
        "platform": report.platform,
        "cluster": report.cluster,
        "server": report.server or None,
        "context": report.context or None,
        "complete": report.complete,
        "exitCode": report.exit_code,
        "summary": {**{status.value: counts[status] for status in Status}, "unchanged": report.unchanged},
        "outcomes": [outcome_document(row) for row in rows],
    }


def outcome_document(row: Outcome) -> Mapping[str, Any]:
    """A step's outcome as JSON."""
    return {
        "status": row.status.value,
        "done": row.done,
        "action": row.change.action.value,
        "object": object_document(row.change.key),
        "message": row.message,
        "warnings": row.warnings,
    }
