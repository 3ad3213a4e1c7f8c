"""A pod asks for slices of a GPU, or for a whole one, where nodes offer it cut in another way."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.extended_resource_unknown import replaced, unknown
from allotment.diagnose.rules.scheduler.karpenter import may_grow
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.model.explanation import CauseVerdict, Confidence

_MIG: Final = "/mig-"
_GPU: Final = "nvidia.com/gpu"


def find(case: Case) -> Finding | None:
    """The MIG strategy of the nodes is another than the one that the request was written for."""
    it = placing(case)
    name, there = unknown(it)
    mine = [each for each in there if _MIG in each or each == _GPU]
    if not mine or not (_MIG in name or (name == _GPU and any(_MIG in each for each in mine))):
        return None
    finding = about_room(
        "mig-mismatch",
        CauseVerdict.MISCONFIGURED,
        f"a pod asks for {it.requests[name]} {name}, which no node offers: nodes offer {listed(mine)}",
        it,
        replaced(it, name, mine),
        {"asked": name, "offered": mine},
    )
    # Nodes to be may offer it.
    return replace(finding, confidence=Confidence.LIKELY) if may_grow(case) else finding
