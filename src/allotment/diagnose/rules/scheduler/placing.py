"""Whether the scheduler's twin finds a place for what the subject still has to place, and what alone keeps it.

What the scheduler has to place are the pods that wait for it; where none exist yet, the pods to come, with what Kueue
puts in at admission. The pods of a subject are placed one after the other, as a gang needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeVar

import numpy as np

from allotment.diagnose.case import Case
from allotment.diagnose.emptied import with_flavors
from allotment.diagnose.gangs import one_by_one
from allotment.diagnose.others import pods_of
from allotment.diagnose.rules.scheduler.daemons import without_nodes
from allotment.diagnose.rules.scheduler.reshaping import asking, without_volumes
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import PodSpec, PodTemplate
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import DaemonSet
from allotment.scheduling.placement.model import PodShape
from allotment.scheduling.placement.nodes import Bools
from allotment.scheduling.placement.reasons import Kind
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.snapshot.attempts import AttemptOutcome
from allotment.scheduling.snapshot.placement import (
    NoPlace,
    PlacementView,
    WaitingPod,
    is_waiting,
    template_pods,
    waiting_pod,
)
from allotment.scheduling.snapshot.placement_trials import Likeness, kept, likeness, tried

T = TypeVar("T")
Change = Callable[[PodShape], PodShape]
"""A pod as it would be."""
_MOST: Final = 512
"""Pods of one template that are placed: more of the same tell nothing new."""
_BASIC: Final = frozenset({"cpu", "memory", "ephemeral-storage", "pods"})
_OF_CLASS: Final = "deviceclass.resource.kubernetes.io/"
_ACCELERATORS: Final = ("gpu", "mig-", "tpu", "neuron", "gaudi", "npu")


@dataclass(frozen=True, slots=True)
class ToPlace:
    """A pod that the scheduler has to place, with its spec as the scheduler gets it."""

    waiting: WaitingPod
    spec: PodSpec

    @property
    def requests(self) -> dict[str, int]:
        """What it asks for."""
        return dict(self.waiting.pod.shape.requests)

    def named(self, name: str) -> ToPlace:
        """The same under another name."""
        return replace(self, waiting=replace(self.waiting, pod=replace(self.waiting.pod, name=name)))

    def ranked(self, priority: int) -> ToPlace:
        """The same with another priority, by which it may preempt."""
        pod = replace(self.waiting.pod, priority=priority, never_preempts=False)
        return replace(self, waiting=replace(self.waiting, pod=pod))


@dataclass(frozen=True, slots=True)
class Unplaced:
    """The first pod that finds no place, after `placed` others have."""

    pod: ToPlace
    placed: int
    answer: NoPlace


class _Sizes(dict[str, dict[str, int]]):
    """What nodes have for pods in the twin's units, by resource and node."""


