"""Kueue's objects, in the shape of `v1beta2`; what `v1beta1` calls otherwise is renamed where objects are read."""

from __future__ import annotations

from allotment.model.observed.base import Amount, Amounts, Condition, Names, Object, Part, Reference, Selector
from allotment.model.observed.nodes import NodeTaint
from allotment.model.observed.pods import PodTemplate, Toleration


class TopologyAsk(Part, frozen=True):
    """How close together the pods of a PodSet must be."""

    required: str | None = None
    preferred: str | None = None
    unconstrained: bool | None = None
    pod_set_slice_required_topology: str | None = None
    pod_set_slice_size: int | None = None
    podset_slice_required_topology_constraints: tuple[dict[str, object], ...] = ()
    pod_set_group_name: str | None = None


class WorkloadPodSet(Part, frozen=True):
    """Identical pods of a Workload."""

    name: str = "main"
    count: int = 1
    min_count: int | None = None
    template: PodTemplate = PodTemplate()
    topology_request: TopologyAsk | None = None


class PriorityClassRef(Part, frozen=True):
    """Which priority class a Workload has."""

    group: str = ""
    kind: str = ""
    name: str = ""


class WorkloadSpec(Part, frozen=True):
    """What a Workload asks for."""

    active: bool = True
    queue_name: str = ""
    priority: int | None = None
    priority_class_name: str = ""
    priority_class_ref: PriorityClassRef | None = None
    pod_sets: tuple[WorkloadPodSet, ...] = ()
    maximum_execution_time_seconds: int | None = None


class TopologyDomain(Part, frozen=True):
    """Pods on a domain: `values` from the levels of the assignment."""

    values: tuple[str, ...] = ()
    count: int = 0


class DomainRoots(Part, frozen=True):
    """Values written short."""

    prefix: str = ""
    suffix: str = ""
    roots: tuple[str, ...] = ()


class DomainValues(Part, frozen=True):
    """Values of one level in `v1beta2`: one for all domains, or one each with prefix and suffix."""

    universal: str | None = None
    individual: DomainRoots | None = None


class PodCounts(Part, frozen=True):
    """Pods of each domain of a slice."""

    universal: int | None = None
    individual: tuple[int, ...] = ()


class AssignmentSlice(Part, frozen=True):
    """Domains of an assignment in `v1beta2`, column by column."""

    domain_count: int = 0
    values_per_level: tuple[DomainValues, ...] = ()
    pod_counts: PodCounts = PodCounts()


class TopologyAssigned(Part, frozen=True):
    """Where the pods of a PodSet are to go, in either version's form."""

    levels: tuple[str, ...] = ()
    domains: tuple[TopologyDomain, ...] = ()
    slices: tuple[AssignmentSlice, ...] = ()


class PodSetAssigned(Part, frozen=True):
    """What a PodSet got: a flavor for each resource, and what that uses in all."""

    name: str = "main"
    count: int | None = None
    flavors: Names = {}
    resource_usage: Amounts = {}
    topology_assignment: TopologyAssigned | None = None


class AdmissionOf(Part, frozen=True):
    """What a Workload got."""

    cluster_queue: str = ""
    pod_set_assignments: tuple[PodSetAssigned, ...] = ()


class CheckState(Part, frozen=True):
    """State of an AdmissionCheck for a Workload."""

    name: str = ""
    state: str = ""
    message: str = ""
    last_transition_time: str = ""
    retry_count: int | None = None


class RequeueState(Part, frozen=True):
    """When an evicted Workload queues again, and how often it has."""

    count: int | None = None
    requeue_at: str = ""


class ReclaimablePods(Part, frozen=True):
    """Pods of a PodSet whose quota is free before the Workload ends."""

    name: str = ""
    count: int = 0


class CountedRequests(Part, frozen=True):
    """What Kueue counts for the pods of a PodSet in all, written down as it looked at them."""

    name: str = ""
    resources: Amounts = {}


class EvictionCount(Part, frozen=True):
    """How often a Workload was evicted for one reason."""

    reason: str = ""
    count: int = 0


class SchedulingStats(Part, frozen=True):
    """What Kueue counts of a Workload over its whole life."""

    evictions: tuple[EvictionCount, ...] = ()


