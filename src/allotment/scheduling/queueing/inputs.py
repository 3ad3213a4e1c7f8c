"""What the queueing engine is told: frozen, valid by construction, in Kueue's terms.

Amounts are integers in Kueue's internal units: `cpu` in milli, everything else in units (bytes for memory).
Times are integers; the unit is the caller's (the engine only compares and copies them).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from allotment.model.cluster import Taint
from allotment.scheduling.kinds import Requirement, Toleration


class QueueingStrategy(Enum):
    """How a ClusterQueue treats a head that cannot be admitted."""

    STRICT_FIFO = "StrictFIFO"
    BEST_EFFORT_FIFO = "BestEffortFIFO"


class PreemptionPolicy(Enum):
    """Whom a workload may preempt."""

    NEVER = "Never"
    LOWER_PRIORITY = "LowerPriority"
    LOWER_OR_NEWER_EQUAL_PRIORITY = "LowerOrNewerEqualPriority"
    ANY = "Any"


class FungibilityPolicy(Enum):
    """Whether the flavor scan stops at a flavor that works only by borrowing or preempting."""

    MAY_STOP_SEARCH = "MayStopSearch"
    TRY_NEXT_FLAVOR = "TryNextFlavor"


class FungibilityPreference(Enum):
    """Which of two imperfect flavors is better."""

    BORROWING_OVER_PREEMPTION = "BorrowingOverPreemption"
    PREEMPTION_OVER_BORROWING = "PreemptionOverBorrowing"


class FairStrategy(Enum):
    """Rule under which fair sharing may preempt another queue's workload."""

    LESS_THAN_OR_EQUAL_TO_FINAL_SHARE = "LessThanOrEqualToFinalShare"
    LESS_THAN_INITIAL_SHARE = "LessThanInitialShare"


@dataclass(frozen=True, slots=True)
class ResourceFlavor:
    """A kind of capacity. With `topology` set, scheduling inside it is topology-aware."""

    name: str
    node_labels: tuple[tuple[str, str], ...] = ()
    taints: tuple[Taint, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    topology: str | None = None


@dataclass(frozen=True, slots=True)
class ResourceQuota:
    """Quota of one resource in one flavor at one node of the tree; an unset limit is unlimited."""

    nominal: int
    borrowing_limit: int | None = None
    lending_limit: int | None = None


@dataclass(frozen=True, slots=True)
class FlavorQuotas:
    """One flavor of a resource group with a quota per covered resource."""

    flavor: str
    resources: tuple[tuple[str, ResourceQuota], ...]


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """Resources that always get the same flavor, and the flavors in the order they are tried."""

    covered_resources: tuple[str, ...]
    flavors: tuple[FlavorQuotas, ...]


@dataclass(frozen=True, slots=True)
class Cohort:
    """An inner node of the quota tree."""

    name: str
    parent: str | None = None
    resource_groups: tuple[ResourceGroup, ...] = ()
    fair_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ClusterQueue:
    """A leaf of the quota tree and the queue in front of it."""

    name: str
    resource_groups: tuple[ResourceGroup, ...]
    cohort: str | None = None
    strategy: QueueingStrategy = QueueingStrategy.BEST_EFFORT_FIFO
    within_cluster_queue: PreemptionPolicy = PreemptionPolicy.NEVER
    reclaim_within_cohort: PreemptionPolicy = PreemptionPolicy.NEVER
    borrow_within_cohort: PreemptionPolicy = PreemptionPolicy.NEVER
    max_priority_threshold: int | None = None
    when_can_borrow: FungibilityPolicy = FungibilityPolicy.MAY_STOP_SEARCH
    when_can_preempt: FungibilityPolicy = FungibilityPolicy.TRY_NEXT_FLAVOR
    preference: FungibilityPreference = FungibilityPreference.BORROWING_OVER_PREEMPTION
    fair_weight: float = 1.0
    usage_based: bool = False
    """Order by usage of the LocalQueues; needs `EngineSettings.admission_fair_sharing`."""
    stopped: bool = False
    """Admits nothing, and nobody preempts from it; its quota is still lent and what it uses still counts."""


@dataclass(frozen=True, slots=True)
class TopologyRequest:
    """How close together the pods of a PodSet must be; at most one of the first three is set."""

    required: str | None = None
    preferred: str | None = None
    unconstrained: bool = False
    slice_level: str | None = None
    slice_size: int | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class PodSet:
    """Identical pods of a workload. `requests` are per pod."""

    name: str
    count: int
    requests: tuple[tuple[str, int], ...]
    min_count: int | None = None
    node_selector: tuple[tuple[str, str], ...] = ()
    required_affinity: tuple[tuple[Requirement, ...], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    topology: TopologyRequest | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    """A job as the queue sees it. `queued_since` is the queue-order timestamp."""

    name: str
    uid: str
    cluster_queue: str
    priority: int
    queued_since: int
    pod_sets: tuple[PodSet, ...]
    local_queue: str = ""


@dataclass(frozen=True, slots=True)
class Topology:
    """Level label keys, widest first."""

    name: str
    levels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A ready node with what it offers to topology-aware workloads."""

    name: str
    labels: tuple[tuple[str, str], ...]
    allocatable: tuple[tuple[str, int], ...]
    taints: tuple[Taint, ...] = ()


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A team's entrance to a ClusterQueue; only needed where its weight is not 1."""

    name: str
    cluster_queue: str
    fair_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class AdmissionFairSharing:
    """Usage-based ordering inside a ClusterQueue.

    Attributes:
        half_life: time after which usage counts half; 0 = only what runs now counts.
        sampling_interval: time between two samples; an admission is charged its share of one interval at once.
        resource_weights: by resource name, 1 where absent.
    """

    half_life: int
    sampling_interval: int
    resource_weights: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterState:
    """Everything but the workloads: flavors, the quota tree, the nodes."""

    flavors: tuple[ResourceFlavor, ...]
    cluster_queues: tuple[ClusterQueue, ...]
    cohorts: tuple[Cohort, ...] = ()
    topologies: tuple[Topology, ...] = ()
    nodes: tuple[Node, ...] = ()
    local_queues: tuple[LocalQueue, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Kueue's configuration that decisions depend on.

    Attributes:
        fair_sharing: order and preempt by dominant resource share instead of classically.
        fair_strategies: preemption strategies; empty means Kueue's default pair.
        version: the Kueue minor version whose gate defaults apply.
        admission_fair_sharing: configuration of usage-based queues, None = off.
    """

    fair_sharing: bool = False
    fair_strategies: tuple[FairStrategy, ...] = ()
    version: str = "0.20"
    admission_fair_sharing: AdmissionFairSharing | None = None


@dataclass(frozen=True, slots=True)
class DomainCount:
    """Pods on one topology domain; `values` name the domain from the listed levels."""

    values: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True)
class PodSetAdmission:
    """What an admitted PodSet got: flavor per resource, count, and topology assignment for topology flavors."""

    name: str
    count: int
    flavors: tuple[tuple[str, str], ...]
    levels: tuple[str, ...] = ()
    domains: tuple[DomainCount, ...] = field(default=())
