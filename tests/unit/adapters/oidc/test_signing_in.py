"""Signing in: what is sent, what is made of what comes back, and where browsers may be sent."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2 as httpx
import pytest

from allotment.adapters.oidc import exchange
from allotment.adapters.oidc.addresses import may_come_back
from allotment.adapters.oidc.client import OidcProvider, connect_provider
from allotment.errors import AllotmentError, InputError, NotSignedInError, UnreachableError, UsageError
from allotment.ports.identity import DevicePrompt, Flaw, IdentityRefusedError, SignedIn, challenge_of, new_attempt
from tests.unit.adapters.oidc.conftest import settings
from tests.unit.adapters.oidc.contract import refusal
from tests.unit.adapters.oidc.provider import (
    AUDIENCE,
    CLIENT,
    CONFIDENTIAL,
    NOW,
    REDIRECT,
    SECRET,
    Asked,
    FakeProvider,
    Said,
    okp_key,
    segment,
    sent_to,
    signed,
)

VERIFIER = "v" * 43
WORDS = iter([b"s" * 32, b"n" * 32, b"v" * 32])
ATTEMPT = new_attempt(REDIRECT, lambda _: next(WORDS))


def test_secrets_of_a_sign_in_are_three_and_are_not_shown() -> None:
    given = iter([b"a" * 32, b"b" * 32, b"c" * 32])
    attempt = new_attempt(REDIRECT, lambda _: next(given))
    words = {attempt.state, attempt.nonce, attempt.verifier}
    assert {len(each) for each in words} == {43}
    assert len(words) == 3
    assert not any(each in repr(attempt) for each in words)


def test_a_verifier_is_told_as_the_standard_has_it() -> None:
    """Appendix B of RFC 7636."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_what_the_browser_takes_along(there: FakeProvider, client: OidcProvider) -> None:
    there.document = {"authorization_endpoint": f"{there.issuer}/authorize?tenant=a%26b"}
    address = urlsplit(client.authorization_url(ATTEMPT, NOW))
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{there.issuer}/authorize"
    assert parse_qs(address.query, strict_parsing=True) == {
        "tenant": ["a&b"], "response_type": ["code"], "client_id": [CLIENT], "redirect_uri": [REDIRECT],
        "scope": ["openid profile email"], "state": [ATTEMPT.state], "nonce": [ATTEMPT.nonce],
        "code_challenge": [challenge_of(ATTEMPT.verifier)], "code_challenge_method": ["S256"],
    }  # fmt: skip
    assert ATTEMPT.verifier not in address.query


@pytest.mark.parametrize(
    ("redirect", "may"),
    [
        ("https://allot.example/v1/signed-in", True),
        ("https://allot.example/v1/signed-in/", False),
        ("https://allot.example/v1/signed-in?x=1", False),
        ("https://allot.example/v1/signed-in#x", False),
        ("https://allot.example:443/v1/signed-in", False),
        ("https://allot.example:8443/v1/signed-in", False),
        ("https://ALLOT.example/v1/signed-in", False),
        ("http://allot.example/v1/signed-in", False),
        ("https://allot.example.evil.example/v1/signed-in", False),
        ("https://allot.example@evil.example/v1/signed-in", False),
        ("https://allot.example/v1/../signed-in", False),
        ("https://allot.example/v1/signed-in\n", False),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:65535/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://[::1]:5/callback", True),
        ("http://127.0.0.1:1/callback/x", False),
        ("http://127.0.0.1:1/callback?x=1", False),
        ("http://127.0.0.1:1/", False),
        ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:65536/callback", False),
        ("http://127.0.0.1:x/callback", False),
        ("http://127.0.0.2:1/callback", False),
        ("http://localhost:1/callback", False),
        ("https://127.0.0.1:1/callback", False),
        ("http://127.0.0.1:1@evil.example/callback", False),
        ("http://evil.example:1/callback", False),
        ("http://0x7f.1:1/callback", False),
        ("http://[::ffff:127.0.0.1]:1/callback", False),
        ("", False),
    ],
)  # fmt: skip
def test_where_browsers_may_come_back_to(redirect: str, may: bool) -> None:
    agreed = {"https://allot.example/v1/signed-in", "http://127.0.0.1/callback", "http://[::1]/callback"}
    assert may_come_back(redirect, agreed) is may


