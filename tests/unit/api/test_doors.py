"""Nobody gets to a route without what it needs, and nothing of a secret is kept or told."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from allotment.adapters.server.ways import network_address
from allotment.api import impatience, limited_socket
from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.routes import LET_IN, NEEDS, OPEN, unguarded
from allotment.api.serving import Listener, bound_address, bound_socket, serve
from allotment.errors import ConflictError, NotFoundError, NotSignedInError, UsageError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import AFAR, TOKENS_GIVE, Permission, permissions_of
from allotment.model.access.token import parts_of
from allotment.model.audit.act import AuditedAct
from allotment.model.hosts import host_of
from allotment.model.jobs.written import write_value
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.listening import listening_place
from allotment.operations.access.tokens import WantedToken, make_token, revoke_token
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from tests.unit.api.test_service import World, at_home, from_afar, no_requests, registry, submitted, token
from tests.unit.operations.run.machine import job

ADA = Caller("ada", CallerKind.LOCAL, "unix socket")
HOST = (b"host", b"127.0.0.1:7433")


def answered(
    app: Any, verb: str, path: str, *headers: tuple[bytes, bytes], **more: Any
) -> tuple[int, dict[bytes, bytes], bytes]:
    """The same, in a loop of its own; see `answering`."""
    return asyncio.run(answering(app, verb, path, *headers, **more))


async def answering(
    app: Any,
    verb: str,
    path: str,
    *headers: tuple[bytes, bytes],
    body: bytes = b"",
    query: bytes = b"",
    before_body: Callable[[], None] = lambda: None,
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of an answer."""
    sent: list[Any] = []

    async def receive() -> Any:
        before_body()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
        "method": verb, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "",
        "headers": list(headers), "client": ("10.1.2.3", 5), "server": ("127.0.0.1", 7433), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    start = sent[0]
    return start["status"], dict(start["headers"]), b"".join(each.get("body", b"") for each in sent[1:])


def bearer(text: str) -> tuple[bytes, bytes]:
    return b"authorization", f"Bearer {text}".encode()


def operations(world: World) -> Iterator[tuple[str, str, Permission]]:
    for route in at_home(world).routes:
        assert isinstance(route, APIRoute)
        (verb,) = route.methods
        needs = (route.openapi_extra or {})[NEEDS]
        if needs not in (OPEN, LET_IN):
            yield verb, route.path.replace("{reference}", "j0"), Permission(needs)


def acts(world: World, *outcomes: str) -> list[AuditedAct]:
    return [each.act for each in world.machine.store.whole_audit() if each.act.outcome in outcomes]


def test_each_route_declares_what_it_needs() -> None:
    world = World()
    assert unguarded(at_home(world)) == []
    assert len(list(operations(world))) >= 15
    app = at_home(world)
    app.add_api_route("/api/v1/forgotten", lambda: None)
    assert unguarded(app) == ["/api/v1/forgotten"]


def test_every_operation_with_every_token_is_let_in_by_what_it_needs_alone() -> None:
    world = World()
    app = from_afar(world)
    submitted(world.desk)
    for verb, path, needs in operations(world):
        for given in (frozenset({each}) for each in sorted(TOKENS_GIVE, key=lambda each: each.value)):
            status, _, body = answered(app, verb, path, HOST, bearer(token(world, given)))
            assert (status == 403) == (needs not in given), (verb, path, given, status)
            assert status not in (401, 500), (verb, path, body)
        for none in ("", "rubbish", "allot_aaaaaaaa_" + "A" * 43, "Bearer x"):
            status, headers, body = answered(app, verb, path, HOST, *([bearer(none)] if none else []))
            assert (status, headers[b"www-authenticate"]) == (401, b"Bearer"), (verb, path)
            assert json.loads(body)["error"] == "NotSignedInError"


def test_nobody_learns_from_a_refusal_whether_a_job_is_there() -> None:
    world = World()
    submitted(world.desk)
    app = from_afar(world)
    for verb, path in (("GET", "/api/v1/jobs/{}"), ("POST", "/api/v1/jobs/{}/stop")):
        for headers in ((), (bearer(token(world, frozenset({Permission.SUBMIT}))),)):
            there, absent = (answered(app, verb, path.format(each), HOST, *headers) for each in ("j0", "nobody"))
            assert (there[0], there[2]) == (absent[0], absent[2])


