"""What answers are computed from, as rights name it: a line a resource. `observe/kinds.py` reads exactly these.

Neither list holds Secrets, and no reading role ever does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

KUEUE_GROUP: Final = "kueue.x-k8s.io"
VISIBILITY_GROUP: Final = "visibility.kueue.x-k8s.io"
_BATCH: Final = "batch"
_APPS: Final = "apps"
_RAY: Final = "ray.io"
_TRAINING: Final = "kubeflow.org"
_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_DRA: Final = "resource.k8s.io"
_KARPENTER: Final = "karpenter.sh"


@dataclass(frozen=True, slots=True, order=True)
class ReadResource:
    """A resource that is read.

    Attributes:
        group: API group; empty for the core.
        resource: its plural, as rights name it.
        namespaced: whether its objects lie in namespaces.
        only: namespace/name of the only objects that are read; empty = all.
    """

    group: str
    resource: str
    namespaced: bool = True
    only: tuple[str, ...] = ()


CLUSTER_AUTOSCALER_STATUS: Final = "kube-system/cluster-autoscaler-status"
KUEUE_SETTINGS: Final = "kueue-system/kueue-manager-config"


def _in_namespaces(group: str, *resources: str) -> tuple[ReadResource, ...]:
    return tuple(ReadResource(group, each) for each in resources)


def _of_cluster(group: str, *resources: str) -> tuple[ReadResource, ...]:
    return tuple(ReadResource(group, each, namespaced=False) for each in resources)


READ_RESOURCES: Final = (
    *_of_cluster("", "namespaces", "nodes", "persistentvolumes"),
    *_in_namespaces("", "events", "limitranges", "persistentvolumeclaims", "pods", "resourcequotas", "serviceaccounts"),
    ReadResource("", "configmaps", only=(CLUSTER_AUTOSCALER_STATUS, KUEUE_SETTINGS)),
    *_of_cluster(_ADMISSION, "validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    *_in_namespaces(_APPS, "daemonsets", "deployments", "replicasets", "statefulsets"),
    *_in_namespaces("autoscaling.x-k8s.io", "provisioningrequests"),
    *_in_namespaces(_BATCH, "cronjobs", "jobs"),
    *_in_namespaces("jobset.x-k8s.io", "jobsets"),
    *_of_cluster(_KARPENTER, "nodeclaims", "nodepools"),
    *_in_namespaces(_TRAINING, "mpijobs", "notebooks", "pytorchjobs", "tfjobs"),
    *_in_namespaces(KUEUE_GROUP, "localqueues", "workloads"),
    *_of_cluster(
        KUEUE_GROUP,
        "admissionchecks",
        "clusterqueues",
        "cohorts",
        "multikueueclusters",
        "multikueueconfigs",
        "resourceflavors",
        "topologies",
        "workloadpriorityclasses",
    ),
    *_in_namespaces("leaderworkerset.x-k8s.io", "leaderworkersets"),
    *_of_cluster("node.k8s.io", "runtimeclasses"),
    *_in_namespaces("policy", "poddisruptionbudgets"),
    *_in_namespaces(_RAY, "rayclusters", "rayjobs", "rayservices"),
    *_in_namespaces(_RBAC, "rolebindings", "roles"),
    *_of_cluster(_RBAC, "clusterrolebindings", "clusterroles"),
    *_in_namespaces(_DRA, "resourceclaims", "resourceclaimtemplates"),
    *_of_cluster(_DRA, "deviceclasses", "resourceslices"),
    *_in_namespaces("scheduling.k8s.io", "podgroups"),
    *_of_cluster("scheduling.k8s.io", "priorityclasses"),
    *_of_cluster("storage.k8s.io", "storageclasses"),
    *_in_namespaces("trainer.kubeflow.org", "trainjobs"),
    *_in_namespaces("workload.codeflare.dev", "appwrappers"),
)
"""Everything that is read, whether or not a cluster has it."""

WORDS: Final = (
    *_of_cluster(KUEUE_GROUP, "workloadpriorityclasses"),
    *_of_cluster("node.k8s.io", "runtimeclasses"),
    *_of_cluster(_DRA, "deviceclasses"),
    *_of_cluster("scheduling.k8s.io", "priorityclasses"),
    *_of_cluster("storage.k8s.io", "storageclasses"),
)
"""Of these, what work names and no team owns: words of the platform, which members may look up."""

READER: Final = "allotment-reader"
"""ClusterRole of the platform's engineers for answers, and its binding."""

WORD_READER: Final = "allotment-word-reader"
"""ClusterRole of a team's people for what their work may name; a binding for each team, with its id behind."""
