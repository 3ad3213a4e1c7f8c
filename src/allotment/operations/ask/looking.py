"""How a cluster is looked at several times: read anew each time, or listed once and followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeAlias

from allotment.errors import NotSignedInError
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.observing import observe
from allotment.operations.ask.watching import WatchedCluster
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort

Connect: TypeAlias = Callable[[], AbstractContextManager[KubePort]]
Measure: TypeAlias = Callable[[Snapshot], Snapshot]


def unmeasured(snapshot: Snapshot) -> Snapshot:
    """As it is: no metrics are asked."""
    return snapshot


class FreshLooks:
    """Reads the whole cluster for each look, with a connection of its own: credentials may be renewed meanwhile."""

    def __init__(
        self, connect: Connect, clock: Clock, namespaces: tuple[str, ...], measure: Measure = unmeasured
    ) -> None:
        """Nothing is asked yet.

        Args:
            connect: to the cluster.
            clock: says when.
            namespaces: as `observe` takes them.
            measure: adds what metrics say.
        """
        self._connect = connect
        self._clock = clock
        self._namespaces = namespaces
        self._measure = measure

    def look(self) -> Snapshot:
        """What the cluster shows.

        Raises:
            UnreachableError: it does not answer.
            NotSignedInError: it does not accept the credentials.
        """
        with self._connect() as kube:
            found = observe(kube, self._clock, self._namespaces)
        return self._measure(found)


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
