"""Settings → the ports of a fleet that is made up. Each function imports what it needs when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from allotment.model.manifest import Body, ObjectKey
    from allotment.ports.demo import MadeUpCluster
    from allotment.ports.kube import Identity, ObjectPart, PodLogLine

_UNSERVED: Final = frozenset(
    {"CronJob", "Deployment", "StatefulSet", "DaemonSet", "Notebook", "AppWrapper"}
    | {"JobSet", "LeaderWorkerSet", "RayJob", "RayCluster", "RayService", "TrainJob", "MPIJob", "PyTorchJob", "TFJob"}
    | {"NodePool", "NodeClaim", "PodGroup", "ProvisioningRequest", "ResourceSlice", "DeviceClass", "ResourceClaim"}
    | {"ResourceClaimTemplate", "MultiKueueCluster", "MultiKueueConfig"}
)
"""Kinds whose controllers nobody plays: they are not offered."""


def demo_cluster(
    name: str,
    time: Callable[[], str],
    logs: Mapping[tuple[ObjectKey, str], tuple[PodLogLine, ...]],
    parts: Mapping[ObjectPart, Body],
    admitted: Callable[[Body, Identity | None], Body],
) -> MadeUpCluster:
    """An API server in memory, with nothing in it.

    Args:
        name: of the cluster.
        time: RFC 3339.
        logs: what containers have written.
        parts: further parts of its objects that can be read.
        admitted: what its admission makes of an object that somebody makes; None for the server's own user.
    """
    from collections import deque

    from allotment.adapters.kube.made_up import MadeUpKube
    from allotment.ports.kube import Endpoint

    return MadeUpKube(
        unserved=_UNSERVED,
        rights=lambda _identity, _question: True,
        time=time,
        calls=deque(maxlen=0),
        logs=logs,
        parts=parts,
        place=Endpoint(f"demo://{name}", name, namespace="default"),
        uids=name,
        admitted=admitted,
    )
