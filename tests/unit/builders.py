"""Small platforms for tests: every field has a sensible default, so a test names only what it is about.

The defaults fit together: `platform()` alone is a valid platform with one team on one cluster.

    tiny = platform()
    two = platform(teams=[team("nlp"), team("cv", isolation=Isolation.NODE_POOL)])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from allotment.model import labels
from allotment.model.accelerator import Accelerator, CapacityType, Vendor
from allotment.model.cluster import (
    Cluster,
    Cohort,
    Environment,
    Feature,
    Flavor,
    KueueApi,
    NodePool,
    Purpose,
    QueueLayout,
    Taint,
    TaintEffect,
    Versions,
)
from allotment.model.names import tenant_name
from allotment.model.platform import Gitops, Platform, StorageClassSpec
from allotment.model.policy import (
    Direction,
    Mode,
    Policy,
    PolicyName,
    Port,
    Priority,
    SharedService,
    SloTier,
)
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.quota import NO_QUOTA, Allowance, FlavorAllowance, Quota
from allotment.model.team import (
    Claim,
    Contact,
    ContainerDefaults,
    ExtraRules,
    Groups,
    Isolation,
    NamespaceQuota,
    Offboarding,
    Placement,
    PodLimits,
    PodSecurityException,
    Project,
    Storage,
    Team,
)

GIB = 1 << 30
DEFAULT_CLUSTER = "dev"
DEFAULT_COHORT = "all"
UNLIMITED = PodLimits(cpu=None, memory=None, accelerators=None)
NO_EXTRA_RULES = ExtraRules()
USUAL_DEFAULTS = ContainerDefaults()


def gib(amount: int) -> Bytes:
    """So many GiB in bytes."""
    return Bytes(amount * GIB)


def cores(amount: int) -> MilliCpu:
    """So many cores in milli-CPU."""
    return MilliCpu(amount * 1000)


def accelerator(
    name: str = "a100",
    *,
    resource_name: str = "nvidia.com/gpu",
    vendor: Vendor = Vendor.NVIDIA,
    partition_of: str | None = None,
    partitions: int = 1,
) -> Accelerator:
    """A class of device."""
    return Accelerator(
        name=name,
        vendor=vendor,
        product=f"product-{name}",
        resource_name=resource_name,
        memory=gib(80 // partitions),
        interconnect="NVLink",
        architecture="Ampere",
        node_label=(labels.ACCELERATOR, name),
        taint_key="nvidia.com/gpu",
        partition_of=partition_of,
        partitions=partitions,
        price_per_hour={CapacityType.ON_DEMAND: 3_000_000, CapacityType.SPOT: 1_000_000},
    )


def gpu_taint() -> Taint:
    """The taint of GPU nodes."""
    return Taint("nvidia.com/gpu", "present", TaintEffect.NO_SCHEDULE)


def node_pool(
    name: str = "a100-pool",
    *,
    accelerator: str | None = "a100",
    per_node: int = 8,
    max_nodes: int = 4,
    capacity_type: CapacityType = CapacityType.SPOT,
    dedicated_to: str | None = None,
    flavor: str = "a100-spot",
    cpu: int = 96,
    memory_gib: int = 1024,
) -> NodePool:
    """Nodes of one shape."""
    taints = (gpu_taint(),) if accelerator else ()
    if dedicated_to:
        taints = (*taints, Taint(labels.DEDICATED, dedicated_to, TaintEffect.NO_SCHEDULE))
    return NodePool(
        name=name,
        accelerator=accelerator,
        accelerators_per_node=per_node if accelerator else 0,
        cpu=cores(cpu),
        memory=gib(memory_gib),
        pods=110,
        min_nodes=0,
        max_nodes=max_nodes,
        capacity_type=capacity_type,
        machine_type="Standard_ND96asr_v4",
        labels={},
        taints=taints,
        dedicated_to=dedicated_to,
        price_per_hour=None,
        flavor=flavor,
    )


def flavor(
    name: str = "a100-spot",
    *,
    accelerator: str | None = "a100",
    capacity_type: CapacityType = CapacityType.SPOT,
    capacity: int = 32,
    dedicated_to: str | None = None,
) -> Flavor:
    """An accelerator with a capacity type."""
    node_labels = {labels.CAPACITY_TYPE: capacity_type.value}
    taints: tuple[Taint, ...] = ()
    if accelerator:
        node_labels = {labels.ACCELERATOR: accelerator, **node_labels}
        taints = (gpu_taint(),)
    if dedicated_to:
        node_labels[labels.DEDICATED] = dedicated_to
        taints = (*taints, Taint(labels.DEDICATED, dedicated_to, TaintEffect.NO_SCHEDULE))
    return Flavor(
        name=name,
        accelerator=accelerator,
        capacity_type=capacity_type,
        node_labels=node_labels,
        taints=taints,
        capacity=capacity,
        dedicated_to=dedicated_to,
    )


def cohort(
    name: str = DEFAULT_COHORT, *, parent: str | None = None, weight: int = 1000, quota: Quota = NO_QUOTA
) -> Cohort:
    """A group of queues that lend to each other."""
    return Cohort(name=name, parent=parent, weight=weight, quota=quota)


def quota(*, cpu: int = 0, memory_gib: int = 0, accelerators: Mapping[str, int] | None = None) -> Quota:
    """A cohort's own quota; `accelerators` maps flavor to devices."""
    devices = tuple(FlavorAllowance(name, allowance(amount)) for name, amount in (accelerators or {}).items())
    return Quota(allowance(1000 * cpu), allowance(gib(memory_gib)), devices)


