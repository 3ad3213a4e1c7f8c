"""Browsers come in by a code or by the identity provider, and act with nothing but both halves of their session."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from allotment.api.doors import HomeDoor, TokenDoor
from allotment.api.hardening import Hardened
from allotment.api.jobs import job_api
from allotment.model.access.permission import EVERYTHING, Permission
from allotment.model.access.token import halves_of, parts_of
from allotment.operations.access.admitting import NOT_HIS, Doorkeeper
from allotment.operations.access.browsing import CODE_WITHIN, BrowserEntrance
from allotment.operations.access.people import people_of
from allotment.operations.access.registry import Registry
from allotment.operations.access.signing_in import SignIns
from allotment.ports.identity import Flaw, IdentityRefusedError, SignedIn, SignInAttempt
from allotment.ports.sign_in import SignInOffer
from tests.unit.api.test_doors import answered, bearer
from tests.unit.api.test_people import ISSUER, Vouching
from tests.unit.api.test_service import World, no_requests, submitted

Raw = tuple[bytes, bytes]


class Answering(Vouching):
    """A provider at which somebody is signed in already: the code that comes back is what is said of him."""

    def authorization_url(self, attempt: SignInAttempt, _now: int) -> str:
        return f"{ISSUER}/there?state={attempt.state}&nonce={attempt.nonce}&redirect={attempt.redirect}"

    def code_of(self, query: str, attempt: SignInAttempt, _now: int) -> str:
        told = dict(parse_qsl(query))
        if told.get("state") != attempt.state:
            raise IdentityRefusedError(Flaw.STATE, "not signed in", why="<b>the answer</b> is to no question of ours")
        return told["code"]

    def redeem(self, code: str, attempt: SignInAttempt, now: int) -> SignedIn:
        said = {"sub": "ada", "groups": [code], "nonce": attempt.nonce}
        token = f"{json.dumps(said)}.signed"
        return SignedIn(self.verify(token, now, attempt.nonce), token, "")


@dataclass
class Surf:
    """A browser: it keeps cookies, and says which page asks."""

    app: Any
    host: bytes = b"127.0.0.1:7433"
    scheme: str = "http"
    cookies: dict[str, str] = field(default_factory=dict)
    key: str = ""
    set_: list[str] = field(default_factory=list)

    def go(self, verb: str, path: str, body: object = None, *more: Raw, said: bool = True) -> tuple[int, Any, Any]:
        headers: list[Raw] = [(b"host", self.host), *more]
        if self.cookies:
            headers.append((b"cookie", "; ".join(f"{name}={each}" for name, each in self.cookies.items()).encode()))
        if self.key:
            headers.append((b"x-allotment-page", self.key.encode()))
        if said and verb != "GET":
            headers.append((b"origin", f"{self.scheme}://".encode() + self.host))
        path, _, query = path.partition("?")
        sent = b"" if body is None else json.dumps(body).encode()
        raw: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def kept(message: Any) -> None:
                raw.append(message)
                await send(message)

            await self.app({**scope, "scheme": self.scheme}, receive, kept)

        status, told, text = answered(app, verb, path, *headers, body=sent, query=query.encode())
        self.set_ = [each.decode() for name, each in raw[0]["headers"] if name.lower() == b"set-cookie"]
        for each in self.set_:
            ((name, morsel),) = SimpleCookie(each).items()
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        try:
            return status, told, json.loads(text)
        except ValueError:
            return status, told, text


@dataclass
class House:
    world: World
    home: Any
    surf: Surf
    entrance: BrowserEntrance
    users: dict[str, bool | None]

    def code(self) -> str:
        status, _, said = answered(self.home, "POST", "/api/v1/browser-codes", (b"host", b"localhost"))
        assert status == 200
        return str(json.loads(said)["code"])

    def enter(self, code: str | None = None) -> tuple[int, Any]:
        code = self.code() if code is None else code
        status, _, said = self.surf.go("POST", "/api/v1/browser-session", value("entry", {"code": code}))
        if status == 200:
            self.surf.key = said["session"]["key"]
        return status, said


def value(kind: str, what: object) -> Mapping[str, object]:
    return {"version": 1, kind: what}


@pytest.fixture
def house() -> House:
    world = World()
    submitted(world.desk, name="job-of-nlp")
    store, clock = world.machine.store, world.machine.clock
    people = lambda: people_of(world.platform)  # noqa: E731
    coming = SignIns(store, Answering(), SignInOffer(ISSUER, "allotment", ("openid",), ""), people, clock, os.urandom)  # type: ignore[arg-type]
    entrance = BrowserEntrance(store, "ada", clock, os.urandom, coming)
    registry = Registry(store, clock, os.urandom, "acme", "1", people, coming, entrance=entrance)
    users: dict[str, bool | None] = {"here": True}
    door = TokenDoor(Doorkeeper(store, clock, people), is_our_user=lambda _there, _here: users["here"])
    afar = job_api(world.desk, registry, no_requests, door)
    home = job_api(world.desk, registry, no_requests, HomeDoor("ada"))
    return House(world, home, Surf(Hardened(afar, ("127.0.0.1",), lambda: "request-1")), entrance, users)


def test_the_servers_own_user_comes_in_by_a_code_once_and_within_a_minute(house: House) -> None:
    code = house.code()
    assert house.enter(code)[0] == 200
    assert house.surf.go("GET", "/api/v1/jobs")[2]["page"]["rows"][0]["name"] == "job-of-nlp"
    whoami = house.surf.go("GET", "/api/v1/whoami")[2]["visitor"]
    assert (whoami["name"], whoami["token"]["name"]) == ("ada", "session")
    assert set(whoami["permissions"]) == {each.value for each in EVERYTHING - {Permission.END, Permission.TOKENS}}
    late = house.code()
    house.world.machine.clock.sleep(CODE_WITHIN / 1000 + 1)
    for none in (code, late, "rubbish", code[:-1]):
        assert house.enter(none)[0] == 401, none
    signed_in = [each.act for each in house.world.machine.store.whole_audit() if each.act.verb == "sign-in"]
    assert [each.whence for each in signed_in][:1] == ["10.1.2.3, browser"]


def test_another_user_of_the_machine_gets_nothing_by_what_shows_the_servers_own(house: House) -> None:
    code = house.code()
    house.users["here"] = False
    assert house.enter(code)[0] == 401
    house.users["here"] = True
    assert house.enter(code)[0] == 200, "the code is still his whose it is"
    (cookie,) = house.surf.cookies.values()
    house.users["here"] = False
    assert house.surf.go("GET", "/api/v1/jobs")[0] == 401
    status, _, said = house.surf.go("GET", "/api/v1/jobs", None, bearer(cookie + house.surf.key))
    assert (status, said["why"]) == (401, NOT_HIS)
    denied = [each.act for each in house.world.machine.store.whole_audit() if each.act.why == NOT_HIS]
    assert [each.verb for each in denied] == ["sign-in"]
    # Of a connection that is there no more nobody knows whose it was, and nobody is accused.
    house.users["here"] = None
    acts = list(house.world.machine.store.whole_audit())
    status, _, said = house.surf.go("GET", "/api/v1/jobs")
    assert (status, "closed" in said["why"]) == (401, True)
    assert list(house.world.machine.store.whole_audit()) == acts
    house.users["here"] = True
    assert house.surf.go("GET", "/api/v1/jobs")[0] == 200


@pytest.mark.parametrize("team", ["", "nlp"])
def test_what_has_let_a_browser_in_makes_nothing_that_outlives_it(house: House, team: str) -> None:
    house.enter()
    wanted = {"name": "kept", "permissions": ["read"], "lasts": 1000, "team": team}
    assert house.surf.go("POST", "/api/v1/tokens", value("wanted", wanted))[0] == 403
    assert [each.session for each in house.world.machine.store.tokens()] == [True]


def test_a_new_server_ends_its_own_users_sessions_and_nobody_elses(house: House) -> None:
    house.enter()
    store = house.world.machine.store
    (own,) = store.tokens()
    others = [replace(own, id="aaaaaaaa", person="p1"), replace(own, id="bbbbbbbb", session=False)]
    for each in others:
        store.add_token(each, [])
    house.entrance.end_before()
    assert house.surf.go("GET", "/api/v1/jobs")[0] == 401
    assert {each.id for each in store.tokens() if each.revoked is None} == {each.id for each in others}


def test_neither_half_of_a_session_opens_anything(house: House) -> None:
    house.enter()
    whole = dict(house.surf.cookies), house.surf.key
    for cookies, key in ((whole[0], ""), ({}, whole[1]), (whole[0], whole[1][::-1]), (whole[0], whole[1][:-1])):
        house.surf.cookies, house.surf.key = dict(cookies), key
        assert house.surf.go("GET", "/api/v1/jobs")[0] == 401
        assert house.surf.go("POST", "/api/v1/jobs/job-of-nlp/stop")[0] == 401
    (cookie,) = whole[0].values()
    for half in (cookie, whole[1]):
        house.surf.cookies, house.surf.key = {}, ""
        assert house.surf.go("GET", "/api/v1/jobs", None, bearer(half))[0] == 401
    assert house.surf.go("GET", "/api/v1/jobs", None, bearer(cookie + whole[1]))[0] == 200, "together they are a token"


def test_a_cookie_is_read_by_no_script_goes_with_no_other_site_and_is_this_port_s_own(house: House) -> None:
    house.enter()
    assert re.fullmatch(
        r"allotment-7433=allot_[a-z2-7]{8}_[\w-]{21,22}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200",
        house.surf.set_[0],
    )
    house.surf = Surf(house.surf.app, scheme="https")
    house.enter()
    assert house.surf.set_[0].startswith("__Host-allotment-7433=")
    assert house.surf.set_[0].endswith("; Secure")


def test_halves_are_the_whole_and_tell_nothing_of_each_other() -> None:
    text = "allot_abcdefgh_" + "A" * 21 + "B" * 22
    assert "".join(halves_of(text)) == text
    assert [parts_of(each) for each in halves_of(text)] == [None, None]
    assert min(map(len, (halves_of(text)[0].rpartition("_")[2], halves_of(text)[1]))) >= 21


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ([], 403),
        ([(b"origin", b"http://127.0.0.1:7433")], 200),
        ([(b"origin", b"http://127.0.0.1:9999")], 403),
        ([(b"origin", b"http://evil.example")], 403),
        ([(b"origin", b"null")], 403),
        ([(b"origin", b"http://127.0.0.1:7433"), (b"sec-fetch-site", b"same-site")], 403),
        ([(b"origin", b"http://127.0.0.1:7433"), (b"sec-fetch-site", b"same-origin")], 200),
    ],
)
def test_a_browser_changes_nothing_but_for_a_page_of_this_server(house: House, more: list[Raw], status: int) -> None:
    house.enter()
    assert house.surf.go("POST", "/api/v1/jobs/job-of-nlp/stop", None, *more, said=False)[0] == status


def test_who_signs_out_keeps_nothing_that_opens(house: House) -> None:
    house.enter()
    kept = dict(house.surf.cookies)
    assert house.surf.go("DELETE", "/api/v1/session")[0] == 204
    assert house.surf.cookies == {}
    house.surf.cookies = kept
    assert house.surf.go("GET", "/api/v1/jobs")[0] == 401


SECRET = "what the page keeps"


def there(surf: Surf, secret: str = SECRET) -> str:
    bound = hashlib.sha256(secret.encode()).hexdigest()
    status, _, said = surf.go("POST", "/api/v1/browser-sign-in", value("leave", {"bound": bound}))
    assert status == 200
    return str(said["address"])


def back(surf: Surf, address: str, group: str = "nlp-members", secret: str = SECRET) -> tuple[int, Any, Any]:
    state = dict(parse_qsl(urlsplit(address).query))["state"]
    entry = {"query": f"code={group}&state={state}", "secret": secret}
    return surf.go("POST", "/api/v1/browser-session", value("entry", entry))


def test_somebody_signs_in_at_the_provider_and_comes_back(house: House) -> None:
    address = there(house.surf)
    assert "redirect=http://127.0.0.1:7433/sign-in/callback" in address
    cross = ((b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate"))
    status, _, page = house.surf.go("GET", "/sign-in/callback?code=x&state=y", None, *cross)
    assert (status, page[:15]) == (200, b"<!doctype html>"), "the page goes on with it"
    status, _, said = back(house.surf, address)
    assert status == 200
    house.surf.key = said["session"]["key"]
    assert list(house.surf.cookies) == ["allotment-7433"], "what was kept of the attempt is gone"
    whoami = house.surf.go("GET", "/api/v1/whoami")[2]["visitor"]
    assert (whoami["name"], whoami["roles"]) == ("oidc:ada@id.acme.example", ["member of nlp"])


def test_a_sign_in_that_another_browser_or_page_has_begun_is_none(house: House) -> None:
    """An attacker signs in as himself up to the last step, and has somebody else's browser do that.

    Another server of the same host can set that browser's cookies; what its page keeps it cannot.
    """
    mallory = Surf(house.surf.app)
    address = there(mallory, "of mallory")
    assert back(house.surf, address)[0] == 401
    there(house.surf)
    assert back(house.surf, address)[0] == 401
    house.surf.cookies = dict(mallory.cookies)
    for secret in (SECRET, "", "of mallory's neighbour"):
        status, _, said = back(house.surf, address, secret=secret)
        assert (status, said["why"]) == (401, "this page has begun no sign-in here, or too long ago")
    assert "allotment-7433" not in house.surf.cookies
    assert back(house.surf, address, secret="of mallory")[0] == 200


def test_nobody_has_the_provider_asked_who_has_begun_nothing_here(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a browser brings may be made up; and what was begun once is redeemed once."""
    redeemed: list[str] = []
    provider = house.entrance._known_provider().provider
    usual = provider.redeem
    monkeypatch.setattr(provider, "redeem", lambda code, *more: redeemed.append(code) or usual(code, *more))
    address = there(house.surf)
    ((name, kept),) = house.surf.cookies.items()
    state, nonce, *rest = kept.split(".")
    for made_up in ("made-up", nonce[:-4] + "AAAA", "A" * len(nonce)):
        house.surf.cookies = {name: ".".join((state, made_up, *rest))}
        assert back(house.surf, address)[0] == 401
    assert redeemed == []
    for status in (403, 401, 401):
        house.surf.cookies = {name: kept}
        assert back(house.surf, address, "sales")[0] == status
    assert redeemed == ["sales"]


