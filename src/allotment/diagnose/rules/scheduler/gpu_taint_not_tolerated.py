"""Nodes that would do have a taint that the pod does not tolerate."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import listed, of_nodes
from allotment.diagnose.rules.scheduler.tainted import taint_removed, toleration_added, untolerated, written
from allotment.model.explanation import CauseVerdict


def find(case: Case) -> Finding | None:
    """All nodes that could hold it are tainted, and not because something is wrong with them."""
    found, it = untolerated(case), placing(case)
    if not found:
        return None
    kinds = sorted(set(found.values()), key=len)
    first = kinds[0][0]
    node = case.index.nodes[next(name for name, taints in found.items() if taints == kinds[0])]
    said = ", ".join(written(each) for each in kinds[0])
    proposals = [each for cost, kind in enumerate(kinds[:3]) for each in toleration_added(case, kind, cost)]
    return about_room(
        "gpu-taint-not-tolerated",
        CauseVerdict.MISCONFIGURED,
        f"{listed(found)} {'has' if len(found) == 1 else 'have'} the taint {said}, which the pod does not tolerate",
        it,
        [*proposals, taint_removed(node, kinds[0])],
        {
            "taint_key": first.key,
            "taint_value": first.value,
            "taint_effect": first.effect,
            "nodes_with_taint": sorted(found),
        },
        of_nodes(it.matching, "spec.taints", dict.fromkeys(found, said), "not tolerated"),
    )
