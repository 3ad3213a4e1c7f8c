"""examples/acme as Flux syncs its tree: plan, apply, drift and prove say what they say after apply; data stay."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import connect
from allotment.model.manifest import Body, ObjectKey
from allotment.model.source import SourceTree
from allotment.operations.change.apply import Status, apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.directory import teams
from allotment.operations.foresee.sandboxing import frameworks_of, nodes_of
from allotment.plan.changes import Action, Conflict, Drain, Plan, WarningCode
from allotment.ports.kube import RefusedError
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.prove import bodies
from allotment.prove.scene import DeclaredCluster
from allotment.prove.verdicts import Verdict
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.live.conftest import unique_name
from tests.live.gitops.conftest import FLUX, Flux, built, connect_as, tree_in, until
from tests.live.prove.conftest import CLUSTER, Acme
from tests.live.training import member

pytestmark = [pytest.mark.live, pytest.mark.timeout(600), pytest.mark.nightly]

FOLDER = f"clusters/{CLUSTER}"
TEAM = ObjectKey("", "Namespace", "", "nlp")
QUOTA = ObjectKey("", "ResourceQuota", "nlp", "allotment-quota")


@dataclasses.dataclass(frozen=True)
class Synced:
    """A cluster that Flux keeps, and the tools to look at its tree."""

    acme: Acme
    flux: Flux
    kustomize: Path
    folder: Path

    def tree(self, source: SourceTree, name: str) -> list[dict[str, Any]]:
        """The objects of the cluster in the tree rendered from a directory."""
        platform = load_platform(source).platform
        cluster = platform.cluster(CLUSTER)
        assert cluster is not None
        return built(self.kustomize, tree_in(self.folder / name, platform, [cluster]) / FOLDER)

    def gate(self) -> list[dict[str, Any]]:
        """The objects of the tree's first Kustomization, which the other depends on."""
        self.tree(read_tree(Path("examples/acme")), "first")
        return built(self.kustomize, self.folder / "first" / FOLDER / "gate")

    def plan(self, source: SourceTree | None = None) -> Plan:
        platform = self.acme.platform if source is None else load_platform(source).platform
        cluster = platform.cluster(CLUSTER)
        assert cluster is not None
        settings = PlanSettings(platform.name, SystemClock().now().date())
        return make_plan(render(platform, cluster), self.acme.kube, settings)

    def get(self, key: ObjectKey, api_version: str = "v1") -> Body | None:
        return self.acme.kube.get(api_version, key)


@pytest.fixture(scope="module")
def synced(
    new_sandbox: Callable[[SandboxSpec], Sandbox], tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Synced]:
    """A new cluster; nothing is applied but what the tree has Flux apply and wait for first."""
    platform = load_platform(read_tree(Path("examples/acme"))).platform
    cluster = platform.cluster(CLUSTER)
    assert cluster is not None
    nodes = tuple(nodes_of(platform, cluster, 1))
    kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)
    sandbox = new_sandbox(SandboxSpec(unique_name(), nodes, kueue))
    with connect(sandbox.kubeconfig) as kube, connect_as(sandbox.kubeconfig, FLUX) as flux:
        acme = Acme(kube, platform, cluster, render(platform, cluster))
        synced = Synced(acme, Flux(flux), tools["kustomize"], tmp_path_factory.mktemp("trees"))
        assert synced.flux.sync(synced.gate()) == ""
        yield synced


@pytest.mark.nightly  # by day the synced cluster is as declared
def test_a_namespace_that_is_there_is_not_taken_over_nor_anything_put_into_it(synced: Synced) -> None:
    """The policy that keeps it so is a Kustomization of its own, and Flux waits for that."""
    kube, tree = synced.acme.kube, synced.tree(read_tree(Path("examples/acme")), "first")
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    assert {(body["kind"], body["metadata"]["name"].partition(".")[0]) for body in synced.gate()} == {
        ("ValidatingAdmissionPolicy", "no-namespace-adoption"),
        ("ValidatingAdmissionPolicyBinding", "no-namespace-adoption"),
    }
    until("the policy is in force", lambda: _is_refused(synced, tree))
    assert "exists and is not Allotment's" in synced.flux.sync(tree)
    found = synced.get(TEAM)
    assert found is not None
    assert set(found["metadata"]["labels"]) == {"kubernetes.io/metadata.name"}
    assert synced.get(QUOTA) is None
    kube.delete("v1", TEAM)
    until("the namespace is gone", lambda: synced.get(TEAM) is None)


def test_the_synced_cluster_is_as_declared(synced: Synced) -> None:
    assert synced.flux.sync(synced.tree(read_tree(Path("examples/acme")), "first")) == ""
    plan = synced.plan()
    assert plan.empty, [(str(change.key), change) for change in plan.changes]
    assert plan.unchanged == len(synced.acme.manifests.objects)
    assert apply_plan(plan, synced.acme.kube, SystemClock()).outcomes == ()
    assert synced.acme.drifted() == ()
    report = synced.acme.prove(["priority-ladder"], ["nlp"])
    assert {item.verdict for item in report.results} == {Verdict.PROVED}


