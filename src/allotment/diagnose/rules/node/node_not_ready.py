"""A node that would do is not ready: its kubelet or its network is down."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.node.defects import DefectKind
from allotment.diagnose.rules.node.mending import about_node, defective, repair_of, seen_on
from allotment.model.explanation import Patch, PatchOp, RemedyKind
from allotment.model.observed.base import condition


def find(case: Case) -> Finding | None:
    """Were it ready, the subject would start."""
    found = defective(case, DefectKind.NOT_READY)
    if found is None:
        return None
    broken, defect, node = found
    ready = condition(node.status.conditions, "Ready")
    status = ready.status if ready is not None else "Unknown"
    reason = ready.reason if ready is not None else ""
    message = ready.message if ready is not None else ""
    since = ready.last_transition_time if ready is not None else ""
    what = f"bring {node.name} back: see its kubelet, container runtime and network"
    return about_node(
        case,
        "node-not-ready",
        f"node {node.name}, on which it would fit, is not ready since {since or 'some time'}"
        + (f" ({reason}: {message})" if reason else ""),
        broken,
        repair_of(case, broken, RemedyKind.REPAIR_NODE, what, Patch(PatchOp.SIGNAL, {"node": "Ready"}), ()),
        {"ready": status, "reason": reason, "node_message": message, "taint_key": defect.detail},
        seen_on(node, "status.conditions[Ready]", status, message or "the node has the taint of one that is not ready"),
    )
