"""A sandbox without nodes, for tests that make a whole platform and take it all away again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.ports.sandboxes import Sandbox, SandboxSpec
from tests.live.answers.api import Api
from tests.live.conftest import told_to, unique_name


@pytest.fixture(scope="session")
def bare(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Shared by the files that one process runs: each leaves it empty."""
    name = unique_name()
    try:
        yield sandbox_store.up(SandboxSpec(name), progress=told_to(request))
    finally:
        sandbox_store.down(name)


@pytest.fixture
def on(bare: Sandbox) -> Iterator[Api]:
    """Its API server, with nothing in it before and after."""
    with Api(bare.kubeconfig) as api:
        api.clear()
        yield api
        api.clear()
