"""A sandbox of its own for plan and apply, because their platforms own cluster-wide policies."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from lightkube.config.client_adapter import verify_cluster
from lightkube.config.models import User

from allotment.adapters.clock import SystemClock
from allotment.adapters.kube import kubeconfig
from allotment.adapters.kube.client import KubeClient, connect, http_client
from allotment.adapters.kube.transport import Patience
from allotment.adapters.sandbox.store import SandboxStore
from allotment.model import labels
from allotment.model.manifest import Manifests, ObjectKey, key_of
from allotment.operations.change.apply import ApplyReport, ApplySettings, apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.plan.adoption.record import is_adopted
from allotment.plan.changes import Plan
from allotment.ports.sandboxes import FakeNode, Sandbox, SandboxSpec
from tests.live.conftest import told_to, unique_name

TODAY = dt.date(2026, 11, 22)
PLATFORMS = ("acme", "minimal")


class Wire(httpx.BaseTransport):
    """Stands between the client and the server: counts, records, and injects trouble."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.requests: list[tuple[str, str, bool]] = []
        self.trouble: Callable[[httpx.Request], httpx.Response | None] = lambda request: None
        self.after: Callable[[httpx.Request], None] = lambda request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        dry_run = "dryRun" in request.url.params
        self.requests.append((request.method, request.url.path, dry_run))
        answer = self.trouble(request)
        if answer is None:
            answer = self._inner.handle_request(request)
            self.after(request)
        return answer

    def close(self) -> None:
        self._inner.close()

    def calm(self) -> None:
        self.requests.clear()
        self.trouble = lambda request: None
        self.after = lambda request: None

    @property
    def dry_runs(self) -> list[str]:
        return [path for method, path, dry_run in self.requests if method == "PATCH" and dry_run]

    @property
    def deletions(self) -> list[str]:
        return [path for method, path, _ in self.requests if method == "DELETE"]


class Cluster:
    """The sandbox, seen by plan and apply."""

    def __init__(self, kube: KubeClient, wire: Wire, config: Path) -> None:
        self.kube = kube
        self.wire = wire
        self.config = config

    def plan(self, desired: Manifests, *, platform: str = "acme", force: bool = False) -> Plan:
        return make_plan(desired, self.kube, PlanSettings(platform, TODAY, force=force))

    def apply(self, desired: Manifests, *, platform: str = "acme", force: bool = False) -> ApplyReport:
        return self.carry_out(self.plan(desired, platform=platform, force=force))

    def carry_out(self, plan: Plan) -> ApplyReport:
        return apply_plan(plan, self.kube, SystemClock(), ApplySettings(drain_limit=dt.timedelta(seconds=90)))

    def settle(self, desired: Manifests, *, platform: str = "acme") -> None:
        report = self.apply(desired, platform=platform)
        assert report.complete, [(str(one.change.key), one.status, one.message) for one in report.remaining]

    def body(self, key: ObjectKey, api_version: str = "v1") -> dict[str, Any]:
        found = self.kube.get(api_version, key)
        assert found is not None, key
        return dict(found)

    def take_off(self, platform: str = "acme") -> None:
        """Delete all that a platform has, namespaces too that were taken over and would go back."""
        for body in self.kube.list("v1", "Namespace", labels=f"{labels.PLATFORM}={platform}"):
            if is_adopted(body):
                no_record = {"metadata": {"annotations": {labels.ADOPTED: None}}}
                self.kube.merge_patch("v1", key_of(body), no_record)
        self.settle(Manifests("sandbox", ()), platform=platform)

    def clean(self) -> None:
        """Take every platform off, and wait until its namespaces are gone."""
        for platform in PLATFORMS:
            self.take_off(platform)
            deadline = time.monotonic() + 120
            while list(self.kube.list("v1", "Namespace", labels=f"allotment.dev/platform={platform}")):
                assert time.monotonic() < deadline, "namespaces do not go away"
                time.sleep(0.3)
        self.wire.calm()


@pytest.fixture(scope="package")
def apply_sandbox(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    name = unique_name()
    node = FakeNode("node-0", allocatable={"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "8"})
    try:
        yield sandbox_store.up(SandboxSpec(name, (node,)), progress=told_to(request))
    finally:
        sandbox_store.down(name)


@pytest.fixture(scope="package")
def shared_cluster(apply_sandbox: Sandbox) -> Iterator[Cluster]:
    config = kubeconfig.load(apply_sandbox.kubeconfig, None)
    tls = verify_cluster(config.cluster, config.user or User(), config.abs_file)
    wire = Wire(httpx.HTTPTransport(verify=tls))
    patience = Patience(attempts=8, first_wait=0.02, longest_wait=0.2, jitter=0.05)
    with KubeClient(http_client(config, wire), patience) as kube:
        yield Cluster(kube, wire, apply_sandbox.kubeconfig)


@pytest.fixture
def cluster(shared_cluster: Cluster) -> Cluster:
    shared_cluster.wire.calm()
    shared_cluster.clean()
    return shared_cluster


@pytest.fixture(scope="module")
def kube(apply_sandbox: Sandbox) -> Iterator[KubeClient]:
    with connect(apply_sandbox.kubeconfig) as client:
        yield client


@pytest.fixture
def space(kube: KubeClient) -> Iterator[str]:
    """A namespace of its own for one test."""
    name = f"t-{secrets.token_hex(4)}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete("v1", ObjectKey("", "Namespace", "", name))
