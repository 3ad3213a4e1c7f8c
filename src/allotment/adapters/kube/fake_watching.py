"""What happened to the objects of the fake API server, and those who watch it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.manifest import Body, ObjectKey
from allotment.ports.kube import VersionGoneError, WatchEvent, WatchWord

KEPT: Final = 10_000
"""Changes that are remembered; who asks for older ones has to list again."""


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One change; `shown` makes the body, so that a change that nobody watches costs no copy."""

    version: int
    word: WatchWord
    key: ObjectKey
    shown: Callable[[], Body]


class ChangeLog:
    """Changes in the order of their versions. Safe to use from several threads."""

    def __init__(self) -> None:
        """Of nothing."""
        self._told = threading.Condition()
        self._changes: deque[LoggedChange] = deque(maxlen=KEPT)
        self._latest = 0
        self._forgotten = 0
        self._ends = 0

    @property
    def latest(self) -> int:
        """The newest version."""
        with self._told:
            return self._latest

    def reach(self, version: int) -> None:
        """A version has passed without a change."""
        with self._told:
            self._latest = max(self._latest, version)

    def tell(self, change: LoggedChange) -> None:
        """Something happened."""
        with self._told:
            if len(self._changes) == KEPT:
                self._forgotten = self._changes[0].version
            self._changes.append(change)
            self._latest = max(self._latest, change.version)
            self._told.notify_all()

    def forget(self) -> None:
        """Forget all that happened, as a server does that compacts its store."""
        with self._told:
            self._changes.clear()
            self._forgotten = self._latest

    def end_streams(self) -> None:
        """End all watches, as a server does every few minutes."""
        with self._told:
            self._ends += 1
            self._told.notify_all()

    def wake(self) -> None:
        """Let all watches look whether they are closed."""
        with self._told:
            self._told.notify_all()

    def _since(self, version: int) -> list[LoggedChange]:
        """Those after a version: the newest stand at the end, and there are few of them among many."""
        found: list[LoggedChange] = []
        for each in reversed(self._changes):
            if each.version <= version:
                break
            found.append(each)
        return found[::-1]

    def after(self, version: int, closed: Callable[[], bool]) -> Iterator[LoggedChange]:
        """Changes after a version, as they happen, until the streams are ended or this one is closed.

        Raises:
            VersionGoneError: some of them are forgotten.
        """
        with self._told:
            ends = self._ends
        while True:
            with self._told:
                if version < self._forgotten:
                    raise VersionGoneError("the server no longer knows what happened since that version")
                new = self._since(version)
                if not new:
                    if closed() or ends != self._ends:
                        return
                    self._told.wait()
                    continue
            for each in new:
                version = each.version
                yield each


class FakeWatch:
    """See `WatchStream`."""

    def __init__(
        self,
        log: ChangeLog,
        listed: Callable[[], tuple[list[Body], int]],
        opened: Callable[[], None],
        chooses: Callable[[ObjectKey], bool],
        since: str,
        *,
        served: bool = True,
    ) -> None:
        """Nothing is asked yet.

        Args:
            log: what happens.
            listed: what is there, and at which version.
            opened: called once the stream is opened; it may refuse.
            chooses: which objects are watched.
            since: the version; empty to list first.
            served: whether the kind is known.
        """
        self._served = served
        self._log = log
        self._listed = listed
        self._opened = opened
        self._chooses = chooses
        self._since = since
        self._closed = False

    def __iter__(self) -> Iterator[WatchEvent]:
        """What is there, then what happens."""
        since = self._since
        if not self._served:
            return
        if not since:
            bodies, version = self._listed()
            since = str(version)
            for body in bodies:
                yield WatchEvent(WatchWord.THERE, body)
            yield WatchEvent(WatchWord.CURRENT, {}, since)
        self._opened()
        yield WatchEvent(WatchWord.CURRENT, {}, since)
        for change in self._log.after(int(since), lambda: self._closed):
            if self._closed:
                return
            if self._chooses(change.key):
                yield WatchEvent(change.word, change.shown(), str(change.version))

    def close(self) -> None:
        """End it."""
        self._closed = True
        self._log.wake()
