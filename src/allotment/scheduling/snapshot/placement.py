"""The bridge from what was observed of a cluster to the scheduler's twin: its nodes, what runs there, who waits.

A pod that runs keeps only what the twin still asks of it: what it holds, its rank, its labels as far as some selector
of the snapshot names them, and its rules towards others. So pods that differ in nothing but a job's name share one
compiled shape, and 20,000 of them cost a second, not a minute. A pod that is to be placed is read in full when asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from allotment.model.grammar import count
from allotment.model.moments import seconds
from allotment.model.observed import nodes as observed_nodes
from allotment.model.observed import pods as observed_pods
from allotment.model.observed.base import Names
from allotment.model.observed.index import Index, differing
from allotment.model.observed.snapshot import Objects
from allotment.scheduling.placement.cycle import Options, Unschedulable, evaluate
from allotment.scheduling.placement.diagnosis import Diagnosis, event_text
from allotment.scheduling.placement.model import DisruptionBudget, Node, Pairs, Pod, PodShape
from allotment.scheduling.placement.preemption import preempt
from allotment.scheduling.placement.reasons import Reason, Refusal
from allotment.scheduling.placement.state import ClusterState
from allotment.scheduling.snapshot import placement_shapes as read
from allotment.scheduling.snapshot.placement_labels import (
    KeptLabels,
    asked_by,
    asks,
    changed_since,
    kept_labels,
)
from allotment.scheduling.snapshot.placement_volumes import volume_rules
from allotment.scheduling.snapshot.pods import AskedFor, asked_for, request_pairs
from allotment.scheduling.snapshot.quantities import all_units

DEFAULT_SCHEDULER: Final = "default-scheduler"
_NEVER: Final = "Never"
_EVERY_NODE: Final = Options(sampled=False)
"""An answer looks at every node; only the real scheduler saves the time."""
_NOT_STARTED: Final = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class PlacementView:
    """One cluster as the scheduler's twin sees it.

    Attributes:
        index: what was observed.
        state: the twin's state; changed only between a checkpoint and its rollback.
        budgets: PodDisruptionBudgets.
        kept: labels of running pods that are kept; selectors over others would see none.
        unmodelled: what was seen of the cluster and is not in the twin.
        resting: running pods as the twin has them.
        twins: nodes as the twin has them.
        answers: what was found out on the state, by its edition; `placement_trials` keeps it.
    """

    index: Index
    state: ClusterState
    budgets: tuple[DisruptionBudget, ...]
    kept: KeptLabels
    unmodelled: tuple[str, ...]
    resting: RestingPods
    twins: NodeTwins
    answers: dict[object, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaitingPod:
    """A pod to be placed.

    Attributes:
        pod: as the twin takes it.
        nominated: node that an earlier preemption made room on; empty without.
        unmodelled: what it asks for and the twin does not look at.
    """

    pod: Pod
    nominated: str = ""
    unmodelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """The pod fits.

    Attributes:
        node: where it would go.
        best: nodes of the same score, of which the scheduler takes any.
        feasible: number of nodes that it fits on.
    """

    node: str
    best: tuple[str, ...]
    feasible: int
    unmodelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoPlace:
    """The pod fits nowhere.

    Attributes:
        message: what the scheduler writes in the event and the pod's condition.
        nodes: number of nodes.
        rejection: set where the pod was refused before any node was looked at.
        refusals: what nodes answered, and which; in the order of the scheduler's filters.
        histogram: number of nodes by reason.
        victims: pods (namespace/name) that would be preempted for it, on `nominated`; empty = preemption does not help.
    """

    message: str
    nodes: int
    rejection: Refusal | None
    refusals: tuple[tuple[Refusal, tuple[str, ...]], ...]
    histogram: Mapping[Reason, int]
    victims: tuple[str, ...] = ()
    nominated: str = ""
    unmodelled: tuple[str, ...] = ()


def placement_view(index: Index, before: PlacementView | None = None) -> PlacementView:
    """Bridge a source.

    Args:
        index: of the source; what cannot be used of it is named in `unmodelled`.
        before: of the source that this one was made of by a change; where nodes and what runs there are the same, so
            is the twin's state.
    """
    objects = index.objects
    kept = _kept(index, before)
    if before is not None and _stands(index, before, kept):
        return replace(before, index=index)
    twins = NodeTwins() if before is None else before.twins
    state = ClusterState(
        [twins(each) for each in index.nodes.values()],
        {each.name: each.metadata.labels for each in objects.namespaces},
    )
    notes = list(_missing(index))
    homeless = 0
    bound: dict[str, tuple[Pod, int]] = {}
    resting = RestingPods(index, kept)
    if before is not None and resting.alike(before.resting):
        resting.follow(before.resting)
    for name, pods in index.pods_on.items():
        at = state.nodes.index.get(name)
        if at is None:
            homeless += len(pods)
            continue
        for pod in pods:
            twin = resting(pod)
            bound.setdefault(twin.key, (twin, at))
    state.fill(bound)
    if homeless and state.nodes.count:
        notes.append(f"{count(homeless, 'pod')} on nodes that were not seen")
    view = PlacementView(index, state, _budgets(objects), kept, tuple(notes), resting, twins)
    for pod in objects.pods:
        nominated = state.nodes.index.get(pod.status.nominated_node_name)
        if nominated is not None and is_waiting(pod):
            state.promise(waiting_pod(view, pod).pod, nominated)
    return view


def _kept(index: Index, before: PlacementView | None) -> KeptLabels:
    if before is None or not index.same("disruption_budgets"):
        return kept_labels(index.objects)
    if not asks(changed_since(index.objects, before.index.objects)):
        return before.kept
    return kept_labels(index.objects)


def _stands(index: Index, before: PlacementView, kept: KeptLabels) -> bool:
    """Whether nodes, what runs on them, and what else the twin's state is made of are as they were."""
    now, then = index.source, before.index.source
    if not index.same("nodes", "namespaces", "disruption_budgets", "priority_classes") or kept != before.kept:
        return False
    if before.state.promised or (now.gaps, now.namespaces) != (then.gaps, then.namespaces):
        return False
    return not any(
        pod.bound or (pod.status.nominated_node_name and is_waiting(pod))
        for pod in differing(now.objects.pods, then.objects.pods)
    )


