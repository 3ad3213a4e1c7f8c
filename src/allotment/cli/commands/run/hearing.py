"""What changes at the server is heard while a command waits, so that it looks again when there is something to see."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, TypeVar

from allotment.errors import UnreachableError

if TYPE_CHECKING:
    from allotment.ports.event_service import EventService, ToldEvent
    from allotment.ports.journal import SubjectKind

T = TypeVar("T")
LOOK_AGAIN: Final = 5.0
"""Seconds after which a command looks though it has heard nothing: what is no change, such as silence, shows then."""


@dataclass(frozen=True, slots=True)
class HeardChanges:
    """What was heard.

    Attributes:
        anew: whether all has to be read, since it begins here, or something was missed.
        ids: of what has changed.
    """

    anew: bool = False
    ids: frozenset[str] = frozenset()


class ServerEar:
    """Listens in a thread of its own, which ends with the process."""

    def __init__(self, events: Callable[[], Iterator[ToldEvent | None]]) -> None:
        """It listens from now on.

        Args:
            events: of the server.
        """
        self._heard: SimpleQueue[ToldEvent | Exception] = SimpleQueue()
        self._failed: Exception | None = None
        threading.Thread(target=self._listen, args=(events,), name="listens", daemon=True).start()

    def wait(self, seconds: float) -> HeardChanges:
        """What has changed since the last time, once something has, or the time is up.

        Raises:
            AllotmentError: the server answers no more, or does not let us listen.
        """
        if self._failed is not None:
            raise self._failed
        anew, ids = False, set[str]()
        for each in self._come(seconds):
            if isinstance(each, Exception):
                # What came before it is seen first.
                self._failed = each
                if not (anew or ids):
                    raise each
                break
            anew = anew or each.kind is None
            ids.add(getattr(each.told, "id", ""))
        return HeardChanges(anew, frozenset(ids - {""}))

    def _come(self, seconds: float) -> Iterator[ToldEvent | Exception]:
        try:
            yield self._heard.get(timeout=max(0.0, seconds))
            while True:
                yield self._heard.get_nowait()
        except Empty:
            return

    def _listen(self, events: Callable[[], Iterator[ToldEvent | None]]) -> None:
        try:
            for each in events():
                if each is not None:
                    self._heard.put(each)
        except Exception as error:  # noqa: BLE001 (whoever waits is told)
            self._heard.put(error)


def ears(service: EventService, kind: SubjectKind, team: str) -> ServerEar:
    """Ears that have begun to hear: what is read from now on is there, or is heard.

    Args:
        service: the server.
        kind: of what is heard.
        team: the only one that is meant; empty for all.

    Raises:
        AllotmentError: the server does not answer, or does not let us listen.
    """
    ear = ServerEar(lambda: service.events(frozenset({kind}), team=team))
    ear.wait(LOOK_AGAIN)
    return ear


def outlasting(ear: ServerEar | None, ask: Callable[[], T]) -> T:
    """What a question gives; asked again while the server is away for so short a time that an ear goes on.

    Args:
        ear: None for nobody who listens: it is asked once then.
        ask: the question.

    Raises:
        UnreachableError: the server does not come back.
    """
    while True:
        try:
            return ask()
        except UnreachableError:
            if ear is None:
                raise
            ear.wait(LOOK_AGAIN)
