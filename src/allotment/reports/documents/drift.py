"""Drift, and its repair, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allotment.model.moments import rfc3339
from allotment.operations.change.apply import ApplyReport, Outcome
from allotment.operations.change.drift import DriftedField, DriftedObject, DriftKind, DriftReport
from allotment.plan.difference import ABSENT
from allotment.plan.refused import Refusals
from allotment.reports.documents.apply import outcome_document
from allotment.reports.documents.objects import object_document


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A drifted object of a cluster."""

    cluster: str
    object: DriftedObject


def drift_rows(report: DriftReport) -> tuple[DriftRow, ...]:
    """What drifted, cluster by cluster."""
    return tuple(DriftRow(each.cluster, found) for each in report.clusters for found in each.objects)


def drift_document(report: DriftReport, rows: Sequence[DriftRow]) -> Mapping[str, Any]:
    """The report as JSON."""
    return {
        "kind": "DriftReport",
        "platform": report.platform,
        "inSync": report.in_sync,
        "degraded": report.degraded,
        "clusters": [
            {
                "name": each.cluster,
                "state": each.state.value,
                "observedAt": rfc3339(each.observed_at),
                "error": None if each.error is None else {"what": each.error.what, "why": each.error.why},
                "objects": [_drifted(row.object) for row in rows if row.cluster == each.cluster],
                "refused": [_refused(found) for found in each.refused],
                "notes": each.notes,
                "notLookedAt": [{"kind": unread.kind, "why": unread.why} for unread in each.unread],
            }
            for each in report.clusters
        ],
    }


def drifted_document(row: DriftRow) -> Mapping[str, Any]:
    """A drifted object as JSON, with its cluster."""
    return {"cluster": row.cluster, **_drifted(row.object)}


def _drifted(found: DriftedObject) -> dict[str, Any]:
    return {
        "drift": found.kind.value,
        "object": object_document(found.key),
        "message": found.message,
        "fields": [_field(field) for field in found.fields],
    }


def _field(field: DriftedField) -> Mapping[str, Any]:
    sides = {name: value for name, value in (("live", field.live), ("declared", field.declared)) if value is not ABSENT}
    return {"field": field.field, "by": field.by, "since": field.since, **sides}


def _refused(found: Refusals) -> dict[str, Any]:
    return {
        "namespace": found.namespace,
        "policy": found.policy,
        "work": found.works,
        "since": rfc3339(found.since),
        "last": rfc3339(found.last),
        "why": found.why,
    }


def repair_document(drift: DriftReport, done: Sequence[ApplyReport], rows: Sequence[Outcome]) -> Mapping[str, Any]:
    """The repair as JSON."""
    return {
        "kind": "RepairReport",
        "platform": drift.platform,
        "complete": not drift.degraded
        and not any(each.beyond_apply for each in drift.clusters)
        and all(report.complete for report in done),
        "leftAlone": [
            drifted_document(DriftRow(each.cluster, found))
            for each in drift.clusters
            for found in each.objects
            if found.kind is DriftKind.FOREIGN
        ],
        "degraded": drift.degraded,
        "clusters": [
            {
                "name": report.cluster,
                "complete": report.complete,
                "outcomes": [outcome_document(row) for row in rows if row in report.outcomes],
            }
            for report in done
        ],
    }
