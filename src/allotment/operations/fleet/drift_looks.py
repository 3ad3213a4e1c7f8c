"""A server's looks at drift: each cluster is looked at by itself, and one that takes long is told as it was meanwhile.

To compare a cluster is to list it and to try what differs: that takes seconds, and a minute where it hangs. So whoever
asks is answered in time with what is known, and how old that is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import AllotmentError, NotFoundError, TimedOutError, quoted
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.operations.change.drift import ClusterDrift, DriftReport, DriftState, drift_of
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort

_GOOD_FOR: Final = 20.0
"""Seconds for which a look is good enough for whoever asks."""
_PATIENCE: Final = 8.0
"""Seconds that looks are waited for: a page gives up after 15."""

Connect = Callable[[str], AbstractContextManager[KubePort]]
"""To a cluster, by its context."""


@dataclass(frozen=True, slots=True)
class DriftSeen:
    """How clusters stand to what is declared.

    Attributes:
        report: in the order that was asked for.
        old: why a cluster is told as it was, in a sentence, by its name; nothing of those that were just looked at.
    """

    report: DriftReport
    old: Mapping[str, str]


@dataclass(slots=True)
class _DriftLook:
    """A look at one cluster.

    Attributes:
        declared: the platform that it is compared with.
        began: by a clock that nobody sets.
        found: what came of it; None until it has ended.
    """

    declared: Platform
    began: float = field(default_factory=time.monotonic)
    ended: threading.Event = field(default_factory=threading.Event)
    found: ClusterDrift | None = None

    def is_good(self, declared: Platform) -> bool:
        """Whether it need not be made again: it goes on, or has ended lately, with what is declared now."""
        same = self.declared is declared
        return not self.ended.is_set() or (same and time.monotonic() - self.began < _GOOD_FOR)


class DriftLooks:
    """See the module. For several threads."""

    def __init__(self, declared: Callable[[], Platform], connect: Connect, clock: Clock) -> None:
        """Nothing is looked at yet.

        Args:
            declared: the platform as it is declared now.
            connect: to a cluster, by its context.
            clock: time.
        """
        self._declared = declared
        self._connect = connect
        self._clock = clock
        self._lock = threading.Lock()
        self._looks: dict[str, _DriftLook] = {}
        self._known: dict[str, ClusterDrift] = {}

    def seen(self, wanted: Sequence[str] = (), *, anew: bool = False) -> DriftSeen:
        """How clusters stand to what is declared.

        Args:
            wanted: names of clusters; empty for all.
            anew: whether a look that is only some seconds old is not good enough.

        Raises:
            NotFoundError: there is no such cluster.
        """
        platform = self._declared()
        clusters = [_named(platform, each) for each in dict.fromkeys(wanted)] or list(platform.clusters)
        looks = [(each.name, self._look(platform, each, anew=anew)) for each in clusters]
        until = time.monotonic() + _PATIENCE
        found, old = [], {}
        for name, look in looks:
            look.ended.wait(max(0.0, until - time.monotonic()))
            told, why = self._told(name, look)
            found.append(told)
            if why:
                old[name] = why
        return DriftSeen(DriftReport(platform.name, tuple(found)), old)

    def forget(self, names: Sequence[str]) -> None:
        """What is known of clusters counts no more: something was done there."""
        with self._lock:
            for each in names:
                look = self._looks.get(each)
                if look is not None and look.ended.is_set():
                    del self._looks[each]

    def _look(self, platform: Platform, cluster: Cluster, *, anew: bool) -> _DriftLook:
        """The look at a cluster that goes on or is good enough, or a new one."""
        with self._lock:
            last = self._looks.get(cluster.name)
            if last is not None and last.is_good(platform) and not (anew and last.ended.is_set()):
                return last
            look = self._looks[cluster.name] = _DriftLook(platform)
        threading.Thread(target=self._make, args=(look, cluster), name=f"drift {cluster.name}", daemon=True).start()
        return look

    def _make(self, look: _DriftLook, cluster: Cluster) -> None:
        try:
            with ExitStack() as stack:

                def connect(meant: Cluster) -> KubePort:
                    return stack.enter_context(self._connect(meant.context))

                (look.found,) = drift_of(look.declared, (cluster,), connect, self._clock).clusters
        except Exception as error:  # noqa: BLE001 (whoever waits is told; a look must not end without an end)
            failure = error if isinstance(error, AllotmentError) else AllotmentError(f"{type(error).__name__}: {error}")
            look.found = self._unknown(cluster.name, failure)
        finally:
            with self._lock:
                if look.found is not None and look.found.state is not DriftState.UNREACHABLE:
                    self._known[cluster.name] = look.found
            look.ended.set()

    def _told(self, name: str, look: _DriftLook) -> tuple[ClusterDrift, str]:
        """What is told of a cluster, and why that is not of now."""
        with self._lock:
            known = self._known.get(name)
        if look.found is not None and (known is None or look.found.state is not DriftState.UNREACHABLE):
            return look.found, ""
        error = None if look.found is None else look.found.error
        hangs = f"it has been looked at for {time.monotonic() - look.began:.0f} s, and that goes on"
        why = hangs if error is None else error.line
        if known is not None:
            return known, why
        return self._unknown(name, TimedOutError(hangs, fix="ask again in a while")), ""

    def _unknown(self, name: str, error: AllotmentError) -> ClusterDrift:
        return ClusterDrift(name, DriftState.UNREACHABLE, (), self._clock.now(), None, error)


def _named(platform: Platform, name: str) -> Cluster:
    found = platform.cluster(name)
    if found is None:
        raise NotFoundError(f"there is no cluster {quoted(name)}", fix="`allot cluster status` lists those there are")
    return found
