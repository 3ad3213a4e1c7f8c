"""Past applies and adoptions as JSON. What clusters keep of them is another format: `operations/change/history.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.operations.change.history import Record


def record_document(row: Record) -> Mapping[str, Any]:
    """A record as JSON; digests and the commit in full."""
    return {
        "id": row.id,
        "platform": row.platform,
        "cluster": row.cluster,
        "by": row.by,
        "started": row.started,
        "finished": row.finished,
        "ended": row.ending.value,
        "what": row.act.value,
        "objects": list(row.objects),
        "moreObjects": row.more,
        "commit": row.source.commit or None,
        "dirty": row.source.dirty,
        "directoryDigest": row.source.digest or None,
        "manifestsDigest": row.manifests or None,
        "steps": dict(row.steps),
        "unchanged": row.unchanged,
    }