def test_a_token_is_no_way_to_another_one() -> None:
    world = World()
    app = from_afar(world)
    most = bearer(token(world))
    body = json.dumps({"version": 1, "wanted": {"name": "x", "permissions": ["read"], "lasts": 9}}).encode()
    for verb, path in (
        ("POST", "/api/v1/tokens"),
        ("GET", "/api/v1/tokens"),
        ("DELETE", "/api/v1/tokens/x"),
        ("POST", "/api/v1/end"),
    ):
        assert answered(app, verb, path, HOST, most, body=body)[0] == 403, path
    assert not world.desk.ending.is_set()
    assert len(world.machine.store.tokens()) == 1
    assert TOKENS_GIVE.isdisjoint({Permission.TOKENS, Permission.OWN_TOKENS, Permission.TEAM_TOKENS, Permission.END})
    for wrong in (["tokens"], ["end"], ["read", "root"], [], [" "]):
        with pytest.raises(UsageError):
            permissions_of(wrong)
    with pytest.raises(UsageError, match="cannot give that"):
        make_token(world.machine.store, WantedToken("x", frozenset(Permission), 9), ADA, 0, bytes)


def test_what_is_revoked_or_over_opens_nothing_from_then_on() -> None:
    world = World()
    app = from_afar(world)
    text = token(world)
    whoami = json.loads(answered(app, "GET", "/api/v1/whoami", HOST, bearer(text))[2])["visitor"]
    assert (whoami["name"], whoami["kind"], whoami["permissions"]) == ("ada", "token", ["read", "stop", "submit"])
    revoke_token(world.machine.store, "tests", ADA, 5)
    status, _, body = answered(app, "GET", "/api/v1/jobs", HOST, bearer(text))
    assert (status, json.loads(body)["why"]) == (401, "it was revoked")
    world.machine.clock.sleep(1)
    other = token(world)
    world.machine.clock.sleep(3599)
    assert answered(app, "GET", "/api/v1/jobs", HOST, bearer(other))[0] == 200
    world.machine.clock.sleep(1)
    status, _, body = answered(app, "GET", "/api/v1/jobs", HOST, bearer(other))
    assert (status, json.loads(body)["why"]) == (401, "its time is over")


def test_who_comes_is_kept_and_who_is_turned_away_but_not_each_time() -> None:
    world = World()
    app = from_afar(world)
    text = token(world, frozenset({Permission.READ}))
    id_, _ = parts_of(text) or ("", "")
    wrong = f"allot_{id_}_{'A' * 43}"
    for _ in range(5):
        assert answered(app, "GET", "/api/v1/jobs", HOST, bearer(text))[0] == 200
        assert answered(app, "POST", "/api/v1/jobs/j0/stop", HOST, bearer(text))[0] == 403
        assert answered(app, "GET", "/api/v1/jobs", HOST, bearer(wrong))[0] == 401
    assert [(each.who, each.verb, each.subject) for each in acts(world, "done")] == [
        ("ada", "token.make", f"token/{id_}"),
        ("ada", "sign-in", f"token/{id_}"),
    ]
    assert [(each.who, each.verb, each.whence) for each in acts(world, "denied")] == [
        ("ada", "ask", f"10.1.2.3, token {id_}"),
        ("nobody", "sign-in", f"10.1.2.3, token {id_}"),
    ]
    world.machine.clock.sleep(61)
    answered(app, "GET", "/api/v1/jobs", HOST, bearer(wrong))
    assert len(acts(world, "denied")) == 3
    used = world.machine.store.token(id_).used
    assert used is not None
    assert used > 0