@pytest.mark.nightly
def test_all_guardrails_are_proved(synced: Synced) -> None:
    assert synced.flux.sync(synced.tree(read_tree(Path("examples/acme")), "first")) == ""
    recent = ["queues", "queue-required", "trusted-registries", "no-side-doors", "node-pool-isolation"]
    synced.acme.proved_until(lambda report: not report.failed, recent, "nlp", seconds=120)
    report = synced.acme.prove()
    wrong = [item for item in report.results if item.verdict is not Verdict.PROVED]
    assert {item.guardrail for item in wrong} <= {"network-policies"}, wrong


@pytest.mark.nightly
def test_another_value_in_the_tool_s_tree_is_drift_by_its_name(synced: Synced) -> None:
    tree = synced.tree(read_tree(Path("examples/acme")), "first")
    for body in tree:
        if body["kind"] == "ResourceQuota" and body["metadata"]["namespace"] == "nlp":
            body["spec"]["hard"]["pods"] = "7"
    assert synced.flux.sync(tree) == ""
    (drifted,) = synced.acme.drifted()
    assert [(field.field, field.live, field.by) for field in drifted.fields] == [(".spec.hard.pods", "7", FLUX)]
    plan = synced.plan()
    (change,) = plan.changes
    assert isinstance(change, Conflict)
    (warning,) = [one for one in plan.warnings if one.code is WarningCode.SYNCED]
    assert warning.message.startswith("Flux keeps this")
    report = apply_plan(plan, synced.acme.kube, SystemClock())
    assert [outcome.status for outcome in report.outcomes] == [Status.CONFLICT]
    assert synced.flux.sync(synced.tree(read_tree(Path("examples/acme")), "first")) == ""
    assert synced.plan().empty


@pytest.mark.nightly
def test_a_team_leaves_by_git_with_its_work_ended_and_its_data_there(synced: Synced) -> None:
    acme, source = synced.acme, read_tree(Path("examples/acme"))
    scene = next(scene for scene in DeclaredCluster(acme.platform, acme.cluster, acme.manifests).scenes(["nlp"]))
    job = bodies.job(scene, bodies.pod_spec(scene, devices=1))
    job["metadata"]["name"] = "train"
    job["spec"]["template"]["metadata"]["annotations"] = {"allotment.dev/run-for": "1h"}
    acme.kube.create(job, identity=member("nlp"))
    until("it runs", lambda: bool(list(acme.kube.list("v1", "Pod", namespace="nlp"))))
    leaving = source.with_changes(teams.remove(source, "nlp", dt.date(2099, 1, 31), SystemClock().now().date()).changes)
    assert synced.flux.sync(synced.tree(leaving, "leaving")) == ""
    until("its work is ended", lambda: not list(acme.kube.list("v1", "Pod", namespace="nlp")))
    assert list(acme.kube.list("rbac.authorization.k8s.io/v1", "RoleBinding", namespace="nlp")) == []
    # The Job itself, which would wait for ever, is left to apply: a sync drains nothing.
    assert {change.action for change in synced.plan(leaving).changes} == {Action.DRAIN}
    _is_kept(synced)
    gone = source.with_changes({"teams/nlp.yaml": None})
    assert synced.flux.sync(synced.tree(gone, "gone")) == ""
    _is_kept(synced)
    plan = synced.plan(gone)
    assert plan.doomed_namespaces == ()
    assert any(isinstance(change, Drain) for change in plan.changes)


def _is_refused(synced: Synced, tree: Sequence[Body]) -> bool:
    """Whether the namespace would be; Flux looks at what a Kustomization depends on again after half a minute."""
    (space,) = [body for body in tree if (body["kind"], body["metadata"]["name"]) == ("Namespace", "nlp")]
    try:
        synced.flux.kube.apply(space, dry_run=True, force=True)
    except RefusedError:
        return True
    return False


def _is_kept(synced: Synced) -> None:
    """The namespace with its data, its walls and its queues, which are on hold."""
    kube = synced.acme.kube
    claims = kube.list("v1", "PersistentVolumeClaim", namespace="nlp")
    assert sorted(body["metadata"]["name"] for body in claims) == ["checkpoints", "datasets"]
    for kept in (TEAM, QUOTA):
        found = synced.get(kept)
        assert found is not None
        assert "deletionTimestamp" not in found["metadata"]
    for kind, namespace in (("ClusterQueue", ""), ("LocalQueue", "nlp")):
        key = ObjectKey("kueue.x-k8s.io", kind, namespace, "default" if namespace else "nlp")
        queue = synced.get(key, "kueue.x-k8s.io/v1beta2")
        assert queue is not None
        assert queue["spec"]["stopPolicy"] == "HoldAndDrain"
