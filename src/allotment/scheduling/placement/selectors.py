"""Selectors: does this object match? Semantics of the Kubernetes API."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.scheduling.kinds import Operator, requirement_matches
from allotment.scheduling.placement.model import NAME_FIELD, LabelSelector, NodeAffinity, NodeSelectorTerm


def selector_matches(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Whether the labels match; `None` matches nothing, a selector without requirements everything."""
    return selector is not None and all(requirement_matches(r, labels) for r in selector.requirements)


def term_matches(term: NodeSelectorTerm, name: str, labels: Mapping[str, str]) -> bool:
    """Whether a node matches all conditions of a term; one without conditions matches no node."""
    if not term.expressions and not term.fields:
        return False
    fields = {NAME_FIELD: name}
    return all(requirement_matches(r, labels) for r in term.expressions) and all(
        requirement_matches(r, fields) for r in term.fields
    )


def node_admitted(affinity: NodeAffinity, name: str, labels: Mapping[str, str]) -> bool:
    """Whether `nodeSelector` and the required node affinity admit the node."""
    if any(labels.get(key) != value for key, value in affinity.selector):
        return False
    return affinity.required is None or any(term_matches(t, name, labels) for t in affinity.required)


def named_nodes(affinity: NodeAffinity) -> frozenset[str] | None:
    """The node names the required affinity is limited to; `None` if any node may match.

    An empty set means that every alternative contradicts itself.
    """
    if not affinity.required:
        return None
    names: set[str] = set()
    for term in affinity.required:
        exact = [set(r.values) for r in term.fields if r.key == NAME_FIELD and r.operator is Operator.IN]
        if not exact:
            return None
        names |= set.intersection(*exact)
    return frozenset(names)