def test_no_secret_is_kept_or_told() -> None:
    world = World()
    text = token(world)
    _, secret = parts_of(text) or ("", "")
    assert len(secret) == 43
    kept = repr([*world.machine.store.tokens(), *world.machine.store.whole_audit()])
    assert secret not in kept
    app = from_afar(world)
    for path in ("/api/v1/whoami", "/api/v1/status", "/api/v1/platform", "/api/v1/openapi.json", "/api/v1/jobs"):
        status, headers, body = answered(app, "GET", path, HOST, bearer(text))
        assert status == 200
        assert secret.encode() not in body + repr(headers).encode()
    told = json.loads(answered(app, "GET", "/api/v1/status", HOST, bearer(text))[2])["status"]
    assert told["environment"] is None, "how back ends are reached is nobody's business from afar"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([HOST], 401),
        ([(b"host", b"127.0.0.1")], 401),
        ([(b"host", b"127.0.0.1.:7433")], 401),
        ([], 421),
        ([HOST, HOST], 421),
        ([(b"host", b"evil.example")], 421),
        ([(b"host", b"127.0.0.1:7433@evil.example")], 421),
        ([(b"host", b"127.0.0.1:7433, evil.example")], 421),
        ([(b"host", b"evil.example#127.0.0.1")], 421),
        ([(b"host", b"\xff\xfe")], 421),
        ([(b"host", b"")], 421),
        ([HOST, (b"origin", b"http://evil.example")], 403),
        ([HOST, (b"origin", b"http://127.0.0.1:7433")], 401),
        ([HOST, (b"origin", b"HTTP://127.0.0.1:7433")], 401),
        ([HOST, (b"origin", b"http://127.0.0.1:7434")], 403),
        ([HOST, (b"origin", b"http://127.0.0.1")], 403),
        ([HOST, (b"origin", b"https://127.0.0.1:7433")], 403),
        ([HOST, (b"origin", b"http://127.0.0.1:7433.evil.example")], 403),
        ([HOST, (b"origin", b"http://127.0.0.1:7433"), (b"origin", b"http://evil.example")], 403),
        ([HOST, (b"origin", b"null")], 403),
        ([HOST, (b"origin", b"")], 403),
        ([HOST, (b"sec-fetch-site", b"same-origin")], 401),
        ([HOST, (b"sec-fetch-site", b"none")], 401),
        ([HOST, (b"sec-fetch-site", b"cross-site")], 403),
        ([HOST, (b"sec-fetch-site", b"same-site")], 403),
        ([HOST, (b"sec-fetch-site", b"rubbish")], 403),
        ([HOST, (b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate")], 403),
        ([HOST, (b"x-forwarded-host", b"evil.example"), (b"x-forwarded-for", b"9.9.9.9")], 401),
    ],
)
def test_it_answers_to_its_own_names_and_pages_alone(headers: list[tuple[bytes, bytes]], status: int) -> None:
    found, told, _ = answered(from_afar(World()), "GET", "/api/v1/jobs", *headers)
    assert found == status
    assert (told[b"x-content-type-options"], told[b"cache-control"]) == (b"nosniff", b"no-store")
    assert told[b"content-security-policy"].startswith(b"default-src 'none'")
    assert told[b"x-request-id"] == b"request-1"


def test_an_id_of_a_request_is_taken_over_where_it_is_one() -> None:
    app = from_afar(World())
    long = b"x" * 64
    for given, taken in (
        (b"abc-123_x.y", b"abc-123_x.y"),
        (b"7", b"7"),
        (long, long),
        (long + b"x", b"request-1"),
        (b"", b"request-1"),
        (b"a b c d e f g", b"request-1"),
    ):
        assert answered(app, "GET", "/api/v1/jobs", HOST, (b"x-request-id", given))[1][b"x-request-id"] == taken
    assert answered(app, "GET", "/api/v1/jobs", HOST, query=b"a" * 9000)[0] == 414


@pytest.mark.parametrize(
    "path",
    [
        "//v1/jobs",
        "/api/v1/jobs/",
        "/api/v1//jobs",
        "/api/v1/jobs/../end",
        "/V1/jobs",
        "/api/v1/jobs/%2e%2e/end",
        "/api/v1/jobs\x00",
        "/",
        "*",
    ],
)
def test_a_path_that_is_none_leads_nowhere(path: str) -> None:
    world = World()
    app = from_afar(world)
    status, _, _ = answered(app, "POST", path, HOST, bearer(token(world)))
    assert status in (403, 404, 405, 422), path
    status, _, body = answered(app, "GET", path, HOST)
    assert status in (401, 404) or body.startswith(b"<!doctype html>"), "nor a stranger: the page knows nobody"
    assert not world.desk.ending.is_set()


def test_a_verb_that_an_address_has_not_is_told_with_all_that_it_has() -> None:
    world = World()
    status, headers, body = answered(from_afar(world), "DELETE", "/api/v1/jobs", HOST, bearer(token(world)))
    assert (status, json.loads(body)["type"]) == (405, "/api/v1/problems/no-such-verb")
    assert {each.strip() for each in headers[b"allow"].split(b",")} >= {b"GET", b"POST"}


@pytest.mark.parametrize("limit", ["0", "-1", "many"])
@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/requests", "/api/v1/grants"])
def test_a_page_of_no_rows_is_refused(path: str, limit: str) -> None:
    world = World()
    status, _, body = answered(at_home(world), "GET", path, HOST, query=f"limit={limit}".encode())
    assert (status, json.loads(body)["what"]) == (400, "limit cannot be that")


@pytest.mark.parametrize(
    ("listen", "hosts", "certificate", "portal"),
    [
        ("127.0.0.1:0", "", "", ""),
        ("127.0.0.1:0", "allotment.acme.example, other", "", "https://allotment.acme.example"),
        ("0.0.0.0:0", "", "c.pem", ""),
        ("10.1.2.3:0", "", "c.pem", "https://10.1.2.3:7433"),
        ("0.0.0.0:0", "Allotment.acme.example", "c.pem", "https://allotment.acme.example:7433"),
    ],
)
def test_where_others_find_the_portal(listen: str, hosts: str, certificate: str, portal: str) -> None:
    assert listening_place(listen, hosts, certificate, certificate).portal(7433) == portal


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"GPU1.acme.example:7433", "gpu1.acme.example"),
        (b"[::1]:7433", "::1"),
        (b"[::1]", "::1"),
        (b"localhost", "localhost"),
        (b"a b", ""),
        (b"a:99999999", ""),
        (b"a/b", ""),
    ],
)
def test_the_name_in_a_host_header(header: bytes, name: str) -> None:
    assert host_of(header) == name


