"""The autoscaler wants to add nodes and the cloud has none of that kind to give."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.autoscaler.refused_by_cloud import refused
from allotment.model.explanation import CauseVerdict, RemedyKind

_WORDS: Final = (
    "insufficientinstancecapacity",
    "insufficient capacity",
    "resource_pool_exhausted",
    "stockout",
    "outofresource",
    "allocationfailed",
    "skunotavailable",
    "not have enough resources",
    "required offering",
)


def find(case: Case) -> Finding | None:
    """Its answer speaks of a lack of machines."""
    what = "the cloud has no such machine to give there now"
    return refused(
        case,
        "autoscaler-out-of-stock",
        _WORDS,
        what,
        (RemedyKind.ADD_NODE, "add nodes of another zone or machine type, or reserve some"),
        CauseVerdict.WAITING,
    )
