"""examples/acme applied to a sandbox of its own, and ways to damage and restore it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import KubeClient, connect
from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifest, Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.operations.change.apply import apply_plan
from allotment.operations.change.drift import DriftedObject, DriftTarget, find_drift
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.foresee.sandboxing import frameworks_of, nodes_of
from allotment.operations.prove.proving import Selection, prove
from allotment.plan.strangers.grounds import grounds
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.prove.verdicts import ProofReport
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.live.conftest import unique_name
from tests.live.in_force import wait_until_in_force

CLUSTER = "dev-eastus"


@dataclass(frozen=True)
class Acme:
    """The live cluster and what it should hold."""

    kube: KubeClient
    platform: Platform
    cluster: Cluster
    manifests: Manifests

    def prove(self, guardrails: Collection[str] | None = None, teams: Collection[str] | None = None) -> ProofReport:
        # These tests wait for what they look for themselves, and damage is no reason to wait.
        selection = Selection(teams, guardrails, settling=0.0)
        return prove(self.platform, self.cluster, self.kube, SystemClock(), selection=selection)

    def drifted(self) -> tuple[DriftedObject, ...]:
        """What drift names in the cluster."""
        clock = SystemClock()
        today = clock.now().date()
        around = grounds(self.platform, self.cluster, self.manifests, today)
        target = DriftTarget(self.manifests, lambda: self.kube, grounds=around)
        (found,) = find_drift([target], PlanSettings(self.platform.name, today), clock).clusters
        assert found.error is None
        assert found.unread == ()
        return found.objects

    def proved_until(
        self, done: Callable[[ProofReport], bool], guardrails: Collection[str], team: str, seconds: float = 30
    ) -> ProofReport:
        """Prove again until the API server has read what was changed, or time is up; the last report."""
        end = time.monotonic() + seconds
        while True:
            report = self.prove(guardrails, [team])
            if done(report) or time.monotonic() > end:
                return report
            time.sleep(0.3)

    def manifest(self, kind: str, name: str, namespace: str = "") -> Manifest:
        (found,) = [
            item
            for item in self.manifests
            if (item.key.kind, item.key.name, item.key.namespace) == (kind, name, namespace)
        ]
        return found

    def key(self, kind: str, name: str, namespace: str = "") -> ObjectKey:
        return self.manifest(kind, name, namespace).key

    def apply(self, platform: Platform | None = None) -> None:
        """Make the cluster as declared, taking back whatever others took."""
        clock, declared = SystemClock(), platform or self.platform
        settings = PlanSettings(declared.name, clock.now().date(), force=True)
        plan = make_plan(render(declared, self.cluster), self.kube, settings)
        report = apply_plan(plan, self.kube, clock)
        assert report.complete, [(str(item.change.key), item.message) for item in report.remaining]


@pytest.fixture(scope="module")
def acme(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Iterator[Acme]:
    with acme_on(new_sandbox, read_tree(Path("examples/acme"))) as live:
        yield live


@contextmanager
def acme_on(
    new_sandbox: Callable[[SandboxSpec], Sandbox], tree: SourceTree, name: str = CLUSTER, team: str = "nlp"
) -> Iterator[Acme]:
    """The platform of a directory applied to a new sandbox for one of its clusters, policies in force for a team."""
    platform = load_platform(tree).platform
    cluster = platform.cluster(name)
    assert cluster is not None
    nodes = tuple(nodes_of(platform, cluster, 1))
    kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)
    sandbox = new_sandbox(SandboxSpec(unique_name(), nodes, kueue))
    with connect(sandbox.kubeconfig) as kube:
        live = Acme(kube, platform, cluster, render(platform, cluster))
        live.apply()
        wait_until_in_force(kube)
        live.proved_until(lambda report: not report.failed, ["queues", "trusted-registries", "no-side-doors"], team)
        yield live
