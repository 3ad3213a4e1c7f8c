"""A node that would do is cordoned."""

from __future__ import annotations

from allotment.diagnose import by_hand
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.node.defects import DefectKind
from allotment.diagnose.rules.node.mending import about_node, defective, repair_of, seen_on
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.model.explanation import Patch, PatchOp, RemedyKind


def find(case: Case) -> Finding | None:
    """Were it not, the subject would start."""
    found = defective(case, DefectKind.CORDONED)
    if found is None:
        return None
    broken, _, node = found
    it = placing(case)
    free = it.free(node.name, it.device) if it.device else 0
    room = f" with {free} {it.device} free" if it.device else ""
    # With its kind before it, no name can pass for a flag.
    what = by_hand.line("kubectl", "uncordon", f"node/{node.name}")
    # Others that have to be mended with it, by the same act where that is what is wrong with them.
    alike = [each for each in broken.nodes if each != node.name and it.case.index.nodes[each].spec.unschedulable]
    command = by_hand.line("kubectl", "uncordon", *(f"node/{each}" for each in (node.name, *alike)))
    # The taint that a cordon brings goes with it: its controller takes it away.
    patch = Patch(PatchOp.MERGE, {"spec": {"unschedulable": None}})
    return about_node(
        case,
        "node-cordoned",
        f"node {node.name}, on which it would fit, is cordoned{room}",
        broken,
        repair_of(broken, RemedyKind.UNCORDON, what, patch, (), command),
        {"cordoned_node": node.name, **({"free_on_it": free} if it.device else {})},
        seen_on(node, "spec.unschedulable", True, "cordoned: it takes no new pods"),
    )
