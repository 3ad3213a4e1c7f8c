"""What is sent by whoever means ill: paths, names, pages, proxies and texts that would be SQL."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import pytest

from allotment.adapters.store.sqlite import SqlitePlace
from allotment.api.doors import HomeDoor, TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.api.serving import Listener, bound_address, bound_socket, serve
from allotment.errors import AllotmentError, NotFoundError, UsageError
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.proxies import proxy_networks, sender_of
from allotment.ports.audit import AuditFilter
from allotment.ports.requests import RequestFilter
from allotment.ports.store import JobFilter
from tests.unit.adapters.store.jobs import submitted as stored_job
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import Hall, hall
from tests.unit.api.test_service import World, at_home, from_afar, no_requests, registry, token

__all__ = ["hall"]
PATHS = [
    "/api/v1/jobs/%2e%2e%2fend",
    "/api/v1/jobs/..%2fend",
    "/api/v1/jobs/j0%2fstop",
    "/api/v1/jobs/j0;stop",
    "/api/v1/jobs;/j0/stop",
    "/api/v1/./end",
    "/api/v1/jobs/..;/end",
    "/api/v1/jobs/../../v1/end",
    "/api//v1/end",
    "//api/v1/end",
    "/api/v1/end/",
    "/api/v1/end%20",
    "/api/v1/end%00",
    "/api/v1/end\x00",
    "/api/v1/end%0d%0aX: y",
    "/API/V1/END",
    "/api/v1\\end",
    "/api/v1/%65nd%2f",
    "/api/v1/" + "a/" * 2000,
    "/api/v1/jobs/" + "a" * 7000,
    "http://evil.example/api/v1/end",
    "*",
    "",
]


@pytest.mark.parametrize("path", PATHS, ids=lambda each: each[:30] or "nothing")
def test_no_path_leads_where_it_should_not(path: str) -> None:
    world = World()
    text, app = bearer(token(world)), from_afar(world)
    for verb in ("GET", "POST", "DELETE", "PUT", "OPTIONS", "TRACE", "CONNECT"):
        status, headers, said = answered(app, verb, path, HOST, text)
        assert b"location" not in headers
        if verb == "GET" and said.startswith(b"<!doctype html>"):
            continue  # the portal's one page, the same for everybody
        assert status in (403, 404, 405, 414), (verb, status)
        assert json.loads(said)["status"] == status
    assert not world.desk.ending.is_set()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"referer", b"http://127.0.0.1:7433/")], 200),
        ([(b"referer", b"http://127.0.0.1:7433/jobs")], 200),
        ([(b"referer", b"http://127.0.0.1:74330/")], 403),
        ([(b"referer", b"http://127.0.0.1:7433.evil.example/")], 403),
        ([(b"referer", b"https://evil.example/")], 403),
        ([(b"sec-fetch-site", b"cross-site")], 403),
        ([(b"sec-fetch-site", b"same-site")], 403),
        ([(b"sec-fetch-site", b"same-origin")], 200),
        ([(b"sec-fetch-site", b"none")], 200),
        ([(b"sec-fetch-site", b"none"), (b"sec-fetch-site", b"cross-site")], 403),
        ([(b"sec-fetch-mode", b"navigate")], 200),
    ],
)
def test_no_page_but_its_own_is_answered(headers: list[tuple[bytes, bytes]], status: int) -> None:
    world = World()
    found, _, _ = answered(from_afar(world), "GET", "/api/v1/jobs", HOST, bearer(token(world)), *headers)
    assert found == status


PROXIES = "10.1.2.0/24, fd00::5"


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("9.9.9.9", ["1.2.3.4"], "9.9.9.9"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["1.2.3.4"], "1.2.3.4"),
        ("10.1.2.3", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("10.1.2.3", ["6.6.6.6, 1.2.3.4, 10.1.2.9"], "1.2.3.4"),
        ("10.1.2.3", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.1.2.3", ["1.2.3.4, rubbish"], "10.1.2.3"),
        ("10.1.2.3", ["rubbish, 1.2.3.4"], "1.2.3.4"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["1.2.3.4:99"], "10.1.2.3"),
        ("::ffff:10.1.2.3", ["1.2.3.4"], "1.2.3.4"),
        ("fd00::5", ["2001:db8::1"], "2001:db8::1"),
        ("10.1.2.3", ["10.1.2.4, 10.1.2.5"], "10.1.2.4"),
        ("rubbish", ["1.2.3.4"], "rubbish"),
    ],
)
def test_who_has_asked_is_told_by_trusted_proxies_alone(peer: str, forwarded: list[str], sender: str) -> None:
    assert sender_of(peer, forwarded, proxy_networks(PROXIES)) == sender
    assert sender_of(peer, forwarded, ()) == peer


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "10.0.0.5/8", "proxy.example", "10.0.0.5:80", "*"])
def test_what_is_no_proxy_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        proxy_networks(text)
    assert proxy_networks("") == proxy_networks(" , ") == ()


@pytest.mark.parametrize(
    ("proxies", "whence", "by_name"),
    [("10.1.2.3", "1.2.3.4", 200), ("10.1.2.4", "10.1.2.3", 421), ("", "10.1.2.3", 421)],
)
def test_the_trail_has_the_address_that_a_trusted_proxy_tells(proxies: str, whence: str, by_name: int) -> None:
    world = World()
    door = TokenDoor(Doorkeeper(world.machine.store, world.machine.clock))
    api = job_api(world.desk, registry(world), no_requests, door)
    app = Hardened(api, ("gpu.example", "127.0.0.1"), lambda: "request-1", proxy_networks(proxies))
    text, told = token(world), (b"x-forwarded-for", b"6.6.6.6, 1.2.3.4")
    assert answered(app, "GET", "/api/v1/jobs", HOST, bearer(text), told)[0] == 200
    (act,) = (each.act for each in world.machine.store.whole_audit() if each.act.verb == "sign-in")
    assert act.whence.startswith(f"{whence}, token ")
    inner, outer = (b"host", b"inner:80"), (b"x-forwarded-host", b"gpu.example")
    assert answered(app, "GET", "/api/v1/jobs", inner, outer, bearer(text))[0] == by_name
    evil = (b"x-forwarded-host", b"evil.example")
    assert answered(app, "GET", "/api/v1/jobs", HOST, evil, bearer(text))[0] == (421 if by_name == 200 else 200)


WORDS = [
    "' OR '1'='1",
    "'; DROP TABLE jobs; --",
    '" OR ""="',
    "x' UNION SELECT text FROM tokens --",
    "%",
    "_",
    "%' ESCAPE '",
    "\\'",
    "1) OR (1=1",
    "x\x00' OR 1=1",
    "\u02bc OR 1=1",
    "${jndi:ldap://evil}",
    "{{7*7}}",
]
TEXTS = {
    "/api/v1/jobs": ("team", "owner", "backend", "prefix", "parent", "after_id"),
    "/api/v1/job-counts": ("team", "owner", "backend", "prefix", "parent"),
    "/api/v1/requests": ("team", "requester", "route", "after_id"),
    "/api/v1/grants": ("after_id",),
    "/api/v1/tokens": ("after_id",),
    "/api/v1/people": ("after_id",),
}


@pytest.mark.parametrize("word", WORDS)
def test_a_text_that_would_be_sql_is_answered_as_any_word_that_nobody_knows(hall: Hall, word: str) -> None:
    admin = hall.session("root", "platform-engineers")

    def asked(path: str, name: str, value: str) -> tuple[int, Any]:
        status, said = hall.asked("GET", path, admin, query=urlencode({name: value}))
        return status, json.dumps(said).replace(urlencode({name: value}), "")

    for path, names in TEXTS.items():
        for name in names:
            plain = asked(path, name, "unknown")
            if name != "after_id":  # where a page begins is a place in an order, not a name
                assert asked(path, name, word) == plain, (path, name)
            assert asked(path, name, word)[0] == 200, (path, name)
    assert hall.asked("GET", "/api/v1/jobs", admin)[1]["page"]["rows"], "all is still there"


@pytest.mark.parametrize("word", WORDS)
def test_a_database_takes_it_as_a_word(tmp_path: Path, word: str) -> None:
    with SqlitePlace(tmp_path / "store.db").writer("a test") as store:
        store.add(stored_job("j1"))
        for wanted in (JobFilter(team=word), JobFilter(owner=word), JobFilter(prefix=word), JobFilter(parent=word)):
            assert store.page(wanted).rows == ()
            assert sum(each.jobs for each in store.counts(wanted)) == 0
        assert store.requests(RequestFilter(team=word, requester=word, route=word)) == ()
        assert store.grants(within=frozenset({word})) == ()
        assert store.audited(AuditFilter(who=word, verb=word, about=word)).entries == ()
        assert store.kept_call(word) is None
        for find in (store.find, store.get, store.request, store.grant, store.token, store.person):
            with pytest.raises((NotFoundError, AllotmentError)):
                find(word)
        assert [each.id for each in store.page(JobFilter()).rows] == ["j1"]


def test_at_home_nobody_needs_a_name() -> None:
    world = World()
    app = job_api(world.desk, registry(world), no_requests, HomeDoor("ada"))
    assert answered(app, "GET", "/api/v1/jobs")[0] == 200


@pytest.mark.parametrize("query", [b"stat=running", b"state=running&x=", b"State=running", b"limit[]=1"])
def test_a_parameter_that_nobody_knows_is_refused(query: bytes) -> None:
    world = World()
    status, _, said = answered(from_afar(world), "GET", "/api/v1/jobs", HOST, bearer(token(world)), query=query)
    assert (status, "there is no parameter" in json.loads(said)["what"]) == (400, True)


RAW = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a line without a path": b"GET\r\n\r\n",
    "another protocol": b"GET /api/v1/jobs RTSP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
    "a NUL in the path": b"GET /api/v1/jobs\x00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a space in the path": b"GET /api/v1/jobs /end HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "a header without a colon": b"GET /api/v1/jobs HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n",
    "a space before the colon": b"GET /api/v1/jobs HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    "a NUL in a header": b"GET /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00b\r\n\r\n",
    "a length that is none": b"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 9\r\n\r\nx",
}
"""What nobody can read as a request, and so as no other than it is."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    world = World()
    with (
        TemporaryDirectory() as folder,
        bound_address("127.0.0.1", 0) as abroad,
        bound_socket(Path(folder) / "server.sock") as bound,
    ):
        listeners = [Listener(from_afar(world), abroad)]
        thread = threading.Thread(target=serve, args=(at_home(world), world.desk, bound, listeners))
        thread.start()
        try:
            yield abroad.getsockname()[1]
        finally:
            world.desk.end()
            thread.join(20)


@pytest.mark.parametrize("what", RAW)
def test_what_cannot_be_read_as_a_request_is_answered_400_and_let_go(port: int, what: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as asking:
        asking.sendall(RAW[what])
        said = b""
        while more := asking.recv(4096):
            said += more
    assert said.startswith(b"HTTP/1.1 400 "), said[:200]
    assert b"location:" not in said.lower()