def cluster(
    name: str = DEFAULT_CLUSTER,
    *,
    purpose: Purpose = Purpose.DEVELOPMENT,
    environment: Environment = Environment.DEVELOPMENT,
    kubernetes: str = "1.36.3",
    kueue_api: KueueApi = KueueApi.V1BETA2,
    queue_layout: QueueLayout = QueueLayout.PER_TEAM,
    fair_sharing: bool = True,
    features: Iterable[Feature] = (Feature.NETWORK_POLICY,),
    mutating_policies: bool = False,
    runtime_classes: Sequence[str] = (),
    further_resources: Sequence[str] = (),
    node_pools: Sequence[NodePool] | None = None,
    flavors: Sequence[Flavor] | None = None,
    cohorts: Sequence[Cohort] | None = None,
) -> Cluster:
    """One Kubernetes cluster with a spot A100 pool and a CPU pool."""
    pools = node_pools or (node_pool(), node_pool("cpu-pool", accelerator=None, flavor=labels.CPU_FLAVOR))
    return Cluster(
        name=name,
        purpose=purpose,
        environment=environment,
        region="eastus",
        provider="azure",
        context=name,
        versions=Versions(
            kubernetes=kubernetes, kueue="0.19.2", driver="550.90.07", cuda="12.6", cudnn="9.3.0", runtime="containerd"
        ),
        kueue_api=kueue_api,
        queue_layout=queue_layout,
        fair_sharing=fair_sharing,
        features=frozenset(features),
        mutating_policies=mutating_policies,
        runtime_classes=tuple(runtime_classes),
        further_resources=tuple(further_resources),
        node_pools=tuple(pools),
        flavors=tuple(flavors) if flavors is not None else (flavor(), cpu_flavor()),
        cohorts=tuple(cohorts) if cohorts is not None else (cohort(),),
    )


def cpu_flavor() -> Flavor:
    """The flavor of CPU and memory."""
    return Flavor(
        name=labels.CPU_FLAVOR,
        accelerator=None,
        capacity_type=CapacityType.ON_DEMAND,
        node_labels={},
        taints=(),
        capacity=0,
        dedicated_to=None,
    )


