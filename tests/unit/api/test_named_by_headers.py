"""Whoever is named by a header that proxies of others write is nobody: it opens nothing, and is told of nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from allotment.api.doors import TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.operations.access.admitting import Doorkeeper
from allotment.operations.access.people import people_of
from allotment.operations.access.proxies import proxy_networks
from tests.unit.api.test_doors import HOST, answered, bearer
from tests.unit.api.test_people import Hall, hall
from tests.unit.api.test_service import World, at_home, no_requests, registry

__all__ = ["hall"]

WHO = b"oidc:eve@id.acme.example"
"""An administrator, who has signed in."""
NAMING: tuple[tuple[bytes, bytes], ...] = (
    *((name, WHO) for name in (
        b"x-remote-user", b"remote-user", b"x-forwarded-user", b"x-forwarded-preferred-username",
        b"x-auth-request-user",
        b"x-authenticated-user", b"x-webauth-user", b"x-user", b"x-ssl-client-s-dn", b"cf-access-authenticated-user",
        b"x-goog-authenticated-user-id", b"impersonate-user",
    )),
    *((name, b"eve@acme.example") for name in (
        b"x-forwarded-email", b"x-auth-request-email", b"x-goog-authenticated-user-email",
        b"x-ms-client-principal-name",
        b"cf-access-authenticated-user-email",
    )),
    *((name, b"platform-engineers") for name in (
        b"x-remote-group", b"x-forwarded-groups", b"x-auth-request-groups", b"impersonate-group",
    )),
    (b"x-forwarded-access-token", b"allot_aaaaaaaa_" + b"A" * 43),
    (b"x-remote-extra-scopes", b"admin"),
    (b"forwarded", b"for=127.0.0.1;by=unix;host=127.0.0.1"),
    (b"x-real-ip", b"127.0.0.1"),
)  # fmt: skip
CALLS = (
    ("GET", "/api/v1/whoami", b""),
    ("GET", "/api/v1/jobs", b""),
    ("GET", "/api/v1/people", b""),
    ("GET", "/api/v1/audit/head", b""),
    ("POST", "/api/v1/jobs/j1/stop", b""),
    ("GET", "/api/v1/sign-in", b""),
    ("POST", "/api/v1/sign-in", json.dumps({"version": 1, "brought": {"token": "x", "nonce": "y"}}).encode()),
    ("POST", "/api/v1/browser-session", json.dumps({"version": 1, "entry": {"code": "x"}}).encode()),
)
"""Of each kind of door that there is over the network."""


def told(app: Any, *headers: tuple[bytes, bytes]) -> list[tuple[int, dict[bytes, bytes], bytes]]:
    return [answered(app, verb, path, HOST, *headers, body=body) for verb, path, body in CALLS]


@pytest.mark.parametrize("proxies", ["", "10.1.2.3"], ids=["from nobody's proxy", "from a trusted one"])
@pytest.mark.parametrize("group", ["", "nlp-members"], ids=["nobody", "a member"])
def test_a_header_that_names_somebody_is_worth_nothing(hall: Hall, group: str, proxies: str) -> None:
    """Of a trusted proxy one thing is believed, the address of who has asked; see test_attacks."""
    hall.session("eve", "platform-engineers", email="eve@acme.example")
    world = hall.world
    people = lambda: people_of(world.platform)  # noqa: E731
    door = TokenDoor(Doorkeeper(world.machine.store, world.machine.clock, people))
    api = job_api(world.desk, registry(world), no_requests, door)
    app = Hardened(api, ("127.0.0.1",), lambda: "request-1", proxy_networks(proxies))
    shown = [bearer(hall.session("ada", group))] if group else []
    told(app, *shown)  # a session that has been of use once is told as such
    plain = told(app, *shown)
    assert plain[0][0] == (200 if group else 401)
    assert {status for status, _, _ in plain} & {401, 403, 404}
    for header in NAMING:
        assert told(app, *shown, header) == plain, header
    assert told(app, *shown, *NAMING) == plain
    asked = {each.who for each in hall.acts() if each.verb != "sign-in"}
    assert WHO.decode() not in asked
    assert len(world.machine.store.unfinished()) == 2, "j1 is another team's, and goes on"


def test_on_the_servers_own_socket_it_stays_its_owners() -> None:
    world = World()
    app = at_home(world)
    plain = answered(app, "GET", "/api/v1/whoami", HOST)
    assert json.loads(plain[2])["visitor"]["name"] == "ada"
    assert answered(app, "GET", "/api/v1/whoami", HOST, *NAMING) == plain