def is_waiting(pod: observed_pods.Pod) -> bool:
    """Whether the default scheduler looks at the pod: it has no node, no gate, and no scheduler of its own."""
    return (
        not pod.spec.node_name
        and not pod.ended
        and not pod.metadata.deletion_timestamp
        and not pod.spec.scheduling_gates
        and pod.spec.scheduler_name in {"", DEFAULT_SCHEDULER}
    )


def node_of(node: observed_nodes.Node) -> Node:
    """A node; whether it is ready is in its taints, where the scheduler looks for it too."""
    return Node(
        node.name,
        all_units(node.status.allocatable),
        node.metadata.labels,
        read.taints(node.spec.taints),
        node.spec.unschedulable,
    )


def waiting_pod(view: PlacementView, pod: observed_pods.Pod) -> WaitingPod:
    """A pod as it waits."""
    shape, notes = shape_of(view, pod.namespace, pod.name, pod.metadata.labels, pod.spec)
    twin = Pod(pod.name, shape, _priority(view.index, pod.spec), _NOT_STARTED, _never_preempts(view.index, pod.spec))
    return WaitingPod(twin, pod.status.nominated_node_name, notes)


def template_pod(view: PlacementView, namespace: str, name: str, template: observed_pods.PodTemplate) -> WaitingPod:
    """A pod that does not exist yet, as a template would make it.

    Args:
        view: the cluster.
        namespace: of the pod.
        name: of the pod; must not be taken.
        template: what it is made from.
    """
    spec = template.spec
    shape, notes = shape_of(view, namespace, name, template.metadata.labels, spec)
    twin = Pod(name, shape, _priority(view.index, spec), _NOT_STARTED, _never_preempts(view.index, spec))
    return WaitingPod(twin, unmodelled=notes)


