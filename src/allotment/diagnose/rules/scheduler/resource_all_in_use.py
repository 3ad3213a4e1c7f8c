"""Another resource than CPU, memory, disk and the accelerator is all taken: a network card, huge pages."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.short_of import short_of

_TOLD: Final = frozenset({"cpu", "memory", "ephemeral-storage", "pods"})


def find(case: Case) -> Finding | None:
    """It alone keeps the subject from a node."""
    held, it = kept(case), placing(case)
    if held.by is not Keeper.RESOURCE or held.resource in _TOLD | {it.device}:
        return None
    return short_of(case, "resource-all-in-use", held.resource, beside_devices=bool(it.device))
