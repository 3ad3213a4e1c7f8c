"""A snapshot: everything that was seen at one moment, from any number of sources, and what could not be seen."""

from __future__ import annotations

from typing import Final

from allotment.model.observed.base import Part, Reference
from allotment.model.observed.namespaced import (
    AdmissionBinding,
    AdmissionPolicy,
    ConfigMap,
    Event,
    LimitRange,
    Namespace,
    PersistentVolume,
    PodGroup,
    ResourceQuota,
    Role,
    RoleBinding,
    RuntimeClass,
    ServiceAccount,
    StorageClass,
    VolumeClaim,
)
from allotment.model.observed.nodes import (
    DeviceClass,
    DisruptionBudget,
    KarpenterNodePool,
    Node,
    NodeClaim,
    ResourceClaim,
    ResourceClaimTemplate,
    ResourceSlice,
)
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import (
    AdmissionCheck,
    ClusterQueue,
    Cohort,
    LocalQueue,
    MultiKueueCluster,
    MultiKueueConfig,
    PendingOrder,
    PriorityClass,
    ProvisioningRequest,
    ResourceFlavor,
    Topology,
    Workload,
)
from allotment.model.observed.served import ServedJob
from allotment.model.observed.slurm import SlurmFacts
from allotment.model.observed.work import CronJob, DaemonSet, Job, Owner, Replicas

MACHINE: Final = "machine"
"""Kind of a source that is this machine."""
CLUSTER: Final = "cluster"
"""Kind of a source that is a Kubernetes cluster."""
METRICS: Final = "metrics"
"""Of a gap: what measures the devices has not answered, or some of what it says is left out."""
NOT_MEASURED: Final = "what measures its devices has not answered"
"""Of such a gap: what is told to whoever may not know of whom it was asked."""


