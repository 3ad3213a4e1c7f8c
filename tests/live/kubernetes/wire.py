"""A wire to a server of this machine that can be cut, as a network is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wire:
    """Forwards connections from a port of its own for as long as it is whole."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._ends: list[socket.socket] = []
        self._door: socket.socket | None = None
        self.port = 0

    def mend(self) -> None:
        """Connections pass, through the same port as before."""
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(("127.0.0.1", self.port))
        door.listen(50)
        self._door, self.port = door, door.getsockname()[1]
        threading.Thread(target=self._serve, args=(door,), daemon=True).start()

    def cut(self) -> None:
        """Those that stand break, and no other is taken."""
        door, self._door = self._door, None
        for each in (door, *self._ends):
            if each is not None:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        self._ends = []

    def _serve(self, door: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = door.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    """One that is whole."""
    wire = Wire(port)
    wire.mend()
    try:
        yield wire
    finally:
        wire.cut()