def test_a_port_that_is_named_is_meant() -> None:
    assert not may_come_back("http://127.0.0.1:2/callback", {"http://127.0.0.1:1/callback"})
    for elsewhere in (
        "https://allot.example{}/",
        "http://allot.example{}/",
        "https://127.0.0.1{}/",
        "http://localhost{}/",
    ):
        assert not may_come_back(elsewhere.format(":2"), {elsewhere.format("")})


def back(**members: str) -> str:
    return urlencode(members)


@pytest.mark.parametrize(
    ("query", "flaw"),
    [
        ("", Flaw.STATE),
        ("code", Flaw.STATE),
        (back(code="c"), Flaw.STATE),
        (back(code="c", state=""), Flaw.STATE),
        (back(code="c", state="x"), Flaw.STATE),
        (back(code="c", state="STATE ", iss="ISS"), Flaw.STATE),
        (back(code="c", state="STATE", iss="ISS") + "&state=STATE", Flaw.STATE),
        (back(code="c", state="STATE", iss="ISS") + "&code=d", Flaw.STATE),
        (back(code="c", state="STATE", iss="ISS") + "&error=x&error=y", Flaw.STATE),
        (back(code="", state="STATE", iss="ISS"), Flaw.STATE),
        (back(state="STATE", iss="ISS"), Flaw.STATE),
        (back(code="c", state="STATE", iss="ISS") + "&x=%ff", Flaw.STATE),
        (back(code="c" * (16 << 10), state="STATE", iss="ISS"), Flaw.STATE),
        (back(code="c", state="STATE", iss="ISS") + "&x=1" * 40, Flaw.STATE),
        (back(code="c", state="STATE", iss="https://evil.example"), Flaw.ISSUER),
        (back(code="c", state="STATE"), Flaw.ISSUER),
        (back(error="access_denied", state="STATE", iss="ISS"), Flaw.DENIED),
        (back(error="x", error_description="\x1b[31m", code="c", state="STATE", iss="ISS"), Flaw.DENIED),
    ],
    ids=range(18),
)
def test_what_a_browser_brings_back(there: FakeProvider, client: OidcProvider, query: str, flaw: Flaw) -> None:
    whole = query.replace("STATE", ATTEMPT.state).replace("ISS", urlencode({"": there.issuer})[1:])
    with pytest.raises(IdentityRefusedError) as caught:
        client.code_of(whole, ATTEMPT, NOW)
    assert caught.value.flaw is flaw
    assert "\x1b" not in str(caught.value)


def test_a_code_that_a_browser_brings_back(there: FakeProvider, client: OidcProvider) -> None:
    query = back(code="a b+c", state=ATTEMPT.state, iss=there.issuer, session_state="of a vendor")
    assert client.code_of(query, ATTEMPT, NOW) == "a b+c"
    there.document = {"authorization_response_iss_parameter_supported": None}
    with connect_provider(settings(there)) as silent:
        assert silent.code_of(back(code="c", state=ATTEMPT.state), ATTEMPT, NOW) == "c"
        wrong = back(code="c", state=ATTEMPT.state, iss="https://evil.example")
        assert refusal(lambda: silent.code_of(wrong, ATTEMPT, NOW)) is Flaw.ISSUER


def given(**members: Any) -> Callable[[Asked], Said]:
    return lambda _: Said({"access_token": "at", "token_type": "Bearer", **members})


def failing(error: str, status: int = 400, said: str = "because") -> Callable[[Asked], Said]:
    return lambda _: Said({"error": error, "error_description": said}, status)


