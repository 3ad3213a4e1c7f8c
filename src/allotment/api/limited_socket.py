"""A listening socket that lets no more in than there is room for: the rest of the server needs descriptors, too.

Whoever comes beyond that is closed again at once, whether or not he would have sent anything, and before any TLS.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from typing import Any, Final

MOST: Final = 256
"""Connections that are open at once."""
MOST_OF_ONE: Final = 128
"""The same of one address."""


class Room:
    """How many are in, by address; for several threads."""

    def __init__(self) -> None:
        """Nobody."""
        self._lock = threading.Lock()
        self._of: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """Whether there was room for one more."""
        with self._lock:
            if self._of.total() >= MOST or self._of[address] >= MOST_OF_ONE:
                return False
            self._of[address] += 1
            return True

    def leave(self, address: str) -> None:
        """One has gone."""
        with self._lock:
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]


class LimitedSocket(socket.socket):
    """See the module."""

    def __init__(self, family: int, type_: int) -> None:
        """Bound to nothing yet."""
        super().__init__(family, type_)
        self._room = Room()

    def accept(self) -> tuple[socket.socket, Any]:
        """The next one for whom there is room.

        Raises:
            BlockingIOError: nobody waits.
        """
        while True:
            descriptor, address = self._accept()  # type: ignore[attr-defined]
            host = str(address[0])
            if self._room.enter(host):
                return _Guest(self, descriptor, host, self._room), address
            socket.close(descriptor)


class _Guest(socket.socket):
    """A connection that makes room when it is closed."""

    def __init__(self, door: socket.socket, descriptor: int, host: str, room: Room) -> None:
        super().__init__(door.family, door.type, door.proto, fileno=descriptor)
        self._host: str | None = host
        self._room = room

    def close(self) -> None:
        """Closed once, however often it is said."""
        super().close()
        host, self._host = self._host, None
        if host is not None:
            self._room.leave(host)
