"""Answers of Kueue's visibility API → who waits, in which order."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from allotment.model.decoding import converted
from allotment.model.manifest import Body
from allotment.model.observed.queueing import PendingWorkload

VISIBILITY: Final = ("visibility.kueue.x-k8s.io/v1beta2", "visibility.kueue.x-k8s.io/v1beta1")
"""Versions, the newest first."""
PART: Final = "pendingworkloads"


def read_pending(body: Body) -> tuple[PendingWorkload, ...]:
    """The lines of one answer; what is no line is left out."""
    items = body.get("items")
    found = (_line(each) for each in (items if isinstance(items, list) else ()))
    return tuple(each for each in found if each is not None)


def _line(raw: Any) -> PendingWorkload | None:
    metadata = raw.get("metadata") if isinstance(raw, dict) else None
    if not isinstance(metadata, dict):
        return None
    names = {key: metadata.get(key, "") for key in ("name", "namespace")}
    try:
        return converted({**raw, **names}, PendingWorkload, strict=False)
    except (msgspec.ValidationError, RecursionError):
        return None
