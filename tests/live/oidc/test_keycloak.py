"""Keycloak, which many organisations run: the contract of `IdentityProvider`, and its people at a server.

Nightly: it takes a minute to start and half a gigabyte.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from allotment.adapters.oidc.client import OidcProvider, connect_provider
from allotment.ports.identity import DevicePrompt, ProviderSettings
from tests.live.debian import install
from tests.live.oidc.keycloak_pages import visitor
from tests.live.oidc.test_real import REDIRECT, now
from tests.live.oidc.test_sign_in import (  # noqa: F401 (the same cases, here with another provider)
    server,
    test_a_member_has_what_is_his_team_s_and_nothing_else,
    test_who_changes_groups_is_another_from_his_next_sign_in_on,
    test_who_is_shut_out_is_cut_off_within_seconds,
)
from tests.unit.adapters.oidc.contract import Bench, ProviderContract
from tools.keycloak import RunningKeycloak, missing, up
from tools.oidc_provider import CLIENT, SCOPES, STRANGER

pytestmark = [pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKeycloak]:
    if missing():
        install("maven", "openjdk-17-jre-headless")
    if lacking := missing():
        pytest.skip(f"no {lacking} here, and it cannot be installed: apt-get install maven openjdk-17-jre-headless")
    with up(tmp_path_factory.mktemp("keycloak") / "provider") as running:
        yield running


def agreed(real: RunningKeycloak, client: str) -> ProviderSettings:
    redirects = frozenset({"http://127.0.0.1/callback"})
    return ProviderSettings(real.issuer, client, redirects=redirects, scopes=SCOPES, authority=real.authority)


@pytest.fixture(scope="module")
def client(real: RunningKeycloak) -> Iterator[OidcProvider]:
    with connect_provider(agreed(real, CLIENT)) as found:
        yield found


@pytest.fixture
def bench(real: RunningKeycloak, client: OidcProvider) -> Iterator[Bench]:
    def browse(url: str, login: str | None) -> str:
        return visitor(real, login).browse(url, REDIRECT)

    def on_device(prompt: DevicePrompt, login: str | None) -> None:
        visitor(real, login).type_code(prompt)
        # Whoever asks again before that is told to ask more slowly.
        time.sleep(prompt.interval)

    with connect_provider(agreed(real, STRANGER)) as stranger:
        yield Bench(client, stranger, REDIRECT, now, browse, on_device, real.dismiss)


class TestKeycloak(ProviderContract):
    pass
