"""What a provider says of itself, where it lies, drips, floods or sends elsewhere: nothing of it is relied on."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import httpx2 as httpx
import pytest

from allotment.adapters.oidc import exchange
from allotment.adapters.oidc.client import OidcProvider, connect_provider
from allotment.adapters.oidc.remembered import AFTER_FAILURE, BETWEEN, FRESH, OLDEST
from allotment.errors import AllotmentError, InputError, NotSignedInError, UnreachableError, UsageError
from allotment.model.moments import written
from allotment.ports.identity import Flaw, IdentityRefusedError, ProviderSettings, new_attempt
from tests.unit.adapters.oidc.conftest import settings
from tests.unit.adapters.oidc.contract import refusal
from tests.unit.adapters.oidc.provider import (
    NOW,
    REDIRECT,
    Asked,
    FakeProvider,
    Said,
    ec_key,
    okp_key,
    published,
    rsa_key,
    running,
    signed,
)

DOCUMENT = "/.well-known/openid-configuration"


def fails(ask: Callable[[], object], kind: type[AllotmentError] = AllotmentError) -> str:
    """What is said; never that somebody is not signed in, as he can do nothing about it."""
    with pytest.raises(kind) as caught:
        ask()
    assert not isinstance(caught.value, NotSignedInError)
    return str(caught.value)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"issuer": None}, "calls itself"),
        ({"issuer": ["x"]}, "calls itself"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"authorization_endpoint": None}, "authorization_endpoint"),
        ({"jwks_uri": "http://login.example/jwks"}, "without TLS"),
        ({"token_endpoint": "http://login.example/token"}, "without TLS"),
        ({"authorization_endpoint": "http://login.example/a"}, "without TLS"),
        ({"device_authorization_endpoint": "http://login.example/d"}, "without TLS"),
        ({"jwks_uri": "file:///etc/passwd"}, "no address"),
        ({"jwks_uri": "https://user:pw@login.example/"}, "no address"),
        ({"jwks_uri": "https://login.example/\r\nX: y"}, "no address"),
        ({"jwks_uri": "https://login.example\\@evil.example/"}, "no address"),
        ({"jwks_uri": "https://login.example/#x"}, "no address"),
        ({"jwks_uri": "https:///jwks"}, "no address"),
        ({"jwks_uri": "https://login.example:99999/"}, "no address"),
        ({"jwks_uri": "javascript:alert(1)"}, "no address"),
        ({"jwks_uri": "/jwks"}, "no address"),
        ({"jwks_uri": {"a": 1}}, "no address"),
        ({"jwks_uri": "https://login.example/" + "x" * 3000}, "no address"),
        ({"id_token_signing_alg_values_supported": ["HS256", "none"]}, "signs with none"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"response_types_supported": ["id_token token"]}, "codes"),
    ],
    ids=range(24),
)
def test_a_document_that_cannot_be_relied_on(
    there: FakeProvider, client: OidcProvider, members: dict[str, Any], says: str
) -> None:
    there.document = members
    assert says in fails(lambda: client.verify(there.id_token(), NOW))
    assert {each.path for each in there.asked} == {DOCUMENT}


def test_what_a_document_does_not_mention_is_tried(there: FakeProvider, client: OidcProvider) -> None:
    lists = ("id_token_signing_alg_values_supported", "code_challenge_methods_supported", "response_types_supported")
    there.document = dict.fromkeys((*lists, "device_authorization_endpoint"))
    assert client.verify(there.id_token(), NOW).subject == "ada"
    with pytest.raises(UsageError, match="another device"):
        client.device_start("v" * 43, NOW)


def text(body: str, status: int = 200, **headers: str) -> Callable[[Asked], Said]:
    return lambda _: Said(body.encode(), status, headers)


@pytest.mark.parametrize("path", [DOCUMENT, "/jwks"])
@pytest.mark.parametrize(
    "instead",
    [
        text("<html>sign in</html>"), text("[]"), text("{"), text('"x"'), text(""), text("[" * 100_000),
        text('{"keys": [], "keys": []}'), text('{"x": NaN}'), text("{}", 404), text("{}", 503), text("no", 500),
        text('{"error": "access_denied"}', 403), text('{"error": "slow_down"}', 400), text("x" * (1 << 20) + "x"),
        lambda _: Said(b'{"keys": ["\xff"]}'),
        lambda _: Said(gzip.compress(b" " * (1 << 22)), headers={"Content-Encoding": "gzip"}),
    ],
    ids=range(16),
)  # fmt: skip
def test_what_is_no_document(
    there: FakeProvider, client: OidcProvider, path: str, instead: Callable[[Asked], Said]
) -> None:
    there.instead[path] = instead
    fails(lambda: client.verify(there.id_token(), NOW))


@pytest.mark.parametrize("path", [DOCUMENT, "/jwks"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_it_is_followed_nowhere(there: FakeProvider, client: OidcProvider, path: str, status: int) -> None:
    with running(FakeProvider()) as evil:
        there.instead[path] = lambda _: Said(status=status, headers={"Location": f"{evil.issuer}{path}"})
        assert "sends elsewhere" in fails(lambda: client.verify(there.id_token(), NOW))
        assert evil.asked == []


def test_a_code_is_shown_nowhere_else(there: FakeProvider, client: OidcProvider) -> None:
    attempt = new_attempt(REDIRECT, lambda count: b"x" * count)
    with running(FakeProvider()) as evil:
        there.instead["/token"] = lambda _: Said(status=307, headers={"Location": f"{evil.issuer}/token"})
        assert "sends elsewhere" in fails(lambda: client.redeem("code", attempt, NOW))
        assert evil.asked == []


def test_a_provider_that_never_ends_is_left(
    there: FakeProvider, client: OidcProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = threading.Event()

    def waits(_: Asked) -> Said:
        ends.wait(10)
        return Said({})

    there.instead[DOCUMENT] = waits
    monkeypatch.setattr(exchange, "MOST_SECONDS", 0.1)
    assert "within 0.1 s" in fails(lambda: client.verify(there.id_token(), NOW), UnreachableError)
    ends.set()


def test_a_provider_that_is_not_there_is_told() -> None:
    with connect_provider(ProviderSettings("https://login.example", "c"), httpx.MockTransport(_refuse)) as client:
        assert "does not answer" in fails(lambda: client.code_of("a=b", _ATTEMPT, NOW), UnreachableError)


_ATTEMPT = new_attempt(REDIRECT, lambda count: b"x" * count)


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


@pytest.mark.parametrize(
    ("jwks", "says"),
    [
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]}, "secret"),
        ({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}]}, "secret"),
        ({"keys": []}, "none of its keys"),
        ({"keys": {}}, "no list"),
        ({"keys": [{}] * 101}, "no list"),
        ({}, "no list"),
        ({"keys": ["x", 1, None, [], {}]}, "none of its keys"),
        ({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}, "none of its keys"),
        ({"keys": [{"kty": "RSA", "n": 5, "e": []}]}, "none of its keys"),
        ({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}, "none of its keys"),
        ({"keys": [{"kty": "EC", "crv": ["P-256"], "x": "AA", "y": "AA"}]}, "none of its keys"),
        ({"keys": [{"kty": "OKP", "crv": "X25519", "x": "AA"}]}, "none of its keys"),
        ({"keys": [{"kty": ["RSA"], "n": "AQAB", "e": "AQAB"}]}, "none of its keys"),
    ],
    ids=range(13),
)
def test_keys_that_nobody_relies_on(there: FakeProvider, client: OidcProvider, jwks: dict[str, Any], says: str) -> None:
    there.jwks = jwks
    assert says in fails(lambda: client.verify(there.id_token(), NOW))


def test_a_provider_that_publishes_what_it_signs_with_is_believed_nothing(
    there: FakeProvider, client: OidcProvider
) -> None:
    there.jwks = {"keys": [*published(there.key)["keys"], rsa_key("x").as_dict(private=True)]}
    assert "secret" in fails(lambda: client.verify(there.id_token(), NOW))


@pytest.mark.parametrize(
    "members",
    [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"alg": "RS512"}, {"alg": "HS256"}, {"alg": 1},
     {"alg": "PS256"}, {"kid": 5}],
)  # fmt: skip
def test_a_key_for_something_else_signs_no_token(
    there: FakeProvider, client: OidcProvider, members: dict[str, Any]
) -> None:
    there.jwks = {"keys": [*published(there.key, **members)["keys"], *published(ec_key("other"))["keys"]]}
    assert refusal(lambda: client.verify(there.id_token(), NOW)) is Flaw.KEY
    assert client.verify(signed(there.id_claims(), ec_key("other")), NOW).subject == "ada"


def test_a_weak_key_signs_no_token(there: FakeProvider, client: OidcProvider) -> None:
    with pytest.warns(match="2048"):
        weak = rsa_key("weak", 1024)
    there.jwks = published(weak, there.key)
    assert refusal(lambda: client.verify(signed(there.id_claims(), weak), NOW)) is Flaw.KEY
    assert client.verify(there.id_token(), NOW).subject == "ada"


def test_two_keys_of_one_name_are_told_apart_by_their_kind_or_not_at_all(
    there: FakeProvider, client: OidcProvider
) -> None:
    there.jwks = published(there.key, okp_key("first"))
    assert client.verify(there.id_token(), NOW).subject == "ada"
    assert client.verify(signed(there.id_claims(), okp_key("first")), NOW).subject == "ada"
    there.jwks = {"keys": [*published(there.key)["keys"], *published(rsa_key("evil"), kid="first")["keys"]]}
    with connect_provider(settings(there)) as anew:
        assert refusal(lambda: anew.verify(there.id_token(), NOW)) is Flaw.KEY


def test_a_token_that_names_no_key_is_taken_where_it_can_be_of_one_alone(
    there: FakeProvider, client: OidcProvider
) -> None:
    token = signed(there.id_claims(), there.key, {"kid": None})
    assert client.verify(token, NOW).subject == "ada"
    there.jwks = published(there.key, rsa_key("second"))
    with connect_provider(settings(there)) as anew:
        assert refusal(lambda: anew.verify(token, NOW)) is Flaw.KEY


def test_a_new_key_is_learnt_and_a_flood_of_unknown_ones_asks_once_in_ten_seconds(
    there: FakeProvider, client: OidcProvider
) -> None:
    client.verify(there.id_token(), NOW)
    there.key = rsa_key("second")
    for number in range(50):
        unknown = signed(there.id_claims(), rsa_key("evil"), {"kid": f"unknown-{number}"})
        assert refusal(partial(client.verify, unknown, NOW + number)) is Flaw.KEY
    assert there.times_asked("/jwks") == 1
    assert client.verify(there.id_token(), NOW + BETWEEN).subject == "ada"
    for number in range(50):
        unknown = signed(there.id_claims(), rsa_key("evil"), {"kid": f"unknown-{number}"})
        assert refusal(partial(client.verify, unknown, NOW + BETWEEN + number)) is Flaw.KEY
    assert (there.times_asked("/jwks"), there.times_asked(DOCUMENT)) == (2, 1)


def test_a_new_key_that_cannot_be_read_is_refused_with_the_age_of_the_keys_and_the_reason(there: FakeProvider) -> None:
    said: list[str] = []
    with connect_provider(settings(there), say=said.append) as client:
        client.verify(there.id_token(), NOW)
        there.key = rsa_key("second")
        there.instead = {"/jwks": text("away", 503)}
        with pytest.raises(IdentityRefusedError) as caught:
            client.verify(there.id_token(), NOW + BETWEEN)
        assert caught.value.flaw is Flaw.KEY
        assert f"(its keys were read at {written(NOW)}; reading them anew at {written(NOW + BETWEEN)} failed: " in (
            caught.value.why
        )
        assert "10 s" in caught.value.fix
        assert refusal(lambda: client.verify(there.id_token(), NOW + BETWEEN + AFTER_FAILURE)) is Flaw.KEY
        assert len(said) == 1, "the same trouble is said once"
        assert said[0].startswith(f"the keys of the provider of identities {there.issuer} could not be read: ")
        there.instead.clear()
        assert client.verify(there.id_token(), NOW + 2 * BETWEEN).subject == "ada"


def test_a_flood_from_many_threads_asks_no_more(there: FakeProvider, client: OidcProvider) -> None:
    found: list[object] = []

    def ask(number: int) -> None:
        token = signed(there.id_claims(), rsa_key("evil"), {"kid": f"unknown-{number}"})
        # Threads look at the clock in another order than they ask.
        found.append(refusal(lambda: client.verify(token, NOW - 1000 * number)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found == [Flaw.KEY] * 16
    assert there.times_asked("/jwks") == 1


def test_a_key_that_was_taken_back_counts_for_minutes_and_not_for_days(
    there: FakeProvider, client: OidcProvider
) -> None:
    old = there.id_token(exp=(NOW + 10 * OLDEST) // 1000)
    client.verify(old, NOW)
    there.key = rsa_key("second")
    assert client.verify(old, NOW + FRESH - 1).subject == "ada"
    assert refusal(lambda: client.verify(old, NOW + FRESH)) is Flaw.KEY


def test_a_provider_that_is_away_does_not_turn_everybody_away_at_once(
    there: FakeProvider, client: OidcProvider
) -> None:
    token = there.id_token(exp=(NOW + 10 * OLDEST) // 1000)
    client.verify(token, NOW)
    there.instead = {DOCUMENT: text("away", 503), "/jwks": text("away", 503)}
    assert client.verify(token, NOW + OLDEST - 1).subject == "ada"
    fails(lambda: client.verify(token, NOW + OLDEST), UnreachableError)
    there.instead.clear()
    fails(lambda: client.verify(token, NOW + OLDEST + AFTER_FAILURE - 2), UnreachableError)
    assert client.verify(token, NOW + OLDEST + AFTER_FAILURE - 1).subject == "ada"


def test_a_provider_that_gives_its_key_away_is_believed_nothing_from_then_on(
    there: FakeProvider, client: OidcProvider
) -> None:
    token = there.id_token(exp=(NOW + 10 * OLDEST) // 1000)
    client.verify(token, NOW)
    there.jwks = {"keys": [there.key.as_dict(private=True)]}
    for later in (FRESH, FRESH + 1, FRESH + AFTER_FAILURE):
        assert "secret" in fails(partial(client.verify, token, NOW + later))


def test_a_clock_that_is_set_back_lets_nothing_last(there: FakeProvider, client: OidcProvider) -> None:
    token = there.id_token(iat=(NOW - FRESH) // 1000 - 100)
    client.verify(token, NOW)
    client.verify(token, NOW - BETWEEN)
    assert there.times_asked("/jwks") == 1
    client.verify(token, NOW - FRESH)
    assert there.times_asked("/jwks") == 2


@pytest.mark.parametrize(
    "issuer",
    [
        "", "login.example", "http://login.example", "ftp://login.example", "https://", "https://login.example?x=1",
        "https://login.example#x", "https://login.example?", "https://login.example/#", "https://u:p@login.example",
        "https://login.example/a b", "https://login.example\n", "https://lögin.example", "file:///etc/passwd",
        "http://10.0.0.1", "http://169.254.169.254", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
    ],
)  # fmt: skip
def test_an_address_that_no_provider_can_have(issuer: str) -> None:
    for plain in (False, True):
        with pytest.raises(UsageError):
            connect_provider(ProviderSettings(issuer, "c", plain_on_loopback=plain))


def test_loopback_without_tls_has_to_be_allowed() -> None:
    for issuer in ("http://127.0.0.1:8080", "http://localhost:8080/realms/x", "http://[::1]:8080"):
        connect_provider(ProviderSettings(issuer, "c", plain_on_loopback=True)).close()
        with pytest.raises(UsageError):
            connect_provider(ProviderSettings(issuer, "c"))


def test_a_provider_elsewhere_leads_nobody_into_this_machine() -> None:
    document = {
        "issuer": "https://login.example", "authorization_endpoint": "https://login.example/a",
        "token_endpoint": "https://127.0.0.1:6443/api/v1/secrets", "jwks_uri": "https://login.example/k",
    }  # fmt: skip
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=iter([json.dumps(document).encode()])))
    plain = ProviderSettings("https://login.example", "c", plain_on_loopback=True)
    with connect_provider(plain, transport) as client:
        assert "of this machine" in fails(lambda: client.code_of("a=b", _ATTEMPT, NOW))


def test_a_slash_at_the_end_of_the_issuer_is_part_of_its_name(there: FakeProvider) -> None:
    """Auth0 has one: the document is found all the same, and tokens have it."""
    there.document = {"issuer": f"{there.issuer}/"}
    with connect_provider(replace(settings(there), issuer=f"{there.issuer}/")) as client:
        assert client.verify(there.id_token(iss=f"{there.issuer}/"), NOW).issuer == f"{there.issuer}/"
        assert refusal(lambda: client.verify(there.id_token(), NOW)) is Flaw.ISSUER


@pytest.mark.parametrize(
    "changed",
    [
        {"client": ""}, {"client": "a\nb"}, {"client": "ä"}, {"scopes": ("profile",)}, {"scopes": ("openid", "a b")},
        {"scopes": ("openid", "")},
    ],
)  # fmt: skip
def test_what_cannot_be_agreed(there: FakeProvider, changed: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        connect_provider(replace(settings(there), **changed))


def test_a_file_of_certificates_that_holds_none(there: FakeProvider, tmp_path: Any) -> None:
    for content in (None, "no certificate"):
        file = tmp_path / f"ca-{content}"
        if content is not None:
            file.write_text(content)
        with pytest.raises(InputError):
            connect_provider(replace(settings(there), authority=file))
