"""How many more of a shape a live cluster takes, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.foresee.live.capacity import LiveCapacity, QueueRoom


def live_capacity_document(found: LiveCapacity, rows: Sequence[QueueRoom]) -> Mapping[str, Any]:
    """The answer as JSON."""
    return {
        "kind": "LiveCapacity",
        "observedAt": found.observed_at,
        "shapes": [{"shape": shape, "fitsOnNodes": fits} for shape, fits in found.anywhere.items()],
        "queues": [queue_room_document(row) for row in rows],
        "notes": list(found.notes),
    }


def queue_room_document(row: QueueRoom) -> Mapping[str, Any]:
    """Room in one queue and flavor."""
    return {
        "shape": row.shape,
        "cluster": row.source or None,
        "queue": row.queue,
        "flavor": row.flavor,
        "fits": row.fits,
        "byQuota": row.by_quota,
        "byNodes": row.by_nodes,
        "outFirst": row.out_first,
        "waiting": row.waiting,
        "behind": row.behind or None,
    }