def template_pods(
    view: PlacementView, namespace: str, names: Sequence[str], template: observed_pods.PodTemplate
) -> Iterator[WaitingPod]:
    """Pods that do not exist yet, all of one template; what they have in common is read once.

    Args:
        view: the cluster.
        namespace: of the pods.
        names: of each; must not be taken.
        template: what they are made from.
    """
    by_name = any(each.ephemeral is not None for each in template.spec.volumes)
    first: WaitingPod | None = None
    for name in names:
        if first is None or by_name:
            first = template_pod(view, namespace, name, template)
        yield first if first.pod.name == name else replace(first, pod=replace(first.pod, name=name))


def shape_of(
    view: PlacementView, namespace: str, name: str, labels: Names, spec: observed_pods.PodSpec
) -> tuple[PodShape, tuple[str, ...]]:
    """Everything that placement looks at, and notes on what it does not."""
    tolerated, notes = read.tolerations(spec)
    volumes = volume_rules(view.index, namespace, name, spec)
    shape = PodShape(
        namespace,
        read.pairs(labels),
        request_pairs(asked_for(spec)),
        read.node_affinity(spec),
        read.pod_affinity(spec.affinity, labels),
        tolerated,
        read.spread_constraints(spec, labels),
        read.host_ports(spec),
        volume_problem=volumes.problem,
        volumes=tuple(dict.fromkeys(volumes.places)),
    )
    unseen = {each[0] for each in asked_by(spec, labels) if not view.kept.knows(each)}
    further = [f"running pods by label {key}" for key in sorted(unseen)]
    return shape, (*notes, *volumes.notes, *_devices(view.index, namespace, spec), *_group(spec), *further)


def place(view: PlacementView, waiting: WaitingPod) -> FoundPlace | NoPlace:
    """Where the pod would go now, or what every node says to it. Nothing is changed.

    Args:
        view: the cluster.
        waiting: the pod.
    """
    state = view.state
    notes = (*view.unmodelled, *waiting.unmodelled)
    nodes = state.nodes.nodes
    found = evaluate(state, waiting.pod, state.nodes.index.get(waiting.nominated), _EVERY_NODE)
    if not isinstance(found, Unschedulable):
        best = tuple(nodes[at].name for at in found.best)
        return FoundPlace(best[0], best, len(found.feasible), notes)
    outcome = preempt(state, waiting.pod, found, view.budgets)
    chosen = outcome.best[0] if outcome.best else None
    return NoPlace(
        message=event_text(found.diagnosis, outcome.report),
        nodes=found.diagnosis.nodes,
        rejection=found.diagnosis.rejection,
        refusals=_named(found.diagnosis, state),
        histogram=found.diagnosis.histogram(),
        victims=tuple(each.pod.key for each in chosen.victims) if chosen else (),
        nominated=nodes[chosen.node].name if chosen else "",
        unmodelled=notes,
    )


def _named(diagnosis: Diagnosis, state: ClusterState) -> tuple[tuple[Refusal, tuple[str, ...]], ...]:
    names = tuple(state.nodes.index)
    ordered = sorted(diagnosis.refusals.items(), key=lambda each: each[0].reasons)
    return tuple((refused, tuple(names[at] for at in where.tolist())) for refused, where in ordered)


