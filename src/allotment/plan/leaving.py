"""Teams that leave: which workloads must go, and which data must stay."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model import labels

Body = Mapping[str, Any]

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
