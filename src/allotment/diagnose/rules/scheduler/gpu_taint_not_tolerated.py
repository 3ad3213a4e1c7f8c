"""Nodes that would do have a taint that the pod does not tolerate."""

from __future__ import annotations

from dataclasses import replace

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import could_grow, named, pool_views
from allotment.diagnose.rules.scheduler.karpenter_words import PoolBar
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import device_facts, listed, of_nodes
from allotment.diagnose.rules.scheduler.tainted import taint_removed, toleration_added, untolerated, written
from allotment.model.explanation import CauseVerdict, Confidence, Evidence


def find(case: Case) -> Finding | None:
    """All nodes that could hold it are tainted, and not because something is wrong with them."""
    found, it = untolerated(case), placing(case)
    if not found:
        return _of_pools(case)
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
            **device_facts(it, [case.index.nodes[name] for name in found]),
        },
        of_nodes(it.matching, "spec.taints", dict.fromkeys(found, said), "not tolerated"),
    )


def _of_pools(case: Case) -> Finding | None:
    """The same of nodes that are still to be made: a taint is all that is known to keep a NodePool from making one."""
    views, it = pool_views(case), placing(case)
    tainted = [each for each in views.pools if each.bar is PoolBar.TAINT]
    if not tainted or could_grow(case) or kept(case).by not in {Keeper.TAINT, Keeper.TOO_LARGE, Keeper.NO_NODE_MATCHES}:
        return None
    first = min(tainted, key=lambda each: len(each.taints))
    said = ", ".join(written(each) for each in first.taints)
    proposals = [each for cost, pool in enumerate(tainted[:3]) for each in toleration_added(case, pool.taints, cost)]
    evidence = tuple(
        Evidence(reference_of(each.pool), "spec.template.spec.taints", said, "not tolerated") for each in tainted[:3]
    )
    finding = about_room(
        "gpu-taint-not-tolerated",
        CauseVerdict.MISCONFIGURED,
        f"nodes that {named(tainted)} would make have the taint {said}, which the pod does not tolerate",
        it,
        proposals,
        {
            "taint_key": first.taints[0].key,
            "taint_value": first.taints[0].value,
            "taint_effect": first.taints[0].effect,
            "node_groups": [each.name for each in tainted],
        },
        evidence,
    )
    return replace(finding, confidence=Confidence.LIKELY) if any(each.by_word for each in views.pools) else finding