@pytest.mark.parametrize(
    ("instead", "kind"),
    [
        (failing("invalid_grant"), IdentityRefusedError),
        (failing("access_denied", 403), IdentityRefusedError),
        (failing("interaction_required"), IdentityRefusedError),
        (failing("invalid_client", 401), AllotmentError),
        (failing("unauthorized_client"), AllotmentError),
        (failing("invalid_scope"), AllotmentError),
        (failing("\x1b[31m", said="\x1b[31m"), AllotmentError),
        (failing("temporarily_unavailable", 503), UnreachableError),
        (failing("server_error"), UnreachableError),
        (failing("slow_down"), UnreachableError),
        (failing("authorization_pending"), UnreachableError),
        (lambda _: Said({"error": ["x"]}, 400), UnreachableError),
        (lambda _: Said({"error": "x", "error_description": 5}, 400), AllotmentError),
        (lambda _: Said(b"<html>", 200), UnreachableError),
        (lambda _: Said(b"<html>", 502), UnreachableError),
        (lambda _: Said(b"", 204), UnreachableError),
        (given(), UnreachableError),
        (given(id_token=5), UnreachableError),
        (given(id_token=""), UnreachableError),
        (given(id_token="x", token_type="mac"), UnreachableError),
        (lambda _: Said(b'{"id_token": "a", "id_token": "b"}'), UnreachableError),
        (given(id_token="x"), IdentityRefusedError),
    ],
    ids=range(22),
)
def test_what_the_token_endpoint_answers(
    there: FakeProvider, client: OidcProvider, instead: Callable[[Asked], Said], kind: type[AllotmentError]
) -> None:
    there.instead["/token"] = instead
    identity = client.verify(there.id_token(), NOW)
    for ask in (lambda: client.redeem("code", ATTEMPT, NOW), lambda: client.refresh("refresh", identity, NOW)):
        before = there.times_asked("/token")
        with pytest.raises(AllotmentError) as caught:
            ask()
        assert isinstance(caught.value, kind)
        assert isinstance(caught.value, NotSignedInError) is (kind is IdentityRefusedError)
        assert "\x1b" not in str(caught.value)
        assert there.times_asked("/token") == before + 1


