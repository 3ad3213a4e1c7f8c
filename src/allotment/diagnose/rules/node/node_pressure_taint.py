"""A node that would do is short of disk, memory or process ids, and takes no new pods."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.node.defects import PRESSURES, DefectKind
from allotment.diagnose.rules.node.mending import about_node, defective, repair_of, seen_on
from allotment.model.explanation import Patch, PatchOp, RemedyKind
from allotment.model.observed.base import condition

_FREE: Final = {"DiskPressure": "disk space", "MemoryPressure": "memory", "PIDPressure": "process ids"}


def find(case: Case) -> Finding | None:
    """Were the pressure gone, the subject would start."""
    found = defective(case, DefectKind.PRESSURE)
    if found is None:
        return None
    broken, defect, node = found
    name = PRESSURES[defect.detail]
    said = condition(node.status.conditions, name)
    what = f"free {_FREE[name]} on {node.name}, so that {name} is False again"
    return about_node(
        case,
        "node-pressure-taint",
        f"node {node.name}, on which it would fit, has {name} and takes no new pods",
        broken,
        repair_of(broken, RemedyKind.REPAIR_NODE, what, Patch(PatchOp.SIGNAL, {name: "False"}), ()),
        {"condition": name, "taint_key": defect.detail},
        seen_on(node, "spec.taints", defect.detail, said.message if said is not None else ""),
    )
