"""Use case: what does a cluster show, again and again? Everything is listed once; then only what changes is sent.

A kind is followed by a thread of its own, which keeps structs alone: what comes is read at once, so that raw objects
wait nowhere, and what goes leaves. A stream that ends or breaks off is opened again from where it was; where the server
has forgotten what happened since, the kind is listed again. A kind that cannot be followed stops no other: it is a gap,
or, where it may be listed and not watched, it is listed for each snapshot.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final, Self

from allotment.errors import AllotmentError, NotSignedInError, UnreachableError
from allotment.model.observed.snapshot import Gap, Snapshot
from allotment.observe.current import CurrentKind
from allotment.operations.ask.cluster_reader import WORKERS, ClusterReader
from allotment.operations.ask.observing import (
    ServedKind,
    asker_of,
    completed,
    read_kind,
    read_named,
    served_kinds,
    where_else,
)
from allotment.ports.clock import Clock
from allotment.ports.kube import (
    AccessRefusedError,
    Identity,
    KubePort,
    RefusedError,
    UnendingError,
    VersionGoneError,
    WatchEvent,
    WatchStream,
    WatchWord,
)

MOST_OBJECTS: Final = 1_000_000
"""Objects of one kind that are kept: more would fill the memory of whoever asks."""
_FIRST_WAIT: Final = 0.2
_LONGEST_WAIT: Final = 30.0
_STANDS_AFTER: Final = dt.timedelta(seconds=10)
_LAST_WAIT: Final = dt.timedelta(seconds=3)


def usual_wait(failures: int) -> float:
    """Seconds before the next try, after so many failures in a row."""
    return float(min(_FIRST_WAIT * 2 ** min(failures - 1, 16), _LONGEST_WAIT))


@dataclass(slots=True)
class _Followed:
    """One kind in one place; changed under the lock alone.

    Attributes:
        since: version from which the next stream goes on; empty to list.
        failures: tries in a row of which nothing came.
        settled: whether it is known what there is, or that it cannot be known.
        listing: whether it has a place among those that list.
        polled: it may be listed and not watched.
        given_up: it may not be listed.
    """

    served: ServedKind
    namespace: str
    current: CurrentKind
    since: str = ""
    failures: int = 0
    settled: bool = False
    listing: bool = False
    polled: bool = False
    given_up: bool = False
    gap: Gap | None = None
    stream: WatchStream | None = None


class WatchedCluster:
    """A cluster that is followed. Use it as a context manager; `snapshot` and `wait` belong to one thread."""

    def __init__(
        self,
        kube: KubePort,
        clock: Clock,
        namespaces: Sequence[str] = (),
        waits: Callable[[int], float] = usual_wait,
    ) -> None:
        """Nothing is asked yet.

        Args:
            kube: the cluster.
            clock: says when.
            namespaces: where kinds are read that may not be listed in the whole cluster; the context's by default.
            waits: seconds before the next try, by failures in a row.
        """
        self._kube = kube
        self._clock = clock
        self._namespaces = where_else(kube, namespaces)
        self._waits = waits
        self._lock = threading.Lock()
        self._moved = threading.Condition(self._lock)
        self._listing = threading.Semaphore(WORKERS)
        self._stopped = threading.Event()
        self._followed: dict[tuple[str, str], _Followed] = {}
        self._threads: list[threading.Thread] = []
        self._news = False
        self._signed_out: NotSignedInError | None = None
        self._asker: Identity | None = None

    def __enter__(self) -> Self:
        """Begin to follow.

        Raises:
            UnreachableError: the server does not answer.
            NotSignedInError: it does not accept the credentials.
        """
        self._kube.server()
        self._follow_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Follow no more."""
        self._stopped.set()
        with self._lock:
            streams = [each.stream for each in self._followed.values() if each.stream is not None]
            self._moved.notify_all()
        for stream in streams:
            stream.close()
        until = self._clock.now() + _LAST_WAIT
        for thread in self._threads:
            # One that still connects is left alone: it ends by itself, and holds nobody up.
            thread.join(max(0.0, (until - self._clock.now()).total_seconds()))

    def snapshot(self) -> Snapshot:
        """What the cluster shows now.

        Raises:
            UnreachableError: the server does not answer: what was heard last may be long past.
            NotSignedInError: it does not accept the credentials.
        """
        began = self._clock.now()
        version = self._kube.server().version
        self._follow_all()
        with self._moved:
            self._moved.wait_for(self._all_settled)
            if self._signed_out is not None:
                raise self._signed_out
            self._news = False
            followed = list(self._followed.values())
            held = [(each, each.current.parts, each.current.damaged) for each in followed if not each.polled]
        reader = ClusterReader(self._kube, self._namespaces, self._lock)
        self._asker = self._asker or asker_of(reader)
        for each, parts, damaged in held:
            reader.hold(each.served.kind.field, parts, (*damaged, *((each.gap,) if each.gap else ())))
            reader.narrowed = reader.narrowed or bool(each.namespace)
        polled = dict.fromkeys(each.served for each in followed if each.polled)
        reader.side_by_side(partial(read_kind, reader), polled)
        for served in served_kinds(self._kube):
            if served.kind.only:
                read_named(reader, served)
        return completed(reader, self._clock, began, version, self._asker)

    def wait(self, seconds: float) -> bool:
        """Wait until something has changed since the last snapshot; whether it has, in that time."""
        with self._moved:
            return self._moved.wait_for(lambda: self._news or self._signed_out is not None, seconds)

    def _all_settled(self) -> bool:
        return self._signed_out is not None or all(each.settled for each in self._followed.values())

    def _follow_all(self) -> None:
        """Follow what the server has: kinds may come while it runs."""
        for served in served_kinds(self._kube):
            if not served.kind.only:
                self._follow(served, "")

    def _follow(self, served: ServedKind, namespace: str) -> None:
        with self._lock:
            key = (served.kind.kind + served.kind.group, namespace)
            if key in self._followed:
                return
            followed = _Followed(served, namespace, CurrentKind(served.kind, served.version))
            self._followed[key] = followed
        name = f"allotment-watch-{served.kind.plural}"
        thread = threading.Thread(target=self._run, args=(followed,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self, followed: _Followed) -> None:
        """Follow one kind until told to stop."""
        while not self._stopped.is_set() and not followed.polled and not followed.given_up:
            # One that ends without a word counts as a failure, so that nothing turns round without a pause.
            followed.failures += 1
            began = self._clock.now()
            try:
                self._listen(followed)
            except VersionGoneError:
                self._lasted(followed, began)
                followed.since = ""
            except NotSignedInError as error:
                with self._moved:
                    self._signed_out = error
                    self._moved.notify_all()
                return
            except AllotmentError as error:
                self._lasted(followed, began)
                self._failed(followed, error)
            except Exception as error:  # noqa: BLE001  else the kind would be told for ever as it was
                self._failed(followed, UnreachableError(f"what came cannot be taken ({type(error).__name__})"))
                followed.since = ""
            else:
                self._lasted(followed, began)
            finally:
                self._listed(followed)
                self._settle(followed)
            if followed.failures:
                self._stopped.wait(self._waits(followed.failures))

    def _lasted(self, followed: _Followed, began: dt.datetime) -> None:
        """A stream that stood for long was no failure, though nothing happened in it."""
        if followed.since and self._clock.now() - began >= _STANDS_AFTER:
            followed.failures = 0

    def _listen(self, followed: _Followed) -> None:
        served = followed.served
        if not followed.since:
            self._listing.acquire()
            followed.listing = True
            with self._lock:
                followed.current.list_begins()
        stream = self._kube.watch(served.version, served.kind.kind, namespace=followed.namespace, since=followed.since)
        with self._lock:
            followed.stream = stream
        for event in stream:
            if self._stopped.is_set():
                return
            self._tell(followed, event)

    def _tell(self, followed: _Followed, event: WatchEvent) -> None:
        with self._moved:
            match event.word:
                case WatchWord.THERE:
                    followed.current.take(event.body)
                    if len(followed.current) > MOST_OBJECTS:
                        raise UnendingError(f"there are more than {MOST_OBJECTS:,} {followed.served.kind.plural}")
                case WatchWord.GONE:
                    followed.current.forget(event.body)
                case WatchWord.CURRENT:
                    followed.current.list_ends()
                    followed.gap = None
                case WatchWord.UNREADABLE:
                    what = f"an event of {followed.served.kind.plural}"
                    followed.gap = Gap(what, followed.namespace, "damaged", "it cannot be read")
            if event.word in {WatchWord.THERE, WatchWord.GONE}:
                self._news = True
                self._moved.notify_all()
            followed.since = event.version or followed.since
        if event.word is WatchWord.CURRENT:
            self._listed(followed)
            self._settle(followed)

    def _listed(self, followed: _Followed) -> None:
        """Let another list."""
        if followed.listing:
            followed.listing = False
            self._listing.release()

    def _settle(self, followed: _Followed) -> None:
        with self._moved:
            if not followed.settled:
                followed.settled = self._news = True
                self._moved.notify_all()

    def _failed(self, followed: _Followed, error: AllotmentError) -> None:
        """The stream broke off, or was refused."""
        kind, known = followed.served.kind, bool(followed.since)
        with self._moved:
            self._moved.notify_all()
            if isinstance(error, UnendingError):
                followed.since = ""
                followed.current.clear()
            if isinstance(error, RefusedError):
                followed.since = ""
                followed.polled = known
                followed.current.clear()
                if known:
                    return
                if error.status == HTTPStatus.NOT_FOUND:
                    followed.gap = None
                    return
            refused = isinstance(error, AccessRefusedError)
            # A stream may break off at any time; what is a gap is that it could not be opened again.
            if isinstance(error, UnreachableError) and followed.settled and followed.failures <= 1:
                return
            detail = (
                error.message if isinstance(error, RefusedError) else " ".join(filter(None, (error.what, error.why)))
            )
            reason = "forbidden" if refused else "failed"
            self._news = self._news or followed.gap is None
            followed.gap = Gap(kind.plural, followed.namespace, reason, detail)
            followed.given_up = refused
        if refused and kind.namespaced and not followed.namespace:
            for namespace in self._namespaces:
                self._follow(followed.served, namespace)
