"""Pods, and the templates they are made from."""

from __future__ import annotations

import msgspec

from allotment.model.observed.base import (
    Amounts,
    Condition,
    LabelRequirement,
    Names,
    Object,
    ObjectMeta,
    Part,
    Selector,
)


class ResourceClaimUse(Part, frozen=True):
    """A container's use of one of the pod's claims."""

    name: str = ""
    request: str = ""


class Resources(Part, frozen=True):
    """Requests and limits of a container or a pod."""

    requests: Amounts = {}
    limits: Amounts = {}
    claims: tuple[ResourceClaimUse, ...] = ()


class ContainerPort(Part, frozen=True):
    """A port of a container; only one on the node matters to placement."""

    name: str = ""
    container_port: int = 0
    host_port: int = 0
    host_ip: str = msgspec.field(default="", name="hostIP")
    protocol: str = "TCP"


class ProbeTarget(Part, frozen=True):
    """Where a probe asks; `port` is a number or a port's name."""

    path: str = ""
    port: int | str = 0
    scheme: str = ""


class Probe(Part, frozen=True):
    """When a probe gives up: after `failure_threshold` tries, `period_seconds` apart."""

    http_get: ProbeTarget | None = None
    tcp_socket: ProbeTarget | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    failure_threshold: int = 3
    timeout_seconds: int = 1


class VolumeMount(Part, frozen=True):
    """Which volume a container mounts."""

    name: str = ""


class Container(Part, frozen=True):
    """A container. Neither its environment nor its arguments are read: they may hold secrets."""

    name: str = ""
    image: str = ""
    image_pull_policy: str = ""
    resources: Resources = Resources()
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str = ""
    volume_mounts: tuple[VolumeMount, ...] = ()
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None

    @property
    def sidecar(self) -> bool:
        """Whether an init container stays: it counts beside the others."""
        return self.restart_policy == "Always"


class Toleration(Part, frozen=True):
    """A toleration."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class NodeSelectorTerm(Part, frozen=True):
    """One alternative of a node affinity."""

    match_expressions: tuple[LabelRequirement, ...] = ()
    match_fields: tuple[LabelRequirement, ...] = ()


class NodeSelector(Part, frozen=True):
    """Alternatives, one of which must match."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class PreferredNodeTerm(Part, frozen=True):
    """A preferred alternative."""

    weight: int = 1
    preference: NodeSelectorTerm = NodeSelectorTerm()


class NodeAffinity(Part, frozen=True):
    """Node affinity of a pod."""

    required: NodeSelector | None = msgspec.field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: tuple[PreferredNodeTerm, ...] = msgspec.field(
        default=(), name="preferredDuringSchedulingIgnoredDuringExecution"
    )


class PodAffinityTerm(Part, frozen=True):
    """A term of an affinity to other pods."""

    topology_key: str = ""
    label_selector: Selector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: Selector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()


class WeightedPodTerm(Part, frozen=True):
    """A preferred term."""

    weight: int = 1
    pod_affinity_term: PodAffinityTerm = PodAffinityTerm()


class PodAffinity(Part, frozen=True):
    """Affinity or anti-affinity to other pods."""

    required: tuple[PodAffinityTerm, ...] = msgspec.field(
        default=(), name="requiredDuringSchedulingIgnoredDuringExecution"
    )
    preferred: tuple[WeightedPodTerm, ...] = msgspec.field(
        default=(), name="preferredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(Part, frozen=True):
    """All affinities of a pod."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpread(Part, frozen=True):
    """A spread constraint."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: Selector | None = None
    min_domains: int | None = None
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"
    match_label_keys: tuple[str, ...] = ()


class ClaimSource(Part, frozen=True):
    """A volume from a PersistentVolumeClaim."""

    claim_name: str = ""
    read_only: bool = False


class NamedSource(Part, frozen=True):
    """A volume from a ConfigMap or a Secret: its name, never what is in it."""

    name: str = ""
    secret_name: str = ""
    optional: bool = False


class EphemeralSource(Part, frozen=True):
    """A generic ephemeral volume: the claim `pod-volume` is made for it."""


class Volume(Part, frozen=True):
    """A volume of a pod."""

    name: str = ""
    persistent_volume_claim: ClaimSource | None = None
    config_map: NamedSource | None = None
    secret: NamedSource | None = None
    ephemeral: EphemeralSource | None = None


class SchedulingGate(Part, frozen=True):
    """A gate that keeps the scheduler away."""

    name: str = ""


class PodResourceClaim(Part, frozen=True):
    """A claim for devices that the pod names (DRA)."""

    name: str = ""
    resource_claim_name: str = ""
    resource_claim_template_name: str = ""


class PullSecret(Part, frozen=True):
    """The name of a pull secret."""

    name: str = ""


class SchedulingGroup(Part, frozen=True):
    """The pod group of the scheduling API."""

    pod_group_name: str = ""


class PodSpec(Part, frozen=True):
    """What a pod asks for."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: Names = {}
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpread, ...] = ()
    scheduling_gates: tuple[SchedulingGate, ...] = ()
    scheduler_name: str = ""
    priority: int | None = None
    priority_class_name: str = ""
    preemption_policy: str = ""
    overhead: Amounts = {}
    resources: Resources | None = None
    resource_claims: tuple[PodResourceClaim, ...] = ()
    runtime_class_name: str = ""
    service_account_name: str = ""
    image_pull_secrets: tuple[PullSecret, ...] = ()
    host_network: bool = False
    restart_policy: str = ""
    active_deadline_seconds: int | None = None
    termination_grace_period_seconds: int | None = None
    volumes: tuple[Volume, ...] = ()
    scheduling_group: SchedulingGroup | None = None


class PodTemplate(Part, frozen=True):
    """What pods are made from."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()


class Waiting(Part, frozen=True):
    """A container that has not started."""

    reason: str = ""
    message: str = ""


class Terminated(Part, frozen=True):
    """A container that has ended."""

    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    started_at: str = ""
    finished_at: str = ""


class Running(Part, frozen=True):
    """A container that runs."""

    started_at: str = ""


class ContainerState(Part, frozen=True):
    """One of three."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(Part, frozen=True):
    """How a container is."""

    name: str = ""
    image: str = ""
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(Part, frozen=True):
    """How a pod is."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    start_time: str = ""
    nominated_node_name: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Object, frozen=True):
    """A pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ended(self) -> bool:
        """Whether it is over: it holds nothing any more."""
        return self.status.phase in {"Succeeded", "Failed"}

    @property
    def bound(self) -> bool:
        """Whether it has a node and still holds what it asked for."""
        return bool(self.spec.node_name) and not self.ended
