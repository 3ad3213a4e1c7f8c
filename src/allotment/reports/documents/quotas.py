"""Limits and queues, as JSON; amounts as Allotment counts: CPU in milli-CPU, memory in bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from allotment.accounting.queue_use import QueueStanding, QueueUse
from allotment.accounting.quota_use import QuotaUse
from allotment.operations.ask.quotas import QueuesAnswer, QuotasAnswer


def quotas_document(answer: QuotasAnswer, rows: Sequence[QuotaUse]) -> Mapping[str, Any]:
    """Limits, and the highest alarm of all of them."""
    return {
        "kind": "Quotas",
        "worst": answer.worst.name.lower(),
        "paced": answer.paced,
        "items": [quota_use_document(row) for row in rows],
        "remarks": list(answer.remarks),
    }


def quota_use_document(use: QuotaUse) -> Mapping[str, Any]:
    """One limit; `alarm` is none, increase, warning or stop."""
    return {
        "cluster": use.cluster,
        "layer": use.layer,
        "name": use.name,
        "resource": use.resource,
        "used": use.used,
        "limit": use.limit,
        "guaranteed": use.guaranteed,
        "percent": round(use.percent, 2),
        "alarm": use.alarm.name.lower(),
        "fullAt": None if use.full_at is None else dt.datetime.fromtimestamp(use.full_at / 1000, dt.UTC),
    }


def queues_document(answer: QueuesAnswer, chosen: Collection[tuple[str, str]]) -> Mapping[str, Any]:
    """Queues with all their quota.

    Args:
        answer: all queues.
        chosen: cluster and name of those that are wanted.
    """
    return {
        "kind": "Queues",
        "items": [queue_document(each) for each in answer.standings if (each.cluster, each.name) in chosen],
        "remarks": list(answer.remarks),
    }


def queue_document(standing: QueueStanding) -> Mapping[str, Any]:
    """A queue with all its quota."""
    return {
        "cluster": standing.cluster,
        "clusterQueue": standing.name,
        "cohort": standing.cohort,
        "stopPolicy": standing.stopped or None,
        "inactive": standing.inactive or None,
        "pending": standing.pending,
        "head": standing.head or None,
        "heldBack": standing.held_back,
        "quotas": [queue_use_document(use) for use in standing.uses],
    }


def queue_use_document(use: QueueUse) -> Mapping[str, Any]:
    """One quota of a queue."""
    return {
        "clusterQueue": use.queue,
        "flavor": use.flavor,
        "resource": use.resource,
        "nominal": use.nominal,
        "limit": use.limit,
        "used": use.used,
        "borrowed": use.borrowed,
        "lent": use.lent,
        "borrowsFrom": [{"lender": each.lender, "amount": each.amount} for each in use.lenders],
    }
