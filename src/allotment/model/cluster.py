"""Clusters, their node pools, and the flavors that the pools amount to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from allotment.model.accelerator import CapacityType
from allotment.model.labels import CPU_FLAVOR
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.quota import NO_QUOTA, Quota


class Purpose(StrEnum):
    """What a cluster is for; it decides spot tolerance, environment and upgrade cadence."""

    SERVING = "serving"
    TRAINING = "training"
    DEVELOPMENT = "development"


class Environment(StrEnum):
    """Value of the ``environment`` label."""

    PRODUCTION = "production"
    STAGING = "staging"
    DEVELOPMENT = "development"


class KueueApi(StrEnum):
    """Version of ``kueue.x-k8s.io`` that a cluster is written in."""

    V1BETA1 = "v1beta1"
    V1BETA2 = "v1beta2"


class QueueLayout(StrEnum):
    """How teams share a cluster's quota."""

    PER_TEAM = "per-team"
    """One ClusterQueue a team, in cohorts: guarantees, borrowing and lending. The default."""
    SHARED = "shared"
    """One ClusterQueue for all teams: no guarantee, priority and order decide."""


class Feature(StrEnum):
    """What a cluster has beyond the least that Allotment needs."""

    DRA = "dra"
    POD_INTEGRATION = "pod-integration"
    """Kueue's pod integration: plain pods and Deployments queue too."""
    NETWORK_POLICY = "network-policy"
    """The network plug-in enforces NetworkPolicies."""
    MONITORING_OPERATOR = "monitoring-operator"
    JOBSET = "jobset"
    """The JobSet controller and its kind."""
    LEADERWORKERSET = "leaderworkerset"
    """The LeaderWorkerSet controller and its kind."""
    RAYJOB = "rayjob"
    """KubeRay: the kinds RayJob and RayCluster."""
    TRAINJOB = "trainjob"
    """Kubeflow Trainer: the kind TrainJob."""


WORKLOAD_FEATURES: Final = (Feature.JOBSET, Feature.LEADERWORKERSET, Feature.RAYJOB, Feature.TRAINJOB)
"""Features that bring kinds of workloads which Kubernetes itself does not know."""


COUNTED_ALWAYS: Final = ("cpu", "memory", "ephemeral-storage")
"""Resources that every queue counts."""


