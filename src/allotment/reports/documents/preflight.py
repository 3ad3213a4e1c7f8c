"""What `preflight` saw, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.change.preflight import Readied
from allotment.plan.preflight import PreflightCheck


def readied_document(readied: Readied, rows: Sequence[PreflightCheck]) -> Mapping[str, Any]:
    """The same as JSON."""
    return {
        "kind": "Preflight",
        "platform": readied.platform,
        "cluster": readied.cluster,
        "server": readied.server,
        "context": readied.context or None,
        "user": readied.user,
        "ready": readied.ready,
        "checks": [check_document(row) for row in rows],
    }


def check_document(row: PreflightCheck) -> Mapping[str, Any]:
    """A check as JSON."""
    return {
        "state": row.readiness.value,
        "topic": row.topic,
        "subject": row.subject,
        "message": row.message,
        "fix": row.fix,
    }
