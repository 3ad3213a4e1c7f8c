"""One cluster, followed in a thread of its own: what it showed last is there at once, and whether it still answers.

Whoever asks waits only where nothing recent is known and the cluster was not found to be away; and never longer than it
would have taken the one who came first.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import msgspec

from allotment.errors import AllotmentError, NotFoundError, NotSignedInError, UnreachableError
from allotment.model.moments import rfc3339
from allotment.model.observed.snapshot import Asker, Snapshot
from allotment.operations.ask.observing import observe
from allotment.operations.ask.watching import WatchedCluster, usual_wait
from allotment.operations.fleet.metered import MeteredCluster
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort

OpenCluster = Callable[[], AbstractContextManager[KubePort]]
"""Opens a cluster. It raises where there is no way to it, or where that leads to another cluster than is meant."""
ANSWERS_IN: Final = 10.0
"""Seconds after which a cluster that is being looked at counts as one that does not answer, until it does."""
_PATIENCE: Final = 3
"""Looks in a row that may fail before it is followed no more, and knocked at by one thread alone."""
_LONGEST_WAIT: Final = 60.0
"""Seconds between two tries to reach a cluster that is away, at most."""


@dataclass(frozen=True, slots=True)
class LookPace:
    """How often a cluster is looked at; seconds.

    Attributes:
        asked: between two looks, while somebody asks.
        usual: the same, while somebody has asked lately.
        lately: for how long that is.
        idle: the same, while nobody has.
    """

    asked: float = 2.0
    usual: float = 30.0
    lately: float = 600.0
    idle: float = 300.0


USUAL_PACE: Final = LookPace()


@dataclass(frozen=True, slots=True)
class HeardCluster:
    """What is known of a cluster now.

    Attributes:
        name: of the cluster.
        snapshot: what it showed last; None where it never did. Its source bears the cluster's name.
        error: why it could not be read; None where it could, or where nobody knows yet.
        since: when it was first found to be away; None while it answers.
    """

    name: str
    snapshot: Snapshot | None = None
    error: AllotmentError | None = None
    since: dt.datetime | None = None

    @property
    def state(self) -> str:
        """``current``, ``stale`` (away, and told as it was), ``silent`` (nothing is known) or ``opening``."""
        if self.snapshot is None:
            return "silent" if self.error is not None else "opening"
        return "current" if self.error is None else "stale"

    @property
    def away(self) -> str:
        """Why it is not read, in words that tell nobody where it is; empty where it answers."""
        if self.error is None:
            return ""
        since = "" if self.since is None else f" since {rfc3339(self.since)}"
        return f"{_told(self.error)}{since}"


def _told(error: AllotmentError) -> str:
    match error:
        case NotSignedInError():
            return "it has not accepted the server's credentials"
        case UnreachableError():
            return "it has not answered"
        case NotFoundError():
            return "the server has had no way to it"
        case _:
            return "it could not be read"


class FollowedCluster:
    """See the module. For several threads."""

    def __init__(
        self,
        name: str,
        opened: OpenCluster,
        clock: Clock,
        pace: LookPace = USUAL_PACE,
        metered: MeteredCluster | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            name: of the cluster, by which its source is called.
            opened: opens it.
            clock: time, as snapshots have it.
            pace: how often it is looked at.
            metered: adds its devices' use to what is seen; None where nothing measures them.
        """
        self._metered = metered
        self._name = name
        self._opened = opened
        self._clock = clock
        self._pace = pace
        self._moved = threading.Condition()
        self._snapshot: Snapshot | None = None
        self._began: dt.datetime | None = None
        self._error: AllotmentError | None = None
        self._since: dt.datetime | None = None
        self._not_before: dt.datetime | None = None
        self._trying_since: float | None = None
        self._asked_at = time.monotonic()
        self._wanted = True
        self._ended = False
        self._failures = 0
        self._thread = threading.Thread(target=self._follow, name=f"follows {name}", daemon=True)

    def start(self) -> None:
        """Begin to follow it."""
        self._trying_since = time.monotonic()
        self._thread.start()

    def end(self) -> None:
        """Follow it no more; a thread that still waits for an answer ends by itself, or with the process."""
        with self._moved:
            self._ended = True
            self._moved.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the end."""
        self._thread.join(seconds)

    def want(self) -> None:
        """Somebody asks: it is looked at soon."""
        with self._moved:
            self._want()

    def forget(self) -> None:
        """What was seen up to now does not count as recent any more: the next look reads everything anew."""
        with self._moved:
            self._not_before = self._clock.now()
            self._want()

    def heard(self, within: float, patience: float) -> HeardCluster:
        """What is known of it.

        Args:
            within: seconds that what is known may be old without anybody's waiting for more.
            patience: seconds from the beginning of a look after which nobody waits for it any more.
        """
        with self._moved:
            self._asked_at = time.monotonic()
            if self._error is None and not self._recent(within):
                self._want()
                begun = self._trying_since or time.monotonic()
                self._moved.wait_for(
                    lambda: self._ended or self._error is not None or self._recent(within),
                    max(0.0, begun + patience - time.monotonic()),
                )
            return self._heard()

    def glimpsed(self) -> HeardCluster:
        """The same, for whom nobody has to look: it is looked at no oftener for that, and nobody waits."""
        with self._moved:
            return self._heard()

    def _heard(self) -> HeardCluster:
        error, since = self._error, self._since
        tried = 0.0 if self._trying_since is None else time.monotonic() - self._trying_since
        if error is None and tried >= ANSWERS_IN:
            error = UnreachableError(f"{self._name} does not answer", why=f"it is waited for since {tried:.0f} s")
            since = self._clock.now() - dt.timedelta(seconds=tried)
        return HeardCluster(self._name, self._snapshot, error, since)

    def _recent(self, within: float) -> bool:
        if self._began is None or (self._not_before is not None and self._began <= self._not_before):
            return False
        return 0 <= (self._clock.now() - self._began).total_seconds() <= within

    def _want(self) -> None:
        self._asked_at = time.monotonic()
        self._wanted = True
        self._moved.notify_all()

    def _follow(self) -> None:
        while not self._ended:
            try:
                with self._opened() as kube, WatchedCluster(kube, self._clock) as watched:
                    while self._looked(kube, watched):
                        self._pause(self._failures)
            except AllotmentError as error:
                self._failed(error)
            except Exception as error:  # noqa: BLE001 (a defect in one cluster's answers must not end the others')
                self._failed(UnreachableError(f"what came cannot be taken ({type(error).__name__})"))
            self._pause(max(1, self._failures))

    def _looked(self, kube: KubePort, watched: WatchedCluster) -> bool:
        """Look once; whether it is followed on."""
        with self._moved:
            if self._ended:
                return False
            anew = self._not_before is not None
            self._wanted = False
            self._trying_since = self._trying_since or time.monotonic()
        began = self._clock.now()
        try:
            # What a stream tells comes a moment later: who has just changed something wants to see it.
            found = observe(kube, self._clock) if anew else watched.snapshot()
        except UnreachableError as error:
            self._failed(error)
            return self._failures < _PATIENCE
        found = found if self._metered is None else self._metered.added(found)
        source = msgspec.structs.replace(found.sources[0], name=self._name)
        with self._moved:
            # Who the server is there says nothing of who asks.
            self._snapshot = msgspec.structs.replace(found, asker=Asker(), sources=(source,))
            self._began, self._error, self._since, self._trying_since = began, None, None, None
            self._failures = 0
            if self._not_before is not None and began > self._not_before:
                self._not_before = None
            self._moved.notify_all()
        return True

    def _failed(self, error: AllotmentError) -> None:
        with self._moved:
            self._failures += 1
            self._error = error
            self._since = self._since or self._clock.now()
            self._trying_since = None
            self._moved.notify_all()

    def _pause(self, failures: int) -> None:
        """Until the next look, or try."""
        pace, began = self._pace, time.monotonic()
        with self._moved:
            if failures:
                self._moved.wait_for(lambda: self._ended, min(usual_wait(failures) * 5, _LONGEST_WAIT))
            while not self._ended and not failures:
                now = time.monotonic()
                usual = pace.usual if now - self._asked_at <= pace.lately else pace.idle
                left = began + (pace.asked if self._wanted else usual) - now
                if left <= 0:
                    break
                self._moved.wait(left)
            self._trying_since = time.monotonic()