def allowance(nominal: int, *, borrowing: int | None = None, lending: int | None = None) -> Allowance:
    """Quota of one resource in one flavor."""
    return Allowance(nominal=nominal, borrowing_limit=borrowing, lending_limit=lending)


def namespace_quota(
    *,
    cpu: int = 64,
    memory_gib: int = 256,
    accelerators: Mapping[str, int] | None = None,
    pods: int = 50,
    storage_gib: int = 1024,
    claims: int = 20,
    objects: Mapping[str, int] | None = None,
) -> NamespaceQuota:
    """What the ResourceQuota allows; limits are twice the requests."""
    devices = {"nvidia.com/gpu": 8} if accelerators is None else accelerators
    counts = (
        {"count/jobs.batch": 100, "configmaps": 100, "secrets": 100, "services": 20} if objects is None else objects
    )
    return NamespaceQuota(
        requests_cpu=cores(cpu),
        limits_cpu=cores(2 * cpu),
        requests_memory=gib(memory_gib),
        limits_memory=gib(2 * memory_gib),
        accelerators=tuple(devices.items()),
        pods=pods,
        storage=gib(storage_gib),
        claims=claims,
        objects=tuple(counts.items()),
    )


def placement(
    cluster: str = DEFAULT_CLUSTER,
    *,
    environment: Environment = Environment.DEVELOPMENT,
    cohort: str | None = DEFAULT_COHORT,
    weight: int = 1000,
    cpu: Allowance | None = None,
    memory: Allowance | None = None,
    accelerators: Mapping[str, int | Allowance] | None = None,
    quota: NamespaceQuota | None = None,
) -> Placement:
    """A team's presence in one cluster; `accelerators` maps flavor to devices."""
    devices = {"a100-spot": 4} if accelerators is None else accelerators
    return Placement(
        cluster=cluster,
        environment=environment,
        cohort=cohort,
        weight=weight,
        cpu=cpu or allowance(64_000),
        memory=memory or allowance(256 * GIB),
        accelerators=tuple(
            FlavorAllowance(name, amount if isinstance(amount, Allowance) else allowance(amount))
            for name, amount in devices.items()
        ),
        namespace_quota=quota or namespace_quota(),
    )


def team(
    name: str = "nlp",
    *,
    isolation: Isolation = Isolation.NAMESPACE,
    placements: Sequence[Placement] | None = None,
    namespaces: Sequence[str] | None = None,
    groups: Groups | None = None,
    extra_rules: ExtraRules = NO_EXTRA_RULES,
    pod_security: PodSecurityException | None = None,
    member_limits: PodLimits = UNLIMITED,
    guests: Sequence[str] = (),
    container_defaults: ContainerDefaults = USUAL_DEFAULTS,
    max_grace: int = labels.DEFAULT_MAX_GRACE,
    cost_center: str = "cc-4521",
    projects: Sequence[Project] | None = None,
    priorities: Sequence[str] = ("exploratory", "scheduled-training"),
    claims: Sequence[Claim] | None = None,
    image_pull_secrets: Sequence[str] = ("registry",),
    contacts: Sequence[Contact] | None = None,
    offboarding: Offboarding | None = None,
) -> Team:
    """A tenant on the default cluster."""
    return Team(
        name=name,
        id=name,
        display_name=name.title(),
        namespaces=tuple(namespaces) if namespaces is not None else (tenant_name(name),),
        groups=groups
        or Groups(
            owners=(f"{name}-owners",),
            members=(f"{name}-members",),
            viewers=(f"{name}-viewers",),
            exec=(f"{name}-debuggers",),
        ),
        extra_rules=extra_rules,
        pod_security=pod_security,
        member_limits=member_limits,
        guests=tuple(guests),
        container_defaults=container_defaults,
        max_grace=max_grace,
        isolation=isolation,
        cost_center=cost_center,
        environments=(Environment.DEVELOPMENT,),
        projects=tuple(projects) if projects is not None else (Project(f"{name}-core", cost_center),),
        priorities=tuple(priorities),
        storage=Storage(
            total=gib(1024),
            claims=tuple(claims)
            if claims is not None
            else (Claim(name="datasets", size=gib(500), storage_class="shared-files", access_mode="ReadWriteMany"),),
        ),
        image_pull_secrets=tuple(image_pull_secrets),
        contacts=tuple(contacts) if contacts is not None else (Contact("email", f"{name}@example.com"),),
        placements=tuple(placements) if placements is not None else (placement(),),
        offboarding=offboarding,
    )