class WorkloadStatus(Part, frozen=True):
    """How a Workload is."""

    admission: AdmissionOf | None = None
    admission_checks: tuple[CheckState, ...] = ()
    conditions: tuple[Condition, ...] = ()
    requeue_state: RequeueState | None = None
    scheduling_stats: SchedulingStats | None = None
    reclaimable_pods: tuple[ReclaimablePods, ...] = ()
    resource_requests: tuple[CountedRequests, ...] = ()
    accumulated_past_execution_time_seconds: int = 0
    nominated_cluster_names: tuple[str, ...] = ()
    cluster_name: str | None = None


class Workload(Object, frozen=True):
    """A Workload: a job as the queue sees it."""

    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()

    def says(self, type_: str) -> bool:
        """Whether a condition holds."""
        for each in self.status.conditions:  # noqa: SIM110  asked again and again: `any` takes twice as long
            if each.type == type_ and each.true:
                return True
        return False

    def condition(self, type_: str) -> Condition | None:
        """The condition of a type."""
        for each in reversed(self.status.conditions):
            if each.type == type_:
                return each
        return None

    @property
    def holds_quota(self) -> bool:
        """Whether quota is reserved for it."""
        return self.status.admission is not None and self.says("QuotaReserved")


class QuotaOf(Part, frozen=True):
    """Quota of a resource."""

    name: str = ""
    nominal_quota: Amount = 0
    borrowing_limit: Amount | None = None
    lending_limit: Amount | None = None


class FlavorQuota(Part, frozen=True):
    """Quotas of a flavor."""

    name: str = ""
    resources: tuple[QuotaOf, ...] = ()


class ResourceGroupOf(Part, frozen=True):
    """Resources that get the same flavor."""

    covered_resources: tuple[str, ...] = ()
    flavors: tuple[FlavorQuota, ...] = ()


class BorrowWithin(Part, frozen=True):
    """Whether preempting may go with borrowing."""

    policy: str = "Never"
    max_priority_threshold: int | None = None


class PreemptionRules(Part, frozen=True):
    """Whom a queue's workloads may preempt."""

    within_cluster_queue: str = "Never"
    reclaim_within_cohort: str = "Never"
    borrow_within_cohort: BorrowWithin | None = None


class Fungibility(Part, frozen=True):
    """Whether the scan stops at a flavor that works only by borrowing or preempting."""

    when_can_borrow: str = ""
    when_can_preempt: str = ""
    preference: str = ""


class FairShare(Part, frozen=True):
    """Weight in fair sharing."""

    weight: Amount | None = None


class CheckRule(Part, frozen=True):
    """An AdmissionCheck, for some flavors or all."""

    name: str = ""
    on_flavors: tuple[str, ...] = ()


class CheckStrategy(Part, frozen=True):
    """AdmissionChecks of a ClusterQueue."""

    admission_checks: tuple[CheckRule, ...] = ()


class AdmissionScopeOf(Part, frozen=True):
    """Usage-based order."""

    admission_mode: str = ""


class ClusterQueueSpec(Part, frozen=True):
    """A ClusterQueue's spec."""

    resource_groups: tuple[ResourceGroupOf, ...] = ()
    cohort_name: str = ""
    queueing_strategy: str = "BestEffortFIFO"
    namespace_selector: Selector | None = None
    preemption: PreemptionRules = PreemptionRules()
    flavor_fungibility: Fungibility = Fungibility()
    fair_sharing: FairShare | None = None
    stop_policy: str = "None"
    admission_checks: tuple[str, ...] = ()
    admission_checks_strategy: CheckStrategy | None = None
    admission_scope: AdmissionScopeOf | None = None


class UsageOf(Part, frozen=True):
    """Use of a resource as Kueue counts it."""

    name: str = ""
    total: Amount = 0
    borrowed: Amount = 0


class FlavorUsage(Part, frozen=True):
    """Use of a flavor."""

    name: str = ""
    resources: tuple[UsageOf, ...] = ()


class FairStatus(Part, frozen=True):
    """Share of a queue; Kueue writes it only with fair sharing on."""

    weighted_share: int = 0


class QueueStatus(Part, frozen=True):
    """How a ClusterQueue or LocalQueue is."""

    conditions: tuple[Condition, ...] = ()
    pending_workloads: int = 0
    reserving_workloads: int = 0
    admitted_workloads: int = 0
    flavors_reservation: tuple[FlavorUsage, ...] = ()
    flavors_usage: tuple[FlavorUsage, ...] = ()
    fair_sharing: FairStatus | None = None


