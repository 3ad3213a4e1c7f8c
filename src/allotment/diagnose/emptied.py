"""What can never start: refused even with nobody else there, by the quota of its queue or by all nodes it may use.

First Kueue's twin, with all queues going, for a queue that is stopped will go on some day. Then the scheduler's, for
all pods of the workload at once and in the flavors that Kueue gave it, with nothing on the nodes but what a DaemonSet
keeps on every one. What a twin does not model is not said to be hopeless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, product
from typing import Final

import msgspec

from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node, NodeTaint
from allotment.model.observed.pods import Pod, PodTemplate
from allotment.model.observed.queueing import ResourceFlavor, Workload
from allotment.model.observed.snapshot import Source
from allotment.scheduling.queueing.inputs import PodSetAdmission
from allotment.scheduling.queueing.inputs import Workload as QueuedWorkload
from allotment.scheduling.snapshot.placement import PlacementView, WaitingPod, placement_view, template_pods
from allotment.scheduling.snapshot.placement_trials import tried
from allotment.scheduling.snapshot.queueing import QueueingView
from allotment.scheduling.snapshot.queues import placed_nodes, sent_elsewhere
from allotment.simulation.hopeless import EmptiedQueues
from allotment.simulation.present import WaitReason

_MOST_PODS: Final = 512
"""Pods of a PodSet that are tried: a gang that is larger fits or fails by then."""
_MOST_WAYS: Final = 16
"""Ways of putting flavors into the PodSets of a workload that are tried."""


@dataclass(frozen=True, slots=True)
class HopelessFor:
    """Why waiting alone can never help a workload.

    Attributes:
        by: ``quota`` or ``nodes``.
        message: in the words of Kueue, or of the scheduler.
    """

    by: str
    message: str


class EmptiedFleet:
    """A source with nobody on it; made once, asked for any number of workloads."""

    def __init__(self, index: Index, view: QueueingView, before: EmptiedFleet | None = None) -> None:
        """Of a source and its queues; `before` = that of the source that this one was made of by a change."""
        self._index = index
        self.view = view
        self._before = before
        self._grows = grows(index)
        # Pods that were not seen would only take room: what is refused without them is refused with them.
        self._seen = not any(
            gap.what == "nodes" and gap.reason in {"forbidden", "failed", "hidden"} for gap in index.source.gaps
        )

    def hopeless(self, names: Iterable[str]) -> dict[str, HopelessFor]:
        """Those of the workloads that never start, ``namespace/name``, whether they wait or hold quota."""
        found: dict[str, HopelessFor] = {}
        for name, answer in self._alone(names).items():
            if isinstance(answer, WaitReason):
                found[name] = HopelessFor("quota", answer.message)
                continue
            workload = self._index.workloads[name]
            given = {each.name: dict.fromkeys(flavor for _, flavor in each.flavors) for each in answer}
            counts = {each.name: each.count for each in answer}
            message = self.refused_however(workload, given, counts)
            if message:
                found[name] = HopelessFor("nodes", message)
        return found

    def refused_however(self, workload: Workload, given: Mapping[str, Iterable[str]], counts: Mapping[str, int]) -> str:
        """What the scheduler says of a workload in its flavors; empty if one way of putting them in does.

        Args:
            workload: whose pods are asked about.
            given: flavors of each PodSet.
            counts: pods of each.
        """
        if sent_elsewhere(self._index, workload.namespace, workload.spec.queue_name):
            return ""
        sets = [each for each in workload.spec.pod_sets if each.name in given]
        ways = [list(ways_with_flavors(self._index, each.template, given[each.name])) for each in sets]
        message = ""
        for way in islice(product(*ways), _MOST_WAYS):
            parts = [(template, counts[each.name]) for each, template in zip(sets, way, strict=True)]
            message = self.nodes_refuse(workload.namespace, parts)
            if not message:
                return ""
        return message

    def queues_refuse(self, name: str) -> bool:
        """Whether Kueue refuses a workload even with nobody else there."""
        return isinstance(self._alone((name,)).get(name), WaitReason)

    def refused_by_queues(self, name: str) -> str:
        """What Kueue says of a workload with nobody else there; empty where it would let it in."""
        answer = self._alone((name,)).get(name)
        return answer.message if isinstance(answer, WaitReason) else ""

    def given(self, name: str) -> tuple[PodSetAdmission, ...]:
        """What Kueue gives a workload with nobody else there; nothing where it refuses even then."""
        answer = self._alone((name,)).get(name, ())
        return () if isinstance(answer, WaitReason) else answer

    def _alone(self, names: Iterable[str]) -> dict[str, WaitReason | tuple[PodSetAdmission, ...]]:
        wanted, known = dict.fromkeys(names), self._known
        asked = [known[each] for each in wanted if each in known]
        return {each.name: self.queues.alone(each) for each in asked}

    @cached_property
    def _known(self) -> dict[str, QueuedWorkload]:
        running = {each.workload.name: each.workload for each in self.view.running}
        return running | {each.name: each for each in self.view.pending}

    @cached_property
    def queues(self) -> EmptiedQueues:
        """Its queues, with nobody in them and all of them going."""
        before = self._before
        if before is not None and before.view.state is self.view.state:
            return before.queues
        state = self.view.state
        queues = tuple(replace(each, stopped=False) for each in state.cluster_queues)
        placed = any(each.topology for each in state.flavors)
        nodes = placed_nodes(self.nodes.index, all_of_them=True) if placed else ()
        return EmptiedQueues(replace(state, cluster_queues=queues, nodes=nodes), self.view.settings)

    def nodes_refuse(self, namespace: str, parts: Sequence[tuple[PodTemplate, int]]) -> str:
        """What the scheduler says of the first pod that finds no node once its like have theirs; empty if all do.

        Args:
            namespace: of the pods.
            parts: templates with what their flavors add, and how many pods each makes.
        """
        if self._grows or not self._seen or not self._index.nodes or any(_needs_others(each) for each, _ in parts):
            return ""
        pods = list(self._modelled(namespace, parts))
        refused = tried(self.nodes, pods, preempting=False).refused if pods else None
        return "" if refused is None else refused.message

    def _modelled(self, namespace: str, parts: Sequence[tuple[PodTemplate, int]]) -> Iterator[WaitingPod]:
        """The pods in their order, up to the first of which the twin cannot tell."""
        for at, (template, count) in enumerate(parts):
            number = min(count, _MOST_PODS)
            # Only a volume that is made for a pod goes by its name; nameless ones are all the same pod.
            by_name = any(each.ephemeral is not None for each in template.spec.volumes)
            names = [f"emptied-{at}-{each}" for each in range(number)] if by_name else [""] * number
            for each in template_pods(self.nodes, namespace, names, template):
                if each.unmodelled or each.pod.shape.volume_problem:
                    return
                yield each

    @cached_property
    def nodes(self) -> PlacementView:
        """Its nodes, with nothing on them but what stands on every one."""
        before = None if self._before is None else self._before.nodes
        return placement_view(emptied(self._index, None if before is None else before.index), before)


def emptied(index: Index, before: Index | None = None) -> Index:
    """The source without pods, but for those that stand on every node; its nodes take pods again.

    Args:
        index: of the source.
        before: the same of the source that this one was made of by a change: what did not change is taken from it.
    """
    daemons = {each.metadata.uid for each in index.objects.daemon_sets}
    pods = tuple(pod for pod in index.objects.pods if _stays(pod, daemons))
    if before is not None and index.same("nodes"):
        nodes = before.objects.nodes
    else:
        nodes = tuple(_taking_pods(node) for node in index.objects.nodes)
    objects = msgspec.structs.replace(index.objects, pods=pods, nodes=nodes)
    return Index(Source(objects=objects), before)


def _taking_pods(node: Node) -> Node:
    taints = _lasting(node)
    if not node.spec.unschedulable and len(taints) == len(node.spec.taints):
        return node
    return msgspec.structs.replace(node, spec=msgspec.structs.replace(node.spec, unschedulable=False, taints=taints))


def _lasting(node: Node) -> tuple[NodeTaint, ...]:
    """Taints that somebody put there; what Kubernetes says of a node's present state passes."""
    return tuple(each for each in node.spec.taints if not each.key.startswith("node.kubernetes.io/"))


