"""What the rules about affinity and spread share: terms in words, whom they are about, and softer forms of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case
from allotment.model.observed.base import Names
from allotment.model.observed.pods import Pod, PodAffinityTerm, PodSpec
from allotment.scheduling.placement.selectors import selector_matches
from allotment.scheduling.snapshot.placement_shapes import label_selector

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"


def terms(spec: PodSpec, *, anti: bool) -> tuple[PodAffinityTerm, ...]:
    """Required terms of a pod."""
    if spec.affinity is None:
        return ()
    rules = spec.affinity.pod_anti_affinity if anti else spec.affinity.pod_affinity
    return () if rules is None else rules.required


def selected(term: PodAffinityTerm, labels: Names) -> bool:
    """Whether a term's selector matches labels; one without a selector matches none."""
    return term.label_selector is not None and selector_matches(label_selector(term.label_selector), labels)


def in_scope(case: Case, term: PodAffinityTerm, own: str, namespace: str) -> bool:
    """Whether a term looks into a namespace."""
    if not term.namespaces and term.namespace_selector is None:
        return namespace == own
    found = case.index.namespaces.get(namespace)
    labels = found.metadata.labels if found is not None else {}
    by_label = term.namespace_selector is not None and selector_matches(label_selector(term.namespace_selector), labels)
    return namespace in term.namespaces or by_label


def meant_by(case: Case, term: PodAffinityTerm) -> Iterator[Pod]:
    """Running pods that a term is about."""
    for pods in case.index.pods_on.values():
        for pod in pods:
            if selected(term, pod.metadata.labels) and in_scope(case, term, case.namespace, pod.namespace):
                yield pod


def said(term: PodAffinityTerm) -> str:
    """A term in words."""
    selector = term.label_selector
    if selector is None:
        return "no pods"
    pairs = [f"{key}={value}" for key, value in sorted(selector.match_labels.items())]
    pairs += [f"{each.key} {each.operator} {', '.join(each.values)}".rstrip() for each in selector.match_expressions]
    return ", ".join(pairs) or "any label"


def softer(field: str, required: Iterable[PodAffinityTerm]) -> dict[str, Any]:
    """The patch that makes a pod's required terms its wishes."""
    wishes = [{"weight": 100, "podAffinityTerm": msgspec.to_builtins(each)} for each in required]
    return {"affinity": {field: {REQUIRED: None, PREFERRED: wishes}}}
