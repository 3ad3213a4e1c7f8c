"""What a change of a live cluster would do, as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from allotment.model.observed.base import Reference
from allotment.operations.foresee.live.node_effects import MovedWork, NodeEffects, PlacedWork
from allotment.operations.foresee.live.queue_futures import QueueFutures
from allotment.operations.foresee.live.whatif import ChangedStart, LiveWhatIf
from allotment.reports.documents.form import seconds
from allotment.simulation.live.nodes import ActedNode, DrainBudget, NodeAct

WhatIfRow = ChangedStart | MovedWork | PlacedWork
"""What something changes for: one that waits in a queue, one that has to leave a node, one that waits for nodes."""


def rows_of(found: LiveWhatIf) -> tuple[WhatIfRow, ...]:
    """Everything that something changes for, what has to leave first."""
    nodes = found.nodes
    return (*nodes.moved, *nodes.placed, *found.rows) if nodes is not None else found.rows


def live_whatif_document(found: LiveWhatIf, rows: Sequence[WhatIfRow]) -> Mapping[str, Any]:
    """The answer as JSON; ``horizonSeconds`` is how far futures looked, where less far than was wished."""
    nodes = found.nodes
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
        "horizonSeconds": None if found.found.looked is None else seconds(found.found.looked),
        "seed": found.request.seed,
        "unchanged": found.unchanged,
        "queues": [_queue(each) for each in found.queues],
        "preempted": [_named(each) for each in found.preempted],
        "notes": [*found.notes, *(nodes.notes if nodes is not None else ())],
        "jobs": [changed_start_document(row) for row in rows if isinstance(row, ChangedStart)],
        "nodes": None if nodes is None else _nodes(nodes, rows),
    }


def _queue(each: QueueFutures) -> Mapping[str, Any]:
    """One queue; waits are medians of the medians of those that wait in it, null as theirs are."""
    return {
        "queue": each.queue,
        "waiting": each.waiting,
        "getQuotaBefore": each.starts_before,
        "getQuotaAfter": each.starts_after,
        "waitSecondsBefore": _finite(each.before),
        "waitSecondsAfter": _finite(each.after),
        "sooner": each.sooner,
        "later": each.later,
        "displaced": each.displaced,
    }


def changed_row_document(row: WhatIfRow) -> Mapping[str, Any]:
    """One row, of whatever kind."""
    match row:
        case ChangedStart():
            return changed_start_document(row)
        case MovedWork():
            return _moved(row)
        case PlacedWork():
            return _placed(row)


def changed_start_document(row: ChangedStart) -> Mapping[str, Any]:
    """One that waits; waits are medians, null where they are not known or lie beyond the horizon.

    ``runsAfter`` is null but for those that get quota by the change, or whom a change of nodes may concern, and where
    nodes could not be seen; ``runsBefore`` is told with changes of nodes alone.
    """
    change = row.change
    return {
        "job": _named(row.subject),
        "queue": change.queue,
        "getsQuotaBefore": change.starts_before,
        "getsQuotaAfter": change.starts_after,
        "runsBefore": row.started,
        "runsAfter": row.starts,
        "keptThen": None if row.then is None else {"cause": row.then.cause, "summary": row.then.summary},
        "waitSecondsBefore": _finite(change.before),
        "waitSecondsAfter": _finite(change.after),
        "changeSeconds": None if change.change is None else seconds(change.change),
    }


def _named(each: Reference) -> dict[str, str]:
    return {"kind": each.kind, "namespace": each.namespace, "name": each.name}


def _finite(wait: float | None) -> float | None:
    return None if wait is None or wait == math.inf else seconds(wait)


def _nodes(found: NodeEffects, rows: Sequence[WhatIfRow]) -> Mapping[str, Any]:
    return {
        "changes": [_acted(each) for each in found.acted],
        "leaving": [_moved(row) for row in rows if isinstance(row, MovedWork)],
        "leavingUnnamed": {"pods": found.others.pods, "devices": dict(found.others.devices)},
        "waiting": [_placed(row) for row in rows if isinstance(row, PlacedWork)],
        "podsThatWait": found.waiting,
        "budgets": [_budget(each) for each in found.budgets],
        "books": list(found.books),
    }


def _acted(act: ActedNode) -> Mapping[str, Any]:
    return {
        "change": str(act.act),
        "node": act.node,
        "like": act.before.name if act.act is NodeAct.ADD else None,
        "leaving": len(act.leaving),
        "staying": len(act.kept),
        "daemonPods": len(act.daemons),
    }


def _budget(each: DrainBudget) -> Mapping[str, Any]:
    return {
        "namespace": each.budget.namespace,
        "name": each.budget.name,
        "pods": len(each.pods),
        "allowed": each.allowed,
    }


def _moved(row: MovedWork) -> Mapping[str, Any]:
    return {
        "job": _named(row.subject),
        "queue": row.queue,
        "devices": dict(row.devices),
        "podsElsewhere": row.elsewhere,
        "pods": [
            {
                "name": each.pod,
                "node": each.node,
                "runs": each.runs,
                "fate": str(each.fate),
                "to": each.to or None,
                "message": each.message or None,
                "displaces": list(each.victims),
            }
            for each in row.pods
        ],
    }


def _placed(row: PlacedWork) -> Mapping[str, Any]:
    return {
        "job": _named(row.subject),
        "queue": row.queue,
        "devices": dict(row.devices),
        "pods": row.pods,
        "findNodesBefore": row.before,
        "findNodesAfter": row.after,
        "message": row.message or None,
        "displaces": list(row.victims),
        "notModelled": list(row.unmodelled),
    }
