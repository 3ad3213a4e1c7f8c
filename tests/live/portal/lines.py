"""The way between a browser and a server: it can be cut, fall silent, and tells all that has passed."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final

_CHUNK: Final = 1 << 16
_EVENTS: Final = b"GET /api/v1/events"


class Line:
    """Takes connections on a port of its own, and passes all bytes on.

    Attributes:
        port: where browsers come to.
        sent: all that the server has said, while somebody records; what one connection said stands together.
    """

    def __init__(self, to: int) -> None:
        """Open it.

        Args:
            to: port of the server on this machine.
        """
        self._to = to
        self._open = True
        self._sounds = threading.Event()
        self._sounds.set()
        self._living: set[socket.socket] = set()
        self._recorded: list[bytearray] | None = None
        self._streams: dict[socket.socket, threading.Lock] = {}
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks, and none is made."""
        self._open = False
        for each in tuple(self._living):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """Connections stay, and nothing comes."""
        self._sounds.clear()

    def mend(self) -> None:
        """All is well again."""
        self._open = True
        self._sounds.set()

    def record(self) -> None:
        """Keep what the server says from now on."""
        self._recorded = []

    def tell(self, frames: bytes) -> int:
        """Say more than the server does on each stream of events; on how many."""
        chunk = b"%x\r\n%s\r\n" % (len(frames), frames)
        streams = tuple(self._streams.items())
        for each, lock in streams:
            with lock, contextlib.suppress(OSError):
                each.sendall(chunk)
        return len(streams)

    @property
    def sent(self) -> str:
        """What was kept."""
        return "\n".join(each.decode("utf-8", "replace") for each in self._recorded or [])

    def close(self) -> None:
        """For good."""
        self._sounds.set()
        self.cut()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                come, _ = self._listening.accept()
            except OSError:
                return
            if not self._open:
                come.close()
                continue
            threading.Thread(target=self._serve, args=(come,), daemon=True).start()

    def _serve(self, come: socket.socket) -> None:
        with come, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._to), timeout=10) as gone:
            gone.settimeout(None)
            self._living |= {come, gone}
            asking = threading.Thread(target=self._pass, args=(come, gone, False), daemon=True)
            asking.start()
            self._pass(gone, come, True)
            asking.join()
            self._living -= {come, gone}
            self._streams.pop(come, None)

    def _pass(self, one: socket.socket, other: socket.socket, answers: bool) -> None:
        kept, lock = bytearray(), threading.Lock()
        with contextlib.suppress(OSError):
            while data := one.recv(_CHUNK):
                if not answers and data.startswith(_EVENTS):
                    self._streams[one] = lock
                if answers:
                    self._sounds.wait()
                    if self._recorded is not None:
                        if not any(each is kept for each in self._recorded):
                            self._recorded.append(kept)
                        kept += data
                with self._streams.get(other, lock):
                    other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
