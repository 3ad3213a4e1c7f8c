"""A cluster with every kind that makes pods by way of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.cluster import Feature
from tests.live.conftest import told_to, unique_name
from tests.live.training import Training, training_on


@pytest.fixture(scope="package")
def sets(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Training]:
    name, further = unique_name(), (Feature.JOBSET, Feature.LEADERWORKERSET, Feature.RAYJOB, Feature.TRAINJOB)
    try:
        with training_on(
            lambda spec: sandbox_store.up(spec, progress=told_to(request)), name, mutating=True, further=further
        ) as live:
            yield live
    finally:
        sandbox_store.down(name)
