"""A real HTTPS server on this machine: what it was asked, and what it answers."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class WebServer:
    """Answers one after the other, the last one for good: status, headers, body.

    Attributes:
        greeted: names by which connections have asked for it (SNI).
    """

    port: int = 0
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=lambda: [(200, {}, b"ok")])
    asked: list[Asked] = field(default_factory=list)
    greeted: list[str | None] = field(default_factory=list)
    connections: int = 0
    drips: threading.Event | None = None
    """Where it is there, an answer comes a byte at a time until it is set."""
    endless: bool = False
    """Whether an answer goes on until the client hangs up."""


@contextmanager
def serving(context: ssl.SSLContext | None, address: str = "127.0.0.1", port: int = 0) -> Iterator[WebServer]:
    state = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append(Asked(self.path, dict(self.headers), body))
            if state.drips is not None:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                while not state.drips.wait(0.05):
                    self.wfile.write(b"x")
                return
            status, headers, answer = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)
            while state.endless:
                self.wfile.write(bytes(1 << 16))

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def get_request(self) -> Any:
            connection, peer = self.socket.accept()
            state.connections += 1
            if context is None:
                return connection, peer
            connection.settimeout(5)
            try:
                return context.wrap_socket(connection, server_side=True), peer
            except OSError:
                connection.close()
                raise

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is none."""

    if context is not None:
        context.sni_callback = lambda _socket, name, _context: state.greeted.append(name)
    server = Server((address, port), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
