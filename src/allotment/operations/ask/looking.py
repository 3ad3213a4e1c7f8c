"""How a cluster is looked at several times: read anew each time, or listed once and followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from allotment.errors import NotSignedInError
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.observing_all import Connect, observe_all
from allotment.operations.ask.watching import WatchedCluster
from allotment.ports.clock import Clock

Measure: TypeAlias = Callable[[Snapshot], Snapshot]


def unmeasured(snapshot: Snapshot) -> Snapshot:
    """As it is: no metrics are asked."""
    return snapshot


class FreshLooks:
    """Reads whole clusters for each look, with connections of its own: credentials may be renewed meanwhile."""

    def __init__(
        self,
        clusters: Mapping[str, Connect],
        clock: Clock,
        namespaces: tuple[str, ...],
        measure: Measure = unmeasured,
    ) -> None:
        """Nothing is asked yet.

        Args:
            clusters: how each is reached, by its name.
            clock: says when.
            namespaces: as `observe` takes them.
            measure: adds what metrics say.
        """
        self._clusters = clusters
        self._clock = clock
        self._namespaces = namespaces
        self._measure = measure

    def look(self) -> Snapshot:
        """What the clusters show.

        Raises:
            UnreachableError: none answers.
            NotSignedInError: none accepts the credentials.
        """
        return self._measure(observe_all(self._clusters, self._clock, self._namespaces))


class WatchedLooks:
    """Lists the cluster at the first look, and follows it from then on. Close it, or use it as a context manager."""

    def __init__(
        self, connect: Connect, clock: Clock, namespaces: tuple[str, ...], measure: Measure = unmeasured
    ) -> None:
        """As `FreshLooks`."""
        self._connect = connect
        self._clock = clock
        self._namespaces = namespaces
        self._measure = measure
        self._open = ExitStack()
        self._watched: WatchedCluster | None = None

    def look(self) -> Snapshot:
        """What the cluster shows; where the credentials have expired, with new ones.

        Raises:
            UnreachableError: it does not answer.
            NotSignedInError: it does not accept new credentials either.
        """
        try:
            found = self._begun().snapshot()
        except NotSignedInError:
            self.close()
            found = self._begun().snapshot()
        return self._measure(found)

    def wait(self, seconds: float) -> bool:
        """Wait for a change; whether there was one in that time."""
        return self._begun().wait(seconds)

    def close(self) -> None:
        """Follow no more."""
        self._watched = None
        self._open.close()

    def _begun(self) -> WatchedCluster:
        if self._watched is None:
            kube = self._open.enter_context(self._connect())
            self._watched = self._open.enter_context(WatchedCluster(kube, self._clock, self._namespaces))
        return self._watched


@contextmanager
def watched_looks(
    connect: Connect, clock: Clock, namespaces: tuple[str, ...], measure: Measure = unmeasured
) -> Iterator[WatchedLooks]:
    """Looks at a cluster that is followed until the end of the block."""
    looks = WatchedLooks(connect, clock, namespaces, measure)
    try:
        yield looks
    finally:
        looks.close()
