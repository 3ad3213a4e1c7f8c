"""Teams that leave: which workloads and ways in must go, what may hold them up, and which data must stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.plan.order import DEFAULT_ACCOUNT

CONTROLLERS: Final = (
    ("batch/v1", "CronJob"),
    ("ray.io/v1", "RayCronJob"),
    ("ray.io/v1", "RayJob"),
    ("ray.io/v1", "RayService"),
    ("ray.io/v1", "RayCluster"),
    ("trainer.kubeflow.org/v1alpha1", "TrainJob"),
    ("jobset.x-k8s.io/v1alpha2", "JobSet"),
    ("disaggregatedset.x-k8s.io/v1", "DisaggregatedSet"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet"),
    ("batch.volcano.sh/v1alpha1", "Job"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
)
"""What makes pods, makers before what they make: deleted the other way round it would come back."""

PODS: Final = ("v1", "Pod")

LOCAL_QUEUES: Final = (("kueue.x-k8s.io/v1beta2", "LocalQueue"), ("kueue.x-k8s.io/v1beta1", "LocalQueue"))
"""In the order in which they are tried; the first version served is used."""

HOLD: Final[Body] = {"spec": {"stopPolicy": "HoldAndDrain"}}
"""On a LocalQueue: Kueue admits nothing more and evicts what it admitted."""


ACCESS: Final = (
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
)
"""What lets somebody into a namespace, whoever made it; of Secrets only those that hold a token."""

TOKENS: Final = "type=kubernetes.io/service-account-token"
"""Field selector of Secrets that hold a token of a service account."""

TENANT_MADE: Final = (
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
)
"""What tenants make besides workloads and access; it goes with the namespace, unless a finalizer of theirs holds it."""

PATIENCE: Final = dt.timedelta(seconds=60)
"""How long finalizers of Kubernetes and Kueue are left to their controllers, counted from the end of the grace."""

_OWN_GROUPS: Final = frozenset({"", "apps", "autoscaling", "batch", "policy"})
_GARBAGE_COLLECTOR: Final = frozenset({"foregroundDeletion", "orphan"})
_SYSTEM_DOMAINS: Final = ("kubernetes.io", "k8s.io", "x-k8s.io")


def is_way_in(body: Body) -> bool:
    """Whether an object of a kind of `ACCESS` lets somebody in; the hardened default account does not."""
    return not (body["kind"] == "ServiceAccount" and body["metadata"]["name"] == DEFAULT_ACCOUNT)


def kept_finalizers(body: Body, now: dt.datetime) -> tuple[str, ...]:
    """The finalizers that an object on its way out may keep.

    A finalizer promises that somebody cleans up first. Kubernetes, Kueue and the controller of a custom resource keep
    that promise; any other name a tenant may have written to hold an object up. And a tenant may write a name of theirs
    too: so on Kubernetes' own kinds even those go once `PATIENCE` is over. No container is cut short by that: the API
    server keeps a pod for its grace period, whatever its finalizers.
    """
    found = tuple(body["metadata"].get("finalizers") or ())
    group = body["apiVersion"].rpartition("/")[0]
    if group.startswith("rbac."):
        return ()  # nobody has anything to clean up, and a binding works until it is gone
    if group in _OWN_GROUPS and _is_overdue(body, now):
        return ()
    return tuple(name for name in found if _is_systems(name) or _is_of_group(name, group))


def _is_overdue(body: Body, now: dt.datetime) -> bool:
    due = body["metadata"].get("deletionTimestamp")  # for a pod, the end of its grace
    return due is not None and now > dt.datetime.fromisoformat(due) + PATIENCE


def _is_systems(finalizer: str) -> bool:
    domain = finalizer.partition("/")[0]
    return finalizer in _GARBAGE_COLLECTOR or _lies_in(domain, _SYSTEM_DOMAINS)


def _is_of_group(finalizer: str, group: str) -> bool:
    """Whether it carries the name of the kind's own makers: ``ray.io/…`` on a RayCluster of ``ray.io``."""
    owner = ".".join(group.split(".")[-2:])
    return "." in owner and _lies_in(finalizer.partition("/")[0], (owner,))


def _lies_in(domain: str, parents: Iterable[str]) -> bool:
    return any(domain == parent or domain.endswith(f".{parent}") for parent in parents)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Data that must not be deleted yet.

    Attributes:
        until: the last day, or None if the annotation cannot be read: then for good.
    """

    namespace: str
    until: dt.date | None

    @property
    def why(self) -> str:
        """The reason in words."""
        if self.until is None:
            return f"its annotation {labels.KEEP_DATA_UNTIL} is not a date, so its data are kept"
        return f"its data are kept until {self.until.isoformat()}"


def keeping(namespace: Body, today: dt.date) -> Keeping | None:
    """Whether a namespace's data have to stay today, the last day included."""
    metadata = namespace["metadata"]
    text = (metadata.get("annotations") or {}).get(labels.KEEP_DATA_UNTIL)
    if text is None:
        return None
    try:
        until = dt.date.fromisoformat(text)
    except ValueError:
        return Keeping(metadata["name"], None)
    return Keeping(metadata["name"], until) if today <= until else None


def is_leaving(namespace: Body) -> bool:
    """Whether the namespace belongs to a team that leaves."""
    return labels.OFFBOARDING in (namespace["metadata"].get("labels") or {})
