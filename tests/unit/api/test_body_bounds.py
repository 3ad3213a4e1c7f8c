"""A body has a bound on each route that takes one: a byte more is refused as the document says, and is not read on."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from allotment.api import access, browsers, cluster_routes, declared_routes, job_files, jobs, requests
from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.browsing import BrowserEntrance
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns
from allotment.operations.decide.asked import RequestsOf
from allotment.operations.decide.desk import RequestDesk
from allotment.ports.sign_in import SignInOffer
from tests.unit.api.test_doors import HOST, bearer
from tests.unit.api.test_people import ISSUER, Hall, Vouching, requests_room
from tests.unit.api.test_service import World, submitted

Call = tuple[str, str]
KIB = 1 << 10
MOST: Mapping[Call, int] = {
    ("POST", "/api/v1/jobs"): jobs.MOST_BODY,
    ("POST", "/api/v1/submissions"): jobs.MOST_BODY,
    ("POST", "/api/v1/foresee"): jobs.MOST_BODY,
    ("POST", "/api/v1/job-files"): job_files._MOST_TEXT,
    ("POST", "/api/v1/tokens"): access._MOST_ASKED,
    ("POST", "/api/v1/sign-in"): access._MOST_ASKED,
    ("POST", "/api/v1/browser-sign-in"): browsers._MOST_ASKED,
    ("POST", "/api/v1/browser-session"): browsers._MOST_ASKED,
    ("POST", "/api/v1/requests"): requests._MOST_ASKED,
    ("POST", "/api/v1/request-previews"): requests._MOST_ASKED,
    ("POST", "/api/v1/requests/{reference}/decision"): requests._MOST_ASKED,
    ("POST", "/api/v1/requests/{reference}/answer"): requests._MOST_ASKED,
    ("POST", "/api/v1/grants/{reference}/end"): requests._MOST_ASKED,
    ("POST", "/api/v1/grants/{reference}/settling"): requests._MOST_ASKED,
    ("PUT", "/api/v1/clusters/{reference}/credential"): cluster_routes.MOST_KUBECONFIG,
    ("POST", "/api/v1/quota-previews"): declared_routes._MOST_ASKED,
    ("POST", "/api/v1/quota-changes"): declared_routes._MOST_ASKED,
}
"""Bytes, at most, of each route's body; of packed code, which is no text, see test_code_bounds."""
CODE = ("POST", "/api/v1/code")
PART = 64 * KIB
"""Bytes that come at once, as from a socket."""


DEEP = (40, 300, 700, 900, 990, 2000)
"""Levels of a body, some around those at which Python gives up."""


class Sent:
    """A body that comes in parts, and how much of it was asked for."""

    def __init__(self, size: int, text: bytes = b"") -> None:
        self._left = size
        self._text = text.ljust(size)
        self.read = 0

    async def receive(self) -> dict[str, Any]:
        part = min(self._left, PART)
        said = self._text[self.read : self.read + part]
        self._left -= part
        self.read += part
        return {"type": "http.request", "body": said, "more_body": self._left > 0}


@pytest.fixture(scope="module")
def gate() -> Hall:
    """A server at which somebody may do everything; nothing is ever done at it here."""
    world = World()
    submitted(world.desk)
    store, clock = world.machine.store, world.machine.clock
    people = lambda: people_of(world.platform)  # noqa: E731
    offer = SignInOffer(ISSUER, "allotment", ("openid",), "")
    signs = SignIns(store, Vouching(), offer, people, clock, os.urandom)  # type: ignore[arg-type]
    entrance = BrowserEntrance(store, "ada", clock, os.urandom, signs)
    registry = Registry(store, clock, os.urandom, "acme", "1", people, signs, entrance=entrance)
    room, door = requests_room(world), TokenDoor(Doorkeeper(store, clock, people))
    api = jobs.job_api(world.desk, registry, partial(RequestsOf, RequestDesk(room), room), door)
    return Hall(world, signs, api.routes, Hardened(api, ("127.0.0.1",), lambda: "request-1"))


@pytest.fixture(scope="module")
def shown(gate: Hall) -> str:
    return gate.session("eve", "platform-engineers", "nlp-members")


