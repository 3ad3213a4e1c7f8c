"""What-if of nodes against the real thing: a node is drained, and another comes; do pods do what was said of them?"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from allotment.adapters.sandbox.kwok import node_object
from allotment.cli.main import cli
from allotment.ports.sandboxes import FakeNode, Sandbox
from tests.live.answers.api import Api
from tests.live.conftest import Kubectl, kubectl_for

pytestmark = pytest.mark.live

Raw = dict[str, Any]
GPU = "nvidia.com/gpu"
SPACE = "moves"
PATIENCE = 90.0
"""Seconds that a state is waited for."""


def node(name: str) -> Raw:
    return node_object(FakeNode(name=name, allocatable={"cpu": "64", "memory": "256Gi", GPU: "8"}))


def template(gpus: int, *, at: str = "", likes: str = "a100-0", labels: dict[str, str] | None = None) -> Raw:
    """A pod; `at` = where it has to be, `likes` = where it is as long as there is room."""
    asks = {"cpu": "1", **({GPU: str(gpus)} if gpus else {})}
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": [likes]}
    preferred = [{"weight": 100, "preference": {"matchExpressions": [rule]}}]
    spec: Raw = {"containers": [{"name": "main", "image": "none", "resources": {"requests": asks, "limits": asks}}]}
    if at:
        spec["nodeSelector"] = {"kubernetes.io/hostname": at}
    else:
        spec["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    return {"metadata": {"labels": labels or {}}, "spec": spec}


def serving(kind: str, name: str, replicas: int, gpus: int, at: str = "") -> Raw:
    labels = {"app": name}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": template(gpus, at=at, labels=labels),
        **({"serviceName": name, "podManagementPolicy": "Parallel"} if kind == "StatefulSet" else {}),
    }
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": SPACE}, "spec": spec}


def single(name: str, gpus: int) -> Raw:
    return {"apiVersion": "v1", "kind": "Pod", **template(gpus), "metadata": {"name": name, "namespace": SPACE}}


def once(name: str, gpus: int) -> Raw:
    made = template(gpus)
    made["spec"]["restartPolicy"] = "Never"
    made["metadata"]["annotations"] = {"allotment.dev/run-for": "1h"}
    meta = {"name": name, "namespace": SPACE}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"backoffLimit": 0, "template": made}}


HELD = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web", "namespace": SPACE},
    "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}},
}
WORK = (
    node("a100-0"),
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
    HELD,
    serving("Deployment", "api", 2, 2),
    serving("StatefulSet", "store", 1, 2),
    serving("Deployment", "web", 2, 0),
    serving("Deployment", "fills", 1, 4, at="a100-1"),
    single("bare", 1),
    once("once", 1),
)


def foretold(bare: Sandbox, *changes: str) -> Raw:
    words = ["whatif", *(word for each in changes for word in ("--change", each))]
    ran = CliRunner().invoke(
        cli, [*words, "-n", SPACE, "--kubeconfig", str(bare.kubeconfig), "-o", "json"], prog_name="allot"
    )
    assert ran.exit_code == 0, ran.output
    nodes: Raw = json.loads(ran.stdout)["nodes"]
    return nodes


def pods(kubectl: Kubectl) -> list[Raw]:
    found: list[Raw] = json.loads(kubectl("get", "pods", "-n", SPACE, "-o", "json"))["items"]
    return [each for each in found if "deletionTimestamp" not in each["metadata"]]


def by_node(kubectl: Kubectl) -> Counter[str]:
    """Pods that are not over, by node; those that wait under no name."""
    return Counter(
        each["spec"].get("nodeName", "")
        for each in pods(kubectl)
        if each["status"]["phase"] not in {"Failed", "Succeeded"}
    )


def settle(kubectl: Kubectl, wanted: Callable[[Counter[str]], bool]) -> Counter[str]:
    """The pods by node, once that is as wanted or nobody waits for it any more."""
    ends = time.monotonic() + PATIENCE
    while not wanted(found := by_node(kubectl)) and time.monotonic() < ends:
        time.sleep(1)
    return found


@pytest.mark.nightly
def test_a_drained_node_and_a_further_one_do_what_was_said(bare: Sandbox, on: Api, tools: Any) -> None:
    kubectl = kubectl_for(bare, tools)
    on.make(WORK)
    # The second node comes when the first one is full: a preference alone is only one of the scheduler's scores.
    assert settle(kubectl, lambda found: found == {"a100-0": 7, "": 1}) == {"a100-0": 7, "": 1}
    on.make([node("a100-1")])
    assert settle(kubectl, lambda found: found == {"a100-0": 7, "a100-1": 1}) == {"a100-0": 7, "a100-1": 1}
    on.make([single("big", 6)])

    told = foretold(bare, "drain:a100-0")
    fates = Counter(each["fate"] for work in told["leaving"] for each in work["pods"])
    assert fates == {"placed": 2, "waits": 1, "held": 2, "lost": 1, "job-fails": 1}
    assert [(each["name"], each["allowed"]) for each in told["budgets"]] == [("web", 0)]

    kubectl("drain", "a100-0", "--ignore-daemonsets", "--force", "--timeout=8s", check=False)
    expected = {"a100-0": fates["held"], "a100-1": 1 + fates["placed"], "": 1 + fates["waits"]}
    assert settle(kubectl, lambda found: found == expected) == expected
    assert {each["metadata"]["name"] for each in pods(kubectl)} >= {"big"}
    assert "bare" not in {each["metadata"]["name"] for each in pods(kubectl)}
    job = json.loads(kubectl("get", "job", "once", "-n", SPACE, "-o", "json"))
    assert "Failed" in {each["type"] for each in job["status"]["conditions"] if each["status"] == "True"}

    told = foretold(bare, "add-node:a100-9=a100-1")
    found = sum(each["findNodesAfter"] - each["findNodesBefore"] for each in told["waiting"])
    assert found == 2
    on.make([node("a100-9")])
    then = {"a100-0": 2, "a100-1": 3, "a100-9": found}
    assert settle(kubectl, lambda seen: seen == then) == then
