"""The listener that waits for a browser, spoken to over real sockets: one answer, and nothing else ends it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlencode

import pytest

from allotment.adapters.oidc.loopback import LoopbackListener
from allotment.errors import TimedOutError
from tests.unit.adapters.oidc.provider import host_of

STATE = "s" * 43
RIGHT = urlencode({"code": "c", "state": STATE})


class Waiting:
    """A listener that is waited for in a thread."""

    def __init__(self, listener: LoopbackListener) -> None:
        self.listener = listener
        self.host = host_of(listener.redirect)
        self.port = int(self.host.rpartition(":")[2])
        self.found: list[str] = []
        self.answered = False
        self.thread = threading.Thread(target=lambda: self.found.append(listener.wait(STATE, 20)))
        self.thread.start()

    def raw(self, text: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as found:
            found.sendall(text)
            answer = b""
            with suppress(ConnectionResetError):
                while piece := found.recv(65_536):
                    answer += piece
            return answer

    def get(self, target: str, host: str | None = None, method: str = "GET", more: str = "") -> tuple[int, str, str]:
        """Status, headers, page."""
        text = f"{method} {target} HTTP/1.1\r\nHost: {host or self.host}\r\n{more}\r\n"
        head, _, page = self.raw(text.encode("latin-1")).decode().partition("\r\n\r\n")
        status = int(head.split()[1])
        self.answered |= status == 200
        return status, head, page

    def end(self) -> list[str]:
        if not self.answered:
            self.get(f"/callback?{RIGHT}")
        self.thread.join(10)
        assert not self.thread.is_alive()
        return self.found


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    with LoopbackListener() as listener:
        found = Waiting(listener)
        yield found
        found.end()


def is_gone(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_it_takes_the_answer_and_is_gone(waiting: Waiting) -> None:
    status, head, page = waiting.get(f"/callback?{RIGHT}&iss=https%3A%2F%2Fx")
    assert status == 200
    assert waiting.end() == [f"{RIGHT}&iss=https%3A%2F%2Fx"]
    assert is_gone(waiting.port)
    assert "Go back to the terminal" in page
    # Nothing of the address is in the page, nothing runs in it, and it tells nobody where it was.
    assert "<script" not in page
    assert STATE not in page + head
    for line in ("default-src 'none'", "Referrer-Policy: no-referrer", "Cache-Control: no-store", "nosniff"):
        assert line in head


def test_an_answer_that_says_no_is_one(waiting: Waiting) -> None:
    query = urlencode({"error": "access_denied", "state": STATE})
    assert waiting.get(f"/callback?{query}")[0] == 200
    assert waiting.end() == [query]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/callback", 400), ("/callback?", 400), ("/callback?code=c", 400), ("/callback?code=c&state=x", 400),
        (f"/callback?{RIGHT}&state={STATE}", 400), (f"/callback?code=c&state={STATE}x", 400),
        (f"/callback?{RIGHT}&x=" + "y" * (16 << 10), 400), (f"/callback?state=&{urlencode({'code': 'c'})}", 400),
        (f"/?{RIGHT}", 404), ("/favicon.ico", 404), (f"/callback/?{RIGHT}", 404), (f"/Callback?{RIGHT}", 404),
        (f"/x/../callback?{RIGHT}", 404), (f"/callback%3F{RIGHT}", 404), (f"http://evil.example/callback?{RIGHT}", 404),
        (f"/callback#?{RIGHT}", 404), ("*", 404),
        (f"/callback?{RIGHT}&x=" + "y" * 70_000, 414),
    ],
    ids=range(18),
)  # fmt: skip
def test_what_is_no_answer_ends_nothing(waiting: Waiting, target: str, status: int) -> None:
    found, head, page = waiting.get(target)
    assert found == status
    assert "Content-Security-Policy" in head
    assert "y" * 100 not in page
    assert waiting.found == []
    assert waiting.end() == [RIGHT]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost:PORT", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:PORT.evil.example", "", " "]
)
def test_a_name_that_leads_here_is_not_this_place(waiting: Waiting, host: str) -> None:
    """DNS that is turned to 127.0.0.1 while a page is open."""
    named = host.replace("PORT", str(waiting.port)) or "x"
    assert waiting.get(f"/callback?{RIGHT}", named)[0] == 421
    assert waiting.end() == [RIGHT]


def test_two_names_are_none(waiting: Waiting) -> None:
    assert waiting.get(f"/callback?{RIGHT}", more="Host: evil.example\r\n")[0] == 421
    assert waiting.raw(f"GET /callback?{RIGHT} HTTP/1.0\r\n\r\n".encode()).split()[1] == b"421"


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE", "get", "TRACE"])
def test_only_a_browser_that_goes_there_is_answered(waiting: Waiting, method: str) -> None:
    assert waiting.get(f"/callback?{RIGHT}", method=method)[0] in {400, 405, 501}
    assert waiting.found == []


@pytest.mark.parametrize(
    "text", [b"\r\n\r\n", b"\x16\x03\x01\x02\0", b"GET\r\n\r\n", b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n"]
)
def test_what_is_no_request_ends_nothing(waiting: Waiting, text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", waiting.port), timeout=10) as found:
        found.sendall(text)
    assert waiting.end() == [RIGHT]


def test_connections_on_which_nothing_is_said_keep_nobody(waiting: Waiting) -> None:
    """Browsers open some beforehand."""
    silent = [socket.create_connection(("127.0.0.1", waiting.port), timeout=10) for _ in range(8)]
    began = time.monotonic()
    assert waiting.end() == [RIGHT]
    assert time.monotonic() - began < 4
    for each in silent:
        each.close()


def test_of_many_answers_one_counts(waiting: Waiting) -> None:
    statuses: list[int] = []

    def ask(number: int) -> None:
        with suppress(OSError, IndexError, ValueError):
            statuses.append(waiting.get(f"/callback?{urlencode({'code': number, 'state': STATE})}")[0])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    waiting.thread.join(10)
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 410}
    assert len(waiting.found) == 1


def test_nobody_is_waited_for_longer_than_was_said() -> None:
    with LoopbackListener() as listener:
        port = int(host_of(listener.redirect).rpartition(":")[2])
        with pytest.raises(TimedOutError):
            listener.wait(STATE, 0.1)
        assert is_gone(port)


def test_a_listener_that_nobody_waited_for_is_closed() -> None:
    with LoopbackListener() as listener:
        port = int(host_of(listener.redirect).rpartition(":")[2])
        assert listener.redirect == f"http://127.0.0.1:{port}/callback"
    assert is_gone(port)
