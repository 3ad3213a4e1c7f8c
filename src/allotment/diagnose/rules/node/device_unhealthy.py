"""Some accelerators of a node that would do are unhealthy: it offers fewer than it has."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.node.defects import DefectKind
from allotment.diagnose.rules.node.mending import about_node, defective, repair_of, seen_on
from allotment.model.explanation import Patch, PatchOp, RemedyKind


def find(case: Case) -> Finding | None:
    """Were they healthy, the subject would start."""
    found = defective(case, DefectKind.DEVICE_UNHEALTHY)
    if found is None:
        return None
    broken, defect, node = found
    lost = defect.sound - defect.now
    what = f"reset or replace the {lost} unhealthy {defect.detail} of {node.name}"
    return about_node(
        case,
        "device-unhealthy",
        f"node {node.name} has {defect.sound} {defect.detail} and offers {defect.now}: {lost} "
        f"{'is' if lost == 1 else 'are'} unhealthy, and with {'it' if lost == 1 else 'them'} the pod would fit",
        broken,
        repair_of(
            broken,
            RemedyKind.REPAIR_DEVICE_PLUGIN,
            what,
            Patch(PatchOp.SIGNAL, {"devices": lost, "resource": defect.detail}),
            (),
        ),
        {"capacity_gpus": defect.sound, "allocatable_gpus": defect.now, "unhealthy_gpus": lost},
        seen_on(node, f"status.allocatable[{defect.detail}]", defect.now, f"capacity is {defect.sound}"),
    )
