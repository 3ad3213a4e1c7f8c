"""Numbers of `queues`, `quotas`, `waste` against sums that are taken with kubectl, on random work."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from allotment.cli.main import cli
from allotment.ports.sandboxes import RUN_FOR, FakeNode, Sandbox, SandboxSpec
from tests.live.conftest import Kubectl, kubectl_for, unique_name
from tests.live.sandbox.manifests import as_list, job

pytestmark = [pytest.mark.live, pytest.mark.nightly]

GPU = "nvidia.com/gpu"
HOUR = 3_600_000
SEED = 11
FOR_EVER = {RUN_FOR: "10h"}
VERSION = "kueue.x-k8s.io/v1beta2"
QUOTAS = {"sums-a": 4, "sums-b": 10, "sums-c": 6}
NODES = tuple(
    FakeNode(name=f"gpu-{index}", labels={"pool": "sums"}, allocatable={"cpu": "64", "memory": "256Gi", GPU: "8"})
    for index in range(3)
)


def things() -> list[dict[str, Any]]:
    flavor = {"metadata": {"name": "sums"}, "spec": {"nodeLabels": {"pool": "sums"}}}
    found: list[dict[str, Any]] = [{"apiVersion": VERSION, "kind": "ResourceFlavor", **flavor}]
    for space, nominal in QUOTAS.items():
        resources = [
            {"name": "cpu", "nominalQuota": 64},
            {"name": "memory", "nominalQuota": "512Gi"},
            {"name": GPU, "nominalQuota": nominal},
        ]
        names = [each["name"] for each in resources]
        group = {"coveredResources": names, "flavors": [{"name": "sums", "resources": resources}]}
        queue = {"cohortName": "sums", "namespaceSelector": {}, "resourceGroups": [group]}
        found += [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": {"team": space}}},
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "most", "namespace": space},
                "spec": {"hard": {f"requests.{GPU}": "20", "pods": "30"}},
            },
            {"apiVersion": VERSION, "kind": "ClusterQueue", "metadata": {"name": space}, "spec": queue},
            {
                "apiVersion": VERSION,
                "kind": "LocalQueue",
                "metadata": {"name": "main", "namespace": space},
                "spec": {"clusterQueue": space},
            },
        ]
    return found


def work(seed: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        job(space, f"work-{number}", gpus=chance.choice([1, 1, 2, 3, 8]), annotations=FOR_EVER, queue="main")
        for number in range(14)
        for space in [chance.choice(sorted(QUOTAS))]
    ]


@pytest.fixture(scope="module")
def arena(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Sandbox:
    return new_sandbox(SandboxSpec(unique_name(), NODES))


@pytest.fixture(scope="module")
def on(arena: Sandbox, tools: Any) -> Kubectl:
    kubectl = kubectl_for(arena, tools)
    kubectl("create", "-f", "-", stdin=as_list(*things()))
    kubectl("create", "-f", "-", stdin=as_list(*work(SEED)))
    at_rest(kubectl)
    # 20 of the 24 devices can be admitted, so the emptiest node has some that are free and stay so.
    kubectl("cordon", min((node.name for node in NODES), key=lambda name: held_on(kubectl, name)))
    at_rest(kubectl)
    return kubectl


def items(kubectl: Kubectl, *what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kubectl("get", *what, "-o", "json"))["items"]
    return found


def held_on(kubectl: Kubectl, node: str) -> int:
    return sum(
        int(container["resources"]["requests"].get(GPU, 0))
        for pod in items(kubectl, "pods", "-A", "--field-selector", f"spec.nodeName={node}")
        for container in pod["spec"]["containers"]
    )


def at_rest(kubectl: Kubectl) -> None:
    """Wait until nothing has moved for two seconds: everything is admitted that can be, and has its node or none."""
    deadline = time.monotonic() + 90
    last, since = None, time.monotonic()
    while time.monotonic() - since < 2:
        assert time.monotonic() < deadline, "the cluster does not come to rest"
        now = sorted(
            (each["metadata"]["name"], each["metadata"]["resourceVersion"])
            for kind in ("pods", "workloads", "clusterqueues")
            for each in items(kubectl, kind, "-A")
        )
        looked_at = [each for each in items(kubectl, "workloads", "-A") if each.get("status", {}).get("conditions")]
        if now != last or len(looked_at) < len(work(SEED)):
            last, since = now, time.monotonic()
        time.sleep(0.3)


def answer(arena: Sandbox, *words: str) -> dict[str, Any]:
    result = CliRunner().invoke(
        cli, [*words, "-o", "json", "--kubeconfig", str(arena.kubeconfig)], prog_name="allot", catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_queues_say_what_their_status_says(arena: Sandbox, on: Kubectl) -> None:
    told = {each["clusterQueue"]: each for each in answer(arena, "queues")["items"]}
    assert set(told) == set(QUOTAS)
    borrowed = lent = 0
    for queue in items(on, "clusterqueues"):
        found = told[queue["metadata"]["name"]]
        (mine,) = (each for each in found["quotas"] if each["resource"] == GPU)
        (flavor,) = queue["status"]["flavorsReservation"]
        (status,) = (each for each in flavor["resources"] if each["name"] == GPU)
        assert mine["used"] == int(status["total"])
        assert mine["borrowed"] == int(status.get("borrowed", 0))
        assert found["pending"] == queue["status"]["pendingWorkloads"]
        borrowed, lent = borrowed + mine["borrowed"], lent + mine["lent"]
    assert borrowed == lent > 0, "the random work borrows"
    assert any(each["pending"] for each in told.values()), "and some of it waits"


def test_quotas_say_what_the_resource_quotas_say(arena: Sandbox, on: Kubectl) -> None:
    told = {
        (each["name"], each["resource"]): (each["used"], each["limit"])
        for each in answer(arena, "quotas", "--all")["items"]
        if each["layer"] == "namespace"
    }
    for quota in items(on, "resourcequotas", "-A"):
        for resource, hard in quota["status"]["hard"].items():
            used = quota["status"]["used"][resource]
            assert told[quota["metadata"]["namespace"], resource] == (int(used), int(hard))


def test_waste_sums_to_the_devices_and_holders_to_their_pods(arena: Sandbox, on: Kubectl) -> None:
    found = answer(arena, "waste")
    held: Counter[str] = Counter()
    for pod in items(on, "pods", "-A"):
        if pod["spec"].get("nodeName") and pod["status"]["phase"] in ("Pending", "Running"):
            for container in pod["spec"]["containers"]:
                held[pod["metadata"]["namespace"]] += int(container["resources"]["requests"].get(GPU, 0))
    told: Counter[str] = Counter()
    for entry in found["entries"]:
        if entry["cause"] in ("unmeasured", "starting"):
            told[entry["namespace"]] += entry["gpuMs"] // HOUR
    capacity = sum(int(node["status"]["capacity"][GPU]) for node in items(on, "nodes", "-l", "pool=sums"))

    assert found["capacityGpuMs"] == capacity * HOUR == sum(entry["gpuMs"] for entry in found["entries"])
    assert told == held
    assert held.total() > 0
    assert {entry["queue"] for entry in found["entries"] if entry["namespace"]} <= set(QUOTAS)
    cordoned = sum(entry["gpuMs"] for entry in found["entries"] if entry["cause"] == "cordoned") // HOUR
    (closed,) = (node["metadata"]["name"] for node in items(on, "nodes") if node["spec"].get("unschedulable"))
    assert cordoned == 8 - held_on(on, closed) > 0


def test_what_was_recorded_closes(arena: Sandbox, on: Kubectl, tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    words = ["snapshot", "record", str(folder), "--every", "1s", "--count", "4", "--kubeconfig", str(arena.kubeconfig)]
    done = CliRunner().invoke(cli, words, prog_name="allot", catch_exceptions=False)
    assert done.exit_code == 0, done.output
    result = CliRunner().invoke(cli, ["waste", "--recorded", str(folder), "-o", "json"], prog_name="allot")
    found = json.loads(result.stdout)
    total, rest = divmod(found["capacityGpuMs"], 24)

    assert rest == 0, "24 devices, each for the same time"
    assert 2_500 <= total <= 20_000
    assert sum(each["gpuMs"] for each in found["entries"]) == found["capacityGpuMs"]
    assert {each["name"] for each in found["causes"]} >= {"unmeasured", "cordoned"}
