"""Whom a standby leads on, the leader sees with his own address; nobody else can say that he comes from elsewhere."""

from __future__ import annotations

import http.client
import json
import selectors
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from allotment.api import limited_socket
from allotment.api import vestibule as vestibules
from allotment.api.hardening import Hardened
from allotment.api.limited_socket import LimitedSocket
from allotment.api.prefaces import MAGIC, PREFACE_LENGTH, PrefaceKey
from allotment.api.relaying import Address, LeadingServer, relaying
from allotment.api.serving import Listener, bound_address, listening
from allotment.api.vestibule import Vestibule, vestibule
from allotment.api.visits import SENDER
from allotment.operations.access.proxies import proxy_networks
from tests.unit.api.test_relaying import led_on

PATIENCE = 5.0
OUTSIDER = ("203.0.113.9", 40_000)


class At:
    """A clock."""

    def __init__(self, seconds: float = 1_000.0) -> None:
        self.seconds = seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


def key(shared: bytes = b"s" * 32, at: At | None = None) -> PrefaceKey:
    return PrefaceKey(shared, at or At())  # type: ignore[arg-type]


@pytest.mark.parametrize("peer", [OUTSIDER, ("10.1.2.3", 0), ("2001:db8::7", 65_535), ("::1", 1)])
def test_a_preface_tells_from_where_somebody_came(peer: tuple[str, int]) -> None:
    written = key().written(peer)
    assert len(written) == PREFACE_LENGTH
    assert key().read(written) == peer


def test_addresses_of_ipv4_are_told_as_such_however_a_socket_writes_them() -> None:
    assert key().read(key().written(("::ffff:10.1.2.3", 5))) == ("10.1.2.3", 5)
    assert key().read(key().written(("fe80::1%eth0", 5))) == ("fe80::1", 5)


def test_who_has_not_the_key_and_whose_preface_is_old_or_another_is_believed_nothing() -> None:
    written = key().written(OUTSIDER)
    assert key(b"x" * 32).read(written) is None
    for place in range(PREFACE_LENGTH):
        changed = bytearray(written)
        changed[place] ^= 1
        assert key().read(bytes(changed)) is None, place
    for seconds, good in ((1_000 + 299, True), (1_000 - 299, True), (1_000 + 301, False), (1_000 - 301, False)):
        assert (key(at=At(seconds)).read(written) == OUTSIDER) == good


@contextmanager
def door() -> Iterator[tuple[LimitedSocket, Vestibule]]:
    with bound_address("127.0.0.1", 0) as bound, vestibule(bound, key().read) as inside:
        yield bound, inside


def come(bound: socket.socket, said: bytes) -> socket.socket:
    one = socket.create_connection(bound.getsockname()[:2])
    one.settimeout(PATIENCE)
    if said:
        one.sendall(said)
    return one


def accepted(inside: Vestibule, within: float = PATIENCE) -> tuple[socket.socket, Any]:
    with selectors.DefaultSelector() as waiting:
        waiting.register(inside, selectors.EVENT_READ)
        assert waiting.select(within), "nobody was let in"
    guest, address = inside.accept()
    guest.settimeout(PATIENCE)
    return guest, address


def until(there: Callable[[], object]) -> None:
    for _ in range(100):
        if there():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not come to that")


def test_who_begins_with_anything_else_goes_in_as_he_is() -> None:
    with door() as (bound, inside), ExitStack() as held:
        for said in (b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"P"):
            one = held.enter_context(come(bound, said))
            guest, address = accepted(inside)
            with guest:
                assert address == one.getsockname() == guest.getpeername()
                assert guest.recv(100) == said, "of what he says nothing is taken away"
        with pytest.raises(BlockingIOError):
            inside.accept()


def test_who_is_led_on_goes_in_as_himself_however_his_preface_comes() -> None:
    with door() as (bound, inside), ExitStack() as held:
        for number, cut in enumerate((1, len(MAGIC), PREFACE_LENGTH - 1, PREFACE_LENGTH, PREFACE_LENGTH + 2)):
            peer = ("203.0.113.9", 40_000 + number)
            said = key().written(peer) + b"hello"
            one = held.enter_context(come(bound, said[:cut]))
            threading.Event().wait(0.05)
            one.sendall(said[cut:])
            guest, address = accepted(inside)
            with guest:
                assert address == peer == guest.getpeername()
                assert guest.recv(100) == b"hello"
                assert bound.room._inside == {peer}, "and counts as himself"
        assert (bound.room._inside, bound.room._of) == (set(), {})