def test_what_has_not_the_form_of_a_token_is_none() -> None:
    world = World()
    text = token(world)
    assert re.fullmatch(r"allot_[a-z2-7]{8}_[A-Za-z0-9_-]{43}", text)
    keeper = Doorkeeper(world.machine.store, world.machine.clock)
    for wrong in ("", text[:-1], text + "A", text.upper(), text.replace("allot", "allow"), text + "\n", "\x00" * 60):
        with pytest.raises(NotSignedInError):
            keeper.admit(wrong, "10.1.2.3")
    assert keeper.admit(text, "10.1.2.3").rights.all == AFAR
    assert isinstance(from_afar(world), Hardened)


def test_a_token_is_taken_back_by_its_name_where_one_alone_has_it() -> None:
    world = World()
    store = world.machine.store
    one, two = (parts_of(token(world)) for _ in range(2))
    assert one is not None
    assert two is not None
    with pytest.raises(UsageError, match="several tokens"):
        revoke_token(store, "tests", ADA, 5)
    revoke_token(store, one[0], ADA, 5)
    assert revoke_token(store, "tests", ADA, 6).id == two[0]
    with pytest.raises(NotFoundError):
        revoke_token(store, "tests", ADA, 7)
    assert revoke_token(store, two[0], ADA, 8).revoked == 6
    assert [each.verb for each in acts(world, "done")].count("token.revoke") == 2
    for name, lasts in (("", 9), ("a\nb", 9), ("x" * 101, 9), ("x", 0), ("x", 367 * 86_400_000)):
        with pytest.raises(UsageError):
            make_token(store, WantedToken(name, AFAR, lasts), ADA, 0, bytes)


