"""A pod as it was observed → its shape as the scheduler's twin sees it: node rules, rules between pods, ports.

What cannot be read (an operator or an effect that the API does not know) matches nothing, as in the scheduler, and is
noted.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from allotment.model.cluster import Taint, TaintEffect
from allotment.model.observed import pods as seen
from allotment.model.observed.base import LabelRequirement, Names, Selector
from allotment.model.observed.nodes import NodeTaint
from allotment.scheduling.kinds import Operator, Requirement, Toleration
from allotment.scheduling.placement.model import (
    AffinityTerm,
    HostPort,
    LabelSelector,
    NodeAffinity,
    NodeSelectorTerm,
    Pairs,
    PodAffinity,
    PreferredNodeTerm,
    SpreadConstraint,
    WeightedTerm,
)

_NEVER: Final = Requirement("", Operator.IN)
"""A condition that nothing meets."""
_EVERY_ADDRESS: Final = HostPort(0).ip
_OPERATORS: Final = {each.value: each for each in Operator}
_EFFECTS: Final = {each.value: each for each in TaintEffect}


def pairs(names: Names) -> Pairs:
    """Labels as the twin keeps them."""
    return tuple(sorted(names.items()))


def requirement(rule: LabelRequirement) -> Requirement:
    """One expression; one with an unknown operator matches nothing."""
    operator = _OPERATORS.get(rule.operator)
    return _NEVER if operator is None else Requirement(rule.key, operator, rule.values)


def label_selector(selector: Selector | None, further: Iterable[Requirement] = ()) -> LabelSelector | None:
    """A label selector, with further conditions."""
    if selector is None:
        return None
    equal = [Requirement(key, Operator.IN, (value,)) for key, value in sorted(selector.match_labels.items())]
    return LabelSelector((*equal, *map(requirement, selector.match_expressions), *further))


def node_term(term: seen.NodeSelectorTerm) -> NodeSelectorTerm:
    """One alternative of a node selector."""
    return NodeSelectorTerm(tuple(map(requirement, term.match_expressions)), tuple(map(requirement, term.match_fields)))


def node_terms(selector: seen.NodeSelector) -> tuple[NodeSelectorTerm, ...]:
    """All alternatives of a node selector."""
    return tuple(map(node_term, selector.node_selector_terms))


def node_affinity(spec: seen.PodSpec) -> NodeAffinity:
    """Where the pod may run and would like to."""
    rules = spec.affinity.node_affinity if spec.affinity else None
    if rules is None:
        return NodeAffinity(pairs(spec.node_selector)) if spec.node_selector else NodeAffinity()
    return NodeAffinity(
        pairs(spec.node_selector),
        None if rules.required is None else node_terms(rules.required),
        tuple(PreferredNodeTerm(each.weight, node_term(each.preference)) for each in rules.preferred),
    )


def pod_affinity(affinity: seen.Affinity | None, labels: Names) -> PodAffinity:
    """Rules towards other pods."""
    if affinity is None:
        return PodAffinity()
    to, away = affinity.pod_affinity or seen.PodAffinity(), affinity.pod_anti_affinity or seen.PodAffinity()
    return PodAffinity(
        tuple(_pod_term(each, labels) for each in to.required),
        tuple(_pod_term(each, labels) for each in away.required),
        tuple(WeightedTerm(each.weight, _pod_term(each.pod_affinity_term, labels)) for each in to.preferred),
        tuple(WeightedTerm(each.weight, _pod_term(each.pod_affinity_term, labels)) for each in away.preferred),
    )


def _pod_term(term: seen.PodAffinityTerm, labels: Names) -> AffinityTerm:
    # The API server writes these keys into the selector of a pod; a template still has them beside it.
    further = [
        *_of_own(term.match_label_keys, labels, Operator.IN),
        *_of_own(term.mismatch_label_keys, labels, Operator.NOT_IN),
    ]
    return AffinityTerm(
        term.topology_key,
        label_selector(term.label_selector, further),
        term.namespaces,
        label_selector(term.namespace_selector),
    )


def _of_own(keys: Iterable[str], labels: Names, operator: Operator) -> list[Requirement]:
    return [Requirement(key, operator, (labels[key],)) for key in keys if key in labels]


def spread_constraints(spec: seen.PodSpec, labels: Names) -> tuple[SpreadConstraint, ...]:
    """How the pod's like are to be spread."""
    return tuple(
        SpreadConstraint(
            each.topology_key,
            each.max_skew,
            each.when_unsatisfiable != "ScheduleAnyway",
            label_selector(each.label_selector, _of_own(each.match_label_keys, labels, Operator.IN)),
            each.min_domains or 1,
            each.node_affinity_policy != "Ignore",
            each.node_taints_policy == "Honor",
        )
        for each in spec.topology_spread_constraints
    )


def tolerations(spec: seen.PodSpec) -> tuple[tuple[Toleration, ...], tuple[str, ...]]:
    """What the pod tolerates, and notes on what the twin cannot compare."""
    read: list[Toleration] = []
    notes: list[str] = []
    for each in spec.tolerations:
        effect = _EFFECTS.get(each.effect)
        if each.operator not in {"", "Equal", "Exists"} or (each.effect and effect is None):
            notes.append(f"a toleration with operator {each.operator} and effect {each.effect or 'any'}")
            continue
        read.append(Toleration(each.key, each.operator == "Exists", each.value, effect))
    return tuple(read), tuple(notes)


@lru_cache(maxsize=1 << 12)
def taints(observed: tuple[NodeTaint, ...]) -> tuple[Taint, ...]:
    """A node's taints; one with an effect that the API does not know keeps nobody away."""
    return tuple(Taint(t.key, t.value, effect) for t in observed if (effect := _EFFECTS.get(t.effect)) is not None)


def host_ports(spec: seen.PodSpec) -> tuple[HostPort, ...]:
    """Ports on the node itself, of containers that stay."""
    containers = [*spec.containers, *(each for each in spec.init_containers if each.sidecar)]
    ports = [port for container in containers for port in container.ports if port.host_port > 0]
    return tuple(HostPort(each.host_port, each.protocol or "TCP", each.host_ip or _EVERY_ADDRESS) for each in ports)
