"""The required node affinity admits no node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import may_grow
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.selecting import required_terms, unmatched, unmet, written
from allotment.model.explanation import CauseVerdict, Confidence, RemedyKind
from allotment.model.grammar import count
from allotment.model.observed.base import LabelRequirement
from allotment.model.observed.pods import NodeSelector
from allotment.model.spelling import nearest
from allotment.scheduling.placement.model import PodShape
from allotment.scheduling.snapshot.placement_shapes import node_terms


def find(case: Case) -> Finding | None:
    """No node meets any of its alternatives, though the node selector alone could be met."""
    it = placing(case)
    if kept(case).by is not Keeper.NO_NODE_MATCHES or it.refused is None:
        return None
    terms = required_terms(it.refused.pod.spec)
    if not terms or any(each.alone for each in unmatched(case)):
        return None
    nodes = case.index.nodes
    guilty = unmet(case)
    said = "; ".join(written(each) for each in (guilty or [each for term in terms for each in term])[:4])
    finding = about_room(
        "node-affinity-no-match",
        CauseVerdict.MISCONFIGURED,
        f"the pod's required node affinity admits none of {count(len(nodes), 'node')}: "
        + (f"no node that it selects meets {said}" if guilty else f"none meets all of {said}"),
        it,
        affinity_fixes(it, guilty),
        {"unmet": [written(each) for each in guilty], "nodes": len(nodes)},
    )
    # A NodePool may make nodes that do.
    return replace(finding, confidence=Confidence.LIKELY) if may_grow(case) else finding


def _labels(name: str, labels: dict[str, str]) -> dict[str, str]:
    return {**labels, "metadata.name": name}


def affinity_fixes(it: Placing, guilty: list[LabelRequirement]) -> Iterator[Proposal]:
    """The value that was meant, tried; then the same wish as a preference."""
    if it.refused is None:
        return
    spec = it.refused.pod.spec
    rules = spec.affinity.node_affinity if spec.affinity else None
    if rules is None or rules.required is None:
        return
    nodes = it.case.index.nodes.values()
    cost = 0
    for each in guilty:
        known = sorted({_labels(node.name, node.metadata.labels).get(each.key, "") for node in nodes} - {""})
        near = [value for one in each.values if (value := nearest(one, known))]
        for value in dict.fromkeys([*near, *known]):
            changed = _with(rules.required, each, value)
            if each.operator == "In" and it.fits(partial(_requiring, selector=changed)):
                what = f"node affinity {each.key}: {', '.join(each.values)} → {value}"
                yield changed_pods(RemedyKind.FIX_SELECTOR, what, it.case, _patch(changed), cost)
                cost += 1
    what = "drop the required node affinity"
    body: dict[str, Any] = {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": None}},
    }
    yield changed_pods(RemedyKind.FIX_SELECTOR, what, it.case, body, cost + 5)


def _with(selector: NodeSelector, wrong: LabelRequirement, value: str) -> NodeSelector:
    right = msgspec.structs.replace(wrong, values=(value,))
    terms = tuple(
        msgspec.structs.replace(
            term,
            match_expressions=tuple(right if each == wrong else each for each in term.match_expressions),
            match_fields=tuple(right if each == wrong else each for each in term.match_fields),
        )
        for term in selector.node_selector_terms
    )
    return msgspec.structs.replace(selector, node_selector_terms=terms)


def _requiring(shape: PodShape, selector: NodeSelector) -> PodShape:
    return replace(shape, node_affinity=replace(shape.node_affinity, required=node_terms(selector)))


def _patch(selector: NodeSelector) -> dict[str, Any]:
    whole = msgspec.to_builtins(selector)
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": whole}}}