class TaintEffect(StrEnum):
    """Kubernetes' taint effects."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True)
class Taint:
    """A node taint."""

    key: str
    value: str
    effect: TaintEffect

    def __str__(self) -> str:
        """As kubectl writes it: ``key=value:effect``."""
        return f"{self.key}{f'={self.value}' if self.value else ''}:{self.effect.value}"


@dataclass(frozen=True, slots=True)
class NodePool:
    """Nodes of one shape.

    Attributes:
        accelerator: name in the catalogue, or None for a CPU pool.
        accelerators_per_node: devices (or slices) a node offers; 0 for a CPU pool.
        cpu: allocatable CPU per node.
        memory: allocatable memory per node, bytes.
        pods: allocatable pods per node.
        min_nodes: nodes that are always there.
        max_nodes: most nodes the autoscaler or contract allows; quota is checked against this.
        labels: node labels beyond the accelerator's and the pool's own.
        taints: every taint of the nodes, the accelerator's included.
        dedicated_to: id of the team that alone may use the pool (isolation level "node-pool"), or None.
        price_per_hour: whole node, millionths of the currency; None: sum over its devices.
        flavor: name of the flavor the pool belongs to.
    """

    name: str
    accelerator: str | None
    accelerators_per_node: int
    cpu: MilliCpu
    memory: Bytes
    pods: int
    min_nodes: int
    max_nodes: int
    capacity_type: CapacityType
    machine_type: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    dedicated_to: str | None
    price_per_hour: int | None
    flavor: str

    @property
    def is_open(self) -> bool:
        """Whether pods that tolerate nothing may run on its nodes."""
        return all(taint.effect is TaintEffect.PREFER_NO_SCHEDULE for taint in self.taints)


@dataclass(frozen=True, slots=True)
class Flavor:
    """An accelerator (or plain CPU) with a capacity type: Kueue's ResourceFlavor.

    Attributes:
        name: unique in the cluster, such as ``a100-spot``.
        accelerator: None for the flavor of CPU pools.
        node_labels: what a node of this flavor carries; Kueue turns it into node affinity at admission.
        taints: what its nodes carry; Kueue adds matching tolerations at admission.
        capacity: devices when every pool stands at its maximum.
        dedicated_to: id of the team that alone may use it, or None.
    """

    name: str
    accelerator: str | None
    capacity_type: CapacityType
    node_labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    capacity: int
    dedicated_to: str | None


@dataclass(frozen=True, slots=True)
class Versions:
    """The compatibility row of a cluster; empty where it is not declared."""

    kubernetes: str
    kueue: str
    driver: str
    cuda: str
    cudnn: str
    runtime: str


@dataclass(frozen=True, slots=True)
class Cohort:
    """A group of queues that lend to each other. `parent` makes a tree."""

    name: str
    parent: str | None
    weight: int
    """Fair-share weight in thousandths."""
    quota: Quota = NO_QUOTA
    """Quota of its own: guaranteed to no team, lent to every queue below."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One Kubernetes cluster.

    Attributes:
        context: context in the user's kubeconfig.
        flavors: in order of preference; derived from the pools unless the directory orders them.
        cohorts: all cohorts of the cluster, parents before children.
        mutating_policies: whether the API server has MutatingAdmissionPolicy, so that what has only one right answer
            is filled in rather than asked for.
        runtime_classes: RuntimeClasses that the cluster has.
        further_resources: resources of its nodes that work may ask for, and that are not divided among teams.
        without_network_policies: team namespaces whose connections nothing cuts yet.
        queue_names: names of ClusterQueues that are not to be the usual ones, by the usual one.
        warn_namespaces: namespaces in which policies about work only warn.
        kept_in_warn: further such namespaces, which nobody declares: work runs in them that was there before the
            policies. Known only of a cluster that was looked at.
        with_defaults: of `warn_namespaces`, those of teams in which our defaults for work stood before they were named:
            what runs there relies on them. Known only of a cluster that was looked at.
        declared_in: file of its document, relative to the platform directory; empty if it was read from none.
    """

    name: str
    purpose: Purpose
    environment: Environment
    region: str
    provider: str
    context: str
    versions: Versions
    kueue_api: KueueApi
    queue_layout: QueueLayout
    fair_sharing: bool
    features: frozenset[Feature]
    mutating_policies: bool
    runtime_classes: tuple[str, ...]
    further_resources: tuple[str, ...]
    node_pools: tuple[NodePool, ...]
    flavors: tuple[Flavor, ...]
    cohorts: tuple[Cohort, ...]
    without_network_policies: tuple[str, ...] = ()
    queue_names: Mapping[str, str] = field(default_factory=dict)
    warn_namespaces: tuple[str, ...] = ()
    kept_in_warn: tuple[str, ...] = ()
    with_defaults: tuple[str, ...] = ()
    declared_in: str = ""

    @property
    def warned(self) -> tuple[str, ...]:
        """All namespaces in which policies about work only warn, sorted."""
        return tuple(sorted({*self.warn_namespaces, *self.kept_in_warn}))

    @property
    def cpu_flavor(self) -> str:
        """Name of the flavor of CPU and memory."""
        return next((flavor.name for flavor in self.flavors if flavor.accelerator is None), CPU_FLAVOR)

    def queue_name(self, usual: str) -> str:
        """Name of a ClusterQueue in this cluster."""
        return self.queue_names.get(usual, usual)

    def flavor(self, name: str) -> Flavor:
        """The flavor of that name.

        Raises:
            KeyError: no such flavor; a loaded platform refers only to flavors that exist.
        """
        for flavor in self.flavors:
            if flavor.name == name:
                return flavor
        raise KeyError(name)

    @property
    def takes_plain_work(self) -> bool:
        """Whether some node takes work that asks for no accelerators."""
        return any(pool.is_open for pool in self.node_pools)

    @property
    def cpu(self) -> MilliCpu:
        """CPU when every pool stands at its maximum."""
        return MilliCpu(sum(pool.cpu * pool.max_nodes for pool in self.node_pools))

    @property
    def memory(self) -> Bytes:
        """Memory when every pool stands at its maximum, bytes."""
        return Bytes(sum(pool.memory * pool.max_nodes for pool in self.node_pools))
