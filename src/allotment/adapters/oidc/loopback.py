"""Where a browser on this machine brings the answer of a provider back to a command that waits for it (RFC 8252).

It listens on 127.0.0.1 alone, takes one answer, and is gone. What does not belong to the sign-in that is waited for, is
turned away and ends nothing: any page that is open in the browser can send requests here.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import MappingProxyType
from typing import Final, Self

from allotment.adapters.oidc.answers import is_state, query_fields
from allotment.errors import TimedOutError
from allotment.ports.identity import IdentityRefusedError

_HOST: Final = "127.0.0.1"
_PATH: Final = "/callback"
_PATIENCE: Final = 5.0
"""Seconds for a connection to say something."""
_LOOKED: Final = 0.05
"""Seconds after which it is seen that nothing more is wanted."""
_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Connection": "close",
    }
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Allotment</title>
<p>{}</p>
</html>
"""
_TAKEN: Final = (
    "The answer has arrived. Go back to the terminal, which says whether you are signed in; this page can be closed."
)
_TURNED_AWAY: Final = "This is no answer that somebody waits for."


class LoopbackListener:
    """A port of this machine. Close it, or use it as a context manager."""

    def __init__(
        self, is_our_user: Callable[[tuple[str, int], tuple[str, int]], bool | None] = lambda _there, _here: True
    ) -> None:
        """From now on the port is ours; nothing is answered before it is waited for.

        Args:
            is_our_user: whether, as far as the system tells, who is at the other end is the user that waits; is told
                address and port of both ends. What the browser brings is said in words that all users can read.

        Raises:
            OSError: no port can be had.
        """
        self._server = _OneAnswer((_HOST, 0), _Handler)
        self._server.is_our_user = is_our_user
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def redirect(self) -> str:
        """Where the provider has to send the browser."""
        return f"http://{self._server.authority}{_PATH}"

    def wait(self, state: str, seconds: float) -> str:
        """What the browser brings back: the query of its address, as it came. Afterwards nobody listens any more.

        Args:
            state: of the sign-in that is waited for.
            seconds: how long.

        Raises:
            TimedOutError: nothing came.
        """
        self._server.state = state
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_LOOKED,), daemon=True)
        self._thread.start()
        try:
            return self._server.answers.get(timeout=seconds)
        except queue.Empty:
            raise TimedOutError(
                f"nobody signed in within {seconds:g} s",
                fix="sign in again; where no browser of this machine can, sign in on another device",
            ) from None
        finally:
            self.close()

    def close(self) -> None:
        """Give the port back."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()


class _OneAnswer(ThreadingTCPServer):
    """Takes one answer. A browser opens connections on which it says nothing, so that each has a thread."""

    daemon_threads = True
    request_queue_size = 64
    state = ""
    is_our_user: Callable[[tuple[str, int], tuple[str, int]], bool | None]

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self.authority = f"{_HOST}:{self.server_address[1]}"
        self.answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._untaken = threading.Lock()

    def take(self) -> bool:
        """Whether this is the first answer."""
        return self._untaken.acquire(blocking=False)

    def handle_error(self, *_: object) -> None:
        """A browser that goes away is no failure of ours."""


class _Handler(BaseHTTPRequestHandler):
    server: _OneAnswer
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """The answer, or a request that is none."""
        if self.headers.get_all("Host") != [self.server.authority]:
            self._say(HTTPStatus.MISDIRECTED_REQUEST)
            return
        path, _, query = self.path.partition("?")
        if path != _PATH:
            self._say(HTTPStatus.NOT_FOUND)
        elif not self.server.is_our_user(self.client_address, self.connection.getsockname()):
            self._say(HTTPStatus.FORBIDDEN)
        elif not self._is_awaited(query):
            self._say(HTTPStatus.BAD_REQUEST)
        elif not self.server.take():
            self._say(HTTPStatus.GONE)
        else:
            try:
                self._say(HTTPStatus.OK, _TAKEN)
            finally:
                self.server.answers.put(query)

    def _is_awaited(self, query: str) -> bool:
        try:
            return is_state(query_fields(query), self.server.state)
        except IdentityRefusedError:
            return False

    def send_error(self, code: int, *_: object, **__: object) -> None:
        """What http.server itself has against a request; nothing of that is repeated to whoever sent it."""
        self._say(HTTPStatus(code))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server names it)
        """Addresses have codes in them: none is written down."""

    def version_string(self) -> str:
        """Who answers."""
        return "allotment"

    def _say(self, status: HTTPStatus, text: str = _TURNED_AWAY) -> None:
        page = _PAGE.format(text).encode()
        self.close_connection = True
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
        self.wfile.flush()
