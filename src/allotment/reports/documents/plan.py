"""Plans as JSON: what apply would do. A plan that is to be applied later is another format, `plan/saved.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.plan.changes import Blocked, Change, Conflict, Contested, Create, Delete, Drain, Plan, Update
from allotment.plan.difference import ABSENT
from allotment.reports.documents.objects import field_document, object_document

_NO_FAMILY: Final = "no longer declared"
"""Family of what is deleted: the declaration that would name its family is gone."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change with the family and the team it is told under."""

    change: Change
    family: str
    team: str


def rows_of(plan: Plan) -> tuple[ChangeRow, ...]:
    """The plan's changes, in its own order."""
    return tuple(ChangeRow(change, _family(change), _team(change)) for change in plan.changes)


def _family(change: Change) -> str:
    match change:
        case Create() | Update() | Conflict():
            return change.manifest.family.value
        case Drain():
            return "workloads that are ended"
        case Blocked():
            return "blocked"
        case Delete():
            return _NO_FAMILY


def _team(change: Change) -> str:
    match change:
        case Create() | Update() | Conflict():
            return change.manifest.team or ""
        case Drain() | Delete():
            return change.team
        case Blocked():
            return ""


def plan_document(plan: Plan, rows: Sequence[ChangeRow]) -> Mapping[str, Any]:
    """The plan as JSON."""
    return {
        "kind": "PlanSummary",
        "platform": plan.platform,
        "cluster": plan.cluster,
        "server": plan.server or None,
        "context": plan.context or None,
        "digest": plan.digest,
        "empty": plan.empty,
        "forced": plan.forced,
        "partial": bool(plan.unread),
        "summary": {**{action.value: number for action, number in plan.counts.items()}, "unchanged": plan.unchanged},
        "changes": [change_document(row) for row in rows],
        "missingRights": [
            {
                "verb": right.verb,
                "group": right.group,
                "resource": right.resource,
                "unread": right.unread,
            }
            for right in plan.missing
        ],
        "warnings": [
            {"code": warning.code.value, "object": object_document(warning.key), "message": warning.message}
            for warning in plan.warnings
        ],
    }


def change_document(row: ChangeRow) -> Mapping[str, Any]:
    """A change as JSON; a field that is absent on one side lacks that side."""
    change = row.change
    base: dict[str, Any] = {
        "action": change.action.value,
        "family": row.family,
        "team": row.team,
        "object": object_document(change.key),
    }
    match change:
        case Update():
            base["fields"] = [field_document(field) for field in change.fields]
        case Conflict():
            base["contested"] = [_contested_document(field) for field in change.contested]
        case Drain():
            base["running"] = dict(change.running)
        case Blocked():
            base |= {"wanted": change.wanted.value, "what": change.what, "why": change.why, "fix": change.fix}
        case _:
            pass
    return base


def _contested_document(field: Contested) -> Mapping[str, Any]:
    sides = {name: value for name, value in (("live", field.live), ("declared", field.desired)) if value is not ABSENT}
    return {"field": field.field, "manager": field.manager, "since": field.since, **sides}
