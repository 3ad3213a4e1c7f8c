"""Kind Team, with its placements in clusters."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from allotment.model import labels
from allotment.model.team import Isolation
from allotment.spec.schema.base import KindSpec, Spec
from allotment.spec.schema.choices import EnvironmentChoice, IsolationChoice, PodSecurityChoice
from allotment.spec.schema.scalars import (
    ApiGroup,
    Count,
    Cpu,
    Date,
    Flag,
    LabelValue,
    Line,
    Memory,
    Name,
    ObjectName,
    ResourcePath,
    Seconds,
    TenantName,
    Verb,
    Weight,
)


class _Short:
    """A single value stands for a mapping with that one field."""

    def __init__(self, field: str) -> None:
        self.field = field

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def widen(value: Any) -> Any:
            return {self.field: value} if isinstance(value, str) else value

        return core_schema.no_info_before_validator_function(widen, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": ["string", "number"]}, handler(schema)]}


class GroupsSpec(Spec):
    """The identity provider's groups by role."""

    owners: tuple[Line, ...] = Field(
        default=(), description="May also manage the team's bindings' members. None by default."
    )
    members: tuple[Line, ...] = Field(default=(), description="Run and delete work in the team's namespace.")
    viewers: tuple[Line, ...] = Field(default=(), description="See the team's work. None by default.")
    exec: tuple[Line, ...] = Field(
        default=(), description="May open a shell in running pods. None by default: a shell reads every mounted secret."
    )


class AccessRuleSpec(Spec):
    """A rule of Kubernetes' RBAC: verbs on resources of API groups, each by its name."""

    api_groups: tuple[ApiGroup, ...] = Field(description='API groups, such as ray.io; "" is the core group.')
    resources: tuple[ResourcePath, ...] = Field(description="Resources in the plural, such as rayservices.")
    verbs: tuple[Verb, ...] = Field(description="get, list, watch, create, update, patch, delete, deletecollection.")


class ExtraRulesSpec(Spec):
    """Rights of the team's roles beyond those that every team has.

    What viewers are given members have too, and what members are given owners have too; exec stands alone.
    """

    owner: tuple[AccessRuleSpec, ...] = Field(default=(), description="Of owners. None by default.")
    member: tuple[AccessRuleSpec, ...] = Field(default=(), description="Of members. None by default.")
    viewer: tuple[AccessRuleSpec, ...] = Field(default=(), description="Of viewers. None by default.")
    exec: tuple[AccessRuleSpec, ...] = Field(default=(), description="Of the groups under exec. None by default.")


class PodSecuritySpec(Spec):
    """An exception from Pod Security `restricted`: by name, for a reason, until a day."""

    level: PodSecurityChoice = Field(
        description="baseline: pods may run as root and leave their security context out. privileged: they may take "
        "over their node, and whatever else runs there. restricted: no exception."
    )
    reason: Line = Field(description="Why, for whoever reads this next.")
    namespaces: tuple[TenantName, ...] = Field(
        default=(), description="Which of the team's namespaces. All of them by default."
    )
    until: Date = Field(description="Last day of the exception; the namespaces are restricted again from the next.")


class MemberLimitsSpec(Spec):
    """The most that one pod may ask for."""

    cpu: Cpu | None = Field(default=None, description="CPU per pod. Not limited by default; the namespace's quota is.")
    memory: Memory | None = Field(default=None, description="Memory per pod. Not limited by default.")
    accelerators: Count | None = Field(
        default=None, description="Devices per pod. Not limited by default; a node's size is."
    )


class ComputeSpec(Spec):
    """CPU and memory of a container."""

    cpu: Cpu | None = Field(default=None, description="CPU. As for every team by default.")
    memory: Memory | None = Field(default=None, description="Memory. As for every team by default.")


class ContainerDefaultsSpec(Spec):
    """What containers get that name none of their own: the LimitRange of the team's namespaces."""

    requests: ComputeSpec = Field(
        default_factory=ComputeSpec,
        description="What is charged. 500m and 1Gi, or the default limit where that is less: enough for a sidecar.",
    )
    limits: ComputeSpec = Field(
        default_factory=ComputeSpec,
        description="What they may take. 1 CPU and 2Gi, or the default request where that is more; memberLimits at "
        "most.",
    )


class CpuAllowanceSpec(Spec):
    """Quota of CPU."""

    nominal: Cpu = Field(description="Guaranteed.")
    borrowing_limit: Cpu | None = Field(
        default=None,
        description="Most that may be borrowed above it. 0 by default: the namespace's quota, which alone bounds work "
        "without a queue, has to admit what can be borrowed.",
    )
    lending_limit: Cpu | None = Field(
        default=None,
        description="Most that others may borrow of it. Not limited by default; it comes back by preemption.",
    )


class MemoryAllowanceSpec(Spec):
    """Quota of memory."""

    nominal: Memory = Field(description="Guaranteed.")
    borrowing_limit: Memory | None = Field(
        default=None, description="Most that may be borrowed above it. 0 by default."
    )
    lending_limit: Memory | None = Field(default=None, description="Most that others may borrow of it. Not limited.")


