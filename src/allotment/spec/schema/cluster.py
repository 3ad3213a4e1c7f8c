"""Kind Cluster, with its node pools, cohorts and overrides."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Feature, QueueLayout, TaintEffect
from allotment.model.quantity import Bytes, MilliCpu
from allotment.spec.schema.base import KindSpec, Spec
from allotment.spec.schema.choices import (
    CapacityTypeChoice,
    EnvironmentChoice,
    FeatureChoice,
    KueueApiChoice,
    ModeChoice,
    PolicyNameChoice,
    PurposeChoice,
    QueueLayoutChoice,
    TaintEffectChoice,
)
from allotment.spec.schema.scalars import (
    Count,
    Cpu,
    Flag,
    KueueVersion,
    LabelKey,
    LabelValue,
    Line,
    Memory,
    Name,
    ObjectName,
    Price,
    TenantName,
    Version,
    Weight,
)
from allotment.spec.schema.team import PlacementOverrideSpec


class TaintSpec(Spec):
    """A node taint."""

    key: LabelKey = Field(description="Key of the taint.")
    value: LabelValue | None = Field(
        default=None, description="Its value; none by default, as many taints have only a key."
    )
    effect: TaintEffectChoice = Field(
        default=TaintEffect.NO_SCHEDULE,
        description="What it does. NoSchedule: new pods stay away, running ones are not disturbed.",
    )


class NodePoolSpec(Spec):
    """Nodes of one shape."""

    name: Name = Field(description="Name of the pool; nodes carry it as allotment.dev/node-pool.")
    accelerator: Name | None = Field(default=None, description="Accelerator of its nodes. None: a CPU pool.")
    accelerators_per_node: Count | None = Field(
        default=None,
        description="Devices (or slices) a node offers. 1 by default for an accelerator pool, the smallest there is.",
    )
    cpu: Cpu = Field(description="Allocatable CPU per node, in cores or milli-cores.")
    memory: Memory = Field(description="Allocatable memory per node.")
    pods: Count = Field(default=110, description="Allocatable pods per node. 110 is the kubelet's own default.")
    min_nodes: Count = Field(default=0, description="Nodes that are always there. 0: an idle pool should cost nothing.")
    max_nodes: Count = Field(
        description="Most nodes that the autoscaler or the contract allows. Quota is checked against this."
    )
    capacity_type: CapacityTypeChoice = Field(
        default=CapacityType.ON_DEMAND, description="How it is bought. on-demand: neither evicted nor paid in advance."
    )
    machine_type: Line = Field(
        default="unknown", description="The provider's name of the shape; only shown, hence optional."
    )
    labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict,
        description="Node labels beyond the ones Allotment asks for (accelerator, capacity type, pool, team).",
    )
    taints: tuple[TaintSpec, ...] = Field(
        default=(),
        description="Taints beyond the accelerator's and the dedicated pool's own, such as the provider's for spot.",
    )
    dedicated_to: TenantName | None = Field(
        default=None, description="Team that alone may use the pool (isolation level node-pool). None: shared."
    )
    price_per_hour: Price | None = Field(
        default=None, description="Price of a whole node and hour. None: the sum over its devices."
    )


class VersionsSpec(Spec):
    """The cluster's row of the compatibility matrix. Leave out what you do not track."""

    kubernetes: Version | None = Field(default=None, description="Kubernetes version.")
    kueue: KueueVersion | None = Field(default=None, description="Kueue version; decides the version of Kueue's API.")
    driver: Version | None = Field(default=None, description="GPU driver.")
    cuda: Version | None = Field(default=None, description="CUDA.")
    cudnn: Version | None = Field(default=None, description="cuDNN.")
    runtime: Line | None = Field(default=None, description="Container runtime, such as containerd 1.7.")


class CohortQuotaSpec(Spec):
    """Quota of a cohort's own, beside what its teams bring: no team's guarantee, borrowed by whoever needs it.

    A team borrows of it within its own borrowing limits.
    """

    cpu: Cpu = Field(default=MilliCpu(0), json_schema_extra={"default": 0}, description="CPU. None by default.")
    memory: Memory = Field(default=Bytes(0), json_schema_extra={"default": 0}, description="Memory. None by default.")
    accelerators: dict[Line, Count] = Field(
        default_factory=dict,
        description="Devices by flavor or accelerator, as in a placement, such as a100-on-demand: 8. None by default.",
    )


class CohortSpec(Spec):
    """A group of queues that lend to each other."""

    name: Name = Field(description="Name of the cohort, unique in the cluster.")
    parent: Name | None = Field(default=None, description="Cohort it belongs to. None: it is a root.")
    weight: Weight = Field(
        default=1000,
        json_schema_extra={"default": 1},
        description="Fair-share weight among its siblings. 1: all alike.",
    )
    quota: CohortQuotaSpec | None = Field(
        default=None,
        description="Quota of the cohort's own. None: it has what its teams are guaranteed. Capacity that is neither a "
        "team's nor a cohort's cannot be used by anybody, not even by borrowing.",
    )


