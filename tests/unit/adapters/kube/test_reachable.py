"""Where a client goes whose address somebody else has named: nowhere that gives credentials to machines."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import pytest

from allotment import wiring
from allotment.adapters.kube import reachable
from allotment.adapters.kube.reachable import looked_at
from allotment.errors import AllotmentError, UnreachableError


@contextmanager
def server() -> Iterator[tuple[int, list[bytes]]]:
    """What somebody says to whom nothing is answered."""
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as bound:

        def serve() -> None:
            while True:
                try:
                    one, _ = bound.accept()
                except OSError:
                    return
                with one:
                    one.settimeout(2)
                    said.append(one.recv(1000))
                    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

        worker = threading.Thread(target=serve, daemon=True)
        worker.start()
        yield bound.getsockname()[1], said
        bound.shutdown(socket.SHUT_RDWR)
        worker.join(5)


def asked(port: int, resolve: reachable.Resolve | None, **more: Any) -> str:
    hooks = {"request": [looked_at(resolve)]}
    with httpx.Client(event_hooks=hooks, trust_env=False, timeout=5, **more) as client:
        return client.get(f"http://localhost:{port}/").text


@pytest.mark.parametrize("addresses", [["169.254.169.254"], ["10.0.0.5", "fe80::1"], ["fe80::1%eth0"], ["0.0.0.0"]])
def test_a_name_that_leads_there_is_not_connected_to(addresses: list[str]) -> None:
    with server() as (port, said):
        with pytest.raises(UnreachableError, match="not connected to at such an address"):
            asked(port, lambda *_: addresses)
        assert said == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.5", "::1"], ["8.8.8.8"], []])
def test_inner_names_are(addresses: list[str]) -> None:
    with server() as (port, _):
        assert asked(port, lambda *_: addresses) == "ok"


def test_a_name_that_leads_elsewhere_a_moment_later_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "may_be_reached", lambda address, *, inner: inner and str(address) != "127.0.0.1")
    with server() as (port, said), pytest.raises(UnreachableError, match="not connected to"):
        asked(port, lambda *_: ["10.0.0.5"])
    assert said in ([], [b""])


def test_a_proxy_is_looked_at_as_well() -> None:
    with server() as (port, said):
        with pytest.raises(UnreachableError, match="not connected to"):
            asked(1, lambda *_: ["169.254.169.254"], proxy=f"http://localhost:{port}")
        assert said == []


def test_it_holds_for_whatever_a_server_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachable, "_looked_up", lambda *_: ["169.254.169.254"])
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://metadata.example:1"}}],
        "users": [{"name": "c", "user": {"token": "CANARY"}}],
    }  # fmt: skip
    with wiring.connect_by(lambda: document) as kube, pytest.raises(AllotmentError) as told:
        kube.whoami()
    assert "not connected to at such an address" in told.value.line
