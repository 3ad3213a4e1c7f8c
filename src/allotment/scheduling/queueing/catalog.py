"""Interns a cluster's flavors, resources, cohorts and queues into small integers and builds the quota tree."""

from __future__ import annotations

from allotment.errors import InputError
from allotment.scheduling.queueing.inputs import ClusterState, PodSet, ResourceGroup, Workload
from allotment.scheduling.queueing.quota.share import Shares
from allotment.scheduling.queueing.quota.tree import NO_PARENT, QuotaTree
from allotment.scheduling.queueing.records import GroupRecord, PodSetRecord, QueueRecord, WorkloadRecord

PODS = "pods"


def request_order(resource: str) -> tuple[int, str]:
    """The order in which Kueue walks a PodSet's requests: by the FNV-1a hash of the resource's name.

    It decides which resource group is assigned first, hence which failure a message names.
    """
    digest = 0xCBF29CE484222325
    for byte in resource.encode():
        digest = (digest ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return digest, resource


class Catalog:
    """Names ↔ integers, and the static structures built from a `ClusterState`.

    Nodes of the quota tree are numbered queues first (in input order), then cohorts.

    Attributes:
        queues: one record per ClusterQueue; index = node.
        queues_of_tree: per root node, the queues below it.
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
        self.flavor_index: dict[str, int] = {name: i for i, name in enumerate(self.flavor_names)}
        self.resource_names: list[str] = []
        self.resource_index: dict[str, int] = {}
        self.fr_index: dict[tuple[int, int], int] = {}
        self.flavor_of_fr: list[int] = []
        self.resource_of_fr: list[int] = []
        self.queue_index: dict[str, int] = {cq.name: i for i, cq in enumerate(state.cluster_queues)}
        self.cohort_index: dict[str, int] = {}
        self._shapes: dict[object, int] = {}
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

    def resource(self, name: str) -> int:
        """Index of a resource, interning it if new."""
        index = self.resource_index.get(name)
        if index is None:
            index = len(self.resource_names)
            self.resource_index[name] = index
            self.resource_names.append(name)
        return index

    def _fr(self, flavor: str, resource: str) -> int:
        flavor_index = self.flavor_index.get(flavor)
        if flavor_index is None:
            flavor_index = len(self.flavor_names)
            self.flavor_index[flavor] = flavor_index
            self.flavor_names.append(flavor)
        key = (flavor_index, self.resource(resource))
        index = self.fr_index.get(key)
        if index is None:
            index = len(self.flavor_of_fr)
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

    def _link_nodes(self) -> list[int]:
        """Number the cohorts and find every node's parent."""
        state = self.state
        first_cohort = len(state.cluster_queues)
        names = [cohort.name for cohort in state.cohorts]
        names += [cohort.parent for cohort in state.cohorts if cohort.parent is not None]
        names += [cq.cohort for cq in state.cluster_queues if cq.cohort is not None]
        for name in dict.fromkeys(names):
            self.cohort_index[name] = first_cohort + len(self.cohort_index)
        node_parent = [NO_PARENT] * (first_cohort + len(self.cohort_index))
        for index, cq in enumerate(state.cluster_queues):
            if cq.cohort is not None:
                node_parent[index] = self.cohort_index[cq.cohort]
        for cohort in state.cohorts:
            if cohort.parent is not None:
                node_parent[self.cohort_index[cohort.name]] = self.cohort_index[cohort.parent]
        self.child_queues: list[list[int]] = [[] for _ in node_parent]
        self.child_cohorts: list[list[int]] = [[] for _ in node_parent]
        for node, above in enumerate(node_parent):
            if above != NO_PARENT:
                children = self.child_queues if node < first_cohort else self.child_cohorts
                children[above].append(node)
        return node_parent

    def _bottom_up(self, node_parent: list[int]) -> list[int]:
        """All nodes, children before parents."""
        top_down = [node for node, above in enumerate(node_parent) if above == NO_PARENT]
        for node in top_down:
            top_down.extend(self.child_queues[node])
            top_down.extend(self.child_cohorts[node])
        if len(top_down) < len(node_parent):
            left_out = set(range(len(node_parent))) - set(top_down)
            names = sorted(name for name, node in self.cohort_index.items() if node in left_out)
            raise InputError(
                f"cohorts {', '.join(names)} are their own ancestors",
                why="Kueue stops every ClusterQueue below such a cycle",
                fix="remove one `parent` of the cycle",
            )
        return top_down[::-1]

    def _fill_quotas(self) -> None:
        for cq in self.state.cluster_queues:
            self._fill_node(self.queue_index[cq.name], cq.resource_groups)
        for cohort in self.state.cohorts:
            self._fill_node(self.cohort_index[cohort.name], cohort.resource_groups)

    def _fill_node(self, node: int, groups: tuple[ResourceGroup, ...]) -> None:
        tree = self.tree
        for group in groups:
            for quotas in group.flavors:
                for resource, quota in quotas.resources:
                    cell = node * tree.width + self._fr(quotas.flavor, resource)
                    tree.nominal[cell] = quota.nominal
                    if quota.borrowing_limit is not None:
                        tree.borrowing_limit[cell] = quota.borrowing_limit
                    if quota.lending_limit is not None:
                        tree.lending_limit[cell] = quota.lending_limit

    def _build_queues(self, node_parent: list[int]) -> None:
        topology_of = {flavor.name: flavor.topology for flavor in self.state.flavors}
        self.queues_of_tree: dict[int, list[int]] = {}
        for index, cq in enumerate(self.state.cluster_queues):
            queue = QueueRecord(cq, index, self.tree.width)
            queue.parent = node_parent[index]
            queue.root = self.tree.root_of(index)
            for number, group in enumerate(cq.resource_groups):
                queue.groups.append(self._group(group))
                for name in group.covered_resources:
                    queue.group_of[self.resource(name)] = number
            queue.covers_pods = self.resource_index.get(PODS, -1) in queue.group_of
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

    def quotas_of_tree(self, root: int) -> tuple[list[int], ...]:
        """All declared quotas below a root, comparable between catalogs of the same shape."""
        tree, nodes = self.tree, [root]
        for node in nodes:
            nodes.extend(self.child_queues[node])
            nodes.extend(self.child_cohorts[node])
        cells = [node * tree.width + fr for node in nodes for fr in range(tree.width)]
        return tuple([row[cell] for cell in cells] for row in (tree.nominal, tree.borrowing_limit, tree.lending_limit))

    def workload(self, spec: Workload, index: int) -> WorkloadRecord:
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

    def _shape(self, key: object) -> int:
        return self._shapes.setdefault(key, len(self._shapes))
