"""Memory is all taken on nodes whose accelerators are free."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.short_of import short_of


def find(case: Case) -> Finding | None:
    """It alone keeps the subject from a node."""
    return short_of(case, "insufficient-memory-gpu-free", "memory", beside_devices=True)
