"""CPU is all taken, for a pod that asks for no accelerator."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.short_of import short_of


def find(case: Case) -> Finding | None:
    """It alone keeps the subject from a node."""
    return short_of(case, "cpu-all-in-use", "cpu", beside_devices=False)
