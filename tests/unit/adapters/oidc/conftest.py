"""A provider in this process, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allotment.adapters.oidc.client import OidcProvider, connect_provider
from allotment.ports.identity import ProviderSettings
from tests.unit.adapters.oidc.provider import AUDIENCE, CLIENT, REDIRECT, FakeProvider, running


def settings(provider: FakeProvider, client: str = CLIENT) -> ProviderSettings:
    return ProviderSettings(
        provider.issuer, client, redirects=frozenset({REDIRECT}), audience=AUDIENCE, plain_on_loopback=True
    )


@pytest.fixture
def there() -> Iterator[FakeProvider]:
    with running(FakeProvider()) as provider:
        yield provider


@pytest.fixture
def client(there: FakeProvider) -> Iterator[OidcProvider]:
    with connect_provider(settings(there)) as found:
        yield found
