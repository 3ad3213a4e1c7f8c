from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from allotment.adapters.store.postgres import PostgresPlace
from tests.live.store.server import Server, installed, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = installed()
    if folder is None:
        pytest.skip("no PostgreSQL here, and it cannot be installed: apt-get install postgresql")
    with running(folder) as found:
        yield found


@pytest.fixture
def address(server: Server) -> str:
    return server.make(f"store_{uuid.uuid4().hex}")


@pytest.fixture
def place(address: str) -> PostgresPlace:
    return PostgresPlace(address)
