"""The real provider of a session.

Fixtures:
    real: oidc-provider over TLS, on a port of its own. Skipped where there is no Node.js.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.oidc_provider import RunningProvider, missing, up


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProvider]:
    if lacking := missing():
        pytest.skip(f"no {lacking}")
    with up(tmp_path_factory.mktemp("oidc") / "provider") as running:
        yield running
