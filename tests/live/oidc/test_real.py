"""The contract of `IdentityProvider` on a real provider, over TLS; and what only a real one can show."""

from __future__ import annotations

import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote_plus

import httpx2 as httpx
import pytest

from allotment.adapters.oidc.client import OidcProvider, connect_provider
from allotment.adapters.oidc.loopback import LoopbackListener
from allotment.errors import AllotmentError, UnreachableError
from allotment.ports.identity import DevicePrompt, Flaw, ProviderSettings, SignedIn, new_attempt, secret_word
from tests.live.oidc.browser import Person
from tests.unit.adapters.oidc.contract import Bench, ProviderContract, refusal
from tools.oidc_provider import (
    AUDIENCE,
    CLIENT,
    GROUPS,
    SCOPES,
    SECRET,
    SERVER,
    SERVER_REDIRECT,
    STRANGER,
    RunningProvider,
)

pytestmark = pytest.mark.live

REDIRECT = "http://127.0.0.1:41234/callback"


def now() -> int:
    return time.time_ns() // 1_000_000


def agreed(real: RunningProvider, client: str = CLIENT) -> ProviderSettings:
    return ProviderSettings(
        real.issuer, client, redirects=frozenset({"http://127.0.0.1/callback", SERVER_REDIRECT}), scopes=SCOPES,
        audience=AUDIENCE, authority=real.authority,
    )  # fmt: skip


@pytest.fixture(scope="module")
def client(real: RunningProvider) -> Iterator[OidcProvider]:
    with connect_provider(agreed(real)) as found:
        yield found


@pytest.fixture
def bench(real: RunningProvider, client: OidcProvider) -> Iterator[Bench]:
    def browse(url: str, login: str | None) -> str:
        return Person(real.authority, login).browse(url, REDIRECT)

    def on_device(prompt: DevicePrompt, login: str | None) -> None:
        Person(real.authority, login).type_code(prompt)

    with connect_provider(agreed(real, STRANGER)) as stranger:
        yield Bench(client, stranger, REDIRECT, now, browse, on_device, real.dismiss)


class TestReal(ProviderContract):
    pass


@pytest.fixture
def server(real: RunningProvider, tmp_path: Path) -> Iterator[OidcProvider]:
    """The same provider as a client with a secret sees it."""
    file = tmp_path / "secret"
    file.touch(0o600)
    file.write_text(SECRET)
    with connect_provider(replace(agreed(real, SERVER), secret_file=file)) as found:
        yield found


def test_a_client_with_a_secret_signs_people_in(real: RunningProvider, server: OidcProvider) -> None:
    attempt = new_attempt(SERVER_REDIRECT, secrets.token_bytes)
    query = Person(real.authority, "ada").browse(server.authorization_url(attempt, now()), SERVER_REDIRECT)
    found = server.redeem(server.code_of(query, attempt, now()), attempt, now())
    assert (found.identity.subject, found.identity.groups) == ("ada", GROUPS)


def test_a_client_with_another_secret_is_told_so(real: RunningProvider, tmp_path: Path) -> None:
    file = tmp_path / "wrong"
    file.touch(0o600)
    file.write_text("wrong")
    attempt = new_attempt(SERVER_REDIRECT, secrets.token_bytes)
    told = pytest.raises(AllotmentError, match="does not know this client")
    with connect_provider(replace(agreed(real, SERVER), secret_file=file)) as wrong, told:
        wrong.redeem("code", attempt, now())


def test_a_command_signs_in_by_a_browser_that_comes_back_to_it(real: RunningProvider, client: OidcProvider) -> None:
    """From end to end: the listener, the provider's own forms, and what the browser finds afterwards."""
    with LoopbackListener() as listener:
        attempt = new_attempt(listener.redirect, secrets.token_bytes)
        address = client.authorization_url(attempt, now())
        seen: list[int] = []

        def browse() -> None:
            query = Person(real.authority, "grace").browse(address, listener.redirect)
            seen.append(httpx.get(f"{listener.redirect}?{query}", trust_env=False).status_code)

        person = threading.Thread(target=browse)
        person.start()
        query = listener.wait(attempt.state, 30)
        person.join(10)
    found = client.redeem(client.code_of(query, attempt, now()), attempt, now())
    assert (found.identity.subject, seen) == ("grace", [200])


def test_an_access_token_of_a_program_is_taken_for_our_interface_alone(
    real: RunningProvider, client: OidcProvider
) -> None:
    trusted = ssl.create_default_context(cafile=str(real.authority))
    form = {"grant_type": "client_credentials", "resource": AUDIENCE, "scope": "api"}
    with httpx.Client(verify=trusted, trust_env=False) as http:
        answer = http.post(f"{real.issuer}/token", data=form, auth=(SERVER, quote_plus(SECRET)))
    token = answer.json()["access_token"]
    found = client.verify(token, now())
    assert (found.subject, found.groups) == (SERVER, ())
    with connect_provider(replace(agreed(real), audience="https://elsewhere.example")) as elsewhere:
        assert refusal(lambda: elsewhere.verify(token, now())) is Flaw.AUDIENCE
    with connect_provider(replace(agreed(real), audience="")) as none:
        assert refusal(lambda: none.verify(token, now())) is Flaw.PURPOSE


def test_a_provider_whose_certificate_nobody_vouches_for_is_not_believed(real: RunningProvider) -> None:
    with connect_provider(replace(agreed(real), authority=None)) as wary, pytest.raises(UnreachableError):
        wary.device_start(secret_word(secrets.token_bytes), now())


def test_a_refresh_token_counts_once_where_another_comes(bench: Bench) -> None:
    """A thief who uses it second ends the whole sign-in; one who uses it first is found out by the second use."""
    first = bench.signed_in("mallory")
    second = bench.provider.refresh(first.refresh_token, first.identity, now())
    assert isinstance(second, SignedIn)
    if second.refresh_token == first.refresh_token:
        pytest.fail("the provider of these tests rotates refresh tokens of public clients")
    assert refusal(lambda: bench.provider.refresh(first.refresh_token, first.identity, now())) is Flaw.DENIED
    assert refusal(lambda: bench.provider.refresh(second.refresh_token, second.identity, now())) is Flaw.DENIED
