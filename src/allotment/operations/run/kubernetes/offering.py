"""What a cluster has for jobs: the kinds that run them, Kueue, and devices by class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from allotment.jobs.kubernetes.kinds import API_VERSIONS, ClusterOffer, WorkKind, api_kind
from allotment.model.cluster import Cluster
from allotment.model.jobs.run import GivenClass
from allotment.model.manifest import Body
from allotment.model.platform import Platform
from allotment.observe.kinds import KUEUE
from allotment.operations.run.kubernetes.fake_nodes import told_of_fakes
from allotment.operations.run.kubernetes.guardrails_there import withheld_kinds
from allotment.ports.backends import BackendOffer
from allotment.ports.kube import KubePort, RefusedError

KUBERNETES: Final = "kubernetes"
_BEST_FIRST: Final = (
    WorkKind.JOB,
    WorkKind.JOB_SET,
    WorkKind.LEADER_WORKER_SET,
    WorkKind.CRON_JOB,
    WorkKind.DEPLOYMENT,
)
"""Kinds that are started, those that run most jobs first; the others are for who asks for them."""
_DIGITS: Final = 9
"""Of a number of devices: a longer one is nobody's."""


class OfferingCluster:
    """See the module. Each answer is asked anew."""

    def __init__(self, kube: KubePort, platform: Platform, cluster: Cluster) -> None:
        """Nothing is asked yet.

        Args:
            kube: the cluster.
            platform: whose accelerators are counted.
            cluster: as the platform declares it.
        """
        self._kube = kube
        self._platform = platform
        self._cluster = cluster
        self.classes: Final = {
            each.name: GivenClass(each.accelerator, each.capacity_type)
            for each in cluster.flavors
            if each.accelerator is not None
        }
        """By name of the flavor."""

    def discover(self, namespace: str = "") -> ClusterOffer:
        """What the cluster has for jobs in a namespace, or in any of a team."""
        kinds = frozenset(kind for kind in WorkKind if self._kube.serves(API_VERSIONS[kind], api_kind(kind)))
        withheld = withheld_kinds(self._platform, self._cluster, kinds, namespace)
        kueue = next((each for each in KUEUE if self._kube.serves(each, "Workload")), "")
        nodes = self._nodes()
        return ClusterOffer(kinds - withheld.keys(), kueue, self._devices(nodes), told_of_fakes(nodes), withheld)

    def offer(self) -> BackendOffer:
        """The same, as users are told of it."""
        found = self.discover()
        told = list(found.told)
        if not found.kueue:
            told.append("Kueue is not there: no job can be queued")
        told += (f"{each.why}; {each.fix}" for kind, each in found.withheld.items() if kind in _BEST_FIRST)
        devices = found.devices
        if not devices:
            devices = self._declared()
            if devices:
                told.append("accelerators are as declared: no node shows any, or nodes may not be listed")
        starts = tuple(kind.value for kind in _BEST_FIRST if kind in found.kinds)
        return BackendOffer(KUBERNETES, starts, devices, tuple(told))

    def _nodes(self) -> Sequence[Body]:
        """Nodes of the cluster; none where they may not be listed."""
        try:
            return tuple(self._kube.list("v1", "Node", lenient=True))
        except RefusedError:
            return ()

    def _devices(self, nodes: Sequence[Body]) -> Mapping[str, int]:
        """Allocatable devices by class, as nodes show them."""
        found: dict[str, int] = {}
        for node in nodes:
            for name, count in self._devices_of(node):
                found[name] = found.get(name, 0) + count
        return found

    def _devices_of(self, node: Body) -> Iterator[tuple[str, int]]:
        given = node["metadata"].get("labels") or {}
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        declared = {flavor.accelerator for flavor in self._cluster.flavors if flavor.accelerator is not None}
        for name in sorted(declared):
            accelerator = self._platform.accelerators[name]
            key, value = accelerator.node_label
            amount = str(allocatable.get(accelerator.resource_name, ""))
            if given.get(key) == value and amount.isdecimal() and len(amount) < _DIGITS:
                yield name, int(amount)

    def _declared(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for pool in self._cluster.node_pools:
            if pool.accelerator is not None:
                most = pool.accelerators_per_node * pool.max_nodes
                found[pool.accelerator] = found.get(pool.accelerator, 0) + most
        return found