def test_a_code_is_not_shown_twice_where_the_connection_ends(there: FakeProvider) -> None:
    seen: list[str] = []

    def ends(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        if request.method == "GET":
            return httpx.Response(200, content=iter([json.dumps(there._document()).encode()]))
        raise httpx.RemoteProtocolError("closed", request=request)

    with connect_provider(settings(there), httpx.MockTransport(ends)) as client, pytest.raises(UnreachableError):
        client.redeem("code", ATTEMPT, NOW)
    assert seen.count("/token") == 1


@pytest.mark.parametrize(
    ("members", "flaw"),
    [
        ({"nonce": ATTEMPT.nonce}, None),
        ({"nonce": "another"}, Flaw.NONCE),
        ({"nonce": None}, Flaw.NONCE),
        ({"nonce": ATTEMPT.nonce, "at_hash": "AAAA"}, Flaw.BINDING),
        ({"nonce": ATTEMPT.nonce, "at_hash": 5}, Flaw.BINDING),
        ({"nonce": ATTEMPT.nonce, "at_hash": ""}, Flaw.BINDING),
        ({"nonce": ATTEMPT.nonce, "c_hash": "AAAA"}, Flaw.BINDING),
        # SHA-256 of `at` and of `code`, the left half of each.
        ({"nonce": ATTEMPT.nonce, "at_hash": "AT", "c_hash": "CODE"}, None),
        ({"nonce": ATTEMPT.nonce, "at_hash": "CODE"}, Flaw.BINDING),
    ],
    ids=range(9),
)
def test_a_token_belongs_to_what_came_with_it(
    there: FakeProvider, client: OidcProvider, members: dict[str, Any], flaw: Flaw | None
) -> None:
    halves = {"AT": half("at"), "CODE": half("code")}
    token = there.id_token(
        **{name: halves.get(value, value) if isinstance(value, str) else value for name, value in members.items()}
    )
    there.instead["/token"] = given(id_token=token, refresh_token="r")
    if flaw is None:
        assert client.redeem("code", ATTEMPT, NOW).refresh_token == "r"
    else:
        assert refusal(lambda: client.redeem("code", ATTEMPT, NOW)) is flaw


def half(text: str, digest: str = "sha256") -> str:
    whole = hashlib.new(digest, text.encode()).digest()
    return segment(whole[: len(whole) // 2])


def test_a_digest_goes_by_how_the_token_is_signed(there: FakeProvider, client: OidcProvider) -> None:
    there.key = okp_key("ed")
    for digest, flaw in (("sha512", None), ("sha256", Flaw.BINDING)):
        there.instead["/token"] = given(id_token=there.id_token(nonce=ATTEMPT.nonce, at_hash=half("at", digest)))
        if flaw is None:
            assert client.redeem("code", ATTEMPT, NOW).identity.subject == "ada"
        else:
            assert refusal(lambda: client.redeem("code", ATTEMPT, NOW)) is flaw


def test_an_access_token_is_no_sign_in(there: FakeProvider, client: OidcProvider) -> None:
    token = signed(there.id_claims(aud=AUDIENCE, nonce=ATTEMPT.nonce), there.key, {"typ": "at+jwt"})
    identity = client.verify(token, NOW)
    there.instead["/token"] = given(id_token=token)
    assert refusal(lambda: client.redeem("code", ATTEMPT, NOW)) is Flaw.PURPOSE
    assert refusal(lambda: client.refresh("refresh", identity, NOW)) is Flaw.PURPOSE


def test_a_refresh_token_stays_where_no_other_comes(there: FakeProvider, client: OidcProvider) -> None:
    identity = client.verify(there.id_token(), NOW)
    there.instead["/token"] = given(id_token=there.id_token(groups=["left-one"]))
    found = client.refresh("the-old", identity, NOW)
    assert (found.refresh_token, found.identity.groups) == ("the-old", ("left-one",))
    there.instead["/token"] = given(id_token=there.id_token("eve"))
    assert refusal(lambda: client.refresh("the-old", identity, NOW)) is Flaw.SUBJECT


def test_what_opens_doors_is_never_shown(there: FakeProvider, client: OidcProvider) -> None:
    there.instead["/token"] = given(id_token=there.id_token(nonce=ATTEMPT.nonce), refresh_token="the-refresh-token")
    found = client.redeem("code", ATTEMPT, NOW)
    prompt = client.device_start(VERIFIER, NOW)
    for secret in (found.token, "the-refresh-token", prompt.device_code, VERIFIER):
        assert secret not in repr(found) + repr(prompt)


# The client shows itself.


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(f"{SECRET}\n")
    return file


@pytest.mark.parametrize("methods", [None, ["client_secret_basic", "client_secret_post"], ["client_secret_post"]])
def test_a_client_shows_its_secret(there: FakeProvider, secret_file: Path, methods: list[str] | None) -> None:
    there.document = {"token_endpoint_auth_methods_supported": methods}
    with connect_provider(replace(settings(there, CONFIDENTIAL), secret_file=secret_file)) as client:
        address = sent_to(f"{client.authorization_url(ATTEMPT, NOW)}&login=ada")
        code = client.code_of(address.partition("?")[2], ATTEMPT, NOW)
        assert client.redeem(code, ATTEMPT, NOW).identity.subject == "ada"
        assert isinstance(client.device_start(VERIFIER, NOW), DevicePrompt)
    shown = [each for each in there.asked if each.path in {"/token", "/device"}]
    posted = methods == ["client_secret_post"]
    assert all(("client_secret" in each.form) is posted for each in shown)
    assert all(("Authorization" in each.headers) is not posted for each in shown)
    assert not any(SECRET in each.path or "client_secret" in each.query for each in there.asked)


def test_a_public_client_shows_its_name(there: FakeProvider, client: OidcProvider) -> None:
    client.device_start(VERIFIER, NOW)
    (shown,) = (each for each in there.asked if each.path == "/device")
    assert (shown.form["client_id"], "Authorization" in shown.headers) == (CLIENT, False)


def test_a_secret_that_was_replaced_is_read_anew(there: FakeProvider, secret_file: Path) -> None:
    secret_file.write_text("old")
    with connect_provider(replace(settings(there, CONFIDENTIAL), secret_file=secret_file)) as client:
        with pytest.raises(AllotmentError) as caught:
            client.device_start(VERIFIER, NOW)
        assert "old" not in str(caught.value)
        secret_file.write_text(SECRET)
        assert client.device_start(VERIFIER, NOW).address


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0, "cannot be read"), ("", 0o600, "empty"), ("\n", 0o600, "empty"), ("a\nb", 0o600, "several lines"),
        ("x" * 5000, 0o600, "too long"), ("é", 0o600, "ASCII"), (SECRET, 0o644, "open to everybody"),
        (SECRET, 0o602, "open to everybody"),
    ],
    ids=range(8),
)  # fmt: skip
def test_a_file_that_holds_no_secret(
    there: FakeProvider, tmp_path: Path, content: str | None, mode: int, says: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
        file.chmod(mode)
    with connect_provider(replace(settings(there, CONFIDENTIAL), secret_file=file)) as client:
        with pytest.raises(InputError) as caught:
            client.device_start(VERIFIER, NOW)
        assert says in str(caught.value)
        assert SECRET not in str(caught.value)
    assert there.times_asked("/device") == 0


# On another device.


def device(**members: Any) -> Callable[[Asked], Said]:
    whole = {"device_code": "d", "user_code": "ABCD-EFGH", "verification_uri": "https://login.example/d", **members}
    return lambda _: Said({name: value for name, value in whole.items() if value is not None})


@pytest.mark.parametrize(
    ("members", "interval", "lasts"),
    [
        ({}, 5, 600), ({"interval": 1, "expires_in": 60}, 1, 60), ({"interval": 0}, 1, 600), ({"interval": -1}, 5, 600),
        ({"interval": "2"}, 5, 600), ({"interval": 10**9}, 5, 600), ({"interval": 3000}, 120, 600),
        ({"expires_in": 86_400}, 5, 3600), ({"expires_in": True}, 5, 600), ({"interval": 2.5}, 2, 600),
    ],
    ids=range(10),
)  # fmt: skip
def test_how_long_is_waited(
    there: FakeProvider, client: OidcProvider, members: dict[str, Any], interval: int, lasts: int
) -> None:
    there.instead["/device"] = device(**members)
    found = client.device_start(VERIFIER, NOW)
    assert (found.interval, found.expires, found.whole_address) == (interval, NOW + 1000 * lasts, "")


@pytest.mark.parametrize(
    "members",
    [
        {"verification_uri": None}, {"verification_uri": "javascript:alert(1)"}, {"verification_uri": 5},
        {"verification_uri": "http://login.example/d"}, {"verification_uri": "https://login.example/\x1b[31m"},
        {"verification_uri_complete": "javascript:alert(1)"}, {"verification_uri_complete": ["x"]},
        {"user_code": None}, {"user_code": ""}, {"user_code": "a\nb"}, {"user_code": "\x1b[2J"}, {"user_code": "ä"},
        {"user_code": "x" * 65}, {"device_code": None}, {"device_code": ""}, {"device_code": 5},
    ],
    ids=range(16),
)  # fmt: skip
def test_what_nobody_is_asked_to_type_or_open(
    there: FakeProvider, client: OidcProvider, members: dict[str, Any]
) -> None:
    there.instead["/device"] = device(**members)
    with pytest.raises(UnreachableError) as caught:
        client.device_start(VERIFIER, NOW)
    assert "\x1b" not in str(caught.value)


def polled(client: OidcProvider, interval: int = 5) -> SignedIn | DevicePrompt:
    return client.device_poll(DevicePrompt("https://x", "A", "", "d", VERIFIER, interval, NOW + 1000), NOW)


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [("authorization_pending", 5, 5), ("slow_down", 5, 10), ("slow_down", 118, 120), ("slow_down", 120, 120)],
)
def test_who_asks_too_often_asks_less(
    there: FakeProvider, client: OidcProvider, error: str, before: int, after: int
) -> None:
    there.instead["/token"] = failing(error)
    found = polled(client, before)
    assert isinstance(found, DevicePrompt)
    assert found.interval == after


