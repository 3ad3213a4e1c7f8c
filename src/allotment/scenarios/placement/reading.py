"""Scenario files of real kube-scheduler decisions: parsed JSON to our model.

Their units: milli-CPU, MiB for memory and ephemeral storage (bytes in the model), whole units for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.quantity import MIB
from allotment.scenarios.checks import check_names
from allotment.scenarios.fields import read_labels, read_requirements, read_taints, read_tolerations
from allotment.scenarios.parsing import parsed, unknown_name
from allotment.scenarios.placement.fields import (
    BudgetFields,
    HostPortFields,
    NodeAffinityFields,
    NodeTermFields,
    PlacementNodeFields,
    PlacementScenarioFields,
    PodAffinityFields,
    PodFields,
    PodTermFields,
    SelectorFields,
    SpreadFields,
)
from allotment.scheduling.kinds import Operator, Requirement
from allotment.scheduling.placement.model import (
    EPHEMERAL_STORAGE,
    MEMORY,
    NAMESPACE_NAME_LABEL,
    AffinityTerm,
    DisruptionBudget,
    HostPort,
    LabelSelector,
    MissingClaim,
    Node,
    NodeAffinity,
    NodeSelectorTerm,
    Pod,
    PodAffinity,
    PodShape,
    PreferredNodeTerm,
    SpreadConstraint,
    UnboundImmediateClaim,
    VolumeProblem,
    WeightedTerm,
)

Json = Mapping[str, Any]
FIRST_START: Final = 1_701_000_000
"""Start time of the first placed pod, in Unix seconds; later than that of every existing one."""
_TOO_MUCH: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class PlacementScenario:
    """A cluster and the pods to be placed on it, without recorded answers.

    Attributes:
        promised: pods that were promised a node, with its name.
    """

    id: str
    kind: str
    nodes: tuple[Node, ...]
    existing: tuple[tuple[Pod, str], ...]
    namespaces: Mapping[str, Mapping[str, str]]
    budgets: tuple[DisruptionBudget, ...]
    promised: tuple[tuple[Pod, str], ...]
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True)
class _Claims:
    known: Mapping[tuple[str, str], str]
    immediate: frozenset[str]

    def problem(self, namespace: str, claim: str | None) -> VolumeProblem | None:
        if claim is None:
            return None
        storage_class = self.known.get((namespace, claim))
        if storage_class is None:
            return MissingClaim(claim)
        # Without a storage class a claim cannot wait for its first consumer either.
        return UnboundImmediateClaim(claim) if not storage_class or storage_class in self.immediate else None


def read_placement(raw: Json) -> PlacementScenario:
    """Scenario from its parsed JSON; recorded answers in it are ignored.

    Raises:
        InputError: it is not of the format, or a pod is there twice or on no node; the field is named.
    """
    found = parsed(raw, PlacementScenarioFields)
    _check(found)
    claims = _Claims(
        {(each.namespace, each.name): each.storage_class_name for each in found.pvcs},
        frozenset(found.storage_classes_immediate),
    )
    return PlacementScenario(
        found.id,
        found.kind,
        tuple(_node(each) for each in found.nodes),
        tuple((_pod(each, claims, each.start), each.node) for each in found.existing),
        # The API server labels every namespace with its name.
        {name: {NAMESPACE_NAME_LABEL: name, **labels} for name, labels in found.namespaces.items()},
        tuple(_budget(each) for each in found.pdbs),
        tuple((_pod(each, claims, each.start), each.nominated_node_name) for each in found.nominated),
        tuple(_pod(each, claims, FIRST_START + index) for index, each in enumerate(found.pods)),
    )


def _check(scenario: PlacementScenarioFields) -> None:
    check_names(scenario.nodes, "nodes")
    nodes = {node.name for node in scenario.nodes}
    for index, existing in enumerate(scenario.existing):
        if existing.node not in nodes:
            raise unknown_name(f"existing[{index}].node", existing.node, nodes, "nodes")
    for index, nominated in enumerate(scenario.nominated):
        if nominated.nominated_node_name not in nodes:
            raise unknown_name(f"nominated[{index}].nominatedNodeName", nominated.nominated_node_name, nodes, "nodes")
    seen: set[tuple[str, str]] = set()
    parts: tuple[tuple[str, Sequence[PodFields]], ...] = (
        ("existing", scenario.existing),
        ("nominated", scenario.nominated),
        ("pods", scenario.pods),
    )
    for part, pods in parts:
        for index, pod in enumerate(pods):
            key = (pod.namespace, pod.name)
            if key in seen:
                raise InputError(f"{part}[{index}]: a second pod {'/'.join(key)}", fix="give each its own name")
            seen.add(key)


def _selector(selector: SelectorFields | None) -> LabelSelector | None:
    """A Kubernetes label selector; absent stays `None` (matches nothing)."""
    if selector is None:
        return None
    exact = tuple(Requirement(key, Operator.IN, (value,)) for key, value in read_labels(selector.match_labels))
    return LabelSelector(exact + read_requirements(selector.match_expressions))


def _node_term(term: NodeTermFields) -> NodeSelectorTerm:
    return NodeSelectorTerm(read_requirements(term.match_expressions), read_requirements(term.match_fields))


def _node_affinity(affinity: NodeAffinityFields, node_selector: Mapping[str, str]) -> NodeAffinity:
    required = affinity.required
    return NodeAffinity(
        read_labels(node_selector),
        None if required is None else tuple(_node_term(each) for each in required.node_selector_terms),
        tuple(PreferredNodeTerm(each.weight, _node_term(each.preference)) for each in affinity.preferred),
    )


def _affinity_term(term: PodTermFields) -> AffinityTerm:
    return AffinityTerm(
        term.topology_key,
        _selector(term.label_selector),
        tuple(sorted(term.namespaces)),
        _selector(term.namespace_selector),
    )


def _affinity_terms(affinity: PodAffinityFields) -> tuple[tuple[AffinityTerm, ...], tuple[WeightedTerm, ...]]:
    return tuple(_affinity_term(each) for each in affinity.required), tuple(
        WeightedTerm(each.weight, _affinity_term(each.pod_affinity_term)) for each in affinity.preferred
    )


def _pod_affinity(pod: PodFields) -> PodAffinity:
    required, preferred = _affinity_terms(pod.affinity.pod_affinity)
    required_anti, preferred_anti = _affinity_terms(pod.affinity.pod_anti_affinity)
    return PodAffinity(required, required_anti, preferred, preferred_anti)


def _spread(constraint: SpreadFields, labels: Mapping[str, str]) -> SpreadConstraint:
    return SpreadConstraint(
        constraint.topology_key,
        constraint.max_skew,
        constraint.when_unsatisfiable == "DoNotSchedule",
        _with_label_keys(_selector(constraint.label_selector), constraint.match_label_keys, labels),
        constraint.min_domains,
        constraint.node_affinity_policy == "Honor",
        constraint.node_taints_policy == "Honor",
    )


def _with_label_keys(
    selector: LabelSelector | None, keys: Iterable[str], labels: Mapping[str, str]
) -> LabelSelector | None:
    """The selector that looks only at pods with the same values of these labels; keys the pod lacks are ignored."""
    if selector is None:
        return None
    same = tuple(Requirement(key, Operator.IN, (labels[key],)) for key in keys if key in labels)
    return LabelSelector(same + selector.requirements)


def _host_port(port: int | HostPortFields) -> HostPort:
    if isinstance(port, int):
        return HostPort(port)
    wildcard = HostPort(0)
    return HostPort(port.port, port.protocol or wildcard.protocol, port.host_ip or wildcard.ip)


def _shape(pod: PodFields, claims: _Claims) -> PodShape:
    return PodShape(
        namespace=pod.namespace,
        labels=read_labels(pod.labels),
        requests=tuple(sorted(_amounts(pod.requests).items())),
        node_affinity=_node_affinity(pod.affinity.node_affinity, pod.node_selector),
        affinity=_pod_affinity(pod),
        tolerations=read_tolerations(pod.tolerations),
        spread=tuple(_spread(each, pod.labels) for each in pod.topology_spread_constraints),
        host_ports=tuple(_host_port(each) for each in pod.host_ports),
        images=pod.images,
        volume_problem=claims.problem(pod.namespace, pod.pvc),
    )


def _pod(pod: PodFields, claims: _Claims, start: float) -> Pod:
    return Pod(pod.name, _shape(pod, claims), pod.priority, start, pod.preemption_policy == "Never")


def written_amount(name: str, amount: int) -> int:
    """An amount of the engine's as the format counts it."""
    return amount // MIB if name in {MEMORY, EPHEMERAL_STORAGE} else amount


def _amounts(given: Mapping[str, int]) -> Mapping[str, int]:
    """In the engine's units."""
    amounts = dict(given)
    for name in (MEMORY, EPHEMERAL_STORAGE):
        if name in amounts:
            amounts[name] *= MIB
            if amounts[name] >= _TOO_MUCH:
                raise InputError(f"{name}: {given[name]} MiB are more than there can be", fix="write it in MiB")
    return amounts


def _node(node: PlacementNodeFields) -> Node:
    return Node(
        node.name, _amounts(node.allocatable), node.labels, read_taints(node.taints), node.unschedulable, node.images
    )


def _budget(budget: BudgetFields) -> DisruptionBudget:
    return DisruptionBudget(budget.name, _selector(budget.selector), budget.disruptions_allowed, budget.namespace)


def recorded_picks(answer: Json) -> Sequence[str | None]:
    """The choices made at random among equals, one per attempt: the node bound to, or the node nominated."""
    return [a.get("node") or (a.get("preemption") or {}).get("nominated") for a in answer.get("attempts") or ()]
