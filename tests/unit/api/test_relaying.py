"""Whoever comes to a server that stands by is led on, and nobody keeps others out of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from allotment.api import relaying as relays
from allotment.api.relaying import Address, LeadingServer, relaying

PATIENCE = 5.0


@contextmanager
def led_on(
    serve: Callable[[socket.socket], None], preface: Callable[[Address], bytes] | None = None
) -> Iterator[Address]:
    """Where somebody comes to, who is led on to a server that does something with each."""
    lead, bound = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))

    def leads() -> None:
        while True:
            try:
                one, _ = lead.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    threading.Thread(target=leads, daemon=True).start()
    with lead, bound:
        try:
            with relaying(bound, lambda: LeadingServer(lead.getsockname(), preface), lead.getsockname()):
                yield bound.getsockname()
        finally:
            lead.shutdown(socket.SHUT_RDWR)


def hangs_up(one: socket.socket) -> None:
    with one:
        one.recv(10)
        one.sendall(b"bye")


def says_all_again(one: socket.socket) -> None:
    with one:
        whole = b""
        while data := one.recv(1 << 16):
            whole += data
        one.sendall(whole)


def echoes(one: socket.socket) -> None:
    with one:
        while data := one.recv(10):
            one.sendall(data)


def come(there: Address, said: bytes = b"x") -> socket.socket:
    one = socket.create_connection(there)
    one.settimeout(PATIENCE)
    one.sendall(said)
    return one


def is_over(one: socket.socket) -> bool:
    try:
        return one.recv(10) == b""
    except ConnectionError:
        return True


def goes_on(one: socket.socket) -> None:
    for _ in range(50):
        one.sendall(b"x")
        threading.Event().wait(0.1)


def test_whoever_has_no_more_to_say_is_answered() -> None:
    said = b"a" * 1_000_000
    with led_on(says_all_again) as there, come(there, said) as one:
        one.shutdown(socket.SHUT_WR)
        found = b""
        while data := one.recv(1 << 16):
            found += data
        assert found == said


def test_whom_the_leader_has_hung_up_on_goes_from_here_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "_LINGERED", 0.1)
    with led_on(hangs_up) as there, come(there) as one:
        assert one.recv(10) == b"bye"
        assert is_over(one)
        with pytest.raises(ConnectionError):
            goes_on(one)


@pytest.mark.parametrize("bound", ["_MOST", "_MOST_OF_ONE"])
def test_where_it_is_full_the_one_goes_that_has_been_idle_for_longest(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, bound, 3)
    with led_on(echoes) as there, ExitStack() as held:
        some = []
        for _ in range(3):  # each is answered before the next one comes: so it is known who has been idle for longest
            some.append(held.enter_context(come(there)))
            assert some[-1].recv(10) == b"x"
        some[0].sendall(b"y")
        assert some[0].recv(10) == b"y"
        assert held.enter_context(come(there)).recv(10) == b"x"
        assert is_over(some[1])
        some[0].sendall(b"z")
        assert some[0].recv(10) == b"z"


def test_who_says_nothing_for_long_goes_and_the_end_says_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relays, "_IDLE_FOR", 0.2)
    monkeypatch.setattr(relays, "_SWEPT_EACH", 0.1)
    with led_on(echoes) as there, come(there) as one:
        assert one.recv(10) == b"x"
        assert is_over(one)
        monkeypatch.setattr(relays, "_IDLE_FOR", 60.0)
        last = come(there)
        assert last.recv(10) == b"x"
    with last:
        assert is_over(last)
    assert caplog.text == ""
