"""Selectors and tolerations: does this object match? Semantics of the Kubernetes API, `Gt`/`Lt` on integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from allotment.scheduling.placement.model import (
    NAME_FIELD,
    Effect,
    LabelSelector,
    NodeAffinity,
    NodeSelectorTerm,
    Operator,
    Requirement,
    Taint,
    Toleration,
)

_INT64 = 1 << 63


def _integer(text: str) -> int | None:
    # int() alone would take "1_0" and " 1", which the API server's parser refuses.
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(text)
    return number if -_INT64 <= number < _INT64 else None


def requirement_matches(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy one requirement."""
    operator = requirement.operator
    value = labels.get(requirement.key)
    if operator is Operator.IN:
        return value is not None and value in requirement.values
    if operator is Operator.NOT_IN:
        return value is None or value not in requirement.values
    if operator is Operator.EXISTS:
        return value is not None
    if operator is Operator.DOES_NOT_EXIST:
        return value is None
    if value is None or len(requirement.values) != 1:
        return False
    have, bound = _integer(value), _integer(requirement.values[0])
    if have is None or bound is None:
        return False
    return have > bound if operator is Operator.GT else have < bound


def selector_matches(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Whether the labels match; `None` matches nothing, a selector without requirements everything."""
    return selector is not None and all(requirement_matches(r, labels) for r in selector.requirements)


def _term_matches(term: NodeSelectorTerm, name: str, labels: Mapping[str, str]) -> bool:
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
    return affinity.required is None or any(_term_matches(t, name, labels) for t in affinity.required)


def node_preference(affinity: NodeAffinity, name: str, labels: Mapping[str, str]) -> int:
    """Sum of the weights of the preferred terms the node matches."""
    return sum(p.weight for p in affinity.preferred if _term_matches(p.term, name, labels))


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


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers one taint."""
    if toleration.effect is not None and toleration.effect is not taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.exists or toleration.value == taint.value


def has_untolerated(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> bool:
    """Whether a taint that keeps pods away (NoSchedule, NoExecute) is not tolerated."""
    return any(
        t.effect is not Effect.PREFER_NO_SCHEDULE and not any(tolerates(o, t) for o in tolerations) for t in taints
    )


def intolerable_preferences(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> int:
    """Number of PreferNoSchedule taints that are not tolerated."""
    return sum(t.effect is Effect.PREFER_NO_SCHEDULE and not any(tolerates(o, t) for o in tolerations) for t in taints)
