"""A snapshot of a real control plane: what kubectl sees, and for a member what she may see."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from allotment import wiring
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.kinds import KINDS
from allotment.observe.view import seen_by
from allotment.observe.written import decode, encode, unpacked
from allotment.operations.ask.observing import observe
from allotment.ports.sandboxes import RUN_FOR, Sandbox
from tests.live.conftest import Kubectl
from tests.live.sandbox.manifests import as_list, job, queues

pytestmark = pytest.mark.live

OURS, THEIRS = "seen-ours", "seen-theirs"
LONG = {RUN_FOR: "1h"}


@pytest.fixture(scope="module")
def work(kubectl: Kubectl) -> Iterator[None]:
    """Two namespaces with a queue of 2 GPUs and three jobs each: two hold them, one waits."""
    for space in (OURS, THEIRS):
        kubectl("apply", "-f", "-", stdin=queues(space, 2))
        jobs = [job(space, f"train-{space}-{number}", gpus=1, annotations=LONG) for number in range(3)]
        kubectl("apply", "-f", "-", stdin=as_list(*jobs))
    deadline = time.monotonic() + 60
    while any(_counts(kubectl, space) != "1 2" for space in (OURS, THEIRS)):
        assert time.monotonic() < deadline, "no job waits"
        time.sleep(0.3)
    yield
    kubectl("delete", "namespace", OURS, THEIRS, "--wait=false")
    kubectl("delete", "clusterqueue", OURS, THEIRS, "--wait=false")
    kubectl("delete", "resourceflavor", f"{OURS}-a100", f"{THEIRS}-a100", "--wait=false")


def _counts(kubectl: Kubectl, space: str) -> str:
    wanted = "{.status.pendingWorkloads} {.status.admittedWorkloads}"
    return kubectl("get", "clusterqueue", space, "-o", f"jsonpath={wanted}").strip()


def seen(kubeconfig: Path, *namespaces: str) -> tuple[Snapshot, Source]:
    with wiring.connect(str(kubeconfig), "") as kube:
        snapshot = observe(kube, wiring.clock(), namespaces)
    return snapshot, snapshot.sources[0]


def keys_of(kubectl: Kubectl, plural: str) -> set[str]:
    listed = json.loads(kubectl("get", plural, "-A", "-o", "json"))["items"]
    return {"/".join(filter(None, (each["metadata"].get("namespace"), each["metadata"]["name"]))) for each in listed}


def test_an_engineer_sees_what_kubectl_sees(sandbox: Sandbox, kubectl: Kubectl, work: None) -> None:
    snapshot, source = seen(sandbox.kubeconfig)
    assert source.gaps == ()
    assert source.complete
    assert (snapshot.asker.user, source.server) == ("admin", "v1.36.3")
    fields = {kind.plural: kind for kind in KINDS}
    for plural in (
        "nodes", "namespaces", "pods", "jobs", "workloads", "clusterqueues", "localqueues", "resourceflavors",
        "priorityclasses", "serviceaccounts", "deviceclasses",
    ):  # fmt: skip
        found = {each.key for each in getattr(source.objects, fields[plural].field)}
        # What comes and goes by itself is looked at once more.
        assert found == keys_of(kubectl, plural) or found == keys_of(kubectl, plural), plural
    order = {each.cluster_queue: each.items for each in source.order}
    assert [each.namespace for each in order[OURS]] == [OURS]
    (queue,) = (each for each in source.objects.cluster_queues if each.name == OURS)
    assert (queue.status.pending_workloads, queue.status.admitted_workloads) == (1, 2)


def test_the_file_holds_what_was_seen(sandbox: Sandbox, work: None) -> None:
    snapshot, _ = seen(sandbox.kubeconfig)
    assert decode(encode(snapshot)) == snapshot


def test_a_view_names_nothing_of_the_other_team(sandbox: Sandbox, work: None) -> None:
    snapshot, source = seen(sandbox.kubeconfig)
    text = unpacked(encode(seen_by(snapshot, "ours", frozenset({OURS})))).decode()
    assert f"train-{OURS}-0" in text
    theirs = [each for each in (*source.objects.pods, *source.objects.workloads) if each.namespace == THEIRS]
    assert len(theirs) >= 5
    for each in theirs:
        assert each.name not in text
        assert each.metadata.uid not in text
    assert f"train-{THEIRS}" not in text


@pytest.fixture(scope="module")
def member(sandbox: Sandbox, kubectl: Kubectl, work: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of somebody who may read her namespace alone."""
    kubectl("create", "serviceaccount", "mia", "-n", OURS)
    rules = [
        {"apiGroups": ["", "batch", "kueue.x-k8s.io"], "verbs": ["get", "list"],
         "resources": ["pods", "jobs", "events", "workloads", "localqueues"]},
        {"apiGroups": ["visibility.kueue.x-k8s.io"], "verbs": ["get"], "resources": ["localqueues/pendingworkloads"]},
    ]  # fmt: skip
    api = "rbac.authorization.k8s.io/v1"
    meta = {"name": "member", "namespace": OURS}
    kubectl("apply", "-f", "-", stdin=as_list(
        {"apiVersion": api, "kind": "Role", "metadata": meta, "rules": rules},
        {"apiVersion": api, "kind": "RoleBinding", "metadata": meta,
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "member"},
         "subjects": [{"kind": "ServiceAccount", "name": "mia", "namespace": OURS}]},
    ))  # fmt: skip
    token = kubectl("create", "token", "mia", "-n", OURS).strip()
    config = yaml.safe_load(sandbox.kubeconfig.read_text(encoding="utf-8"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    for context in config["contexts"]:
        context["context"]["namespace"] = OURS
    target = tmp_path_factory.mktemp("member") / "kubeconfig"
    target.write_text(json.dumps(config), encoding="utf-8")
    return target


def test_a_member_sees_her_namespace_and_is_told_what_she_does_not(member: Path) -> None:
    snapshot, source = seen(member)
    assert (snapshot.asker.user, snapshot.asker.namespace) == (f"system:serviceaccount:{OURS}:mia", OURS)
    assert source.namespaces == (OURS,)
    assert {each.namespace for each in source.objects.pods} == {OURS}
    assert len(source.objects.jobs) == len(source.objects.workloads) == 3
    assert not source.objects.nodes
    assert not source.objects.cluster_queues
    (order,) = (each for each in source.order if each.items)
    assert (order.cluster_queue, [each.namespace for each in order.items]) == (OURS, [OURS])
    told = {(gap.what, gap.namespace): gap for gap in source.gaps}
    assert {gap.reason for gap in source.gaps} == {"forbidden"}
    assert {("nodes", ""), ("pods", ""), ("cronjobs", OURS), ("clusterqueues", "")} <= told.keys()
    assert ("pods", OURS) not in told
    assert "cannot list resource" in told["nodes", ""].detail
    assert THEIRS not in unpacked(encode(snapshot)).decode()


def test_somebody_without_any_right_gets_gaps_and_no_crash(
    sandbox: Sandbox, kubectl: Kubectl, member: Path, tmp_path: Path
) -> None:
    token = kubectl("create", "token", "default", "-n", OURS).strip()
    config = json.loads(member.read_text(encoding="utf-8"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    stranger = tmp_path / "kubeconfig"
    stranger.write_text(json.dumps(config), encoding="utf-8")
    _, source = seen(stranger, OURS, THEIRS)
    assert not source.objects.pods
    assert {gap.namespace for gap in source.gaps if gap.what == "pods"} == {"", OURS, THEIRS}
