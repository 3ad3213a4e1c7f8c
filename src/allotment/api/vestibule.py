"""Where connections wait until it is known who has come: the caller himself, or a standby that leads somebody on.

Who begins with anything but a preface goes in as he is. Whose preface is right goes in as the one of whom it tells, and
whose is wrong goes out.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from allotment.api.limited_socket import DoorGuest, LimitedSocket
from allotment.api.prefaces import MAGIC, PREFACE_LENGTH, Peer
from allotment.api.telemetry.saying import say

_PATIENCE: Final = 3.0
"""Seconds in which somebody has to say his first byte here; whoever says none then says it, or not, further in."""
_TICK: Final = 0.5
Read = Callable[[bytes], Peer | None]
"""Of whom a preface tells; None where it is worth nothing."""


class Vestibule(socket.socket):
    """What a server listens on whose callers come by way of here: it takes those who are ready."""

    def __init__(self) -> None:
        """Nobody has come."""
        outer, inner = socket.socketpair()
        super().__init__(outer.family, outer.type, outer.proto, fileno=outer.detach())
        self.setblocking(False)
        self._bell = inner
        self._ready: deque[tuple[DoorGuest, Peer]] = deque()

    def listen(self, _backlog: int = 0, /) -> None:
        """The door does that."""

    def accept(self) -> tuple[socket.socket, Any]:
        """The next one who is ready.

        Raises:
            BlockingIOError: nobody is.
        """
        self.recv(1)
        return self._ready.popleft()

    def take(self, guest: DoorGuest) -> None:
        """Have somebody go in; from the thread of the door."""
        self._ready.append((guest, guest.peer))
        with contextlib.suppress(OSError):
            self._bell.send(b".")

    def close(self) -> None:
        """Nobody comes any more; who still waits goes."""
        super().close()
        self._bell.close()
        while self._ready:
            self._ready.popleft()[0].close()


@contextmanager
def vestibule(door: LimitedSocket, read: Read) -> Iterator[Vestibule]:
    """What a server listens on instead of a door, while the block lasts.

    Args:
        door: a socket that listens.
        read: prefaces.
    """
    with Vestibule() as inside:
        porter = _Porter(door, read, inside)
        worker = threading.Thread(target=porter.work, name="lets in", daemon=True)
        worker.start()
        try:
            yield inside
        finally:
            porter.ending.set()
            worker.join(_PATIENCE)


@dataclass(slots=True)
class _Comer:
    """Somebody who has not gone in yet.

    Attributes:
        until: when he is waited for no more.
        said: what was read of a preface.
    """

    guest: DoorGuest
    until: float
    said: bytes = b""


class _Porter:
    """Takes connections at the door, and hands them on."""

    def __init__(self, door: LimitedSocket, read: Read, inside: Vestibule) -> None:
        self.ending = threading.Event()
        self._door = door
        self._read = read
        self._inside = inside
        self._selector = selectors.DefaultSelector()
        self._told = False

    def work(self) -> None:
        """Until it ends."""
        self._door.setblocking(False)
        with self._selector as selector:
            selector.register(self._door, selectors.EVENT_READ)
            while not self.ending.is_set():
                for key, _ in selector.select(_TICK):
                    if key.data is None:
                        self._open()
                    else:
                        self._hear(key.data)
                self._wait_no_more()
            for each in self._comers():
                self._go(each)

    def _comers(self) -> list[_Comer]:
        return [each.data for each in list(self._selector.get_map().values()) if each.data is not None]

    def _open(self) -> None:
        try:
            guest, _ = self._door.accept()
        except BlockingIOError:
            return
        except OSError:
            self.ending.wait(_TICK)  # such as that the process has no descriptor left: nobody is lost by that
            return
        guest.setblocking(False)
        self._selector.register(guest, selectors.EVENT_READ, _Comer(guest, time.monotonic() + _PATIENCE))

    def _hear(self, comer: _Comer) -> None:
        """What he says first; of others than standbys nothing is taken away."""
        guest = comer.guest
        try:
            if not comer.said and guest.recv(1, socket.MSG_PEEK) != MAGIC[:1]:
                self._go_in(comer)
                return
            data = guest.recv(PREFACE_LENGTH - len(comer.said))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        comer.said += data
        if not data or not (comer.said.startswith(MAGIC) or MAGIC.startswith(comer.said)):
            self._go(comer)
        elif len(comer.said) == PREFACE_LENGTH:
            peer = self._read(comer.said)
            if peer is None:
                self._tell()
            if peer is None or not guest.led_from(peer):
                self._go(comer)
            else:
                self._go_in(comer)

    def _wait_no_more(self) -> None:
        now = time.monotonic()
        for each in self._comers():
            if each.until < now:
                (self._go if each.said else self._go_in)(each)

    def _go_in(self, comer: _Comer) -> None:
        self._selector.unregister(comer.guest)
        self._inside.take(comer.guest)

    def _go(self, comer: _Comer) -> None:
        self._selector.unregister(comer.guest)
        comer.guest.close()

    def _tell(self) -> None:
        """Once: whoever comes could fill the log with it."""
        if not self._told:
            said = "somebody led callers on without the key of the shared folder, or by a clock that goes wrong"
            say(f"{said}: they are turned out")
        self._told = True