class Objects(Part, frozen=True):
    """The objects of a source, a field a kind; `observe.kinds` says what is read into which."""

    namespaces: tuple[Namespace, ...] = ()
    nodes: tuple[Node, ...] = ()
    pods: tuple[Pod, ...] = ()
    jobs: tuple[Job, ...] = ()
    cron_jobs: tuple[CronJob, ...] = ()
    replicas: tuple[Replicas, ...] = ()
    daemon_sets: tuple[DaemonSet, ...] = ()
    owners: tuple[Owner, ...] = ()
    workloads: tuple[Workload, ...] = ()
    cluster_queues: tuple[ClusterQueue, ...] = ()
    local_queues: tuple[LocalQueue, ...] = ()
    cohorts: tuple[Cohort, ...] = ()
    flavors: tuple[ResourceFlavor, ...] = ()
    topologies: tuple[Topology, ...] = ()
    admission_checks: tuple[AdmissionCheck, ...] = ()
    workload_priority_classes: tuple[PriorityClass, ...] = ()
    multi_kueue_clusters: tuple[MultiKueueCluster, ...] = ()
    multi_kueue_configs: tuple[MultiKueueConfig, ...] = ()
    provisioning_requests: tuple[ProvisioningRequest, ...] = ()
    priority_classes: tuple[PriorityClass, ...] = ()
    quotas: tuple[ResourceQuota, ...] = ()
    limit_ranges: tuple[LimitRange, ...] = ()
    service_accounts: tuple[ServiceAccount, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    roles: tuple[Role, ...] = ()
    role_bindings: tuple[RoleBinding, ...] = ()
    admission_policies: tuple[AdmissionPolicy, ...] = ()
    admission_bindings: tuple[AdmissionBinding, ...] = ()
    storage_classes: tuple[StorageClass, ...] = ()
    volume_claims: tuple[VolumeClaim, ...] = ()
    volumes: tuple[PersistentVolume, ...] = ()
    runtime_classes: tuple[RuntimeClass, ...] = ()
    disruption_budgets: tuple[DisruptionBudget, ...] = ()
    pod_groups: tuple[PodGroup, ...] = ()
    resource_slices: tuple[ResourceSlice, ...] = ()
    device_classes: tuple[DeviceClass, ...] = ()
    resource_claims: tuple[ResourceClaim, ...] = ()
    resource_claim_templates: tuple[ResourceClaimTemplate, ...] = ()
    karpenter_node_pools: tuple[KarpenterNodePool, ...] = ()
    node_claims: tuple[NodeClaim, ...] = ()
    events: tuple[Event, ...] = ()


class Gap(Part, frozen=True):
    """Something that could not be seen, so that answers know what they do not know.

    Attributes:
        what: a kind's plural, such as ``nodes``; or an object with the path of its unreadable part.
        namespace: where, or empty for the whole cluster.
        reason: ``forbidden``, ``failed``, ``absent`` (the server does not serve it), ``damaged`` (came, but not in a
            form that the API allows), ``cut`` (too many: the oldest are left out), ``hidden`` (left out on saving, for
            the view).
        detail: the server's or the reader's words.
    """

    what: str = ""
    namespace: str = ""
    reason: str = ""
    detail: str = ""


class DeviceUse(Part, frozen=True):
    """How busy a device was, as metrics had it.

    Attributes:
        node, device: which.
        pod: namespace/name of who held it, where the metrics say.
        busy: share of time with work on it, 0 to 1.
        over: seconds that `busy` is the mean of.
        idle_since: RFC 3339; empty where it is not idle or not known.
    """

    node: str = ""
    device: str = ""
    pod: str = ""
    busy: float = 0.0
    over: int = 0
    idle_since: str = ""


class IdleMarked(Part, frozen=True):
    """What a rule of idleness in shadow mode would have done to work that still runs.

    Attributes:
        subject: namespace/name.
        id: of the job.
        rule: its name.
        action: ``ask`` or ``stop``.
        at: when; RFC 3339.
        held_ms: device-milliseconds held since then.
        busy_ms: of these, the ones in which a device was busy again.
        said: the same in a sentence.
    """

    subject: str = ""
    id: str = ""
    rule: str = ""
    action: str = ""
    at: str = ""
    held_ms: int = 0
    busy_ms: int = 0
    said: str = ""


class Source(Part, frozen=True):
    """What one cluster showed.

    Attributes:
        name: context or name of the cluster.
        kind: ``cluster``, ``slurm``, or ``machine``: this one, of which there is no API server.
        observed_at: RFC 3339, when the reading began.
        took: seconds that it took: two objects can be so far apart.
        server: version of the API server.
        namespaces: the namespaces that were asked for; empty = all.
        lacks: API groups that answers can rest on and of which the server serves nothing: what they belong to is not
            installed.
        order: who waits in each ClusterQueue as the visibility API has it; empty where it is not there.
        device_use: from metrics, empty without.
        idle_marks: what rules of idleness would have done; of a back end that measures itself.
        unreached: why the cluster gave no answer at all; empty where it did.
        stale: why nothing newer is known of it, which is as old as `observed_at` says; empty where it answers.
        slurm: of a Slurm what it says itself, beside its nodes and jobs as objects; None of a cluster.
        served: what the server of this machine keeps of jobs that its back end does not hold, or that are over; empty
            of a cluster that was asked itself.
        submitted: when that server took its jobs, in milliseconds since the epoch, by ``TEAM/ID``.
    """

    name: str = ""
    kind: str = CLUSTER
    observed_at: str = ""
    took: float = 0.0
    server: str = ""
    namespaces: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    lacks: tuple[str, ...] = ()
    objects: Objects = Objects()
    order: tuple[PendingOrder, ...] = ()
    device_use: tuple[DeviceUse, ...] = ()
    idle_marks: tuple[IdleMarked, ...] = ()
    unreached: str = ""
    stale: str = ""
    slurm: SlurmFacts | None = None
    served: tuple[ServedJob, ...] = ()
    submitted: dict[str, int] = {}

    @property
    def complete(self) -> bool:
        """Whether everything of this source that answers can rest on was seen."""
        return not self.gaps and not self.namespaces


class Asker(Part, frozen=True):
    """Who looked: the kubeconfig's identity.

    Attributes:
        namespace: of the kubeconfig's context: where a name is looked for that says no namespace.
    """

    user: str = ""
    groups: tuple[str, ...] = ()
    namespace: str = ""


class Submission(Part, frozen=True):
    """An object that somebody tried to create and the server refused: it is in no list, so the attempt is the evidence.

    Attributes:
        subject: what was to be created.
        user: who tried.
        job, cron_job, replicas, pod, owner: what was sent, in the field of its kind.
        code, message: the refusal.
    """

    subject: Reference = Reference()
    user: str = ""
    job: Job | None = None
    cron_job: CronJob | None = None
    replicas: Replicas | None = None
    pod: Pod | None = None
    owner: Owner | None = None
    code: int = 0
    message: str = ""

    @property
    def manifest(self) -> Job | CronJob | Replicas | Pod | Owner | None:
        """What was sent."""
        return self.job or self.cron_job or self.replicas or self.pod or self.owner


class Snapshot(Part, frozen=True):
    """One moment.

    Attributes:
        taken_at: RFC 3339; what answers call now.
        view: whom it was saved for, such as ``team:nlp``; empty = as its asker saw it.
        submissions: refused attempts, where they are known.
    """

    taken_at: str = ""
    asker: Asker = Asker()
    view: str = ""
    sources: tuple[Source, ...] = ()
    submissions: tuple[Submission, ...] = ()