class Placing:
    """What the twin says of one case; everything is found when first asked for."""

    def __init__(self, case: Case, pods: tuple[ToPlace, ...] | None = None) -> None:
        """Of a case; with other pods than its own, to try another shape of it."""
        self.case = case
        self._given = pods

    @cached_property
    def view(self) -> PlacementView:
        """The cluster as it is."""
        return self.case.twins.placement

    @cached_property
    def pods(self) -> tuple[ToPlace, ...]:
        """What is to be placed; none where pods are not to be made yet, or nodes are not known."""
        case = self.case
        if self._given is not None:
            return self._given
        if case.elsewhere or not case.seen("nodes") or not case.seen_everywhere("pods"):
            return ()
        if not case.index.nodes and not case.index.objects.karpenter_node_pools:
            return ()  # an autoscaler that runs elsewhere makes a whole fleet from nothing
        waiting = [pod for pod in case.waiting_pods if is_waiting(pod)]
        if waiting:
            return tuple(ToPlace(waiting_pod(self.view, pod), pod.spec) for pod in waiting[:_MOST])
        if isinstance(case.subject, DaemonSet):
            return tuple(self._of_daemon(case.subject))
        made = any(not (case.supposed and pod.spec.scheduling_gates) for pod in case.pods)
        if made or case.workload is None or case.workload.says("Finished"):
            return ()
        return tuple(self._to_come(case.workload))

    def _to_come(self, workload: Workload) -> Iterator[ToPlace]:
        flavors, counts = flavors_of(self.case, workload), counts_of(self.case, workload)
        for part in workload.spec.pod_sets:
            if part.name not in flavors:
                return
            template = with_flavors(self.case.index, part.template, flavors[part.name])
            count = min(counts.get(part.name, part.count), _MOST)
            names = [f"{workload.name}-{part.name}-{number}" for number in range(count)]
            for each in template_pods(self.view, workload.namespace, names, template):
                yield ToPlace(each, template.spec)

    def _of_daemon(self, each: DaemonSet) -> Iterator[ToPlace]:
        """One pod of a DaemonSet for which its controller has found no node."""
        template = None if self.case.pods else without_nodes(each)
        if template is not None:
            for made in template_pods(self.view, each.namespace, [f"{each.name}-0"], template):
                yield ToPlace(made, template.spec)

    @cached_property
    def refused(self) -> Unplaced | None:
        """The first pod that finds no place; None if all do, if need be by preemption."""
        return self.first_refused()

    def victims(self, gone: Iterable[str] = ()) -> tuple[str, ...]:
        """Running pods (namespace/name) that the scheduler preempts so that all find a place; none if they do not.

        Args:
            gone: running pods (namespace/name) that would have ended.
        """
        trial = tried(self.view, self._waiting, (*gone, *self._turned_out))
        return () if trial.refused is not None else trial.victims

    def first_refused(
        self, change: Change | None = None, *, view: PlacementView | None = None, gone: Iterable[str] = ()
    ) -> Unplaced | None:
        """The first pod without a place, if pods or the cluster were changed.

        Args:
            change: of every pod that is to be placed.
            view: another cluster.
            gone: running pods (namespace/name) that would have ended.
        """
        pods = self._waiting if change is None else reshaped(self._waiting, change)
        trial = tried(view or self.view, pods, (*gone, *self._turned_out))
        return None if trial.refused is None else Unplaced(self.pods[trial.placed], trial.placed, trial.refused)

    @cached_property
    def _turned_out(self) -> tuple[str, ...]:
        """Pods (namespace/name) of the work that Kueue would preempt for a subject that is supposed: they make room."""
        case, workload = self.case, self.case.workload
        if not case.supposed or workload is None or workload.holds_quota or case.local_queue is None:
            return ()
        victims = (case.index.workloads.get(each.workload) for each in case.twins.attempt(workload.key).victims)
        return tuple(pod.key for each in victims if each is not None for pod in pods_of(case, each) if not pod.ended)

    @cached_property
    def _waiting(self) -> tuple[WaitingPod, ...]:
        return tuple(each.waiting for each in self.pods)

    @cached_property
    def _likeness(self) -> Likeness:
        return likeness(self.view, self._waiting)

    def once(self, what: Hashable, made: Callable[[], T]) -> T:
        """What depends on the cluster and the pods alone, found out once for all subjects with pods alike.

        Args:
            what: the question.
            made: answers it; nothing in the answer names the subject.
        """
        return kept(self.view, (what, self._likeness), made)

    def fits(
        self, change: Change | None = None, *, view: PlacementView | None = None, gone: Iterable[str] = ()
    ) -> bool:
        """Whether all would find a place then."""
        return bool(self.pods) and self.first_refused(change, view=view, gone=gone) is None

    def goes_on(self, change: Change | None = None, *, gone: Iterable[str] = ()) -> bool:
        """Whether nothing would keep it then: all find a place, or one more than now where each runs by itself."""
        if not one_by_one(self.case):
            return self.fits(change, gone=gone)
        before, left = self.refused, self.first_refused(change, gone=gone)
        return bool(self.pods) and (left is None or (before is not None and left.placed > before.placed))

    @cached_property
    def compiled(self) -> CompiledShape | None:
        """The refused pod against the nodes."""
        return None if self.refused is None else self.view.state.compiled(self.refused.pod.waiting.pod.shape)

    def _nodes(self, mask: Bools) -> tuple[Node, ...]:
        return kept(self.view, (Node, mask.tobytes()), lambda: self._named(mask))

    def _named(self, mask: Bools) -> tuple[Node, ...]:
        nodes, known = self.view.state.nodes.nodes, self.case.index.nodes
        return tuple(known[nodes[at].name] for at in np.flatnonzero(mask).tolist())

    @cached_property
    def matching(self) -> tuple[Node, ...]:
        """Nodes that the refused pod's selector and node affinity let it run on."""
        return () if self.compiled is None else self._nodes(self.compiled.admitted)

    @cached_property
    def _open(self) -> Bools:
        compiled, state = self.compiled, self.view.state
        if compiled is None:
            return np.zeros(state.nodes.count, dtype=np.bool_)
        ok = compiled.admitted & ~compiled.tainted
        ok = ok if compiled.tolerates_cordon else ok & ~state.unschedulable
        near = ok & self._reaching
        return near if near.any() else ok

    @cached_property
    def _reaching(self) -> Bools:
        """Nodes on which its volumes can be used."""
        ok = np.ones(self.view.state.nodes.count, dtype=np.bool_)
        for _, failed in self.compiled.volume_faults if self.compiled is not None else ():
            ok &= ~failed
        return ok

    @property
    def near_volumes(self) -> bool:
        """Whether its volumes leave it some of the nodes only that it may run on."""
        return self.compiled is not None and bool((self.compiled.admitted & ~self._reaching).any())

    @cached_property
    def open(self) -> tuple[Node, ...]:
        """Those of them that take new pods and have no taint that keeps it away; where its volumes are, if any."""
        return self._nodes(self._open)

    @cached_property
    def able(self) -> tuple[Node, ...]:
        """Those of them that could hold it if nothing else ran there."""
        return self._nodes(self._alone)

    @cached_property
    def _alone(self) -> Bools:
        state, ok = self.view.state, self._open
        for resource, amount in self.requests.items():
            row = state.rows.get(resource)
            ok = ok & (state.alloc[row] >= amount) if row is not None else np.zeros_like(ok)
        return ok

    @cached_property
    def requests(self) -> dict[str, int]:
        """What the refused pod asks for."""
        if self.refused is None:
            return {}
        return {name: amount for name, amount in self.refused.pod.requests.items() if amount > 0}

    @cached_property
    def device(self) -> str:
        """The accelerator that it asks for; empty if it asks for none."""
        further = [name for name in self.requests if name not in _BASIC and not name.startswith("hugepages-")]
        named = [name for name in further if is_accelerator(name)]
        return next(iter([*named, *further]), "")

    def selects(self, node: str) -> bool:
        """Whether the refused pod's selector and node affinity let it run on a node."""
        compiled = self.compiled
        return compiled is not None and bool(compiled.admitted[self.view.state.nodes.index[node]])

    def could_hold(self, node: Node, requests: dict[str, int]) -> bool:
        """Whether a node has as much in all."""
        return all(self.sizes(name)[node.name] >= amount for name, amount in requests.items())

    def able_to_hold(self, nodes: Iterable[Node], requests: dict[str, int]) -> list[Node]:
        """Of some nodes those that have as much in all."""
        wanted = [(self.sizes(name), amount) for name, amount in requests.items()]
        return [node for node in nodes if all(sizes[node.name] >= amount for sizes, amount in wanted)]

    def allocatable(self, node: str, resource: str) -> int:
        """What a node has for pods, in the twin's units."""
        return self.sizes(resource)[node]

    def sizes(self, resource: str) -> dict[str, int]:
        """What each node has of a resource; found once for a source."""
        index = self.case.index
        kept = index.beside.once(_Sizes, _Sizes)
        # Anybody may ask for a resource that no node has: of all such one is kept.
        known = resource if resource in kept or resource in self.view.state.rows or resource == "pods" else ""
        if known not in kept:
            kept[known] = {node.name: int(node.allocatable.get(resource, 0)) for node in self.view.state.nodes.nodes}
        return kept[known]

    def free_everywhere(self, resource: str) -> list[int]:
        """What is not taken of a resource, by the node's place in the twin."""
        state = self.view.state
        if resource == "pods":
            return [
                node.allocatable.get(resource, 0) - int(n)
                for node, n in zip(state.nodes.nodes, state.pod_count, strict=True)
            ]
        row = state.rows.get(resource)
        if row is None:
            return [0] * state.nodes.count
        left: list[int] = (state.alloc[row] - state.used[row]).tolist()
        return left

    def free(self, node: str, resource: str) -> int:
        """What is not taken of a resource on one node."""
        state = self.view.state
        at = state.nodes.index[node]
        if resource == "pods":
            return self.allocatable(node, resource) - int(state.pod_count[at])
        row = state.rows.get(resource)
        return 0 if row is None else int(state.alloc[row][at] - state.used[row][at])

    def lifted(self, resource: str) -> bool:
        """Whether it would go on if its pods did not ask for a resource."""
        return self.goes_on(lambda shape: asking(shape, {resource: 0}))

    def says(self, *kinds: Kind) -> bool:
        """Whether some node refuses for one of these reasons."""
        if self.refused is None:
            return False
        return any(reason.kind in kinds for reason in self.refused.answer.histogram)

    @cached_property
    def by_volume(self) -> bool:
        """Whether it is the pod's volumes that keep it: that is told elsewhere."""
        return self.once("by volume", self._by_volume)

    def _by_volume(self) -> bool:
        if self.refused is None:
            return False
        rejection = self.refused.answer.rejection
        if rejection is not None and rejection.reasons[0].kind in {Kind.CLAIM_MISSING, Kind.CLAIM_UNBOUND}:
            return True
        if not self.says(Kind.VOLUME_ELSEWHERE, Kind.VOLUME_NOWHERE) or not self.fits(without_volumes):
            return False
        # Where it lies are nodes that would do: there the pod waits for room as others do.
        return not (self._reaching & self._alone).any()


