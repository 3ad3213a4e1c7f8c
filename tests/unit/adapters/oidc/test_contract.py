"""The fake provider keeps the contract; a real one does in tests/live/oidc."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from allotment.adapters.oidc.client import OidcProvider, connect_provider
from allotment.ports.identity import DevicePrompt
from tests.unit.adapters.oidc.conftest import settings
from tests.unit.adapters.oidc.contract import Bench, ProviderContract
from tests.unit.adapters.oidc.provider import NOW, OTHER_CLIENT, REDIRECT, FakeProvider, sent_to


@pytest.fixture
def bench(there: FakeProvider, client: OidcProvider) -> Iterator[Bench]:
    def browse(url: str, login: str | None) -> str:
        address = sent_to(f"{url}&{urlencode({'login': login or ''})}")
        assert address.startswith(f"{REDIRECT}?")
        return address.partition("?")[2]

    def on_device(prompt: DevicePrompt, login: str | None) -> None:
        there.approve(prompt.user_code, login)

    with connect_provider(settings(there, OTHER_CLIENT)) as stranger:
        yield Bench(client, stranger, REDIRECT, lambda: NOW, browse, on_device, there.gone.add)


class TestFake(ProviderContract):
    pass
