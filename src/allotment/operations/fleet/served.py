"""The clusters of a server, as administrators ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allotment.errors import ConflictError, NotFoundError, shown
from allotment.model.access.caller import Caller
from allotment.model.moments import moment
from allotment.operations.decide.quota_desk import QuotaDesk
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.drift_looks import DriftLooks
from allotment.operations.fleet.followed import ANSWERS_IN, HeardCluster
from allotment.operations.fleet.hub import ClusterHub
from allotment.ports.clock import Clock
from allotment.ports.cluster_service import ToldCluster


@dataclass(frozen=True, slots=True)
class ServedClusters:
    """What a server has of clusters.

    Attributes:
        made_up: whether they are: no credential leads to one.
        looks: at how they stand to what is declared; None where nobody looks.
        quotas: that are changed in what is declared; None where nobody changes any.
    """

    hub: ClusterHub
    credentials: ClusterCredentials
    clock: Clock
    made_up: bool = False
    looks: DriftLooks | None = None
    quotas: QuotaDesk | None = None


class ClustersOf:
    """Implements `ports.cluster_service.ClusterService` for one caller; whether he may is decided before."""

    def __init__(self, served: ServedClusters, caller: Caller) -> None:
        """Nothing is asked yet.

        Args:
            served: what is asked.
            caller: in whose name.
        """
        self._served = served
        self._caller = caller

    def clusters(self) -> tuple[ToldCluster, ...]:
        """All that are declared."""
        hub = self._served.hub
        return tuple(map(self._told, hub.all_heard(hub.names)))

    def connect_cluster(self, name: str, kubeconfig: Mapping[str, Any]) -> ToldCluster:
        """Reach it by that from now on."""
        if name not in self._served.hub.names:
            raise NotFoundError(
                f"there is no cluster {shown(name)}",
                why="the platform directory of the server declares none of that name",
                fix="declare it, or name one that is there: `allot cluster status`",
            )
        if self._served.made_up:
            raise ConflictError(
                "the clusters of a demo are made up",
                why="whatever is connected would be taken for one of them",
                fix="connect it to a server of your own: `allot down`, then `allot up`",
            )
        self._served.credentials.connect(self._caller, name, kubeconfig)
        # As long as it takes until an address that refuses has been tried often enough to say so.
        return self._told(self._served.hub.heard(name, patience=ANSWERS_IN))

    def disconnect_cluster(self, name: str) -> None:
        """Keep it no more."""
        self._served.credentials.disconnect(self._caller, name)

    def rotate_key(self) -> int:
        """Seal all anew."""
        return self._served.credentials.rotate_key(self._caller)

    def _told(self, heard: HeardCluster) -> ToldCluster:
        source = None if heard.snapshot is None else heard.snapshot.sources[0]
        kept = self._served.credentials.kept(heard.name)
        seen = None if source is None else moment(source.observed_at)
        age = None if seen is None else max(0, int(self._served.clock.now().timestamp() - seen / 1000))
        return ToldCluster(
            name=heard.name,
            state=heard.state,
            observed_at="" if source is None else source.observed_at,
            age_seconds=age,
            error="" if heard.error is None else heard.error.line,
            gaps=() if source is None else tuple(sorted({each.what for each in source.gaps})),
            connected=None if kept is None else kept.at,
            connected_by="" if kept is None else kept.by,
        )