def reshaped(pods: Iterable[WaitingPod], change: Change) -> tuple[WaitingPod, ...]:
    """Pods of other shapes; those of one shape stay of one."""
    made: dict[int, PodShape] = {}
    found: list[WaitingPod] = []
    for each in pods:
        shape = each.pod.shape
        if id(shape) not in made:
            made[id(shape)] = change(shape)
        found.append(replace(each, pod=replace(each.pod, shape=made[id(shape)])))
    return tuple(found)


def placing_of(case: Case, names: Sequence[str], template: PodTemplate) -> Placing:
    """What the twin says of other pods than a case's own; of none where nodes, or what runs on them, were not seen."""
    if not case.seen("nodes") or not case.seen_everywhere("pods") or not case.index.nodes:
        return Placing(case, ())
    made = template_pods(case.twins.placement, case.namespace, names[:_MOST], template)
    return Placing(case, tuple(ToPlace(each, template.spec) for each in made))


def placing(case: Case) -> Placing:
    """What the twin says of a case, made once."""
    return case.beside.once(Placing, lambda: Placing(case))


def flavors_of(case: Case, workload: Workload) -> dict[str, tuple[str, ...]]:
    """Flavors of each PodSet that Kueue has given a Workload, or that its twin would; empty if it gets none."""
    if workload.status.admission is not None and workload.holds_quota:
        given = workload.status.admission.pod_set_assignments
        return {each.name: tuple(dict.fromkeys(each.flavors.values())) for each in given}
    if workload.says("Finished") or case.local_queue is None:
        return {}
    attempt = case.twins.attempt(workload.key)
    if attempt.outcome not in {AttemptOutcome.STARTS, AttemptOutcome.RUNS}:
        return {}
    return {each.name: tuple(dict.fromkeys(flavor for _, flavor in each.flavors)) for each in attempt.pod_sets}


def counts_of(case: Case, workload: Workload) -> dict[str, int]:
    """Pods of each PodSet that Kueue lets in, or its twin would: fewer than asked for where the work allows that."""
    if workload.status.admission is not None and workload.holds_quota:
        given = workload.status.admission.pod_set_assignments
        return {each.name: each.count for each in given if each.count is not None}
    if case.local_queue is None:
        return {}
    return {each.name: each.count for each in case.twins.attempt(workload.key).pod_sets}


def of_device_class(case: Case, resource: str) -> bool:
    """Whether claims (DRA) stand behind a resource: no node says that it has some, and the twin does not know."""
    named = any(each.spec.extended_resource_name == resource for each in case.index.objects.device_classes)
    return named or resource.startswith(_OF_CLASS)


def is_accelerator(resource: str) -> bool:
    """Whether a resource is a kind of accelerator, by its name."""
    return "/" in resource and any(word in resource.lower() for word in _ACCELERATORS)
