"""The pod has to run beside others, and there is nowhere beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.rules_between_pods import (
    PREFERRED,
    REQUIRED,
    in_scope,
    meant_by,
    said,
    selected,
    terms,
)
from allotment.diagnose.rules.scheduler.shaping import fewer
from allotment.model.explanation import CauseVerdict, RemedyKind
from allotment.model.observed.base import Selector
from allotment.model.observed.pods import Affinity, PodAffinity, PodAffinityTerm
from allotment.model.spelling import nearest
from allotment.scheduling.placement.model import PodShape
from allotment.scheduling.snapshot.placement_shapes import pod_affinity


def find(case: Case) -> Finding | None:
    """Without the rule it would fit."""
    it = placing(case)
    if kept(case).by is not Keeper.AFFINITY or it.refused is None:
        return None
    required = terms(it.refused.pod.spec, anti=False)
    guilty = next((each for each in required if not any(True for _ in meant_by(case, each))), required[0])
    there = sorted({pod.spec.node_name for pod in meant_by(case, guilty)})
    elsewhere = sorted(
        {
            pod.namespace
            for pod in case.index.objects.pods
            if pod.bound
            and selected(guilty, pod.metadata.labels)
            and not in_scope(case, guilty, case.namespace, pod.namespace)
        }
    )
    keyless = not any(guilty.topology_key in node.metadata.labels for node in it.matching)
    itself = selected(guilty, dict(it.refused.pod.waiting.pod.shape.labels)) and it.refused.placed > 0
    if keyless:
        why = f"no node that it may use has the label {guilty.topology_key}"
    elif itself and not there:
        why = f"beside the first {it.refused.placed} of them there is no room for the next"
    elif there:
        why = f"those run on {', '.join(there[:4])}, where the pod finds no place"
    elif elsewhere:
        looked = ", ".join(guilty.namespaces) or case.namespace
        why = f"such pods run in {', '.join(elsewhere[:4])}, and the term looks in {looked} only"
    else:
        why = "no pod that runs has that"
    return about_room(
        "pod-affinity-unsatisfied",
        CauseVerdict.WAITING if there and any(True for _ in waits(it, it.matching)) else CauseVerdict.MISCONFIGURED,
        f"the pod has to run beside pods with {said(guilty)} (in one {guilty.topology_key}); {why}",
        it,
        together(_fixes(it, guilty, elsewhere), fewer(it, 4) if itself else (), waits(it, it.matching)),
        {"affinity": msgspec.to_builtins(guilty), "why": why},
    )


def _fixes(it: Placing, wrong: PodAffinityTerm, elsewhere: list[str]) -> Iterator[Proposal]:
    assert it.refused is not None  # noqa: S101  asked only then
    required = terms(it.refused.pod.spec, anti=False)
    cost = 0
    for what, right in (*_labels(it.case, wrong), *_namespaces(wrong, elsewhere)):
        changed = tuple(right if each is wrong else each for each in required)
        if it.fits(partial(_beside, required=changed)):
            body = {"affinity": {"podAffinity": {REQUIRED: [msgspec.to_builtins(each) for each in changed]}}}
            yield changed_pods(RemedyKind.FIX_SELECTOR, what, it.case, body, cost)
            cost += 1
    drop: dict[str, Any] = {"affinity": {"podAffinity": None}}
    yield changed_pods(RemedyKind.FIX_SELECTOR, "drop the podAffinity", it.case, drop, cost + 5)
    wishes = [{"weight": 100, "podAffinityTerm": msgspec.to_builtins(each)} for each in required]
    soft = {"affinity": {"podAffinity": {REQUIRED: None, PREFERRED: wishes}}}
    yield changed_pods(RemedyKind.FIX_SELECTOR, "prefer to run beside them, and do not require it", it.case, soft, 6)


def _labels(case: Case, wrong: PodAffinityTerm) -> Iterator[tuple[str, PodAffinityTerm]]:
    """The label value that pods in scope have and that is written nearly so."""
    selector = wrong.label_selector
    if selector is None:
        return
    running = [pod for pods in case.index.pods_on.values() for pod in pods]
    for key, value in sorted(selector.match_labels.items()):
        known = {
            pod.metadata.labels.get(key, "") for pod in running if in_scope(case, wrong, case.namespace, pod.namespace)
        } - {"", value}
        near = nearest(value, sorted(known))
        if near:
            labels = Selector(
                match_labels={**selector.match_labels, key: near}, match_expressions=selector.match_expressions
            )
            yield f"podAffinity label {key}={near}", msgspec.structs.replace(wrong, label_selector=labels)


def _namespaces(wrong: PodAffinityTerm, elsewhere: list[str]) -> Iterator[tuple[str, PodAffinityTerm]]:
    """The namespaces in which such pods run."""
    for namespace in elsewhere[:4]:
        names = (*wrong.namespaces, namespace)
        yield f"podAffinity namespaces: [{', '.join(names)}]", msgspec.structs.replace(wrong, namespaces=names)


def _beside(shape: PodShape, required: tuple[PodAffinityTerm, ...]) -> PodShape:
    read = pod_affinity(Affinity(pod_affinity=PodAffinity(required=required)), dict(shape.labels))
    return replace(shape, affinity=replace(shape.affinity, required=read.required))