class DeviceAllowanceSpec(Spec):
    """Quota of devices in one flavor."""

    nominal: Count = Field(description="Guaranteed devices; 0 offers a flavor for borrowing only.")
    borrowing_limit: Count | None = Field(
        default=None,
        description="Most that may be borrowed above it. Not limited by default: idle devices help nobody.",
    )
    lending_limit: Count | None = Field(default=None, description="Most that others may borrow of it. Not limited.")


CpuAllowance = Annotated[CpuAllowanceSpec, _Short("nominal")]
MemoryAllowance = Annotated[MemoryAllowanceSpec, _Short("nominal")]
DeviceAllowance = Annotated[DeviceAllowanceSpec, _Short("nominal")]


class NamespaceQuotaSpec(Spec):
    """Limits of the namespace's ResourceQuota that are not to follow from the queue's."""

    requests_cpu: Cpu | None = Field(default=None, description="Sum of CPU requests. Guaranteed plus borrowable.")
    limits_cpu: Cpu | None = Field(
        default=None, description="Sum of CPU limits. Twice the requests: CPU can be overcommitted."
    )
    requests_memory: Memory | None = Field(
        default=None, description="Sum of memory requests. Guaranteed plus borrowable."
    )
    limits_memory: Memory | None = Field(default=None, description="Sum of memory limits. Twice the requests.")
    accelerators: dict[Name, Count] = Field(
        default_factory=dict, description="Devices by accelerator. Guaranteed plus borrowable, summed by resource name."
    )
    pods: Count = Field(
        default=50,
        description="Pods at once, in the queue as well. 50: a team of the usual size, and an endless loop is caught.",
    )
    claims: Count = Field(default=20, description="Volume claims. 20: room for experiments; a leak is caught.")
    objects: dict[Line, Count] = Field(
        default_factory=dict,
        description="Counts by ResourceQuota key. Defaults: count/jobs.batch 100, configmaps 100, secrets 100, "
        "services 20, services.nodeports 0 and services.loadbalancers 0 (nothing leaves the cluster unasked); and 100 "
        "of each kind of workload that the cluster's features name, such as count/jobsets.jobset.x-k8s.io.",
    )


_QUOTA_FROM_QUEUE: Final = NamespaceQuotaSpec()
_CPU_OF_USUAL_TEAM: Final = CpuAllowanceSpec(nominal=64_000)
_MEMORY_OF_USUAL_TEAM: Final = MemoryAllowanceSpec(nominal=256 << 30)


class PlacementFields(Spec):
    """What a placement may say besides its quota."""

    environment: EnvironmentChoice | None = Field(
        default=None, description="Value of the label. The cluster's by default."
    )
    cohort: Name | None = Field(
        default=None, description="Cohort its queue joins. The cluster's first cohort by default."
    )
    standalone: Flag = Field(
        default=False, description="True: the queue joins no cohort, borrows nothing, lends nothing."
    )
    weight: Weight = Field(
        default=1000, json_schema_extra={"default": 1}, description="Fair-share weight when borrowing. 1: all alike."
    )
    namespace_quota: NamespaceQuotaSpec = Field(
        default_factory=lambda: _QUOTA_FROM_QUEUE,
        description="The namespace's ResourceQuota, where it is not to follow from the queue's.",
    )


class PlacementSpec(PlacementFields):
    """A team's presence in one cluster."""

    cpu: CpuAllowance = Field(
        default_factory=lambda: _CPU_OF_USUAL_TEAM,
        description="CPU; a number or a mapping. 64 cores: a team of the usual size.",
    )
    memory: MemoryAllowance = Field(
        default_factory=lambda: _MEMORY_OF_USUAL_TEAM,
        description="Memory; a quantity or a mapping. 256Gi: a team of the usual size.",
    )
    accelerators: dict[Line, DeviceAllowance] = Field(
        default_factory=dict,
        description="Devices by flavor (a100-spot) or by accelerator (a100: the cluster's first flavor of it that the "
        "team may use), in the team's order of preference. None by default: GPUs are asked for by name.",
    )


class PlacementOverrideSpec(Spec):
    """Fields of a placement that a cluster replaces; whatever is left out stays."""

    environment: EnvironmentChoice | None = Field(default=None, description="Replaces the label's value.")
    cohort: Name | None = Field(default=None, description="Replaces the cohort.")
    standalone: Flag | None = Field(default=None, description="Replaces whether the queue stands alone.")
    weight: Weight | None = Field(default=None, description="Replaces the weight.")
    cpu: CpuAllowance | None = Field(default=None, description="Replaces the CPU quota.")
    memory: MemoryAllowance | None = Field(default=None, description="Replaces the memory quota.")
    accelerators: dict[Line, DeviceAllowance] | None = Field(
        default=None, description="Replaces the devices, all of them."
    )
    namespace_quota: NamespaceQuotaSpec | None = Field(default=None, description="Replaces the namespace's quota.")


class ProjectSpec(Spec):
    """A project of the team; a plain name will do."""

    name: LabelValue = Field(description="Value of the project label.")
    cost_center: LabelValue | None = Field(default=None, description="Its cost centre. The team's by default.")