def test_a_provider_that_is_slow_is_asked_less(
    there: FakeProvider, client: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.verify(there.id_token(), NOW)
    ends = threading.Event()

    def waits(_: Asked) -> Said:
        ends.wait(10)
        return Said({})

    there.instead["/token"] = waits
    monkeypatch.setattr(exchange, "MOST_SECONDS", 0.1)
    found = polled(client)
    assert isinstance(found, DevicePrompt)
    assert found.interval == 10
    ends.set()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", IdentityRefusedError), ("expired_token", IdentityRefusedError),
        ("invalid_grant", IdentityRefusedError), ("invalid_client", AllotmentError), ("server_error", UnreachableError),
    ],
)  # fmt: skip
def test_what_ends_a_prompt(there: FakeProvider, client: OidcProvider, error: str, kind: type[AllotmentError]) -> None:
    there.instead["/token"] = failing(error)
    with pytest.raises(AllotmentError) as caught:
        polled(client)
    assert type(caught.value) is kind


def test_basic_is_as_the_standard_has_it(there: FakeProvider, secret_file: Path) -> None:
    """RFC 6749, 2.3.1: both are encoded as in a form before they are put together."""
    with connect_provider(replace(settings(there, CONFIDENTIAL), secret_file=secret_file)) as client:
        client.device_start(VERIFIER, NOW)
    (shown,) = (each for each in there.asked if each.path == "/device")
    pair = base64.b64decode(shown.headers["Authorization"].removeprefix("Basic ")).decode()
    assert pair == "server:s3cret+with%2Bodd%25signs%26%3D"


def test_nothing_of_a_redirect_that_may_not_be_is_sent(there: FakeProvider, client: OidcProvider) -> None:
    with pytest.raises(UsageError):
        client.redeem("code", replace(ATTEMPT, redirect="https://evil.example/"), NOW)
    assert there.asked == []