@pytest.mark.parametrize("bound", ["", "x" * 64, "0" * 63, "0" * 65, "A" * 64])
def test_a_sign_in_is_bound_to_its_page(house: House, bound: str) -> None:
    assert house.surf.go("POST", "/api/v1/browser-sign-in", value("leave", {"bound": bound}))[0] == 400
    assert house.surf.cookies == {}


def test_a_sign_in_counts_once_and_for_who_is_something_here(house: House) -> None:
    address = there(house.surf)
    kept = dict(house.surf.cookies)
    assert back(house.surf, address, "sales")[0] == 403
    house.surf.cookies = kept
    assert back(house.surf, address)[0] == 401
    for entry in ({}, {"code": "x", "query": "y"}):
        assert house.surf.go("POST", "/api/v1/browser-session", value("entry", entry))[0] == 400


def test_a_sign_in_meant_for_another_name_is_none(house: House) -> None:
    house.surf.host = b"evil.example"
    status, _, _ = house.surf.go("POST", "/api/v1/browser-sign-in", value("leave", {"bound": "0" * 64}))
    assert status == 421


def test_where_nothing_listens_no_browser_comes_in() -> None:
    world = World()
    registry = Registry(world.machine.store, world.machine.clock, os.urandom, "acme", "1")
    home = job_api(world.desk, registry, no_requests, HomeDoor("ada"))
    for verb, path in (("POST", "/api/v1/browser-codes"), ("POST", "/api/v1/browser-session")):
        status, _, said = answered(home, verb, path, (b"host", b"localhost"), body=b"{}")
        assert (status, json.loads(said)["error"]) == (404, "NotFoundError")