def test_what_is_answered_goes_out_at_once() -> None:
    """Head and body are two writes: the second would wait 40 ms for the other side to acknowledge the first."""

    async def seen() -> int:
        served: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def came(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            served.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with bound_address("127.0.0.1", 0) as listening:
            server = await asyncio.start_server(came, sock=listening)
            _, writer = await asyncio.open_connection(*listening.getsockname())
            found = await served
            writer.close()
            server.close()
        return found

    assert asyncio.run(seen())


def test_whoever_only_begins_to_ask_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(impatience, "HEAD_IN", 0.2)
    world = World()
    with bound_socket(tmp_path / "server.sock") as bound, bound_address("127.0.0.1", 0) as abroad:
        listeners = [Listener(from_afar(world), abroad)]
        thread = threading.Thread(target=serve, args=(at_home(world), world.desk, bound, listeners))
        thread.start()
        try:
            port = abroad.getsockname()[1]
            for begun in (b"", b"GET /api/v1/jobs HTTP/1.1\r\nHost: 127"):
                with socket.create_connection(("127.0.0.1", port), 20) as slow:
                    slow.sendall(begun)
                    assert slow.recv(100) == b""
            quick = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            for _ in range(2):
                quick.request("GET", "/api/v1/jobs", headers={"Authorization": f"Bearer {token(world)}"})
                with quick.getresponse() as answer:
                    assert (answer.status, bool(answer.read())) == (200, True)
            time.sleep(0.4)
            quick.request("GET", "/api/v1/jobs", headers={"Authorization": f"Bearer {token(world)}"})
            assert quick.getresponse().read(), "who has asked may take his time until he asks again"
            quick.sock.sendall(b"GET /api/v1/j")
            assert quick.sock.recv(100) == b""
            quick.close()
        finally:
            world.desk.end()
            thread.join(20)


class Guest:
    """A connection that knows whether it was ended."""

    out = False

    def turn_out(self) -> None:
        self.out = True


def test_where_it_is_full_the_stranger_goes_who_was_there_longest_and_nobody_who_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limited_socket, "MOST", 6)
    monkeypatch.setattr(limited_socket, "MOST_OF_ONE", 4)
    room, guests = limited_socket.Room(), {}

    def enter(host: str, port: int) -> bool:
        guests[host, port] = Guest()
        return room.enter((host, port), guests[host, port])

    def out() -> list[tuple[str, int]]:
        return [peer for peer, each in guests.items() if each.out]

    assert all(enter("10.0.0.1", each) for each in range(4))
    room.befriend(("10.0.0.1", 0), "ada")
    assert enter("10.0.0.1", 4)
    assert out() == [("10.0.0.1", 1)], "the first is known"
    assert enter("10.0.0.2", 0)
    assert enter("10.0.0.3", 0)
    assert enter("10.0.0.3", 1)
    assert out()[1:] == [("10.0.0.1", 2)], "the address that has most"
    for host, port in (("10.0.0.1", 3), ("10.0.0.1", 4), ("10.0.0.2", 0), ("10.0.0.3", 0), ("10.0.0.3", 1)):
        room.befriend((host, port), f"{host} {port}")
    assert not enter("10.0.0.4", 0), "all are known, and each has one"
    for _ in range(2):
        room.leave(("10.0.0.2", 0))
    assert enter("2001:db8::1", 0)
    room.leave(("10.0.0.3", 0))
    room.leave(("10.0.0.3", 1))
    assert all(enter(f"2001:db8::{each}", 0) for each in (2, 3))
    assert len(out()) == 2
    room.leave(("10.0.0.1", 3))
    assert enter("2001:db8::ffff", 0)
    room.leave(("10.0.0.1", 4))
    assert enter("2001:db8::abcd", 0)
    assert out()[2:] == [("2001:db8::1", 0)], "one network is one"


