"""Scenario files of real kube-scheduler decisions: parsed JSON to our model.

Their units: milli-CPU, MiB for memory and ephemeral storage (bytes in the model), whole units for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.cluster import Taint, TaintEffect
from allotment.model.quantity import MIB
from allotment.scheduling.kinds import Operator, Requirement, Toleration
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
    Pairs,
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
FIRST_START = 1_701_000_000
"""Start time of the first placed pod, in Unix seconds; later than that of every existing one."""
_TOO_MUCH: Final = 1 << 62
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario without its answers."""

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


def _pairs(labels: Mapping[str, str] | None) -> Pairs:
    return tuple(sorted((labels or {}).items()))


def _requirements(items: Iterable[Json] | None) -> tuple[Requirement, ...]:
    return tuple(Requirement(i["key"], Operator(i["operator"]), tuple(i.get("values") or ())) for i in items or ())


def parse_selector(selector: Json | None) -> LabelSelector | None:
    """A Kubernetes label selector; absent stays `None` (matches nothing)."""
    if selector is None:
        return None
    exact = tuple(Requirement(k, Operator.IN, (v,)) for k, v in _pairs(selector.get("matchLabels")))
    return LabelSelector(exact + _requirements(selector.get("matchExpressions")))


def _node_term(term: Json) -> NodeSelectorTerm:
    return NodeSelectorTerm(_requirements(term.get("matchExpressions")), _requirements(term.get("matchFields")))


def _node_affinity(pod: Json) -> NodeAffinity:
    rules: Json = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required = rules.get(_REQUIRED)
    return NodeAffinity(
        _pairs(pod.get("nodeSelector")),
        None if required is None else tuple(_node_term(t) for t in required["nodeSelectorTerms"]),
        tuple(PreferredNodeTerm(p["weight"], _node_term(p["preference"])) for p in rules.get(_PREFERRED) or ()),
    )


def _affinity_term(term: Json) -> AffinityTerm:
    return AffinityTerm(
        term["topologyKey"],
        parse_selector(term.get("labelSelector")),
        tuple(sorted(term.get("namespaces") or ())),
        parse_selector(term.get("namespaceSelector")),
    )


def _affinity_terms(rules: Json | None) -> tuple[tuple[AffinityTerm, ...], tuple[WeightedTerm, ...]]:
    rules = rules or {}
    required = tuple(_affinity_term(t) for t in rules.get(_REQUIRED) or ())
    preferred = rules.get(_PREFERRED) or ()
    return required, tuple(WeightedTerm(p["weight"], _affinity_term(p["podAffinityTerm"])) for p in preferred)


def _pod_affinity(pod: Json) -> PodAffinity:
    affinity = pod.get("affinity") or {}
    required, preferred = _affinity_terms(affinity.get("podAffinity"))
    required_anti, preferred_anti = _affinity_terms(affinity.get("podAntiAffinity"))
    return PodAffinity(required, required_anti, preferred, preferred_anti)


def _spread(item: Json, labels: Mapping[str, str]) -> SpreadConstraint:
    return SpreadConstraint(
        item["topologyKey"],
        item["maxSkew"],
        item["whenUnsatisfiable"] == "DoNotSchedule",
        _with_label_keys(parse_selector(item.get("labelSelector")), item.get("matchLabelKeys") or (), labels),
        item.get("minDomains", 1),
        item.get("nodeAffinityPolicy", "Honor") == "Honor",
        item.get("nodeTaintsPolicy", "Ignore") == "Honor",
    )


def _with_label_keys(
    selector: LabelSelector | None, keys: Iterable[str], labels: Mapping[str, str]
) -> LabelSelector | None:
    """The selector that looks only at pods with the same values of these labels; keys the pod lacks are ignored."""
    if selector is None:
        return None
    same = tuple(Requirement(key, Operator.IN, (labels[key],)) for key in keys if key in labels)
    return LabelSelector(same + selector.requirements)