@pytest.fixture(scope="module")
def document(gate: Hall, shown: str) -> Any:
    return gate.asked("GET", "/api/v1/openapi.json", shown)[1]


def told(gate: Hall, call: Call, text: str, sent: Sent) -> tuple[int, Any]:
    """The status and the problem that a body of so many spaces comes to."""
    verb, path = call
    where = path.replace("{reference}", "r0000000")
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
        "method": verb, "scheme": "http", "path": where, "raw_path": where.encode(), "query_string": b"",
        "root_path": "", "headers": [HOST, bearer(text)], "client": ("10.1.2.3", 5), "server": ("127.0.0.1", 7433),
        "state": {},
    }  # fmt: skip
    asyncio.run(gate.app(scope, sent.receive, send))
    return messages[0]["status"], json.loads(b"".join(each.get("body", b"") for each in messages[1:]))


def operation(document: Any, call: Call) -> Any:
    return document["paths"][call[1]][call[0].lower()]


def test_each_route_that_takes_a_body_has_its_bound_here(document: Any) -> None:
    taking = {
        (verb.upper(), path)
        for path, verbs in document["paths"].items()
        for verb, each in verbs.items()
        if "requestBody" in each
    }
    assert taking == {*MOST, CODE}
    assert set(MOST.values()) <= {16 * KIB, 64 * KIB, 256 * KIB, 2048 * KIB}


@pytest.mark.parametrize("call", MOST, ids=" ".join)
def test_a_byte_more_than_a_body_may_have_is_refused_and_not_read_on(
    gate: Hall, shown: str, document: Any, call: Call
) -> None:
    most = MOST[call]
    status, said = told(gate, call, shown, Sent(most))
    assert "of more than" not in said["what"], "so much is read, and is no value"
    assert (status, said["error"]) == (422, "InputError")
    for size in (most + 1, 20 * most):
        sent = Sent(size)
        status, said = told(gate, call, shown, sent)
        assert said["what"].endswith(f" of more than {most} bytes"), said
        assert (status, said["status"], said["type"]) == (422, 422, "/api/v1/problems/wrong-input")
        assert said["fix"]
        assert sent.read <= most + PART
    assert "422" in operation(document, call)["responses"]


def nested(named: str, levels: int) -> Iterator[bytes]:
    """Bodies of so many levels: before their name is read, within what it names, and never ended."""
    for opened, closed in (("[", "]"), ('{"a":', "}")):
        deep = opened * levels + "1" + closed * levels
        yield deep.encode()
        yield f'{{"version":1,"{named}":{deep}}}'.encode()
        yield f'{{"version":1,"beside":{deep},"{named}":{{}}}}'.encode()
        yield (opened * levels).encode()


@pytest.mark.parametrize("call", MOST, ids=" ".join)
def test_a_body_of_many_levels_is_refused_like_any_that_cannot_be_read(
    gate: Hall, shown: str, document: Any, call: Call
) -> None:
    schema = operation(document, call)["requestBody"]["content"]["application/json"]["schema"]
    named = next(each for each in _properties(document, schema) if each != "version")
    for levels in DEEP:
        for body in nested(named, levels):
            status, said = told(gate, call, shown, Sent(len(body), body))
            # Of a kubeconfig any object is one at first.
            assert (status, said["error"]) in {(422, "InputError"), (400, "UsageError")}, (levels, body[:40], said)


def _properties(document: Any, schema: Any) -> Any:
    if "$ref" in schema:
        return _properties(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema["properties"]


def test_several_submissions_are_no_more_together_than_can_be_answered(gate: Hall, shown: str) -> None:
    call, sent = ("POST", "/api/v1/submissions"), Sent(jobs.MOST_TOGETHER + 1)
    status, said = told(gate, call, shown, sent)
    assert (status, said["why"]) == (422, f"{jobs.MOST_TOGETHER} are the most")
    assert "are the most" not in told(gate, call, shown, Sent(jobs.MOST_TOGETHER))[1]["why"]


def test_of_whom_nobody_knows_nothing_is_read_where_he_has_to_be_known(gate: Hall) -> None:
    for call, most in MOST.items():
        if "sign-in" not in call[1] and "browser" not in call[1]:
            sent = Sent(most)
            assert told(gate, call, "", sent)[0] == 401
            assert sent.read == 0, call
