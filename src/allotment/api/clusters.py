"""Which clusters a server follows, and by what it reaches each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from allotment import wiring
from allotment.api.deciding import PresentPlatform
from allotment.api.telemetry.saying import say
from allotment.errors import NotFoundError, shown
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.operations.ask.counting_rules import counting_rules, lowest_of
from allotment.operations.ask.measuring import MetricsRequest
from allotment.operations.ask.recorded import Recording
from allotment.operations.fleet.credentials import ClusterCredentials
from allotment.operations.fleet.followed import USUAL_PACE, LookPace
from allotment.operations.fleet.hub import ClusterHub
from allotment.operations.fleet.joined import JoinedClusters
from allotment.operations.fleet.metered import MeteredCluster
from allotment.operations.fleet.metrics_addresses import address_of, addresses_of
from allotment.operations.run.kubernetes.right_cluster import RightCluster
from allotment.operations.watch.queue_history import QueueHistory
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.ports.metrics import MetricsPort

Connect = Callable[[str], AbstractContextManager[KubePort]]
"""To a cluster, by its context."""


class ClusterWays:
    """By what a server reaches clusters: by a credential that it was given, else as its own environment says."""

    def __init__(
        self, present: PresentPlatform, credentials: ClusterCredentials, connect: Connect, *, made_up: bool = False
    ) -> None:
        """Nothing is opened yet.

        Args:
            present: the platform.
            credentials: that the server was given.
            connect: to a cluster, by its context, as the environment says.
            made_up: whether clusters are, so that no credential leads to one.
        """
        self._made_up = made_up
        self._present = present
        self._credentials = credentials
        self._connect = connect

    def to(self, name: str, context: str) -> AbstractContextManager[KubePort]:
        """To a cluster.

        Args:
            name: of it.
            context: where no credential is kept.

        Raises:
            NotFoundError: there is no way to it.
            InputError: what is kept cannot be used.
        """
        if self._made_up or self._credentials.kept(name) is None:
            return self._connect(context)
        return wiring.connect_by(partial(self._kubeconfig, name))

    def by_context(self, context: str) -> AbstractContextManager[KubePort]:
        """The same, to the cluster that is declared with a context."""
        names = [each.name for each in self._present.platform.clusters if each.context == context]
        return self.to(names[0], context) if names else self._connect(context)

    def words(self, name: str, context: str) -> str:
        """What tells one way from another."""
        kept = self._credentials.kept(name)
        return context if kept is None else f"{context} {kept.at}"

    def _kubeconfig(self, name: str) -> Mapping[str, Any]:
        found = self._credentials.opened(name)
        if found is None:
            raise NotFoundError(f"cluster {shown(name)} was disconnected from this server")
        return found


@dataclass(frozen=True, slots=True)
class DeviceMeters:
    """What measures the devices of clusters.

    Attributes:
        addresses: of Prometheus, by cluster; see `addresses_of`.
        label: in which a series says its cluster; empty where each is measured by a Prometheus of its own.
        opened: opens an address.
    """

    addresses: Mapping[str, str]
    label: str = ""
    opened: Callable[[str], AbstractContextManager[MetricsPort]] = wiring.metrics

    def of(self, platform: Callable[[], Platform], name: str) -> MeteredCluster | None:
        """What measures one; None for nothing.

        Args:
            platform: as it is declared at the moment, for its rules of idleness.
            name: of the cluster.
        """
        address = address_of(name, self.addresses)
        if address is None:
            return None
        where = ((self.label, (name,)),) if self.label else ()

        def asked() -> MetricsRequest:
            return MetricsRequest(where, lowest_of(counting_rules(platform(), name, ()).idle))

        def tell(said: str) -> None:
            say(f"metrics of {name}: {shown(said)}")

        return MeteredCluster(partial(self.opened, address), asked, tell)


def device_meters(addresses: str, label: str) -> DeviceMeters:
    """What is asked, as the server's words name it.

    Raises:
        UsageError: they name what is no address.
    """
    found = addresses_of(addresses)
    for each in found.values():
        # It is looked at now: who starts a server is told, not who asks it.
        with wiring.metrics(each):
            pass
    return DeviceMeters(found, label)


def cluster_hub(
    present: PresentPlatform,
    ways: ClusterWays,
    clock: Clock,
    pace: LookPace = USUAL_PACE,
    meters: DeviceMeters | None = None,
) -> ClusterHub:
    """The clusters of a platform, each followed from the first time that somebody needs it.

    Args:
        present: the platform, which goes on with its repository.
        ways: to clusters.
        clock: time.
        pace: how often each is looked at.
        meters: what measures their devices; None for nothing.
    """

    def metered(name: str) -> MeteredCluster | None:
        return None if meters is None else meters.of(lambda: present.platform, name)

    def declared() -> Mapping[str, str]:
        return {each.name: ways.words(each.name, each.context) for each in present.platform.clusters}

    @contextmanager
    def opened(name: str) -> Iterator[KubePort]:
        platform = present.platform
        cluster = platform.cluster(name)
        if cluster is None:
            raise NotFoundError(f"there is no cluster {shown(name)}")
        with ways.to(name, cluster.context) as kube:
            RightCluster(kube, Mark(platform.name, cluster.name))()
            yield kube

    return ClusterHub(declared, opened, clock, pace, metered)


@dataclass(frozen=True, slots=True)
class ReachedClusters:
    """The clusters of a server: how each is reached, and what each shows."""

    hub: ClusterHub
    ways: ClusterWays


def joined_clusters(
    present: PresentPlatform,
    hub: ClusterHub,
    clock: Clock,
    recorded: Callable[[], Recording] | None = None,
    history: QueueHistory | None = None,
) -> JoinedClusters:
    """What answers rest on.

    Args:
        present: the platform.
        hub: its clusters.
        clock: time.
        recorded: what was recorded of them; None where nothing is.
        history: how their queues were used; None where nobody keeps that.
    """
    return JoinedClusters(hub, clock, lambda: (present.platform, present.files), recorded, history)
