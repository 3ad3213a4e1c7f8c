"""Settings → the ports of a fleet that is made up. Each function imports what it needs when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from allotment.model.manifest import ObjectKey
    from allotment.ports.demo import MadeUpCluster
    from allotment.ports.kube import PodLogLine

_UNSERVED: Final = frozenset(
    {"CronJob", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Notebook", "AppWrapper"}
    | {"JobSet", "LeaderWorkerSet", "RayJob", "RayCluster", "RayService", "TrainJob", "MPIJob", "PyTorchJob", "TFJob"}
    | {"NodePool", "NodeClaim", "PodGroup", "ProvisioningRequest", "ResourceSlice", "DeviceClass", "ResourceClaim"}
    | {"ResourceClaimTemplate", "MultiKueueCluster", "MultiKueueConfig"}
)
"""Kinds whose controllers nobody plays: they are not offered."""


def demo_cluster(
    name: str, time: Callable[[], str], logs: Mapping[tuple[ObjectKey, str], tuple[PodLogLine, ...]]
) -> MadeUpCluster:
    """An API server in memory, with nothing in it.

    Args:
        name: of the cluster.
        time: RFC 3339.
        logs: what containers have written.
    """
    from collections import deque

    from allotment.adapters.kube.fake import FakeKube
    from allotment.ports.kube import Endpoint

    return FakeKube(
        unserved=_UNSERVED,
        rights=lambda _identity, _question: True,
        time=time,
        calls=deque(maxlen=0),
        logs=logs,
        place=Endpoint(f"demo://{name}", name, namespace="default"),
        uids=name,
    )
