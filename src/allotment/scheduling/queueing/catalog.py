"""Interns a cluster's flavors, resources, cohorts and queues and builds the quota tree."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from allotment.errors import InputError
from allotment.scheduling.queueing.indices import (
    NO_NODE,
    CohortId,
    FlavorId,
    FlavorResource,
    QueueId,
    ResourceId,
    ShapeId,
    TreeId,
    TreeNode,
    WorkloadId,
)
from allotment.scheduling.queueing.inputs import ClusterState, PodSet, ResourceGroup, Workload
from allotment.scheduling.queueing.quota.share import Shares
from allotment.scheduling.queueing.quota.tree import QuotaTree
from allotment.scheduling.queueing.records import GroupRecord, PodSetRecord, QueueRecord, WorkloadRecord

PODS: Final = "pods"
_MOST_NAMED: Final = 10
"""Cohorts of a cycle that a message names."""


@lru_cache(maxsize=1024)
def request_order(resource: str) -> tuple[int, str]:
    """The order in which Kueue walks a PodSet's requests: by the FNV-1a hash of the resource's name.

    It decides which resource group is assigned first, hence which failure a message names.
    """
    digest = 0xCBF29CE484222325
    for byte in resource.encode():
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return digest, resource


class Catalog:
    """Names ↔ indices, and the static structures built from a `ClusterState`.

    Nodes of the quota tree are numbered queues first (in input order), then cohorts.

    Attributes:
        queues: one record per ClusterQueue; index = node.
        queues_of_tree: per tree, its queues.
        child_queues, child_cohorts: per node.
    """

    def __init__(self, state: ClusterState, like: Catalog | None = None) -> None:
        """Intern `state`.

        Args:
            state: the cluster.
            like: a catalog whose numbers to keep, so that workloads interned there can be taken over as they are.

        Raises:
            InputError: a queue names an unknown flavor, or cohorts form a cycle.
        """
        self.state: ClusterState = state
        self.flavor_names: list[str] = [flavor.name for flavor in state.flavors]
        self.flavor_index: dict[str, FlavorId] = {name: FlavorId(i) for i, name in enumerate(self.flavor_names)}
        self.resource_names: list[str] = []
        self.resource_index: dict[str, ResourceId] = {}
        self.fr_index: dict[tuple[FlavorId, ResourceId], FlavorResource] = {}
        self.flavor_of_fr: list[FlavorId] = []
        self.resource_of_fr: list[ResourceId] = []
        self.queue_index: dict[str, QueueId] = {
            cq.name: QueueId(TreeNode(i)) for i, cq in enumerate(state.cluster_queues)
        }
        self.cohort_index: dict[str, CohortId] = {}
        self._shapes: dict[object, ShapeId] = {}
        self._cohorts_below: dict[TreeNode, list[TreeNode]] = {}
        self._like: Catalog | None = None
        if like is not None and [flavor.name for flavor in like.state.flavors] == self.flavor_names:
            self._keep_numbers(like)
        self._intern_quotas()
        node_parent = self._link_nodes()
        self.tree: QuotaTree = QuotaTree(node_parent, len(self.flavor_of_fr))
        bottom_up = self._bottom_up(node_parent)
        self._fill_quotas()
        self.tree.freeze(bottom_up)
        self.queues: list[QueueRecord] = []
        self._build_queues(node_parent)
        weights = [cq.fair_weight for cq in state.cluster_queues] + [1.0] * len(self.cohort_index)
        for cohort in state.cohorts:
            weights[self.cohort_index[cohort.name]] = cohort.fair_weight
        self.shares: Shares = Shares(self.tree, self.resource_of_fr, len(self.resource_names), weights)

    def _keep_numbers(self, like: Catalog) -> None:
        self._like = like
        self.flavor_names = list(like.flavor_names)
        self.flavor_index = dict(like.flavor_index)
        self.resource_names = list(like.resource_names)
        self.resource_index = dict(like.resource_index)
        self.fr_index = dict(like.fr_index)
        self.flavor_of_fr = list(like.flavor_of_fr)
        self.resource_of_fr = list(like.resource_of_fr)
        self._shapes = dict(like._shapes)

    def resource(self, name: str) -> ResourceId:
        """Index of a resource, interning it if new."""
        index = self.resource_index.get(name)
        if index is None:
            index = ResourceId(len(self.resource_names))
            self.resource_index[name] = index
            self.resource_names.append(name)
        return index

    def _fr(self, flavor: str, resource: str) -> FlavorResource:
        flavor_index = self.flavor_index.get(flavor)
        if flavor_index is None:
            flavor_index = FlavorId(len(self.flavor_names))
            self.flavor_index[flavor] = flavor_index
            self.flavor_names.append(flavor)
        key = (flavor_index, self.resource(resource))
        index = self.fr_index.get(key)
        if index is None:
            index = FlavorResource(len(self.flavor_of_fr))
            self.fr_index[key] = index
            self.flavor_of_fr.append(key[0])
            self.resource_of_fr.append(key[1])
        return index

    def _intern_quotas(self) -> None:
        owned = [cq.resource_groups for cq in self.state.cluster_queues]
        owned += [cohort.resource_groups for cohort in self.state.cohorts]
        for groups in owned:
            for group in groups:
                for quotas in group.flavors:
                    for resource, _ in quotas.resources:
                        self._fr(quotas.flavor, resource)

    def _link_nodes(self) -> list[TreeNode]:
        """Number the cohorts and find every node's parent."""
        state = self.state
        first_cohort = len(state.cluster_queues)
        names = [cohort.name for cohort in state.cohorts]
        names += [cohort.parent for cohort in state.cohorts if cohort.parent is not None]
        names += [cq.cohort for cq in state.cluster_queues if cq.cohort is not None]
        for name in dict.fromkeys(names):
            self.cohort_index[name] = CohortId(TreeNode(first_cohort + len(self.cohort_index)))
        node_parent: list[TreeNode] = [NO_NODE] * (first_cohort + len(self.cohort_index))
        for index, cq in enumerate(state.cluster_queues):
            if cq.cohort is not None:
                node_parent[index] = self.cohort_index[cq.cohort]
        for cohort in state.cohorts:
            if cohort.parent is not None:
                node_parent[self.cohort_index[cohort.name]] = self.cohort_index[cohort.parent]
        self.child_queues: list[list[QueueId]] = [[] for _ in node_parent]
        self.child_cohorts: list[list[CohortId]] = [[] for _ in node_parent]
        for number, above in enumerate(node_parent):
            if above != NO_NODE:
                node = TreeNode(number)
                if node < first_cohort:
                    self.child_queues[above].append(QueueId(node))
                else:
                    self.child_cohorts[above].append(CohortId(node))
        return node_parent

    def _bottom_up(self, node_parent: list[TreeNode]) -> list[TreeNode]:
        """All nodes, children before parents."""
        top_down = [TreeNode(node) for node, above in enumerate(node_parent) if above == NO_NODE]
        for node in top_down:
            top_down.extend(self.child_queues[node])
            top_down.extend(self.child_cohorts[node])
        if len(top_down) < len(node_parent):
            left_out = set(range(len(node_parent))) - set(top_down)
            names = sorted(name for name, node in self.cohort_index.items() if node in left_out)
            more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
            raise InputError(
                f"cohorts {', '.join(names[:_MOST_NAMED])}{more} are their own ancestors",
                why="Kueue stops every ClusterQueue below such a cycle",
                fix="remove one `parent` of the cycle",
            )
        return top_down[::-1]

    def _fill_quotas(self) -> None:
        for cq in self.state.cluster_queues:
            self._fill_node(self.queue_index[cq.name], cq.resource_groups)
        for cohort in self.state.cohorts:
            self._fill_node(self.cohort_index[cohort.name], cohort.resource_groups)

    def _fill_node(self, node: TreeNode, groups: tuple[ResourceGroup, ...]) -> None:
        tree, cells = self.tree, self.tree.cells[node]
        for group in groups:
            for quotas in group.flavors:
                for resource, quota in quotas.resources:
                    cell = cells[self._fr(quotas.flavor, resource)]
                    tree.nominal[cell] = quota.nominal
                    if quota.borrowing_limit is not None:
                        tree.borrowing_limit[cell] = quota.borrowing_limit
                    if quota.lending_limit is not None:
                        tree.lending_limit[cell] = quota.lending_limit

    def _build_queues(self, node_parent: list[TreeNode]) -> None:
        topology_of = {flavor.name: flavor.topology for flavor in self.state.flavors}
        self.queues_of_tree: dict[TreeId, list[QueueId]] = {}
        for number, cq in enumerate(self.state.cluster_queues):
            index = QueueId(TreeNode(number))
            queue = QueueRecord(cq, index, self.tree.cells[index])
            queue.parent = node_parent[index]
            queue.root = self.tree.root_of(index)
            for position, group in enumerate(cq.resource_groups):
                queue.groups.append(self._group(group))
                for name in group.covered_resources:
                    queue.group_of[self.resource(name)] = position
            queue.covers_pods = PODS in self.resource_index and self.resource_index[PODS] in queue.group_of
            names = [quotas.flavor for group in cq.resource_groups for quotas in group.flavors]
            queue.topology_only = bool(names) and all(topology_of.get(name) is not None for name in names)
            self.queues.append(queue)
            self.queues_of_tree.setdefault(queue.root, []).append(index)

    def _group(self, group: ResourceGroup) -> GroupRecord:
        frs = [
            {self.resource(name): self._fr(quotas.flavor, name) for name in group.covered_resources}
            for quotas in group.flavors
        ]
        return GroupRecord(
            [self.flavor_index[quotas.flavor] for quotas in group.flavors],
            [self.resource(name) for name in group.covered_resources],
            frs,
        )

    def cohorts_below(self, root: TreeNode) -> list[TreeNode]:
        """The cohorts of a tree, its root too, each after all that are below it."""
        found = self._cohorts_below.get(root)
        if found is None:
            found = [root]
            for node in found:
                found.extend(self.child_cohorts[node])
            found.reverse()
            self._cohorts_below[root] = found
        return found

    def quotas_of_tree(self, root: TreeId) -> tuple[list[int], ...]:
        """All declared quotas below a root, comparable between catalogs of the same shape."""
        tree = self.tree
        nodes: list[TreeNode] = [root]
        for node in nodes:
            nodes.extend(self.child_queues[node])
            nodes.extend(self.child_cohorts[node])
        cells = [cell for node in nodes for cell in tree.cells[node]]
        return tuple([row[cell] for cell in cells] for row in (tree.nominal, tree.borrowing_limit, tree.lending_limit))

    def workload(self, spec: Workload, index: WorkloadId) -> WorkloadRecord:
        """Intern a workload.

        Raises:
            InputError: its ClusterQueue does not exist.
        """
        queue = self._queue_of(spec)
        pod_sets = [self._pod_set(pod_set, queue) for pod_set in spec.pod_sets]
        shape = self._shape((spec.priority, spec.pod_sets))
        return WorkloadRecord(spec, index, queue, pod_sets, shape)

    def taken_over(self, old: WorkloadRecord, owner: Catalog) -> WorkloadRecord:
        """The same workload here, not queued and not running; at no cost where the numbers are `owner`'s.

        Raises:
            InputError: its ClusterQueue does not exist.
        """
        queue = self._queue_of(old.spec)
        if self._like is not owner or queue.covers_pods != old.queue.covers_pods:
            return self.workload(old.spec, old.index)
        return WorkloadRecord(old.spec, old.index, queue, old.pod_sets, old.shape, old.groups)

    def _queue_of(self, spec: Workload) -> QueueRecord:
        index = self.queue_index.get(spec.cluster_queue)
        if index is None:
            raise InputError(
                f"workload {spec.name} is queued at ClusterQueue {spec.cluster_queue}, which does not exist",
                fix="create the ClusterQueue or correct the workload's queue",
            )
        return self.queues[index]

    def _pod_set(self, spec: PodSet, queue: QueueRecord) -> PodSetRecord:
        per_pod = dict(spec.requests)
        if queue.covers_pods:
            per_pod[PODS] = 1
        named = sorted(per_pod, key=request_order)
        interned = [(self.resource(name), per_pod[name]) for name in named]
        shape = self._shape((spec.node_selector, spec.required_affinity, spec.tolerations))
        return PodSetRecord(spec, interned, shape)

    def _shape(self, key: object) -> ShapeId:
        return self._shapes.setdefault(key, ShapeId(len(self._shapes)))