@pytest.mark.parametrize(
    "said",
    [
        key(b"x" * 32).written(OUTSIDER),
        key(at=At(5)).written(OUTSIDER),
        MAGIC + b"x" * (PREFACE_LENGTH - len(MAGIC)),
        b"\0allotment-other\0",
        b"\0",
    ],
    ids=["another key", "old", "no signature", "another beginning", "a beginning alone"],
)
def test_whose_preface_is_wrong_goes_out(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vestibules, "_PATIENCE", 0.1)
    monkeypatch.setattr(vestibules, "_TICK", 0.05)
    with door() as (bound, inside), come(bound, said) as one:
        with pytest.raises((ConnectionError, AssertionError)):
            assert one.recv(10), "it was closed"
        with pytest.raises(BlockingIOError):
            inside.accept()
        until(lambda: not bound.room._inside)


def test_who_says_nothing_goes_in_after_a_while_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vestibules, "_PATIENCE", 1.0)
    monkeypatch.setattr(vestibules, "_TICK", 0.05)
    with door() as (bound, inside), come(bound, b"") as silent, come(bound, b"x") as one:
        for within, expected in ((0.9, one), (PATIENCE, silent)):
            guest, address = accepted(inside, within)
            guest.close()
            assert address == expected.getsockname()


def test_those_who_are_led_on_take_their_own_places_and_not_the_standbys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_socket, "MOST_OF_ONE", 2)
    with door() as (bound, inside), ExitStack() as held:
        for number in range(4):
            held.enter_context(come(bound, key().written((f"203.0.113.{number}", 1))))
            held.enter_context(accepted(inside)[0])
        assert len(bound.room._inside) == 4
        held.enter_context(come(bound, key().written(("203.0.113.0", 1))))
        with pytest.raises(AssertionError, match="nobody was let in"):
            accepted(inside, 0.3)


def test_a_standby_writes_it_before_the_callers_own_first_byte() -> None:
    came: list[Address] = []

    def preface(peer: Address) -> bytes:
        came.append(peer)
        return b"<preface>"

    def echoes(one: socket.socket) -> None:
        with one:
            while data := one.recv(100):
                one.sendall(data)

    with led_on(echoes, preface) as there, socket.create_connection(there) as one:
        one.settimeout(PATIENCE)
        one.sendall(b"hello")
        found = b""
        while len(found) < 14:
            found += one.recv(100)
        assert (found, came) == (b"<preface>hello", [one.getsockname()])


@contextmanager
def leader_and_standby(read: Callable[[bytes], Any], *, hears: bool) -> Iterator[Address]:
    async def tells(scope: Any, _receive: Any, send: Any) -> None:
        said = [scope["client"][0], scope.get("state", {}).get(SENDER, "")]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})

    app = Hardened(tells, ("127.0.0.1",), lambda: "r" * 8, proxy_networks("127.0.0.0/8"))  # which holds the standby
    with ExitStack() as opened:
        bound = opened.enter_context(bound_address("127.0.0.1", 0))
        inside = opened.enter_context(vestibule(bound, read))
        opened.enter_context(listening(Listener(app, inside)))
        standby = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        led = LeadingServer(bound.getsockname(), (lambda _: key().written(OUTSIDER)) if hears else None)
        opened.enter_context(relaying(standby, lambda: led, bound.getsockname()))
        yield standby.getsockname()


@pytest.mark.parametrize(("hears", "told"), [(True, ["203.0.113.9", ""]), (False, ["127.0.0.1", "198.51.100.1"])])
def test_what_a_caller_who_is_led_on_says_of_himself_is_worth_nothing(hears: bool, told: list[str]) -> None:
    """Without prefaces he is taken for the standby, here a trusted proxy, and may say whatever he likes."""
    with leader_and_standby(key().read, hears=hears) as there:
        asked = http.client.HTTPConnection(*there, timeout=PATIENCE)
        asked.request("GET", "/", headers={"X-Forwarded-For": "198.51.100.1"})
        assert json.loads(asked.getresponse().read()) == told
        asked.close()
