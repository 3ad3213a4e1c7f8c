"""The local disk of nodes is too small for what a pod asks for, or all taken."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.short_of import short_of
from allotment.diagnose.rules.scheduler.too_large import too_large

_RESOURCE: Final = "ephemeral-storage"


def find(case: Case) -> Finding | None:
    """It alone keeps the subject from a node, for now or for good."""
    cause = "insufficient-ephemeral-storage"
    beside = bool(placing(case).device)
    return too_large(case, cause, (_RESOURCE,)) or short_of(case, cause, _RESOURCE, beside_devices=beside)
