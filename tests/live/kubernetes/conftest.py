"""A driver over the shared training cluster, and over one with every kind of work and its real controller.

Fixtures:
    driver: over `training`, whose kinds are Kubernetes' own; volumes stand behind the team's claims.
    sets_driver: over a sandbox of its own with JobSet, LeaderWorkerSet, RayJob and TrainJob.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.cluster import WORKLOAD_FEATURES
from allotment.model.manifest import key_of
from tests.live.conftest import told_to, unique_name
from tests.live.kubernetes.driving import NAMESPACE, Driver, bind_claims, until
from tests.live.training import Training, training_on


@pytest.fixture(scope="module")
def driver(training: Training) -> Iterator[Driver]:
    yield from _driver(training)


@pytest.fixture(scope="package")
def sets(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Training]:
    name = unique_name()
    try:
        with training_on(
            lambda spec: sandbox_store.up(spec, progress=told_to(request)),
            name,
            mutating=True,
            further=WORKLOAD_FEATURES,
        ) as live:
            until(lambda: _counted(live), lambda: list(live.kube.list("v1", "ResourceQuota", namespace=NAMESPACE)), 180)
            yield live
    finally:
        sandbox_store.down(name)


def _counted(live: Training) -> bool:
    """Whether the namespace's quota counts all that it limits: kinds that just arrived only after a minute or two."""
    quotas = live.kube.list("v1", "ResourceQuota", namespace=NAMESPACE)
    return all(each["spec"]["hard"].keys() <= each.get("status", {}).get("used", {}).keys() for each in quotas)


@pytest.fixture(scope="module")
def sets_driver(sets: Training) -> Iterator[Driver]:
    yield from _driver(sets)


def _driver(live: Training) -> Iterator[Driver]:
    bind_claims(live.kube)
    found = Driver(live)
    yield found
    for job_id in found.seen:
        found.stop(job_id)
    for job_id in found.seen:
        for body in live.kube.list("batch/v1", "Job", namespace=NAMESPACE, labels=f"allotment.dev/job={job_id}"):
            live.kube.delete("batch/v1", key_of(body))
