"""examples/acme as Argo CD's own library syncs its tree: nothing is taken over, nothing lost, and both call it done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import connect
from allotment.model.manifest import ObjectKey
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.foresee.sandboxing import frameworks_of, nodes_of
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from benchmarks.peers.argocd.peer import PROGRAM, Synced, sync
from benchmarks.peers.program import MISSING
from tests.live.conftest import unique_name
from tests.live.gitops.conftest import built, tree_in, until
from tests.live.prove.conftest import CLUSTER, Acme

pytestmark = [pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(3600)]

TEAM = ObjectKey("", "Namespace", "", "nlp")


@dataclass(frozen=True)
class ArgoCd:
    """A cluster, and Argo CD's library pointed at it."""

    acme: Acme
    program: Path
    kubeconfig: Path
    tree: list[dict[str, Any]]

    def sync(self, tree: list[dict[str, Any]] | None = None, *, server_side: bool = True) -> Synced:
        return sync(self.program, self.kubeconfig, self.tree if tree is None else tree, server_side=server_side)

    def is_as_declared(self) -> None:
        """Plan and drift find nothing."""
        settings = PlanSettings(self.acme.platform.name, SystemClock().now().date())
        plan = make_plan(self.acme.manifests, self.acme.kube, settings)
        assert plan.empty, [(str(change.key), change) for change in plan.changes]
        assert self.acme.drifted() == ()


@pytest.fixture(scope="module")
def argo_cd(
    new_sandbox: Callable[[SandboxSpec], Sandbox], tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ArgoCd]:
    if not PROGRAM.available():
        pytest.skip(f"Argo CD's library cannot be built here: {MISSING}")
    program = PROGRAM.ensure()
    platform = load_platform(read_tree(Path("examples/acme"))).platform
    cluster = platform.cluster(CLUSTER)
    assert cluster is not None
    nodes = tuple(nodes_of(platform, cluster, 1))
    kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)
    sandbox = new_sandbox(SandboxSpec(unique_name(), nodes, kueue))
    folder = tree_in(tmp_path_factory.mktemp("tree"), platform, [cluster])
    tree = built(tools["kustomize"], folder / "clusters" / CLUSTER)
    with connect(sandbox.kubeconfig) as kube:
        yield ArgoCd(Acme(kube, platform, cluster, render(platform, cluster)), program, sandbox.kubeconfig, tree)


def test_a_namespace_that_is_there_stops_the_sync_before_anything_goes_into_it(argo_cd: ArgoCd) -> None:
    kube = argo_cd.acme.kube
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    done = argo_cd.sync()
    assert done.phase == "Failed"
    (message,) = done.failures.values()
    assert "exists and is not Allotment's" in message
    assert list(kube.list("v1", "ResourceQuota", namespace="nlp")) == []
    kube.delete("v1", TEAM)
    until("the namespace is gone", lambda: kube.get("v1", TEAM) is None)


@pytest.mark.parametrize("server_side", [True, False], ids=["server-side", "client-side"])
def test_the_synced_cluster_is_as_declared_to_both(argo_cd: ArgoCd, server_side: bool) -> None:
    done = argo_cd.sync(server_side=server_side)
    assert (done.phase, done.failures) == ("Succeeded", {})
    assert done.out_of_sync == ()
    argo_cd.is_as_declared()


def test_pruning_takes_access_and_leaves_data_queue_and_walls(argo_cd: ArgoCd) -> None:
    platform = argo_cd.acme.platform
    mine = {item.key for item in argo_cd.acme.manifests if item.team == "nlp"}
    rest = [
        body
        for body in argo_cd.tree
        if body["metadata"].get("labels", {}).get("team") != "nlp" and body["metadata"]["name"] != "nlp"
    ]
    assert platform.team("nlp") is not None
    done = argo_cd.sync(rest)
    assert (done.phase, done.failures) == ("Succeeded", {})
    kube = argo_cd.acme.kube
    left = {
        item.key
        for item in argo_cd.acme.manifests
        if item.key in mine and kube.get(item.api_version, item.key) is not None
    }
    assert {(key.kind, key.name) for key in left} == {
        ("ClusterQueue", "nlp"),
        ("LocalQueue", "default"),
        ("Namespace", "nlp"),
        ("NetworkPolicy", "allotment-default-deny"),
        ("PersistentVolumeClaim", "checkpoints"),
        ("PersistentVolumeClaim", "datasets"),
        ("ResourceQuota", "allotment-quota"),
        ("ServiceAccount", "default"),
    }
    # Argo CD goes on to say that they are not in its tree; who looks there sees what waits for `allot apply`.
    assert {one.partition(" ")[0] for one in done.out_of_sync} == {"extra"}
    assert len(done.out_of_sync) == len(left)
