"""What holds for every unit test."""

from __future__ import annotations

from typing import NoReturn

import pytest

from allotment.adapters.server.process import ServerProcess


@pytest.fixture(autouse=True, scope="session")
def _no_server() -> None:
    """Nothing that a unit test types starts a server: it would outlive the test."""

    def refuse(_self: ServerProcess, words: object) -> NoReturn:
        raise AssertionError(f"a unit test starts a server: {words}")

    ServerProcess.spawn = refuse  # type: ignore[method-assign]
