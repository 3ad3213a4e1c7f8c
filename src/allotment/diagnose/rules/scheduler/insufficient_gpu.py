"""A pod asks for more accelerators than any node has."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.too_large import too_large


def find(case: Case) -> Finding | None:
    """Even an empty node would be too small."""
    return too_large(case, "insufficient-gpu", {placing(case).device} - {""})
