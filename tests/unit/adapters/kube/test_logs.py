"""A log's lines, as they come over the wire."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from allotment.adapters.kube import logs
from allotment.adapters.kube.requests import Request
from allotment.errors import UnreachableError
from allotment.ports.kube import PodLogLine, RefusedError

AT = "2026-11-28T02:00:00.123456789Z"
REQUEST = Request("GET", "/log", "the log of a pod")


def client(handler: httpx.MockTransport) -> httpx.Client:
    return httpx.Client(base_url="http://127.0.0.1", transport=handler)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((f"{AT} one\n".encode(), f"{AT} two".encode()), [(AT, b"one"), (AT, b"two")]),
        ((f"{AT} cut ".encode(), b"in two\n"), [(AT, b"cut in two")]),
        ((f"{AT} \n".encode(),), [(AT, b"")]),
        ((b"no time at all\n",), [("", b"no time at all")]),
        ((f"{AT} \x1b[2J\xff\r\n".encode("latin-1"),), [(AT, b"\x1b[2J\xff\r")]),
        ((), []),
    ],
)
def test_lines(chunks: tuple[bytes, ...], expected: list[tuple[str, bytes]]) -> None:
    with client(httpx.MockTransport(lambda _: httpx.Response(200, content=iter(chunks)))) as http:
        assert list(logs.lines(http, REQUEST)) == [PodLogLine(at, text) for at, text in expected]


def test_a_line_without_end_is_held_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LONGEST_PIECE", 64)
    endless = (f"{AT} ".encode() + b"x" * 100, b"x" * 100, b"\n" + f"{AT} next\n".encode())
    found = list(logs.timed(logs.pieces(endless)))
    assert b"".join(each.text for each in found[:-1]) == b"x" * 200
    assert max(len(each.text) for each in found) <= 64
    assert {each.at for each in found} == {AT}
    assert found[-1].text == b"next"


def test_a_refusal_and_a_lost_connection_are_errors() -> None:
    status = {"kind": "Status", "message": "container is waiting to start", "reason": "BadRequest"}
    with client(httpx.MockTransport(lambda _: httpx.Response(400, json=status))) as http:
        with pytest.raises(RefusedError, match="refused the log of a pod") as caught:
            list(logs.lines(http, REQUEST))
        assert (caught.value.status, caught.value.message) == (400, "container is waiting to start")

    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone", request=request)

    with client(httpx.MockTransport(lost)) as http, pytest.raises(UnreachableError, match="broke off"):
        list(logs.lines(http, REQUEST))