def test_nobody_who_is_known_keeps_all_others_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_socket, "MOST", 6)
    monkeypatch.setattr(limited_socket, "MOST_OF_ONE", 4)
    monkeypatch.setattr(limited_socket, "MOST_OF_PERSON", 5)
    monkeypatch.setattr(limited_socket, "KEPT", 1)
    room, guests = limited_socket.Room(), {}

    def come(host: str, port: int, whose: str = "") -> bool:
        guests[host, port] = Guest()
        inside = room.enter((host, port), guests[host, port])
        if inside and whose:
            room.befriend((host, port), whose)
        return inside

    def out() -> list[tuple[str, int]]:
        return [peer for peer, each in guests.items() if each.out]

    assert come("10.0.0.9", 0, "ada")
    assert all(come("10.0.0.1", each, "mal") for each in range(3))
    assert all(come("10.0.0.2", each, "mal") for each in range(2))
    assert not out()
    room.befriend(("10.0.0.1", 0), "mal")
    assert come("10.0.0.3", 0, "bob"), "it is full, and mal has most"
    assert out() == [("10.0.0.1", 1)], "of his, the one that has been idle longest"
    room.leave(("10.0.0.9", 0))
    assert come("10.0.0.2", 7, "mal")
    assert len(out()) == 1, "there was room, and he has five"
    room.leave(("10.0.0.3", 0))
    assert come("10.0.0.4", 0, "mal")
    assert out()[1:] == [("10.0.0.1", 2)], "nobody has more than so many"
    assert all(come("10.0.0.5", each, f"p{each}") for each in range(4))
    assert ("10.0.0.5", 0) not in out()


def test_of_one_address_whose_places_are_all_of_the_known_the_one_with_most_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limited_socket, "MOST_OF_ONE", 3)
    monkeypatch.setattr(limited_socket, "KEPT", 1)
    room = limited_socket.Room()
    guests = [Guest() for _ in range(5)]
    for port, whose in enumerate(("ada", "mal", "mal")):
        assert room.enter(("10.0.0.1", port), guests[port])
        room.befriend(("10.0.0.1", port), whose)
    assert room.enter(("10.0.0.1", 3), guests[3])
    assert [each.out for each in guests] == [False, True, False, False, False]
    assert room.enter(("10.0.0.1", 4), guests[4])
    assert guests[3].out, "a stranger goes first"


def test_where_there_is_no_room_one_turn_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_socket, "MOST", 0)
    monkeypatch.setattr(limited_socket, "_TURNED_AWAY", 2)
    with bound_address("127.0.0.1", 0) as abroad:
        abroad.setblocking(False)
        comers = [socket.create_connection(abroad.getsockname(), 20) for _ in range(3)]
        with pytest.raises(BlockingIOError):
            abroad.accept()
        assert [each.recv(1) for each in comers[:2]] == [b"", b""]
        comers[2].setblocking(False)
        with pytest.raises(BlockingIOError):
            comers[2].recv(1)
        for each in comers:
            each.close()


def test_strangers_that_take_all_places_shut_nobody_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(limited_socket, "MOST_OF_ONE", 5)
    world = World()
    with bound_socket(tmp_path / "server.sock") as bound, bound_address("127.0.0.1", 0) as abroad:
        door = TokenDoor(Doorkeeper(world.machine.store, world.machine.clock), abroad.room.befriend)
        app = Hardened(job_api(world.desk, registry(world), no_requests, door), ("127.0.0.1",), lambda: "request-1")
        thread = threading.Thread(target=serve, args=(at_home(world), world.desk, bound, [Listener(app, abroad)]))
        thread.start()
        try:
            where = abroad.getsockname()
            asks = {"Authorization": f"Bearer {token(world)}"}
            idle = [socket.create_connection(where, 20) for _ in range(5)]
            known = [http.client.HTTPConnection(*where, timeout=20) for _ in range(5)]
            for each in known:
                each.request("GET", "/api/v1/jobs", headers=asks)
                assert each.getresponse().read()
            assert [each.recv(1) for each in idle] == [b""] * 5
            with socket.create_connection(where, 20) as late:
                assert late.recv(1) == b""
            for each in known:
                each.request("GET", "/api/v1/jobs", headers=asks)
                assert each.getresponse().read(), "who is known keeps his place"
                each.close()
            for gone in idle:
                gone.close()
        finally:
            world.desk.end()
            thread.join(20)