def _stays(pod: Pod, daemons: set[str]) -> bool:
    owner = pod.metadata.controller
    return owner is not None and (owner.uid in daemons or owner.kind == "Node") and pod.bound


def grows(index: Index) -> bool:
    """Whether an autoscaler may bring nodes that are not there yet."""
    by_groups = "kube-system/cluster-autoscaler-status" in index.config_maps
    return bool(index.objects.karpenter_node_pools or index.objects.provisioning_requests) or by_groups


def _needs_others(template: PodTemplate) -> bool:
    """Whether its pods go to where other pods are: an emptied fleet cannot tell."""
    affinity = template.spec.affinity
    return affinity is not None and affinity.pod_affinity is not None and bool(affinity.pod_affinity.required)


def ways_with_flavors(index: Index, template: PodTemplate, flavors: Iterable[str]) -> Iterator[PodTemplate]:
    """A template with what Kueue puts in at admission: labels and tolerations of the flavors.

    Where two of them want different values of one label, Kueue takes that of the flavor that it comes to first, and
    comes to them in no order: each way is one.
    """
    wanted = [found for name in flavors if (found := index.flavors.get(name)) is not None]
    made: list[dict[str, str]] = []
    orders = [[first, *(each for each in wanted if each is not first)] for first in wanted] or [wanted]
    for order in orders:
        added: dict[str, str] = {}
        for each in order:
            added = {**each.spec.node_labels, **added}
        if added not in made:
            made.append(added)
            yield _with(template, added, wanted)


def with_flavors(index: Index, template: PodTemplate, flavors: Iterable[str]) -> PodTemplate:
    """The first of these ways."""
    return next(ways_with_flavors(index, template, flavors))


def _with(template: PodTemplate, labels: Mapping[str, str], flavors: Iterable[ResourceFlavor]) -> PodTemplate:
    spec = template.spec
    tolerations = list(spec.tolerations)
    for flavor in flavors:
        tolerations += [each for each in flavor.spec.tolerations if each not in tolerations]
    changed = msgspec.structs.replace(
        spec, node_selector={**spec.node_selector, **labels}, tolerations=tuple(tolerations), scheduling_gates=()
    )
    return msgspec.structs.replace(template, spec=changed)
