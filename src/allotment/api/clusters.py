"""Which clusters a server follows, and by what it reaches each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from allotment.api.deciding import PresentPlatform
from allotment.errors import NotFoundError, shown
from allotment.model.mark import Mark
from allotment.operations.fleet.hub import ClusterHub
from allotment.operations.fleet.joined import JoinedClusters
from allotment.operations.run.kubernetes.right_cluster import RightCluster
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort

Connect = Callable[[str], AbstractContextManager[KubePort]]
"""To a cluster, by its context."""


def cluster_hub(present: PresentPlatform, connect: Connect, clock: Clock) -> ClusterHub:
    """The clusters of a platform, each followed from the first time that somebody needs it.

    Args:
        present: the platform, which goes on with its repository.
        connect: to a cluster, by its context.
        clock: time.
    """

    def declared() -> Mapping[str, str]:
        return {each.name: each.context for each in present.platform.clusters}

    @contextmanager
    def opened(name: str) -> Iterator[KubePort]:
        platform = present.platform
        cluster = platform.cluster(name)
        if cluster is None:
            raise NotFoundError(f"there is no cluster {shown(name)}")
        with connect(cluster.context) as kube:
            RightCluster(kube, Mark(platform.name, cluster.name))()
            yield kube

    return ClusterHub(declared, opened, clock)


def joined_clusters(present: PresentPlatform, hub: ClusterHub, clock: Clock) -> JoinedClusters:
    """What answers rest on.

    Args:
        present: the platform.
        hub: its clusters.
        clock: time.
    """
    return JoinedClusters(hub, clock, lambda: (present.platform, present.files))
