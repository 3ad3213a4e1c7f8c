"""Whether something on loopback answers."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from allotment.adapters.sandbox.probe import healthy


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing on the terminal of the tests."""


@pytest.fixture
def server() -> Iterator[http.server.HTTPServer]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def test_only_a_200_is_health(server: http.server.HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # never for loopback
    assert healthy(server.server_port, "/healthz", None)
    assert not healthy(server.server_port, "/readyz", None)


def test_nobody_listens(server: http.server.HTTPServer) -> None:
    port = server.server_port
    server.shutdown()
    server.server_close()
    assert not healthy(port, "/healthz", None)
