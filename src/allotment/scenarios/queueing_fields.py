"""The format of a queueing scenario. What types cannot say of it, such as that names exist, is in `checks`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta, field

from allotment.scenarios.fields import (
    Amount,
    Milliseconds,
    Name,
    NodeFields,
    Number,
    Positive,
    PositiveMilliseconds,
    Quantity,
    RequirementFields,
    Some,
    TaintFields,
    TolerationFields,
    Whole,
)
from allotment.scenarios.parsing import Fields
from allotment.scheduling.queueing.inputs import FairStrategy, QueueingStrategy
from allotment.simulation.events import StopPolicy

UNLIMITED_WORD: Final = "unlimited"
Limit: TypeAlias = Annotated[
    Amount | Literal["unlimited"], Meta(description=f"a whole number of at least 0 or {UNLIMITED_WORD!r}")
]


# Jobs


class TopologyRequestFields(Fields, frozen=True):
    """Where a PodSet wants its pods; as Kueue's PodSetTopologyRequest."""

    required: str | None = None
    preferred: str | None = None
    unconstrained: bool = False
    pod_set_slice_required_topology: str | None = None
    pod_set_slice_size: Positive | None = None
    pod_set_group_name: str | None = None


class PodSetFields(Fields, frozen=True):
    """Pods of a job that are alike."""

    name: Name
    count: Amount
    min_count: Amount | None = None
    requests: dict[Name, Quantity] = field(default_factory=dict)
    node_selector: dict[Name, str] = field(default_factory=dict)
    required_affinity: tuple[tuple[RequirementFields, ...], ...] = ()
    tolerations: tuple[TolerationFields, ...] = ()
    topology_request: TopologyRequestFields | None = None


class WorkloadFields(Fields, frozen=True):
    """A job; times in milliseconds."""

    name: Name
    uid: str
    cluster_queue: Name
    priority: Whole
    created_at: Milliseconds
    runtime: Milliseconds
    pod_sets: Some[PodSetFields]
    queued_at: Milliseconds | None = None


# What is declared


class QuotaFields(Fields, frozen=True):
    """Quota of one resource in one flavor."""

    nominal: Quantity
    borrowing_limit: Quantity | None = None
    lending_limit: Quantity | None = None


class FlavorQuotasFields(Fields, frozen=True):
    """Quotas of one flavor, by resource."""

    flavor: Name
    resources: dict[Name, QuotaFields]


class ResourceGroupFields(Fields, frozen=True):
    """Flavors for some resources."""

    covered_resources: Some[Name]
    flavors: Some[FlavorQuotasFields]


class BorrowWithinCohortFields(Fields, frozen=True):
    """Whom a queue that borrows may preempt."""

    policy: Literal["Never", "LowerPriority"] = "Never"
    max_priority_threshold: Whole | None = None


class PreemptionFields(Fields, frozen=True):
    """Whom a queue may preempt."""

    within_cluster_queue: Literal["Never", "LowerPriority", "LowerOrNewerEqualPriority"] = "Never"
    reclaim_within_cohort: Literal["Never", "LowerPriority", "Any"] = "Never"
    borrow_within_cohort: BorrowWithinCohortFields = BorrowWithinCohortFields()


class FlavorFungibilityFields(Fields, frozen=True):
    """When a further flavor is tried. The last words are v1beta1's; Kueue takes them as MayStopSearch."""

    when_can_borrow: Literal["MayStopSearch", "TryNextFlavor", "Borrow"] = "MayStopSearch"
    when_can_preempt: Literal["MayStopSearch", "TryNextFlavor", "Preempt"] = "TryNextFlavor"
    preference: Literal["BorrowingOverPreemption", "PreemptionOverBorrowing", ""] = ""


class ClusterQueueFields(Fields, frozen=True):
    """A ClusterQueue."""

    name: Name
    resource_groups: tuple[ResourceGroupFields, ...]
    cohort: str = ""
    queueing_strategy: QueueingStrategy = QueueingStrategy.BEST_EFFORT_FIFO
    preemption: PreemptionFields = PreemptionFields()
    flavor_fungibility: FlavorFungibilityFields = FlavorFungibilityFields()
    fair_weight: Number = 1