class NodeTwins:
    """Nodes as the twin has them, each read once for all views that have the very same."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        """None is read yet."""
        self._known: dict[int, tuple[observed_nodes.Node, Node]] = {}

    def __call__(self, node: observed_nodes.Node) -> Node:
        """A node as the twin has it."""
        found = self._known.get(id(node))
        if found is None or found[0] is not node:
            found = self._known[id(node)] = (node, node_of(node))
        return found[1]


class RestingPods:
    """Pods that run, in the least that the twin still asks of them; what many have in common is made once."""

    __slots__ = ("_index", "_kept", "_known", "_plain", "_shapes")

    def __init__(self, index: Index, kept: KeptLabels) -> None:
        """Of a source; `kept` are labels that are kept."""
        self._index = index
        self._kept = kept
        self._shapes: dict[PodShape, PodShape] = {}
        self._plain: dict[tuple[str, Pairs, AskedFor], PodShape] = {}
        self._known: dict[int, tuple[observed_pods.Pod, Pod]] = {}

    def alike(self, other: RestingPods) -> bool:
        """Whether the other makes the same of a pod."""
        return (
            self._kept == other._kept and self._index.objects.priority_classes is other._index.objects.priority_classes
        )

    def follow(self, other: RestingPods) -> None:
        """Take over what the other has made."""
        self._shapes, self._known, self._plain = other._shapes, other._known, other._plain

    def __call__(self, pod: observed_pods.Pod) -> Pod:
        """A pod as the twin has it."""
        found = self._known.get(id(pod))
        if found is None or found[0] is not pod:
            found = self._known[id(pod)] = (pod, self._made(pod))
        return found[1]

    def _made(self, pod: observed_pods.Pod) -> Pod:
        shape = self._shape(pod)
        return Pod(pod.name, shape, _priority(self._index, pod.spec), seconds(pod.status.start_time, _NOT_STARTED))

    def _shape(self, pod: observed_pods.Pod) -> PodShape:
        spec, labels = pod.spec, pod.metadata.labels
        kept, asked, ports = self._kept.of(labels), asked_for(spec), read.host_ports(spec)
        plain = None if spec.affinity is not None or ports else (pod.namespace, kept, asked)
        found = None if plain is None else self._plain.get(plain)
        if found is None:
            rules = read.pod_affinity(spec.affinity, labels)
            found = PodShape(pod.namespace, kept, request_pairs(asked), affinity=rules, host_ports=ports)
            found = self._shapes.setdefault(found, found)
            if plain is not None:
                self._plain[plain] = found
        return found


def _priority(index: Index, spec: observed_pods.PodSpec) -> int:
    if spec.priority is not None:
        return spec.priority
    named = index.priority_classes.get(spec.priority_class_name)
    if named is None and not spec.priority_class_name:
        named = next((each for each in index.objects.priority_classes if each.global_default), None)
    return named.value if named is not None else 0


def _never_preempts(index: Index, spec: observed_pods.PodSpec) -> bool:
    if spec.preemption_policy:
        return spec.preemption_policy == _NEVER
    named = index.priority_classes.get(spec.priority_class_name)
    return named is not None and named.preemption_policy == _NEVER


def _budgets(objects: Objects) -> tuple[DisruptionBudget, ...]:
    return tuple(
        DisruptionBudget(
            each.name, read.label_selector(each.spec.selector), each.status.disruptions_allowed, each.namespace
        )
        for each in objects.disruption_budgets
    )


def _missing(index: Index) -> Iterator[str]:
    needed = {
        "nodes": "nodes could not be read: nothing is known of room",
        "pods": "not all pods could be read: nodes may be fuller than they look",
        "namespaces": "labels of namespaces could not be read",
        "poddisruptionbudgets": "disruption budgets could not be read",
    }
    hidden = {gap.what for gap in index.source.gaps}
    yield from (note for what, note in needed.items() if what in hidden)
    if index.source.namespaces:
        yield "only some namespaces were read: nodes may be fuller than they look"


def _devices(index: Index, namespace: str, spec: observed_pods.PodSpec) -> Iterator[str]:
    for each in spec.resource_claims:
        claim = index.resource_claims.get(f"{namespace}/{each.resource_claim_name}")
        if claim is None:
            yield f"devices of claim {each.resource_claim_name or each.resource_claim_template_name} (DRA)"
        else:
            state = "allocated" if claim.status.allocation is not None else "not allocated"
            yield f"devices of claim {claim.name} (DRA), which is {state}"


def _group(spec: observed_pods.PodSpec) -> Iterator[str]:
    if spec.scheduling_group is not None and spec.scheduling_group.pod_group_name:
        yield f"pod group {spec.scheduling_group.pod_group_name}: its pods are placed together"
