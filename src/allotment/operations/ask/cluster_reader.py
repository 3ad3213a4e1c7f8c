"""Reading of one cluster by several threads: what comes is kept, what does not come is a gap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, TypeVar

from allotment.errors import UnreachableError
from allotment.model.manifest import Body, ObjectKey
from allotment.model.observed.base import Part
from allotment.model.observed.snapshot import Gap, Objects
from allotment.model.salvage import UnreadableObject
from allotment.observe.gathering import Gathered
from allotment.observe.kinds import ObservedKind
from allotment.ports.kube import AccessRefusedError, KubePort, RefusedError, UnendingError

WORKERS: Final = 6
"""Requests under way at once: more would hold more pages, and wait for the interpreter instead of the server."""
_GIVE_UP_AFTER: Final = 3
"""Requests in a row that got no answer, or at all that got one without end, before no other is sent: each took long."""
_BATCH: Final = 100
"""Objects that are read under one lock."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Reply(Enum):
    """What became of a request."""

    DONE = auto()
    FORBIDDEN = auto()
    FAILED = auto()


class ClusterReader:
    """Collects what one cluster shows. Safe to use from several threads.

    Structs are made under a lock: msgspec may not meet a struct for the first time in two threads at once.
    """

    def __init__(self, kube: KubePort, namespaces: tuple[str, ...], lock: threading.Lock | None = None) -> None:
        """Of a cluster.

        Args:
            kube: the cluster.
            namespaces: are tried where the whole cluster may not be listed.
            lock: under which structs are made, where others make some at the same time.
        """
        self.kube = kube
        self.namespaces = namespaces
        self.narrowed = False
        """Whether a kind was read in the namespaces alone."""
        self._gathered = Gathered()
        self._lock = lock or threading.Lock()
        self._lost: list[UnreachableError] = []
        self._unending: list[UnreachableError] = []
        self._answered = 0

    def side_by_side(self, do: Callable[[_In], None], items: Iterable[_In]) -> None:
        """Do something with every item, several at a time.

        Raises:
            NotSignedInError: the server does not accept the credentials.
        """
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="allotment-read") as pool:
            for _ in pool.map(do, items):
                pass

    def attempt(self, do: Callable[[], None], what: str, namespace: str = "", *, told: bool = True) -> Reply:
        """Ask for something; what does not come is noted.

        Args:
            do: asks, and keeps the answer.
            what: is asked for, for the gap.
            namespace: where.
            told: whether a refusal for want of rights is a gap.

        Raises:
            NotSignedInError: the server does not accept the credentials.
        """
        for lost in (self._lost, self._unending):
            if len(lost) >= _GIVE_UP_AFTER:
                self.gap(what, namespace, "failed", f"not asked for: {lost[0].what}")
                return Reply.FAILED
        try:
            do()
        except AccessRefusedError as error:
            self._heard()
            if told:
                self.gap(what, namespace, "forbidden", error.message)
            return Reply.FORBIDDEN
        except RefusedError as error:
            self._heard()
            if error.status != HTTPStatus.NOT_FOUND:
                self.gap(what, namespace, "failed", error.message)
            return Reply.FAILED
        except UnreachableError as error:
            with self._lock:
                # An answer without end is no silence: others may come meanwhile, and each such one takes minutes.
                (self._unending if isinstance(error, UnendingError) else self._lost).append(error)
            self.gap(what, namespace, "failed", " ".join(filter(None, (error.what, error.why))))
            return Reply.FAILED
        self._heard()
        return Reply.DONE

    def _heard(self) -> None:
        with self._lock:
            self._answered += 1
            if len(self._lost) < _GIVE_UP_AFTER:
                self._lost.clear()

    def gap(self, what: str, namespace: str, reason: str, detail: str) -> None:
        """Note what could not be seen."""
        with self._lock:
            self._gathered.gap(Gap(what=what, namespace=namespace, reason=reason, detail=detail))

    def has_gap(self, what: str) -> bool:
        """Whether something could not be seen."""
        with self._lock:
            return any(each.what == what for each in self._gathered.gaps)

    def take_all(self, kind: ObservedKind, version: str, namespace: str = "") -> None:
        """List a kind and keep it, batch by batch; what came before the list broke off is kept too."""
        batch: list[Body] = []
        try:
            for raw in self.kube.list(version, kind.kind, namespace=namespace, lenient=True):
                batch.append(raw)
                if len(batch) == _BATCH:
                    self._keep(kind, version, batch)
                    batch = []
        finally:
            self._keep(kind, version, batch)

    def hold(self, field: str, parts: Iterable[Part], gaps: Iterable[Gap]) -> None:
        """Keep objects that have been read already, and what could not be."""
        with self._lock:
            self._gathered.hold(field, parts)
            for each in gaps:
                self._gathered.gap(each)

    def take_one(self, kind: ObservedKind, version: str, key: ObjectKey, uid: str = "") -> None:
        """Get one object and keep it, if it is there and, where a uid is given, that very one."""
        found = self.kube.get(version, key, lenient=True)
        if isinstance(found, UnreadableObject):
            self._keep(kind, version, [found.of_kind(version, kind.kind)])
        elif found is not None and (not uid or _uid(found) == uid):
            self._keep(kind, version, [found])

    def made(self, make: Callable[[], _Out]) -> _Out:
        """What a function makes of raw objects."""
        with self._lock:
            return make()

    def _keep(self, kind: ObservedKind, version: str, raws: list[Body]) -> None:
        with self._lock:
            for raw in raws:
                self._gathered.take(kind, raw, version)

    @property
    def objects(self) -> Objects:
        """All that came."""
        return self._gathered.objects()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """All that did not."""
        return self._gathered.gaps

    def check_heard(self) -> None:
        """Whether the server answered anything at all.

        Raises:
            UnreachableError: it did not.
        """
        lost = [*self._lost, *self._unending]
        if lost and not self._answered:
            raise lost[0]


def _uid(raw: Body) -> object:
    meta = raw.get("metadata")
    return meta.get("uid") if isinstance(meta, dict) else None
