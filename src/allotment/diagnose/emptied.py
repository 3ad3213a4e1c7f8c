"""What can never start: refused even with nobody else there, by the quota of its queue or by all nodes it may use.

Each twin is asked by itself. Quota is asked with all queues going, for a queue that is stopped will go on some day.
Nodes are asked flavor by flavor, with nothing on them but what a DaemonSet keeps on every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import msgspec

from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node, NodeTaint
from allotment.model.observed.pods import Pod, PodTemplate
from allotment.model.observed.queueing import ClusterQueue, Workload
from allotment.model.observed.snapshot import Source
from allotment.scheduling.snapshot.placement import (
    NoPlace,
    PlacementView,
    place,
    placement_view,
    template_pod,
)
from allotment.scheduling.snapshot.queueing import QueueingView
from allotment.simulation.hopeless import refused_by_emptied

_MOST_PODS: Final = 512
_MOST_CHOICES: Final = 64
"""Combinations of flavors that are tried for one PodSet; beyond, it is not said to be hopeless."""


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

    def __init__(self, index: Index, view: QueueingView) -> None:
        """Of a source and its queues."""
        self._index = index
        self._view = view
        self._grows = _grows(index)
        self._seen = not any(
            gap.what in {"nodes", "pods"} and gap.reason in {"forbidden", "failed", "hidden"}
            for gap in index.source.gaps
        )
        self._nodes: PlacementView | None = None

    def hopeless(self, names: Iterable[str]) -> dict[str, HopelessFor]:
        """Those of the waiting workloads that never start, ``namespace/name``."""
        wanted = set(names)
        waiting = [each for each in self._view.pending if each.name in wanted]
        queues = tuple(replace(each, stopped=False) for each in self._view.state.cluster_queues)
        state = replace(self._view.state, cluster_queues=queues)
        refused = refused_by_emptied(state, self._view.settings, waiting)
        found = {name: HopelessFor("quota", reason.message) for name, reason in refused.items()}
        for each in waiting:
            if each.name in found:
                continue
            message = self._nodes_refuse(self._index.workloads[each.name], each.cluster_queue)
            if message:
                found[each.name] = HopelessFor("nodes", message)
        return found

    def _nodes_refuse(self, workload: Workload, queue: str) -> str:
        """What the scheduler says of the first PodSet that no choice of flavors finds nodes for; empty if all do."""
        if self._grows or not self._seen or not self._index.nodes:
            return ""
        for part in workload.spec.pod_sets:
            choices = list(_choices(self._index.cluster_queues[queue], part.template))
            if not choices or len(choices) > _MOST_CHOICES:
                continue
            said = [self._said(workload, part.name, part.template, part.count, choice) for choice in choices]
            if all(said):
                return said[0]
        return ""

    def _said(self, workload: Workload, name: str, template: PodTemplate, count: int, flavors: tuple[str, ...]) -> str:
        view = self._fleet
        state = view.state
        template = with_flavors(self._index, template, flavors)
        mark = state.checkpoint()
        try:
            for number in range(min(count, _MOST_PODS)):
                pod = template_pod(view, workload.namespace, f"{workload.name}-{name}-{number}", template)
                if pod.unmodelled:
                    return ""
                answer = place(view, pod)
                if isinstance(answer, NoPlace):
                    return answer.message
                state.add(pod.pod, state.nodes.index[answer.node])
        finally:
            state.rollback(mark)
        return ""

    @property
    def _fleet(self) -> PlacementView:
        if self._nodes is None:
            self._nodes = placement_view(emptied(self._index))
        return self._nodes


def emptied(index: Index) -> Index:
    """The source without pods, but for those that stand on every node; its nodes take pods again."""
    daemons = {each.metadata.uid for each in index.objects.daemon_sets}
    pods = tuple(pod for pod in index.objects.pods if _stays(pod, daemons))
    nodes = tuple(
        msgspec.structs.replace(
            node, spec=msgspec.structs.replace(node.spec, unschedulable=False, taints=_lasting(node))
        )
        for node in index.objects.nodes
    )
    objects = msgspec.structs.replace(index.objects, pods=pods, nodes=nodes)
    return Index(Source(objects=objects))


def _lasting(node: Node) -> tuple[NodeTaint, ...]:
    """Taints that somebody put there; what Kubernetes says of a node's present state passes."""
    return tuple(each for each in node.spec.taints if not each.key.startswith("node.kubernetes.io/"))


def _stays(pod: Pod, daemons: set[str]) -> bool:
    owner = pod.metadata.controller
    return pod.bound and owner is not None and (owner.uid in daemons or owner.kind == "Node")


def _grows(index: Index) -> bool:
    """Whether an autoscaler may bring nodes that are not there yet."""
    by_groups = "kube-system/cluster-autoscaler-status" in index.config_maps
    return bool(index.objects.karpenter_node_pools) or by_groups


def _choices(queue: ClusterQueue, template: PodTemplate) -> Iterator[tuple[str, ...]]:
    """Flavors that a pod can be given together, one of each resource group that it asks something of."""
    asked = {
        name
        for container in (*template.spec.containers, *template.spec.init_containers)
        for name in (*container.resources.requests, *container.resources.limits)
    }
    groups = [
        [flavor.name for flavor in group.flavors]
        for group in queue.spec.resource_groups
        if asked.intersection(group.covered_resources)
    ]
    return product(*groups) if groups else iter(())


def with_flavors(index: Index, template: PodTemplate, flavors: Iterable[str]) -> PodTemplate:
    """A template with what Kueue puts in at admission: labels and tolerations of the flavors."""
    spec = template.spec
    selector, tolerations = dict(spec.node_selector), list(spec.tolerations)
    for name in flavors:
        flavor = index.flavors.get(name)
        if flavor is not None:
            selector |= flavor.spec.node_labels
            tolerations += [each for each in flavor.spec.tolerations if each not in tolerations]
    changed = msgspec.structs.replace(spec, node_selector=selector, tolerations=tuple(tolerations), scheduling_gates=())
    return msgspec.structs.replace(template, spec=changed)
