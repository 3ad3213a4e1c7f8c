"""A node that would do offers none of its accelerators: its device plugin does not run."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.node.defects import DefectKind
from allotment.diagnose.rules.node.mending import about_node, defective, repair_of, seen_on
from allotment.model.explanation import Patch, PatchOp, RemedyKind


def find(case: Case) -> Finding | None:
    """Did it offer what its labels, its capacity or its like have, the subject would start."""
    found = defective(case, DefectKind.PLUGIN_MISSING)
    if found is None:
        return None
    broken, defect, node = found
    there = str(node.status.allocatable[defect.detail]) if defect.detail in node.status.allocatable else "absent"
    what = f"restart the device plugin on {node.name}, so that it offers {defect.sound} {defect.detail} again"
    body = {"devicePlugin": "restart", "resource": defect.detail}
    return about_node(
        case,
        "device-plugin-missing",
        f"node {node.name} offers no {defect.detail} (allocatable: {there}), though it has {defect.sound}",
        broken,
        repair_of(broken, RemedyKind.REPAIR_DEVICE_PLUGIN, what, Patch(PatchOp.SIGNAL, body), ()),
        {"allocatable_gpus": there, "gpus_by_label": defect.sound},
        seen_on(node, f"status.allocatable[{defect.detail}]", there, "labels or nodes like it say that it has some"),
    )
