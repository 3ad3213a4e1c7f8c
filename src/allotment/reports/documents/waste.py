"""Where device time goes, as JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from allotment.accounting.ledger import LedgerEntry, TimeGroup
from allotment.model.observed.snapshot import IdleMarked
from allotment.operations.ask.wasting import WasteAnswer


def waste_document(answer: WasteAnswer, groups: Sequence[TimeGroup]) -> Mapping[str, Any]:
    """The ledger as JSON; `gpuMs` are device-milliseconds, of a moment those of one hour; money in millionths."""
    ledger = answer.ledger
    return {
        "kind": "Waste",
        "moment": answer.moment,
        "since": _time(ledger.since),
        "until": _time(ledger.since if answer.moment else ledger.until),
        "missingMs": answer.missing_ms,
        "capacityGpuMs": ledger.capacity_ms,
        "currency": answer.currency or None,
        "cost": ledger.cost,
        "by": answer.by,
        "groups": [group_document(each) for each in groups],
        "causes": [group_document(each) for each in answer.causes],
        "entries": [_entry(each) for each in ledger.entries],
        "idleMarks": [_mark(each) for each in answer.idle_marks],
        "remarks": list(answer.remarks),
    }


def group_document(group: TimeGroup) -> Mapping[str, Any]:
    """A group as JSON."""
    return {
        "name": group.name,
        "gpuMs": group.gpu_ms,
        "share": round(group.share, 6),
        "wastedGpuMs": group.waste,
        "cost": group.cost,
    }


def _mark(mark: IdleMarked) -> Mapping[str, Any]:
    return {
        "object": mark.subject,
        "job": mark.id,
        "rule": mark.rule,
        "wouldHave": mark.action,
        "at": mark.at,
        "heldGpuMsSince": mark.held_ms,
        "busyGpuMsSince": mark.busy_ms,
    }


def _entry(entry: LedgerEntry) -> Mapping[str, Any]:
    charge, owner = entry.charge, entry.charge.owner
    return {
        "cause": charge.cause,
        "gpuMs": entry.gpu_ms,
        "cost": entry.cost,
        "pricePerHour": charge.price,
        "cluster": charge.cluster,
        "node": charge.node,
        "resource": charge.resource,
        "model": charge.model,
        "team": owner.team,
        "namespace": owner.namespace,
        "person": owner.person,
        "object": owner.top,
        "queue": owner.queue,
        "project": owner.project,
    }


def _time(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