class ClaimSpec(Spec):
    """A volume claim in the team's namespaces."""

    name: ObjectName = Field(description="Name of the claim.")
    size: Memory = Field(description="Size, such as 500Gi.")
    storage_class: ObjectName | None = Field(
        default=None, description="StorageClass. The directory's default class; without one it has to be named."
    )
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"] = Field(
        default="ReadWriteMany", description="ReadWriteMany: the pods of a team share data sets across nodes."
    )
    namespaces: tuple[TenantName, ...] = Field(
        default=(), description="Which of the team's namespaces get it. All of them by default."
    )


class StorageSpec(Spec):
    """Storage of the team."""

    total: Memory | None = Field(
        default=None,
        description="Sum over all claims in a namespace. 1Ti, or what the claims here ask for if that is more.",
    )
    claims: tuple[ClaimSpec, ...] = Field(
        default=(), description="Claims every namespace of the team gets. None by default."
    )


class ContactSpec(Spec):
    """Whom to ask."""

    kind: Literal["email", "chat", "pager"] = Field(description="email, chat or pager.")
    address: Line = Field(description="The address, channel or service.")


class OffboardingSpec(Spec):
    """Set when the team has been removed: it runs nothing; its data stay."""

    keep_data_until: Date = Field(description="Last day the team's data are kept.")


class TeamSpec(KindSpec):
    """A tenant."""

    kind: Literal["Team"] = Field(description="Which kind of document this is.")
    name: TenantName = Field(description="Name of the team.")
    id: TenantName | None = Field(
        default=None,
        description="What clusters know the team by: the value of its labels, the usual name of its namespace and its "
        "queue, the mark of its nodes. Its name by default. `allot team rename` writes it, so that all of these stay "
        "as they are; another id is another team.",
    )
    display_name: Line | None = Field(default=None, description="Name for people. The team's name by default.")
    namespaces: tuple[TenantName, ...] = Field(
        default=(),
        description="Its namespaces, in every cluster the same; one queue serves them all. By default one named "
        "as its id. Another name is another namespace: nothing moves there.",
    )
    groups: GroupsSpec = Field(default_factory=GroupsSpec, description="Groups of the identity provider by role.")
    guests: tuple[Line, ...] = Field(
        default=(),
        description="Users and groups of other teams to whom the team's owners may give rights in its namespace. None "
        "by default: rights stay in the team.",
    )
    extra_rules: ExtraRulesSpec = Field(
        default_factory=ExtraRulesSpec,
        description="Further rights by role (owner, member, viewer, exec), for kinds that other teams do not use. None "
        "by default; what would undo a guardrail is refused.",
    )
    pod_security: PodSecuritySpec | None = Field(
        default=None,
        description="A weaker Pod Security level for a while. None by default: restricted, so that no pod leaves its "
        "container.",
    )
    member_limits: MemberLimitsSpec = Field(
        default_factory=MemberLimitsSpec, description="The most that one pod may ask for."
    )
    container_defaults: ContainerDefaultsSpec = Field(
        default_factory=ContainerDefaultsSpec,
        description="Requests and limits of containers that name none: request <= limit <= memberLimits.",
    )
    max_grace: Seconds = Field(
        default=labels.DEFAULT_MAX_GRACE,
        description="How long a pod may take to end, its `terminationGracePeriodSeconds`: 90s, 30m, 2h. 1800 "
        "seconds: its devices are held until then, and a checkpoint takes minutes.",
    )
    isolation: IsolationChoice = Field(
        default=Isolation.NAMESPACE,
        description="namespace, node-pool, cluster or subscription. namespace: cheapest, and enough between teams that "
        "trust each other.",
    )
    cost_center: LabelValue = Field(
        default="unassigned",
        description="Cost centre. unassigned shows the team's cost as unallocated in every report.",
    )
    environments: tuple[EnvironmentChoice, ...] = Field(
        default=(), description="Environments the team works in. Those of its placements by default."
    )
    projects: tuple[Annotated[ProjectSpec, _Short("name")], ...] = Field(
        default=(),
        description="Projects; names, or mappings with a cost centre. By default one project named as the team's id.",
    )
    priorities: tuple[Name, ...] = Field(
        default=(),
        description="Rungs of the ladder its work may use; the first is its default. By default only the ladder's "
        "default rung: the right to displace others is given by name.",
    )
    storage: StorageSpec = Field(default_factory=StorageSpec, description="Storage.")
    image_pull_secrets: tuple[ObjectName, ...] = Field(
        default=(),
        description="Names of Secrets for the registry. None: nodes usually pull with an identity of their own.",
    )
    contacts: tuple[ContactSpec, ...] = Field(default=(), description="Whom to ask. None by default.")
    placements: dict[Name, PlacementSpec] = Field(
        default_factory=dict,
        description="The team's presence, by cluster. A team without one has nothing anywhere, and is refused.",
    )
    offboarding: OffboardingSpec | None = Field(default=None, description="Set by `allot team remove`.")
