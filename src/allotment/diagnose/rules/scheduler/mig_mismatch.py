"""A pod asks for slices of a GPU, or for a whole one, where nodes offer it cut in another way."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.extended_resource_unknown import replaced, unknown
from allotment.diagnose.rules.scheduler.karpenter import may_grow
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.model.explanation import CauseVerdict, Confidence
from allotment.model.observed.nodes import Node
from allotment.scheduling.snapshot.quantities import units

_MIG: Final = "/mig-"
_GPU: Final = "nvidia.com/gpu"
_GB: Final = re.compile(r"mig-\d+g\.(\d+)gb")


def find(case: Case) -> Finding | None:
    """The MIG strategy of the nodes is another than the one that the request was written for."""
    it = placing(case)
    name, there = unknown(it)
    which = "no node"
    if not name:
        name, there = _among_selected(it)
        which = "none of the nodes that it selects"
    mine = [each for each in there if _MIG in each or each == _GPU]
    if not mine or not (_MIG in name or (name == _GPU and any(_MIG in each for each in mine))):
        return None
    finding = about_room(
        "mig-mismatch",
        CauseVerdict.MISCONFIGURED,
        f"a pod asks for {it.requests[name]} {name}, which {which} offers: "
        f"{'nodes' if which == 'no node' else 'they'} offer {listed(mine)}",
        it,
        replaced(it, name, sorted(mine, key=lambda each: _nearness(name, each))),
        {"asked": name, "offered": mine},
    )
    # Nodes to be may offer it.
    return replace(finding, confidence=Confidence.LIKELY) if may_grow(case) else finding


def _among_selected(it: Placing) -> tuple[str, list[str]]:
    """A whole GPU or a slice that no node has which the pod selects, and what these have in its place."""
    # In a queue it is the flavor that selects nodes, and another resource has other quota.
    if it.refused is None or it.case.workload is not None:
        return "", []
    nodes = it.matching
    asked = (each for each in it.requests if _MIG in each or each == _GPU)
    name = next((each for each in asked if not any(_has(node, each) for node in nodes)), "")
    if not name:
        return "", []
    return name, sorted({each for node in nodes for each in node.status.capacity if _has(node, each)})


def _has(node: Node, resource: str) -> bool:
    """Whether a node has it or has had it, be it that its devices are not there now."""
    return any(
        units(resource, amounts.get(resource, 0)) > 0 for amounts in (node.status.capacity, node.status.allocatable)
    )


def _nearness(name: str, other: str) -> tuple[bool, float]:
    """Order of what may stand in its place: the smallest that is no smaller, then the largest that is."""
    asked, offered = _size(name), _size(other)
    return offered < asked, -offered if offered < asked else offered


def _size(name: str) -> float:
    """Memory of a slice in GB; a whole GPU has more than any."""
    found = _GB.search(name)
    return float(found[1]) if found is not None else math.inf