def _host_port(item: int | Json) -> HostPort:
    if isinstance(item, int):
        return HostPort(item)
    wildcard = HostPort(0)
    return HostPort(item["port"], item.get("protocol") or wildcard.protocol, item.get("hostIP") or wildcard.ip)


def _toleration(item: Json) -> Toleration:
    effect = item.get("effect")
    return Toleration(
        item.get("key", ""),
        item.get("operator", "Equal") == "Exists",
        item.get("value", ""),
        TaintEffect(effect) if effect else None,
    )


def _shape(pod: Json, claims: _Claims) -> PodShape:
    namespace = pod.get("namespace", "default")
    return PodShape(
        namespace=namespace,
        labels=_pairs(pod.get("labels")),
        requests=tuple(sorted(_amounts(pod.get("requests") or {}).items())),
        node_affinity=_node_affinity(pod),
        affinity=_pod_affinity(pod),
        tolerations=tuple(_toleration(t) for t in pod.get("tolerations") or ()),
        spread=tuple(_spread(c, pod.get("labels") or {}) for c in pod.get("topologySpreadConstraints") or ()),
        host_ports=tuple(_host_port(p) for p in pod.get("hostPorts") or ()),
        images=tuple(pod.get("images") or ()),
        volume_problem=claims.problem(namespace, pod.get("pvc")),
    )


def _pod(pod: Json, claims: _Claims, start: float) -> Pod:
    return Pod(
        pod["name"],
        _shape(pod, claims),
        pod.get("priority", 0),
        start,
        pod.get("preemptionPolicy") == "Never",
    )


def _amounts(given: Mapping[str, int]) -> Mapping[str, int]:
    """In the engine's units."""
    amounts = dict(given)
    for name in (MEMORY, EPHEMERAL_STORAGE):
        if name in amounts:
            amounts[name] *= MIB
            if amounts[name] >= _TOO_MUCH:
                raise InputError(f"{name}: {given[name]} MiB are more than there can be", fix="write it in MiB")
    return amounts


def _node(node: Json) -> Node:
    return Node(
        node["name"],
        _amounts(node["allocatable"]),
        node.get("labels") or {},
        tuple(Taint(t["key"], t.get("value", ""), TaintEffect(t["effect"])) for t in node.get("taints") or ()),
        bool(node.get("unschedulable")),
        node.get("images"),
    )


def _namespaces(described: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, str]]:
    # The API server labels every namespace with its name.
    return {name: {NAMESPACE_NAME_LABEL: name, **(labels or {})} for name, labels in described.items()}


def _budget(budget: Json) -> DisruptionBudget:
    return DisruptionBudget(
        budget["name"],
        parse_selector(budget.get("selector")),
        budget["disruptionsAllowed"],
        budget.get("namespace", "default"),
    )


def parse_scenario(data: Json) -> Scenario:
    """Read one scenario.

    Raises:
        InputError: a field is missing or has an impossible value.
    """
    try:
        claims = _Claims(
            {(c.get("namespace", "default"), c["name"]): c.get("storageClassName", "") for c in data.get("pvcs") or ()},
            frozenset(data.get("storage_classes_immediate") or ()),
        )
        return Scenario(
            data["id"],
            data.get("class", ""),
            tuple(_node(n) for n in data["nodes"]),
            tuple((_pod(p, claims, p["start"]), p["node"]) for p in data.get("existing") or ()),
            _namespaces(data.get("namespaces") or {}),
            tuple(_budget(b) for b in data.get("pdbs") or ()),
            tuple((_pod(p, claims, p["start"]), p["nominatedNodeName"]) for p in data.get("nominated") or ()),
            tuple(_pod(p, claims, FIRST_START + i) for i, p in enumerate(data["pods"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"scenario {data.get('id', '?')} cannot be read",
            why=f"{type(error).__name__}: {error}",
            fix="compare it with the description of the scenario format",
        ) from error


def recorded_picks(answer: Json) -> Sequence[str | None]:
    """The choices made at random among equals, one per attempt: the node bound to, or the node nominated."""
    return [a.get("node") or (a.get("preemption") or {}).get("nominated") for a in answer.get("attempts") or ()]
