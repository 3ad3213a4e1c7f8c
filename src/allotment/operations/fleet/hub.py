"""All clusters that a platform declares, each followed by itself from the first time that somebody needs it.

One that is away stops nobody: what it showed last stays, with its age and with why there is nothing newer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Final, Self

import msgspec

from allotment.errors import NotFoundError, shown
from allotment.model.moments import rfc3339
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.operations.ask.observing_all import unreached_source
from allotment.operations.fleet.followed import (
    ANSWERS_IN,
    USUAL_PACE,
    FollowedCluster,
    HeardCluster,
    LookPace,
)
from allotment.operations.fleet.metered import MeteredCluster
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort

RECENT: Final = 30.0
"""Seconds for which a cluster is believed to be as it was seen, where nobody knows better."""
JOINED_IN: Final = 4.0
"""Seconds from the beginning of a look for which a joined answer waits for one cluster."""
_LAST_WAIT: Final = 1.0
"""Seconds that the end of all waits for their threads, together."""


class ClusterHub:
    """See the module. For several threads; use it as a context manager."""

    def __init__(
        self,
        declared: Callable[[], Mapping[str, str]],
        connect: Callable[[str], AbstractContextManager[KubePort]],
        clock: Clock,
        pace: LookPace = USUAL_PACE,
        metered: Callable[[str], MeteredCluster | None] = lambda _name: None,
    ) -> None:
        """Nothing is followed yet.

        Args:
            declared: the clusters, each with what it is reached by: one for which that changes is opened anew.
            connect: to one, by its name.
            clock: time.
            pace: how often each is looked at.
            metered: what measures a cluster's devices, by its name; None for nothing.
        """
        self._metered = metered
        self._declared = declared
        self._connect = connect
        self._clock = clock
        self._pace = pace
        self._lock = threading.Lock()
        self._followed: dict[str, tuple[str, FollowedCluster]] = {}
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Follow none any more; nobody waits for one that hangs."""
        with self._lock:
            self._ended = True
            every = [each for _, each in self._followed.values()]
        for each in every:
            each.end()
        until = time.monotonic() + _LAST_WAIT
        for each in every:
            each.join(max(0.0, until - time.monotonic()))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the clusters that are declared now."""
        return tuple(self._declared())

    def forget(self, name: str = "") -> None:
        """Who asks next waits for a look that begins after this, at one cluster or at all."""
        with self._lock:
            every = [each for key, (_, each) in self._followed.items() if not name or key == name]
        for each in every:
            each.forget()

    def reopen(self, name: str) -> None:
        """A cluster is reached otherwise from now on; what it showed under the old way is not believed any more."""
        with self._lock:
            _, gone = self._followed.pop(name, ("", None))
        if gone is not None:
            gone.end()

    def heard(self, name: str, *, within: float = RECENT, patience: float = ANSWERS_IN) -> HeardCluster:
        """What is known of one cluster; see `FollowedCluster.heard`.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._of(name).heard(within, patience)

    def glimpsed(self, name: str) -> HeardCluster:
        """The same as it is known already; see `FollowedCluster.glimpsed`.

        Raises:
            NotFoundError: there is none of that name.
        """
        return self._of(name).glimpsed()

    def all_heard(
        self, names: Iterable[str], *, within: float = RECENT, patience: float = JOINED_IN
    ) -> tuple[HeardCluster, ...]:
        """What is known of several: they are looked at beside each other.

        Raises:
            NotFoundError: there is none of some name.
        """
        followed = [self._of(name) for name in names]
        return tuple(each.heard(within, patience) for each in followed)

    def joined(
        self, names: Iterable[str] | None = None, *, within: float = RECENT, patience: float = JOINED_IN
    ) -> tuple[Source, ...]:
        """The clusters as sources of one snapshot, each as it was seen last.

        Args:
            names: which; all that are declared for None.
            within: see `FollowedCluster.heard`.
            patience: see there.

        Raises:
            NotFoundError: there is none of some name.
        """
        every = self.all_heard(self.names if names is None else names, within=within, patience=patience)
        return tuple(self.source_of(each) for each in every)

    def source_of(self, heard: HeardCluster) -> Source:
        """A cluster as it was seen last; where it is away, with why nothing newer is known."""
        if heard.snapshot is None:
            why = heard.away or "it has not been read to the end yet"
            return unreached_source(heard.name, why, rfc3339(self._clock.now()))
        (source,) = heard.snapshot.sources
        stale: Source = msgspec.structs.replace(source, stale=heard.away)
        return stale

    def snapshot(self, name: str, within: float = RECENT) -> Snapshot:
        """One cluster as it was seen last.

        Raises:
            NotFoundError: there is none of that name, or no way to it.
            UnreachableError: it does not answer, and never has.
            NotSignedInError: it does not accept the credentials, and never has.
        """
        heard = self.heard(name, within=within)
        if heard.snapshot is None and heard.error is not None:
            raise heard.error
        source = self.source_of(heard)
        return Snapshot(taken_at=source.observed_at, sources=(source,))

    def _of(self, name: str) -> FollowedCluster:
        way = self._declared().get(name)
        if way is None:
            raise NotFoundError(f"there is no cluster {shown(name)}", fix="`allot cluster list` names those there are")
        with self._lock:
            known, found = self._followed.get(name, ("", None))
            if found is not None and known != way:
                found.end()
                found = None
            if found is None:
                opened, metered = partial(self._connect, name), self._metered(name)
                found = FollowedCluster(name, opened, self._clock, self._pace, metered)
                self._followed[name] = (way, found)
                if not self._ended:
                    found.start()
            return found