def test_who_does_not_read_what_is_answered_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(impatience, "UNREAD_FOR", 0.3)
    world = World()
    with bound_socket(tmp_path / "server.sock") as bound, bound_address("127.0.0.1", 0) as abroad:
        thread = threading.Thread(
            target=serve, args=(at_home(world), world.desk, bound, [Listener(from_afar(world), abroad)])
        )
        thread.start()
        try:
            ask = b"GET /api/v1/whoami HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            with socket.create_connection(abroad.getsockname(), 20) as rude, suppress(ConnectionError):
                for _ in range(100_000):
                    rude.sendall(ask * 100)
                pytest.fail("he was waited for")
        finally:
            world.desk.end()
            thread.join(20)


def test_what_was_revoked_while_a_request_was_on_its_way_does_nothing() -> None:
    world = World()
    app = from_afar(world)
    text = token(world)
    body = write_value("submission", JobSubmission(job(), "local")).encode()
    ask = partial(answered, app, "POST", "/api/v1/jobs", HOST, bearer(text), body=body)
    assert ask()[0] == 200

    def revoked() -> None:
        if world.machine.store.tokens()[0].revoked is None:
            revoke_token(world.machine.store, "tests", ADA, 5)

    status, _, told = ask(before_body=revoked)
    assert (status, json.loads(told)["what"]) == (401, "the token is worth nothing any more")
    assert len(world.desk.page(JobFilter()).rows) == 1


def test_where_something_listens_already_it_says_so() -> None:
    with (
        bound_address("127.0.0.1", 0) as one,
        pytest.raises(ConflictError, match="cannot listen"),
        bound_address("127.0.0.1", one.getsockname()[1]),
    ):
        pass
    with pytest.raises(UsageError, match="cannot listen"), bound_address("192.0.2.1", 7433):
        pass


@pytest.mark.parametrize(
    ("listen", "hosts", "tls", "said"),
    [
        ("127.0.0.1:7433", "", False, "127.0.0.1 ::1 localhost"),
        ("localhost:0", "GPU1.acme.example", False, "127.0.0.1 ::1 gpu1.acme.example localhost"),
        ("[::1]:7433", "", False, "127.0.0.1 ::1 localhost"),
        ("10.1.2.3:7433", "", True, "10.1.2.3"),
        ("0.0.0.0:7433", "gpu1.acme.example, 10.1.2.3", True, "10.1.2.3 gpu1.acme.example"),
        ("10.1.2.3:7433", "", False, "without TLS"),
        ("0.0.0.0:7433", "", False, "without TLS"),
        ("[::]:7433", "", False, "without TLS"),
        ("7433", "", False, "is no address"),
        ("127.0.0.1", "", False, "is no address"),
        ("127.0.0.1:99999", "", False, "is no address"),
        ("999.1.1.1:80", "", False, "is no IP address"),
        ("gpu1.acme.example:7433", "", True, "is no address"),
        ("127.0.0.1:7433", "a b", False, "no name of a host"),
    ],
)
def test_where_it_may_listen_and_by_which_names(listen: str, hosts: str, tls: bool, said: str) -> None:
    files = ("c.pem", "k.pem") if tls else ("", "")
    if " is " in said or said.startswith(("is ", "no ", "without")):
        with pytest.raises(UsageError, match=said):
            listening_place(listen, hosts, *files)
        return
    place = listening_place(listen, hosts, *files)
    assert " ".join(sorted(place.names)) == said
    assert place.address(7433).startswith("https://" if tls else "http://")


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://gpu1.acme.example:7433", ("gpu1.acme.example", 7433, True)),
        ("https://gpu1.acme.example/", ("gpu1.acme.example", 443, True)),
        ("http://127.0.0.1:7433", ("127.0.0.1", 7433, False)),
        ("http://[::1]:7433", ("::1", 7433, False)),
        ("http://gpu1.acme.example:7433", "without TLS"),
        ("http://127.0.0.1.evil.example", "without TLS"),
        ("http://127.0.0.1@evil.example", "no address"),
        ("ftp://127.0.0.1", "no address"),
        ("https://a/path", "no address"),
        ("https://a?x=1", "no address"),
        ("https://a:99999", "no address"),
        ("127.0.0.1:7433", "no address"),
        ("", "no address"),
    ],
)
def test_to_which_address_a_token_is_sent(address: str, found: object) -> None:
    if isinstance(found, str):
        with pytest.raises(UsageError, match=found):
            network_address(address)
    else:
        assert network_address(address) == found
