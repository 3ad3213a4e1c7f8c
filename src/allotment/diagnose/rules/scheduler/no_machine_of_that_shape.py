"""Each amount that a pod asks for is to be had on some node, but on no node all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from allotment.diagnose.case import Case
from allotment.diagnose.emptied import grows
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import INSTANCE_TYPE
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import kept_off, may_grow
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rooms import told
from allotment.diagnose.rules.scheduler.shaping import reduced, reduced_alone
from allotment.model.explanation import CauseVerdict, Confidence


def find(case: Case) -> Finding | None:
    """No machine has that shape; the smallest change of one number that does."""
    it = placing(case)
    if kept(case).by is not Keeper.SHAPE:
        return None
    types = sorted({node.metadata.labels.get(INSTANCE_TYPE, "") for node in it.open or it.matching} - {""})
    asked = " with ".join(told(name, amount) for name, amount in sorted(it.requests.items()))
    finding = about_room(
        "no-machine-of-that-shape",
        CauseVerdict.MISCONFIGURED,
        f"no machine has {asked} in one, though each of these numbers alone is to be had",
        it,
        _less(it),
        {"machine_types": types},
    )
    # A NodePool may make machines of other shapes than those that are there.
    return (
        replace(finding, confidence=Confidence.LIKELY)
        if may_grow(case) or kept_off(case)
        else replace(finding, never=not grows(case.index))
    )


def _less(it: Placing) -> Iterator[Proposal]:
    others = [name for name in it.requests if name != it.device]
    for cost, resource in enumerate([*others, *([it.device] if it.device else [])]):
        yield from reduced(it, resource, cost)
        yield from reduced_alone(it, (resource,), cost + len(it.requests))
