"""Namespaces and what bounds them; access; admission; storage; events."""

from __future__ import annotations

import msgspec

from allotment.model.observed.base import (
    LONGEST_MESSAGE,
    Amounts,
    Condition,
    Names,
    Object,
    ObjectMeta,
    Part,
    Reference,
    Selector,
)
from allotment.model.observed.pods import NodeSelector


class Namespace(Object, frozen=True):
    """A namespace."""


class ScopeExpression(Part, frozen=True):
    """One expression of a quota's scope."""

    scope_name: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class ScopeSelector(Part, frozen=True):
    """Which pods a quota counts."""

    match_expressions: tuple[ScopeExpression, ...] = ()


class QuotaSpec(Part, frozen=True):
    """Hard limits, and which pods count."""

    hard: Amounts = {}
    scopes: tuple[str, ...] = ()
    scope_selector: ScopeSelector | None = None


class QuotaStatus(Part, frozen=True):
    """Limits in force, and what is used of them."""

    hard: Amounts = {}
    used: Amounts = {}


class ResourceQuota(Object, frozen=True):
    """A ResourceQuota."""

    spec: QuotaSpec = QuotaSpec()
    status: QuotaStatus = QuotaStatus()


class LimitItem(Part, frozen=True):
    """Bounds and defaults of one type."""

    type: str = ""
    min: Amounts = {}
    max: Amounts = {}
    default: Amounts = {}
    default_request: Amounts = {}
    max_limit_request_ratio: Amounts = {}


class LimitRangeSpec(Part, frozen=True):
    """All bounds."""

    limits: tuple[LimitItem, ...] = ()


class LimitRange(Object, frozen=True):
    """A LimitRange."""

    spec: LimitRangeSpec = LimitRangeSpec()


class ServiceAccount(Object, frozen=True):
    """A service account: that it is there; which secrets it has is not read."""


class ConfigMap(Object, frozen=True):
    """A ConfigMap that answers rest on: the autoscaler's status, Kueue's settings; no other's `data` is read."""

    data: Names = {}


class PolicyRule(Part, frozen=True):
    """One rule of a Role."""

    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()


class Role(Object, frozen=True):
    """A Role or ClusterRole; `kind` says which."""

    rules: tuple[PolicyRule, ...] = ()


class Subject(Part, frozen=True):
    """Who is bound."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class RoleBinding(Object, frozen=True):
    """A RoleBinding or ClusterRoleBinding; `kind` says which."""

    subjects: tuple[Subject, ...] = ()
    role_ref: Reference = Reference()


class ResourceRule(Part, frozen=True):
    """What a policy looks at."""

    api_groups: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


class MatchResources(Part, frozen=True):
    """Which requests a policy or binding looks at."""

    namespace_selector: Selector | None = None
    object_selector: Selector | None = None
    resource_rules: tuple[ResourceRule, ...] = ()


class Validation(Part, frozen=True):
    """One rule of a policy."""

    expression: str = ""
    message: str = ""
    reason: str = ""


class AdmissionPolicySpec(Part, frozen=True):
    """A ValidatingAdmissionPolicy's spec."""

    failure_policy: str = "Fail"
    match_constraints: MatchResources | None = None
    validations: tuple[Validation, ...] = ()


class AdmissionPolicy(Object, frozen=True):
    """A ValidatingAdmissionPolicy."""

    spec: AdmissionPolicySpec = AdmissionPolicySpec()


class AdmissionBindingSpec(Part, frozen=True):
    """Where a policy is in force, and what it does."""

    policy_name: str = ""
    validation_actions: tuple[str, ...] = ()
    match_resources: MatchResources | None = None


class AdmissionBinding(Object, frozen=True):
    """A ValidatingAdmissionPolicyBinding."""

    spec: AdmissionBindingSpec = AdmissionBindingSpec()


class TopologyTerm(Part, frozen=True):
    """Topologies that a class allows."""

    match_label_expressions: tuple[dict[str, object], ...] = ()


class StorageClass(Object, frozen=True):
    """A StorageClass; its parameters are not read."""

    provisioner: str = ""
    volume_binding_mode: str = "Immediate"
    allowed_topologies: tuple[TopologyTerm, ...] = ()


class StorageAsk(Part, frozen=True):
    """How much storage."""

    requests: Amounts = {}


class ClaimSpec(Part, frozen=True):
    """A PersistentVolumeClaim's spec."""

    access_modes: tuple[str, ...] = ()
    storage_class_name: str | None = None
    volume_name: str = ""
    volume_mode: str = ""
    resources: StorageAsk = StorageAsk()


class ClaimStatus(Part, frozen=True):
    """How a claim is."""

    phase: str = ""
    capacity: Amounts = {}


class VolumeClaim(Object, frozen=True):
    """A PersistentVolumeClaim."""

    spec: ClaimSpec = ClaimSpec()
    status: ClaimStatus = ClaimStatus()


class VolumeNodeAffinity(Part, frozen=True):
    """Where a volume can be used."""

    required: NodeSelector | None = None


class VolumeSpec(Part, frozen=True):
    """A PersistentVolume's spec; where it lies is not read."""

    access_modes: tuple[str, ...] = ()
    capacity: Amounts = {}
    claim_ref: Reference | None = None
    node_affinity: VolumeNodeAffinity | None = None
    storage_class_name: str = ""


class VolumeStatus(Part, frozen=True):
    """How a volume is."""

    phase: str = ""


class PersistentVolume(Object, frozen=True):
    """A PersistentVolume."""

    spec: VolumeSpec = VolumeSpec()
    status: VolumeStatus = VolumeStatus()


class RuntimeScheduling(Part, frozen=True):
    """Where a runtime class's pods run."""

    node_selector: Names = {}


class RuntimeOverhead(Part, frozen=True):
    """What a RuntimeClass takes beside the containers of a pod."""

    pod_fixed: Amounts = {}


class RuntimeClass(Object, frozen=True):
    """A RuntimeClass."""

    handler: str = ""
    overhead: RuntimeOverhead | None = None
    scheduling: RuntimeScheduling | None = None


class EventSource(Part, frozen=True):
    """Who reported, in the old form."""

    component: str = ""


class EventSeries(Part, frozen=True):
    """How often an event came again."""

    count: int = 0
    last_observed_time: str = ""


class Event(Part, frozen=True):
    """An event, in the form of the core API."""

    metadata: ObjectMeta = ObjectMeta()
    involved_object: Reference = Reference()
    reason: str = ""
    message: str = ""
    type: str = ""
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    reporting_component: str = ""
    source: EventSource = EventSource()
    series: EventSeries | None = None

    def __post_init__(self) -> None:
        """A message longer than the API server takes is cut."""
        if len(self.message) > LONGEST_MESSAGE:
            msgspec.structs.force_setattr(self, "message", self.message[:LONGEST_MESSAGE])

    @property
    def at(self) -> str:
        """When it came last."""
        series = self.series.last_observed_time if self.series else ""
        return (
            series or self.last_timestamp or self.event_time or self.first_timestamp or self.metadata.creation_timestamp
        )

    @property
    def component(self) -> str:
        """Who reported it."""
        return self.reporting_component or self.source.component


class PodGroupStatus(Part, frozen=True):
    """How a group of the scheduling API is."""

    conditions: tuple[Condition, ...] = ()


class PodGroup(Object, frozen=True):
    """A PodGroup."""

    status: PodGroupStatus = PodGroupStatus()