def ladder() -> tuple[Priority, ...]:
    """The reference ladder, highest first."""
    return (
        Priority("production-inference", 1_000_000, preempts=True, default=False, description="Live inference"),
        Priority("scheduled-training", 100_000, preempts=True, default=False, description="Training with a deadline"),
        Priority("exploratory", 1_000, preempts=False, default=True, description="Everything else"),
    )


def storage_classes() -> tuple[StorageClassSpec, ...]:
    """A default block class and a shared file class."""
    return (
        StorageClassSpec("block", "disk.csi.azure.com", {"skuName": "Premium_LRS"}, "Delete", default=True),
        StorageClassSpec("shared-files", "file.csi.azure.com", {"protocol": "nfs"}, "Retain", default=False),
    )


def shared_services() -> tuple[SharedService, ...]:
    """A registry that teams reach, and the monitoring that reaches them."""
    return (
        SharedService(
            name="model-registry",
            direction=Direction.EGRESS,
            namespace="model-registry",
            pod_labels={"app": "registry"},
            cidrs=(),
            ports=(Port("TCP", 5000),),
            description="Models that teams push and pull",
        ),
        SharedService(
            name="monitoring",
            direction=Direction.INGRESS,
            namespace="monitoring",
            pod_labels={"app.kubernetes.io/name": "prometheus"},
            cidrs=(),
            ports=(Port("TCP", 9400),),
            description="Scrapes metrics",
        ),
    )


def policies(clusters: Iterable[Cluster], *, mode: Mode = Mode.ENFORCE) -> tuple[Policy, ...]:
    """Every policy in one mode on every cluster."""
    modes = {cluster.name: mode for cluster in clusters}
    return tuple(
        Policy(name=name, modes=modes, exempt_namespaces=(), registries=(), csi_drivers=()) for name in PolicyName
    )


def platform(
    name: str = "acme",
    *,
    clusters: Sequence[Cluster] | None = None,
    teams: Sequence[Team] | None = None,
    accelerators: Sequence[Accelerator] | None = None,
    priorities: Sequence[Priority] | None = None,
    services: Sequence[SharedService] | None = None,
    classes: Sequence[StorageClassSpec] | None = None,
    guardrails: Sequence[Policy] | None = None,
) -> Platform:
    """A whole declaration."""
    places = tuple(clusters) if clusters is not None else (cluster(),)
    catalogue = accelerators if accelerators is not None else (accelerator(),)
    return Platform(
        name=name,
        currency="USD",
        admin_groups=("platform-engineers",),
        accelerators={item.name: item for item in catalogue},
        clusters=places,
        teams=tuple(teams) if teams is not None else (team(),),
        priorities=tuple(priorities) if priorities is not None else ladder(),
        policies=tuple(guardrails) if guardrails is not None else policies(places),
        slo_tiers=(
            SloTier(
                name="batch",
                latency_p99_ms=3_600_000,
                availability_ppm=995_000,
                min_requests_per_second=0,
                spot_allowed=True,
                default_priority="exploratory",
            ),
        ),
        shared_services=tuple(services) if services is not None else shared_services(),
        storage_classes=tuple(classes) if classes is not None else storage_classes(),
        exempt_namespaces=("kube-system", "kueue-system", "gpu-operator", "monitoring", "allotment-system"),
        gitops=Gitops(repository="https://git.example.com/acme/fleet", branch="main", path="fleet-config"),
    )
