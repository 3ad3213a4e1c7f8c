"""What the rules about nodes share: the finding, the repair that is tried, and what helps until then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import pool_of
from allotment.diagnose.rules.node.defects import Broken, Defect, DefectKind, broken
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.shaping import reduced
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.nodes import Node


def defective(case: Case, *kinds: DefectKind) -> tuple[Broken, Defect, Node] | None:
    """The node that keeps the subject from running by a defect of these kinds, if that is its gravest."""
    found = broken(case)
    if found is None or found.defects[0].kind not in kinds:
        return None
    defect = found.defects[0]
    return found, defect, case.index.nodes[defect.node]


def about_node(
    case: Case,
    cause: str,
    summary: str,
    found: Broken,
    repair: Proposal,
    facts: dict[str, Any],
    evidence: tuple[Evidence, ...],
) -> Finding:
    """A finding about a node that is not as it should be."""
    it = placing(case)
    node = case.index.nodes[found.defects[0].node]
    return about_room(
        cause,
        CauseVerdict.BROKEN,
        summary,
        it,
        together(
            reduced(it, it.device, 10) if it.device else (),
            waits(it),
            (repair,),
            _more_nodes_like(it, found),
        ),
        {"node": node.name, "pool": pool_of(node), "nodes_to_mend": list(found.nodes)} | facts,
        evidence,
    )


def _more_nodes_like(it: Placing, found: Broken) -> Iterator[Proposal]:
    """More of the sound nodes that would do; where there are none, of the one that is named, mended."""
    like = [each for each in it.matching if each.name not in found.mended.defects]
    yield from more_nodes(it, like or [found.mended.nodes[found.defects[0].node]])


def repair_of(
    found: Broken, kind: RemedyKind, what: str, patch: Patch, done: tuple[Defect, ...], command: str = ""
) -> Proposal:
    """The repair of the node that is named, and with it of whatever else has to be mended for the subject.

    Args:
        found: the nodes.
        kind: of the remedy.
        what: in words.
        patch: what is done by hand.
        done: defects that the patch itself mends.
        command: what does it, where kubectl has a verb of its own.
    """
    node = found.defects[0].node
    effect = [
        (_target(name), whole(found.mended.nodes[name]))
        for name in found.nodes
        if name != node or set(found.defects) - set(done)
    ]
    if patch.op is PatchOp.SIGNAL and not any(target.name == node for target, _ in effect):
        effect.insert(0, (_target(node), whole(found.mended.nodes[node])))
    others = [name for name in found.nodes if name != node]
    further = f"; so {', '.join(others[:4])}" if others else ""
    return Proposal(
        kind, Doer.PLATFORM, f"{what}{further}", _target(node), patch, effect=tuple(effect), command=command
    )


def _target(name: str) -> Reference:
    return Reference(api_version="v1", kind="Node", name=name)


def whole(mended: Node) -> Patch:
    """The change after which a node is as sound as this one; for trying."""
    return Patch(
        PatchOp.MERGE,
        {
            "spec": {
                "unschedulable": None,
                "taints": [msgspec.to_builtins(each) for each in mended.spec.taints] or None,
            },
            "status": {
                "allocatable": dict(mended.status.allocatable),
                "capacity": dict(mended.status.capacity),
                "conditions": [msgspec.to_builtins(each) for each in mended.status.conditions],
            },
        },
    )


def seen_on(node: Node, path: str, value: object, says: str) -> tuple[Evidence, ...]:
    """A value of the node."""
    return (Evidence(reference_of(node), path, value, says),)