class ClusterQueue(Object, frozen=True):
    """A ClusterQueue."""

    spec: ClusterQueueSpec = ClusterQueueSpec()
    status: QueueStatus = QueueStatus()


class LocalQueueSpec(Part, frozen=True):
    """A LocalQueue's spec."""

    cluster_queue: str = ""
    stop_policy: str = "None"
    fair_sharing: FairShare | None = None


class LocalQueue(Object, frozen=True):
    """A LocalQueue."""

    spec: LocalQueueSpec = LocalQueueSpec()
    status: QueueStatus = QueueStatus()


class CohortSpec(Part, frozen=True):
    """A Cohort's spec."""

    parent_name: str = ""
    resource_groups: tuple[ResourceGroupOf, ...] = ()
    fair_sharing: FairShare | None = None


class Cohort(Object, frozen=True):
    """A Cohort."""

    spec: CohortSpec = CohortSpec()


class FlavorSpec(Part, frozen=True):
    """A ResourceFlavor's spec."""

    node_labels: Names = {}
    node_taints: tuple[NodeTaint, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    topology_name: str = ""


class ResourceFlavor(Object, frozen=True):
    """A ResourceFlavor."""

    spec: FlavorSpec = FlavorSpec()


class TopologyLevel(Part, frozen=True):
    """A level of a Topology."""

    node_label: str = ""


class TopologySpec(Part, frozen=True):
    """Levels, widest first."""

    levels: tuple[TopologyLevel, ...] = ()


class Topology(Object, frozen=True):
    """A Topology."""

    spec: TopologySpec = TopologySpec()


class AdmissionCheckSpec(Part, frozen=True):
    """Who answers a check, and with which parameters."""

    controller_name: str = ""
    parameters: Reference | None = None


class ConditionsStatus(Part, frozen=True):
    """A status of conditions alone."""

    conditions: tuple[Condition, ...] = ()


class AdmissionCheck(Object, frozen=True):
    """An AdmissionCheck."""

    spec: AdmissionCheckSpec = AdmissionCheckSpec()
    status: ConditionsStatus = ConditionsStatus()


class PriorityClass(Object, frozen=True):
    """A PriorityClass, or Kueue's WorkloadPriorityClass; `kind` says which."""

    value: int = 0
    preemption_policy: str = ""
    global_default: bool = False


class KubeConfigPlace(Part, frozen=True):
    """Where a kubeconfig lies: name of a Secret, or a path in Kueue's pod. It is never read."""

    location: str = ""
    location_type: str = "Secret"


class WorkerAccess(Part, frozen=True):
    """How a worker cluster is reached."""

    kube_config: KubeConfigPlace | None = None


class MultiKueueClusterSpec(Part, frozen=True):
    """What a worker cluster is; before `v1beta2` the place stood in the spec itself."""

    cluster_source: WorkerAccess = WorkerAccess()
    kube_config: KubeConfigPlace | None = None


class MultiKueueCluster(Object, frozen=True):
    """A worker cluster of MultiKueue."""

    spec: MultiKueueClusterSpec = MultiKueueClusterSpec()
    status: ConditionsStatus = ConditionsStatus()


class MultiKueueConfigSpec(Part, frozen=True):
    """Which clusters may take work."""

    clusters: tuple[str, ...] = ()


class MultiKueueConfig(Object, frozen=True):
    """A MultiKueueConfig."""

    spec: MultiKueueConfigSpec = MultiKueueConfigSpec()


class ProvisioningSpec(Part, frozen=True):
    """What a ProvisioningRequest asks for."""

    provisioning_class_name: str = ""


class ProvisioningRequest(Object, frozen=True):
    """A ProvisioningRequest."""

    spec: ProvisioningSpec = ProvisioningSpec()
    status: ConditionsStatus = ConditionsStatus()


class PendingWorkload(Part, frozen=True):
    """A line of the visibility API: a Workload and its place in its ClusterQueue, from 0."""

    name: str = ""
    namespace: str = ""
    local_queue_name: str = ""
    position_in_cluster_queue: int = 0
    position_in_local_queue: int = 0
    priority: int = 0


class PendingOrder(Part, frozen=True):
    """Who waits in a ClusterQueue, in Kueue's own order."""

    cluster_queue: str = ""
    items: tuple[PendingWorkload, ...] = ()