class CohortFields(Fields, frozen=True):
    """A Cohort."""

    name: Name
    parent: str = ""
    resource_groups: tuple[ResourceGroupFields, ...] = ()
    fair_weight: Number = 1


class FlavorFields(Fields, frozen=True):
    """A ResourceFlavor; `topology` is the name of one of the topologies."""

    name: Name
    node_labels: dict[Name, str] = field(default_factory=dict)
    taints: tuple[TaintFields, ...] = ()
    tolerations: tuple[TolerationFields, ...] = ()
    topology: str | None = None


class TopologyFields(Fields, frozen=True):
    """Levels of a topology, the widest first."""

    name: Name
    levels: Some[Name]


# What happens


class NodeEventFields(Fields, frozen=True, tag_field="kind"):
    """What happens to a node."""

    t: Milliseconds
    node: Name


class NodeDownFields(NodeEventFields, frozen=True, tag="nodeDown"):
    """A node is marked not ready."""


class NodeUpFields(NodeEventFields, frozen=True, tag="nodeUp"):
    """A node is ready again."""


class CordonFields(NodeEventFields, frozen=True, tag="cordon"):
    """A node takes no further pods."""


class UncordonFields(NodeEventFields, frozen=True, tag="uncordon"):
    """A node takes pods again."""


class DrainFields(NodeEventFields, frozen=True, tag="drain"):
    """A node is cordoned and its jobs are asked to leave."""

    grace: Milliseconds | None = None


class EvictionFields(Fields, frozen=True, tag_field="kind", tag="evict"):
    """A job is asked to leave."""

    t: Milliseconds
    workload: Name
    grace: Milliseconds | None = None


class QuotaChangeFields(Fields, frozen=True, tag_field="kind", tag="quota"):
    """Quota of a ClusterQueue or a Cohort changes."""

    t: Milliseconds
    flavor: Name
    resource: Name
    cluster_queue: Name | None = None
    cohort: Name | None = None
    nominal: Quantity | None = None
    borrowing_limit: Limit | None = None
    lending_limit: Limit | None = None


class StopChangeFields(Fields, frozen=True, tag_field="kind", tag="stopPolicy"):
    """A ClusterQueue is stopped or goes on."""

    t: Milliseconds
    cluster_queue: Name
    policy: StopPolicy
    grace: Milliseconds | None = None


EventFields: TypeAlias = (
    NodeDownFields
    | NodeUpFields
    | CordonFields
    | UncordonFields
    | DrainFields
    | EvictionFields
    | QuotaChangeFields
    | StopChangeFields
)


# The whole


class EnvironmentFields(Fields, frozen=True):
    """The world around the engine; times in milliseconds."""

    wakeup_delay: Milliseconds
    eviction_latency: Milliseconds
    idle_cycles: Positive
    max_cycles_per_instant: Amount
    max_cycles_total: Amount
    not_ready_toleration: Milliseconds | None = None
    node_replacement: bool = True
    status_delay: Milliseconds = 0


class FairSharingFields(Fields, frozen=True):
    """Kueue's fair sharing; which lists of strategies there are is in `checks`."""

    enabled: bool = False
    preemption_strategies: tuple[FairStrategy, ...] | None = None


class NodeFailuresFields(Fields, frozen=True):
    """Random failures of nodes; milliseconds."""

    mean_between: PositiveMilliseconds
    mean_repair: PositiveMilliseconds
    until: Milliseconds


class QueueingScenarioFields(Fields, frozen=True):
    """A line of a scenario file; the last five fields are what was recorded, read by others."""

    id: str
    env: EnvironmentFields
    flavors: tuple[FlavorFields, ...]
    cluster_queues: tuple[ClusterQueueFields, ...]
    workloads: tuple[WorkloadFields, ...]
    kind: str = field(name="class", default="")
    kueue: str = ""
    fair_sharing: FairSharingFields = FairSharingFields()
    cohorts: tuple[CohortFields, ...] = ()
    topologies: tuple[TopologyFields, ...] = ()
    nodes: tuple[NodeFields, ...] = ()
    events: tuple[EventFields, ...] = ()
    node_failures: NodeFailuresFields | None = None
    seed: Any = None
    decisions: Any = None
    pending: Any = None
    pending_log: Any = None
    stats: Any = None
