"""How a server stands: whether it leads and can write, and how its back ends do; for several threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Final

from allotment.errors import AllotmentError
from allotment.ports.store import JobsStore

if TYPE_CHECKING:
    from allotment.operations.run.desk import Desk

_LATE: Final = 60.0
"""Seconds without a pass after which a back end is told as late: calls of one that hangs end after a minute or two."""


class ServerRole(StrEnum):
    """What a server does at present."""

    STARTING = "starting"
    STANDBY = "standby"
    """Another one leads; it waits for its turn."""
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class ServerReadiness:
    """Whether requests should be sent to a server.

    Attributes:
        parts: each with what is wrong with it; empty where nothing is.
        late: back ends of which a pass is late. Others go on: no reason to send nobody here.
    """

    role: ServerRole
    parts: dict[str, str]
    late: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.parts.values())


class ServerStanding:
    """See the module."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """It starts.

        Args:
            now: seconds, which never go back.
        """
        self._now = now
        self._alone = Lock()
        self._trouble = ""
        self._beat: float | None = None
        self.role = ServerRole.STARTING
        self.relays = False
        self.desk: Desk | None = None
        self.store: JobsStore | None = None
        self._deposed: AllotmentError | None = None

    def leads(self, desk: Desk, store: JobsStore) -> None:
        """Its desk works.

        Raises:
            AllotmentError: it has lost the lead meanwhile.
        """
        with self._alone:
            self.desk, self.store, self.role = desk, store, ServerRole.LEADER
        self.check()

    def depose(self, error: AllotmentError) -> None:
        """It leads no more: it ends."""
        with self._alone:
            self._deposed = self._deposed or error
            desk = self.desk
        if desk is not None:
            desk.end()

    def check(self) -> None:
        """See that it leads.

        Raises:
            AllotmentError: it has lost the lead, and why.
        """
        if self._deposed is not None:
            raise self._deposed

    def beaten(self, trouble: str = "") -> None:
        """The store was looked at: all was well, or what was not, as the server's own user may know it."""
        with self._alone:
            self._trouble = trouble
            if not trouble:
                self._beat = self._now()

    @property
    def silent(self) -> float:
        """Seconds since the store was last written without trouble; 0 before the first time."""
        with self._alone:
            return 0.0 if self._beat is None else self._now() - self._beat

    def told(self) -> tuple[str, ...]:
        """What the server's own user should see to, in sentences."""
        trouble = self._trouble
        return (f"the store cannot be written: {trouble}",) if trouble else ()

    def readiness(self, *, at_home: bool = False) -> ServerReadiness:
        """As it is now.

        Args:
            at_home: whether the server's own user asks: others are not told where the store is, nor what it says.
        """
        if self.desk is None and self.relays:
            return ServerReadiness(self.role, {"leader": ""})
        if self.desk is None:
            said = "another server leads" if self.role is ServerRole.STANDBY else "not opened yet"
            return ServerReadiness(self.role, {"store": said, "backends": "not opened yet"})
        trouble = self._trouble
        store = trouble if at_home or not trouble else "it does not answer"
        if not store and self.silent > _LATE:
            store = f"it does not answer for {self.silent:.0f} s"
        lanes = self.desk.lanes
        late = tuple(each.name for each in lanes if each.pass_age > _LATE)
        none = "" if any(each.passes for each in lanes) or not lanes else "no pass has been made yet"
        return ServerReadiness(self.role, {"store": store, "backends": none}, late)
