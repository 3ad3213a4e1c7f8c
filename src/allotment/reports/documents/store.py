"""The store of jobs, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.model.moments import written
from allotment.ports.store import StoreStatus


def store_document(row: StoreStatus) -> Mapping[str, Any]:
    """What a store is and holds."""
    return {
        "place": row.place,
        "engine": row.engine,
        "schema": row.schema or None,
        "knownSchema": row.known,
        "bytes": row.size,
        "jobs": {state.value: number for state, number in sorted(row.jobs.items())},
        "deviceIntervals": row.intervals,
        "oldest": None if row.oldest is None else written(row.oldest),
        "writer": row.writer or None,
    }
