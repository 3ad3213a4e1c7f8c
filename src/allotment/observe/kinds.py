"""What is read from a cluster: a line a kind, with the versions that are tried, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.model.observed import namespaced, nodes, pods, queueing, work
from allotment.model.observed.base import Part
from allotment.model.reading import CLUSTER_AUTOSCALER_STATUS, KUEUE_SETTINGS

BATCH: Final = ("batch/v1",)
KUEUE: Final = ("kueue.x-k8s.io/v1beta2", "kueue.x-k8s.io/v1beta1")
_CORE: Final = ("v1",)
_APPS: Final = ("apps/v1",)
_RBAC: Final = ("rbac.authorization.k8s.io/v1",)
_ADMISSION: Final = ("admissionregistration.k8s.io/v1",)
_STORAGE: Final = ("storage.k8s.io/v1",)
_DRA: Final = ("resource.k8s.io/v1", "resource.k8s.io/v1beta2", "resource.k8s.io/v1beta1")
_KARPENTER: Final = ("karpenter.sh/v1",)
_TRAINING: Final = ("kubeflow.org/v1",)
_RAY: Final = ("ray.io/v1",)


@dataclass(frozen=True, slots=True)
class ObservedKind:
    """A kind that is read.

    Attributes:
        versions: group and version, the newest first; the first that the server serves is read.
        plural: as requests and rights name it.
        field: of `Objects`.
        struct: what one becomes.
        namespaced: whether it lies in namespaces.
        only: namespace/name of the only objects that are read; empty = all.
    """

    kind: str
    versions: tuple[str, ...]
    plural: str
    field: str
    struct: type[Part]
    namespaced: bool = True
    only: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """API group; empty for the core."""
        group, slash, _ = self.versions[0].partition("/")
        return group if slash else ""


KINDS: Final = (
    ObservedKind("Namespace", _CORE, "namespaces", "namespaces", namespaced.Namespace, namespaced=False),
    ObservedKind("Node", _CORE, "nodes", "nodes", nodes.Node, namespaced=False),
    ObservedKind("Pod", _CORE, "pods", "pods", pods.Pod),
    ObservedKind("Job", BATCH, "jobs", "jobs", work.Job),
    ObservedKind("CronJob", BATCH, "cronjobs", "cron_jobs", work.CronJob),
    ObservedKind("Deployment", _APPS, "deployments", "replicas", work.Replicas),
    ObservedKind("ReplicaSet", _APPS, "replicasets", "replicas", work.Replicas),
    ObservedKind("StatefulSet", _APPS, "statefulsets", "replicas", work.Replicas),
    ObservedKind("DaemonSet", _APPS, "daemonsets", "daemon_sets", work.DaemonSet),
    ObservedKind("JobSet", ("jobset.x-k8s.io/v1alpha2",), "jobsets", "owners", work.Owner),
    ObservedKind("LeaderWorkerSet", ("leaderworkerset.x-k8s.io/v1",), "leaderworkersets", "owners", work.Owner),
    ObservedKind("RayJob", _RAY, "rayjobs", "owners", work.Owner),
    ObservedKind("RayCluster", _RAY, "rayclusters", "owners", work.Owner),
    ObservedKind("RayService", _RAY, "rayservices", "owners", work.Owner),
    ObservedKind("TrainJob", ("trainer.kubeflow.org/v1alpha1",), "trainjobs", "owners", work.Owner),
    ObservedKind("MPIJob", ("kubeflow.org/v2beta1", "kubeflow.org/v1"), "mpijobs", "owners", work.Owner),
    ObservedKind("PyTorchJob", _TRAINING, "pytorchjobs", "owners", work.Owner),
    ObservedKind("TFJob", _TRAINING, "tfjobs", "owners", work.Owner),
    ObservedKind("AppWrapper", ("workload.codeflare.dev/v1beta2",), "appwrappers", "owners", work.Owner),
    ObservedKind("Notebook", ("kubeflow.org/v1",), "notebooks", "owners", work.Owner),
    ObservedKind("Workload", KUEUE, "workloads", "workloads", queueing.Workload),
    ObservedKind("ClusterQueue", KUEUE, "clusterqueues", "cluster_queues", queueing.ClusterQueue, namespaced=False),
    ObservedKind("LocalQueue", KUEUE, "localqueues", "local_queues", queueing.LocalQueue),
    ObservedKind("Cohort", KUEUE, "cohorts", "cohorts", queueing.Cohort, namespaced=False),
    ObservedKind("ResourceFlavor", KUEUE, "resourceflavors", "flavors", queueing.ResourceFlavor, namespaced=False),
    ObservedKind("Topology", KUEUE, "topologies", "topologies", queueing.Topology, namespaced=False),
    ObservedKind(
        "AdmissionCheck", KUEUE, "admissionchecks", "admission_checks", queueing.AdmissionCheck, namespaced=False
    ),
    ObservedKind(
        "WorkloadPriorityClass",
        KUEUE,
        "workloadpriorityclasses",
        "workload_priority_classes",
        queueing.PriorityClass,
        namespaced=False,
    ),
    ObservedKind(
        "MultiKueueCluster",
        KUEUE,
        "multikueueclusters",
        "multi_kueue_clusters",
        queueing.MultiKueueCluster,
        namespaced=False,
    ),
    ObservedKind(
        "MultiKueueConfig",
        KUEUE,
        "multikueueconfigs",
        "multi_kueue_configs",
        queueing.MultiKueueConfig,
        namespaced=False,
    ),
    ObservedKind(
        "ProvisioningRequest",
        ("autoscaling.x-k8s.io/v1", "autoscaling.x-k8s.io/v1beta1"),
        "provisioningrequests",
        "provisioning_requests",
        queueing.ProvisioningRequest,
    ),
    ObservedKind(
        "PriorityClass",
        ("scheduling.k8s.io/v1",),
        "priorityclasses",
        "priority_classes",
        queueing.PriorityClass,
        namespaced=False,
    ),
    ObservedKind("ResourceQuota", _CORE, "resourcequotas", "quotas", namespaced.ResourceQuota),
    ObservedKind("LimitRange", _CORE, "limitranges", "limit_ranges", namespaced.LimitRange),
    ObservedKind("ServiceAccount", _CORE, "serviceaccounts", "service_accounts", namespaced.ServiceAccount),
    ObservedKind(
        "ConfigMap",
        _CORE,
        "configmaps",
        "config_maps",
        namespaced.ConfigMap,
        only=(CLUSTER_AUTOSCALER_STATUS, KUEUE_SETTINGS),
    ),
    ObservedKind("Role", _RBAC, "roles", "roles", namespaced.Role),
    ObservedKind("ClusterRole", _RBAC, "clusterroles", "roles", namespaced.Role, namespaced=False),
    ObservedKind("RoleBinding", _RBAC, "rolebindings", "role_bindings", namespaced.RoleBinding),
    ObservedKind(
        "ClusterRoleBinding", _RBAC, "clusterrolebindings", "role_bindings", namespaced.RoleBinding, namespaced=False
    ),
    ObservedKind(
        "ValidatingAdmissionPolicy",
        _ADMISSION,
        "validatingadmissionpolicies",
        "admission_policies",
        namespaced.AdmissionPolicy,
        namespaced=False,
    ),
    ObservedKind(
        "ValidatingAdmissionPolicyBinding",
        _ADMISSION,
        "validatingadmissionpolicybindings",
        "admission_bindings",
        namespaced.AdmissionBinding,
        namespaced=False,
    ),
    ObservedKind(
        "StorageClass", _STORAGE, "storageclasses", "storage_classes", namespaced.StorageClass, namespaced=False
    ),
    ObservedKind("PersistentVolumeClaim", _CORE, "persistentvolumeclaims", "volume_claims", namespaced.VolumeClaim),
    ObservedKind(
        "PersistentVolume", _CORE, "persistentvolumes", "volumes", namespaced.PersistentVolume, namespaced=False
    ),
    ObservedKind(
        "RuntimeClass",
        ("node.k8s.io/v1",),
        "runtimeclasses",
        "runtime_classes",
        namespaced.RuntimeClass,
        namespaced=False,
    ),
    ObservedKind(
        "PodDisruptionBudget", ("policy/v1",), "poddisruptionbudgets", "disruption_budgets", nodes.DisruptionBudget
    ),
    ObservedKind("PodGroup", ("scheduling.k8s.io/v1alpha2",), "podgroups", "pod_groups", namespaced.PodGroup),
    ObservedKind("ResourceSlice", _DRA, "resourceslices", "resource_slices", nodes.ResourceSlice, namespaced=False),
    ObservedKind("DeviceClass", _DRA, "deviceclasses", "device_classes", nodes.DeviceClass, namespaced=False),
    ObservedKind("ResourceClaim", _DRA, "resourceclaims", "resource_claims", nodes.ResourceClaim),
    ObservedKind(
        "ResourceClaimTemplate",
        _DRA,
        "resourceclaimtemplates",
        "resource_claim_templates",
        nodes.ResourceClaimTemplate,
    ),
    ObservedKind(
        "NodePool", _KARPENTER, "nodepools", "karpenter_node_pools", nodes.KarpenterNodePool, namespaced=False
    ),
    ObservedKind("NodeClaim", _KARPENTER, "nodeclaims", "node_claims", nodes.NodeClaim, namespaced=False),
    ObservedKind("Event", _CORE, "events", "events", namespaced.Event),
)
"""Everything that is read. Secrets are not in it, and a test holds that they never are."""

BY_KIND: Final = {
    (version.partition("/")[0] if "/" in version else "", each.kind): each
    for each in KINDS
    for version in each.versions
}
"""By API group and kind."""


def unknown_owner(api_version: str, kind: str) -> ObservedKind:
    """A kind that is not in the table and stands above pods: its templates are found by their form."""
    return ObservedKind(kind, (api_version or "v1",), kind.lower(), "owners", work.Owner)
