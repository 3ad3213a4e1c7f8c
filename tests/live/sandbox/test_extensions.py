"""JobSets and LeaderWorkerSets under their real controllers and the real Kueue; kinds without a controller; flags.

One sandbox for all of it, which stands in for a cluster without MutatingAdmissionPolicy.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.sandbox.store import SandboxStore
from allotment.ports.sandboxes import RUN_FOR, FakeNode, Sandbox, SandboxSpec
from tests.live.conftest import Kubectl, kubectl_for, unique_name
from tests.live.sandbox.manifests import GPU, as_list, queues
from tests.live.sandbox.test_workloads import condition, eventually, read

pytestmark = [pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(900)]

NAMESPACE = "sandbox-extensions"
NODES = (FakeNode("a100-0", {"pool": "a100"}, allocatable={"cpu": "64", "memory": "512Gi", GPU: "8"}),)
API = "admissionregistration.k8s.io/v1"
WITHOUT_MUTATION = {
    "feature-gates": "MutatingAdmissionPolicy=false",
    "runtime-config": f"{API}/mutatingadmissionpolicies=false,{API}/mutatingadmissionpolicybindings=false",
}


@pytest.fixture(scope="module")
def extended(sandbox_store: SandboxStore, new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Sandbox:
    spec = SandboxSpec(
        unique_name(),
        NODES,
        apiserver_flags=WITHOUT_MUTATION,
        extensions=("jobset", "leaderworkerset", "rayjob", "trainjob"),
    )
    return new_sandbox(spec)


@pytest.fixture(scope="module")
def run(extended: Sandbox, tools: Mapping[str, Path]) -> Kubectl:
    kubectl = kubectl_for(extended, tools)
    kubectl("apply", "-f", "-", stdin=queues(NAMESPACE, gpus=8))
    return kubectl


def template(cpu: int, gpus: int, **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": str(cpu), "memory": "1Gi"}, "limits": {GPU: str(gpus)}}
    return {"spec": {"containers": [{"name": "main", "image": "work", "resources": resources}], **spec}}


def workload_kind(api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"kueue.x-k8s.io/queue-name": "queue"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


def replicated(name: str, replicas: int, pods: int, cpu: int, gpus: int) -> dict[str, Any]:
    pod = template(cpu, gpus, restartPolicy="Never") | {"metadata": {"annotations": {RUN_FOR: "2s"}}}
    job = {"spec": {"parallelism": pods, "completions": pods, "backoffLimit": 0, "template": pod}}
    return {"name": name, "replicas": replicas, "template": job}


def charged(kubectl: Kubectl, name: str) -> Counter[str] | None:
    """What Kueue charges the workload of that name, in CPUs and GPUs; None before it is admitted."""
    items = read(kubectl, "workloads.kueue.x-k8s.io", "-n", NAMESPACE)["items"]
    [status] = [each["status"] for each in items if each["metadata"]["ownerReferences"][0]["name"] == name]
    if "admission" not in status:
        return None
    total: Counter[str] = Counter()
    for pods in status["admission"]["podSetAssignments"]:
        total.update({key: int(amount) for key, amount in pods["resourceUsage"].items() if key in {"cpu", GPU}})
    return total


def requested(pods: list[dict[str, Any]]) -> Counter[str]:
    """What the pods request together."""
    total: Counter[str] = Counter()
    for pod in pods:
        for container in pod["spec"]["containers"]:
            requests = container["resources"]["requests"]
            total.update({key: int(amount) for key, amount in requests.items() if key in {"cpu", GPU}})
    return total


def pods_with(kubectl: Kubectl, label: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(kubectl, "pods", "-n", NAMESPACE, "-l", label)["items"]
    return found


def test_a_jobset_waits_for_quota_and_runs_to_its_end(run: Kubectl) -> None:
    spec = {"replicatedJobs": [replicated("driver", 1, 1, 2, 0), replicated("worker", 2, 2, 1, 1)]}
    big = {"replicatedJobs": [replicated("worker", 1, 9, 1, 1)]}
    sets = [workload_kind("jobset.x-k8s.io/v1alpha2", "JobSet", *each) for each in (("train", spec), ("big", big))]
    run("create", "-f", "-", stdin=as_list(*sets))
    eventually(lambda: condition(run, NAMESPACE, "jobset", "train", "Completed"), "the JobSet completes")
    pods = pods_with(run, "jobset.sigs.k8s.io/jobset-name=train")
    assert [pod["status"]["phase"] for pod in pods] == ["Succeeded"] * 5
    assert charged(run, "train") == requested(pods) == Counter({"cpu": 6, GPU: 4})
    assert read(run, "jobset", "big", "-n", NAMESPACE)["spec"]["suspend"] is True
    assert charged(run, "big") is None


def test_a_leaderworkerset_comes_up_and_goes(run: Kubectl) -> None:
    spec = {
        "replicas": 1,
        "leaderWorkerTemplate": {"size": 3, "leaderTemplate": template(1, 0), "workerTemplate": template(2, 1)},
    }
    group = workload_kind("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "serve", spec)
    run("create", "-f", "-", stdin=json.dumps(group))
    eventually(lambda: condition(run, NAMESPACE, "leaderworkerset", "serve", "Available"), "it is available")
    pods = pods_with(run, "leaderworkerset.sigs.k8s.io/name=serve")
    assert [pod["status"]["phase"] for pod in pods] == ["Running"] * 3
    assert charged(run, "serve") == requested(pods) == Counter({"cpu": 5, GPU: 2})
    run("delete", "leaderworkerset", "serve", "-n", NAMESPACE, "--timeout=60s")
    eventually(lambda: not pods_with(run, "leaderworkerset.sigs.k8s.io/name=serve"), "its pods are gone")


@pytest.mark.parametrize(
    ("api", "kind", "spec"),
    [
        ("jobset.x-k8s.io/v1alpha2", "JobSet", {"replicatedJobs": [replicated("a", 1, 1, 1, 0)] * 2}),
        (
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            {"leaderWorkerTemplate": {"size": -1, "workerTemplate": template(1, 0)}},
        ),
    ],
    ids=["a JobSet with two jobs of one name", "a LeaderWorkerSet of no size"],
)
def test_their_webhooks_judge(run: Kubectl, api: str, kind: str, spec: dict[str, Any]) -> None:
    said = run("create", "-f", "-", stdin=json.dumps(workload_kind(api, kind, "wrong", spec)), check=False)
    assert "denied the request" in said or "Duplicate value" in said or "is invalid" in said, said


def test_kueue_admits_a_kind_without_its_controller(run: Kubectl) -> None:
    pod = template(1, 1)
    group = {"groupName": "w", "replicas": 2, "minReplicas": 2, "maxReplicas": 2, "rayStartParams": {}, "template": pod}
    cluster = {"headGroupSpec": {"rayStartParams": {}, "template": pod}, "workerGroupSpecs": [group]}
    run("create", "-f", "-", stdin=json.dumps(workload_kind("ray.io/v1", "RayCluster", "ray", cluster)))
    assert eventually(lambda: charged(run, "ray"), "it is admitted") == Counter({"cpu": 3, GPU: 3})
    assert read(run, "raycluster", "ray", "-n", NAMESPACE)["spec"]["suspend"] is False


def test_a_cluster_without_mutating_admission_policies(run: Kubectl, kubectl: Kubectl) -> None:
    assert mutation(run) == (False, False)
    assert mutation(kubectl) == (True, True)


def mutation(kubectl: Kubectl) -> tuple[bool, bool]:
    """(served, enabled)"""
    resources = {each["name"] for each in json.loads(kubectl("get", "--raw", f"/apis/{API}"))["resources"]}
    [gate] = [
        line
        for line in kubectl("get", "--raw", "/metrics").splitlines()
        if line.startswith('kubernetes_feature_enabled{name="MutatingAdmissionPolicy"')
    ]
    return "mutatingadmissionpolicies" in resources, gate.endswith(" 1")


def test_extensions_and_flags_outlive_a_crash(run: Kubectl, extended: Sandbox, sandbox_store: SandboxStore) -> None:
    for victim in ("jobset", "lws"):
        os.kill(extended.pids[victim], signal.SIGKILL)
    recovered = sandbox_store.up(SandboxSpec(extended.name, NODES))
    assert recovered.created
    assert recovered.ports == extended.ports
    assert {part.name for part in sandbox_store.status(extended.name).components if part.ready} >= {"jobset", "lws"}
    assert mutation(run) == (False, False)
    spec = {"replicatedJobs": [replicated("worker", 1, 1, 1, 1)]}
    again = workload_kind("jobset.x-k8s.io/v1alpha2", "JobSet", "again", spec)
    run("create", "-f", "-", stdin=json.dumps(again))
    eventually(lambda: condition(run, NAMESPACE, "jobset", "again", "Completed"), "a JobSet completes again")
