"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.queue import queue_missing
from allotment.model.explanation import Layer

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry("ALT-1201", "queue-missing", Layer.QUEUE, "no such queue", queue_missing.find),
)