class NamesSpec(Spec):
    """Names in this cluster in place of the usual ones, where somebody else's object has that name already."""

    flavors: dict[Line, Name] = Field(
        default_factory=dict,
        description="Of ResourceFlavors, by their usual name (cpu, a100-reserved), such as cpu: cpu-pool. Teams and "
        "flavorOrder then write the chosen name, or the accelerator's. The usual ones by default.",
    )
    queues: dict[TenantName, Name] = Field(
        default_factory=dict,
        description="Of ClusterQueues, by the team (shared: the one of the layout shared). Each team's own name by "
        "default.",
    )


class OverridesSpec(Spec):
    """What is different in this cluster."""

    policies: dict[PolicyNameChoice, ModeChoice] = Field(
        default_factory=dict,
        description="Mode of a policy in this cluster, for example to try one out in development first.",
    )
    teams: dict[TenantName, PlacementOverrideSpec] = Field(
        default_factory=dict,
        description="Fields of a team's placement in this cluster that replace what the team's file says.",
    )


class ClusterSpec(KindSpec):
    """One Kubernetes cluster."""

    kind: Literal["Cluster"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="Name of the cluster, unique in the platform.")
    purpose: PurposeChoice = Field(description="What it is for: serving, training or development.")
    environment: EnvironmentChoice | None = Field(
        default=None,
        description="Value of the environment label. By purpose: serving is production, training is staging (it "
        "carries no customers' traffic), development is development.",
    )
    region: Line = Field(description="The provider's region.")
    provider: Line = Field(default="generic", description="Cloud or data centre. generic: nothing depends on it.")
    context: Line | None = Field(
        default=None, description="Context in the user's kubeconfig. The cluster's name, as most tools call it so."
    )
    versions: VersionsSpec = Field(default_factory=VersionsSpec, description="Row of the compatibility matrix.")
    kueue_api: KueueApiChoice | None = Field(
        default=None,
        description="Version of Kueue's API to write. v1beta2 from Kueue 0.15 on (and where no version is given), "
        "v1beta1 before: each is the newest that the server has.",
    )
    queue_layout: QueueLayoutChoice = Field(
        default=QueueLayout.PER_TEAM,
        description="per-team: a queue for each team, with guarantees and borrowing. shared: one queue for all.",
    )
    fair_sharing: Flag = Field(
        default=True,
        description="Whether borrowed quota is shared by weight. On: otherwise the first to come keeps it all.",
    )
    features: tuple[FeatureChoice, ...] = Field(
        default=(Feature.NETWORK_POLICY,),
        description="What the cluster has beyond the least. network-policy by default, because team isolation rests on "
        "it. jobset, leaderworkerset, rayjob (RayJob and RayCluster) and trainjob: the kind and its controller, queued "
        "by Kueue; members may then create it, and it is counted.",
    )
    mutating_policies: Flag | None = Field(
        default=None,
        description="Whether the API server has MutatingAdmissionPolicy: then what has only one right answer (billing "
        "labels, security context, requests beside limits) is filled in; otherwise the work is refused with all that "
        "is missing. By default on from Kubernetes 1.36, where it is generally available.",
    )
    runtime_classes: tuple[ObjectName, ...] = Field(
        default=(),
        description="RuntimeClasses that the cluster has, such as nvidia. Work that names another one is refused: it "
        "would never have a pod. By default none, which is what a new cluster has.",
    )
    further_resources: tuple[LabelKey, ...] = Field(
        default=(),
        description="Resources that nodes have beside CPU, memory, local disk and accelerators, such as rdma/hca or "
        "hugepages-2Mi. Work may ask for them; queues count them without a bound. Work that asks for any other one is "
        "refused: Kueue would never admit it.",
    )
    warn_namespaces: tuple[Name, ...] = Field(
        default=(),
        description="Namespaces in which policies about work only warn, and nothing is filled in: where work runs that "
        "was there before the policies. What keeps a tenant inside its namespace is refused there too. By default none "
        "is named; plan and apply then let policies only warn in those in which they find such work, and name them.",
    )
    flavor_order: tuple[ObjectName, ...] = Field(
        default=(),
        description="Flavors in order of preference. By default the order of the pools' accelerators, and reserved "
        "before on-demand before spot: what is paid anyway first, what may vanish last.",
    )
    names: NamesSpec = Field(
        default_factory=NamesSpec,
        description="Names of flavors and queues that are not to be the usual ones. Of cohorts, priorities and storage "
        "classes you choose the names where you declare them.",
    )
    cohorts: tuple[CohortSpec, ...] = Field(
        default=(), description="Cohorts of the cluster. By default one of the name shared, so that idle quota is lent."
    )
    without_network_policies: tuple[Name, ...] = Field(
        default=(),
        description="Team namespaces that get no network policies: connections of work that was there before it was "
        "taken over would be cut. By default every namespace gets them.",
    )
    node_pools: tuple[NodePoolSpec, ...] = Field(description="Node pools; at least one.")
    overrides: OverridesSpec = Field(default_factory=OverridesSpec, description="What is different in this cluster.")
