"""`gpus`, `who`, `waste`, `queues`, `saturation`, `capacity` on random live platforms: sums that plain code takes too.

Teams with queues and without, two kinds of accelerators, nodes that are cordoned, pods outside any queue, and machines
without accelerators. What the test counts it counts from the API server's JSON, by itself.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from click.testing import CliRunner

from allotment.adapters.sandbox.kwok import node_object
from allotment.cli.main import cli
from allotment.ports.sandboxes import RUN_FOR, FakeNode, Sandbox
from tests.live.answers.api import KUEUE, Api, Raw, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

GPU: Final = "nvidia.com/gpu"
HOUR: Final = 3_600_000
MODELS: Final = {"a": "NVIDIA-A100-SXM4-80GB", "t": "Tesla-T4"}
RESTS_FOR: Final = 3.0
"""Seconds without a change after which the platform has come to rest."""


def platform(chance: random.Random) -> list[Raw]:
    """Nodes of two accelerators and of none, a flavor of each accelerator, teams with a queue."""
    nodes = [
        FakeNode(
            f"{kind}-{at}",
            {"pool": kind, "nvidia.com/gpu.product": model},
            allocatable={"cpu": "32", "memory": "128Gi", GPU: chance.choice(["2", "4", "8"])},
        )
        for kind, model in MODELS.items()
        for at in range(chance.randint(2, 4))
    ]
    nodes.append(FakeNode("cpu-0", {"pool": "cpu"}, allocatable={"cpu": "16", "memory": "64Gi"}))
    found: list[Raw] = [
        {
            "apiVersion": KUEUE,
            "kind": "ResourceFlavor",
            "metadata": {"name": kind},
            "spec": {"nodeLabels": {"pool": kind}},
        }
        for kind in MODELS
    ]
    found += [node_object(each) for each in nodes]
    for team in teams(chance):
        flavors = [
            {
                "name": kind,
                "resources": [
                    {"name": "cpu", "nominalQuota": 100},
                    {"name": "memory", "nominalQuota": "500Gi"},
                    {"name": GPU, "nominalQuota": chance.randint(0, 8)},
                ],
            }
            for kind in MODELS
        ]
        group = {"coveredResources": ["cpu", "memory", GPU], "flavors": flavors}
        spec = {"cohortName": "all", "namespaceSelector": {}, "resourceGroups": [group]}
        local = {"metadata": {"name": "main", "namespace": team}, "spec": {"clusterQueue": team}}
        found += [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team, "labels": {"team": team}}},
            {"apiVersion": KUEUE, "kind": "ClusterQueue", "metadata": {"name": team}, "spec": spec},
            {"apiVersion": KUEUE, "kind": "LocalQueue", **local},
        ]
    return found


def teams(chance: random.Random) -> list[str]:
    return [f"team-{number}" for number in range(2 + chance.randrange(2))]


def work(chance: random.Random, spaces: list[str]) -> list[Raw]:
    """Jobs in queues and outside, and bare pods."""
    found: list[Raw] = []
    for number in range(18):
        gpus = chance.choice([0, 1, 1, 2, 2, 3, 4])
        amounts: Raw = {"cpu": chance.choice(["1", "2"]), "memory": "4Gi", **({GPU: str(gpus)} if gpus else {})}
        limits = {GPU: str(gpus)} if gpus else {}
        container = {"name": "main", "image": "x:1", "resources": {"requests": amounts, "limits": limits}}
        spec: Raw = {"restartPolicy": "Never", "containers": [container]}
        if chance.random() < 0.5:
            spec["nodeSelector"] = {"pool": chance.choice(list(MODELS))}
        meta: Raw = {"name": f"work-{number}", "namespace": chance.choice(spaces)}
        if chance.random() < 0.2:
            pod_meta = {**meta, "annotations": {RUN_FOR: "10h"}}
            found.append({"apiVersion": "v1", "kind": "Pod", "metadata": pod_meta, "spec": spec})
            continue
        if chance.random() < 0.7:
            meta["labels"] = {"kueue.x-k8s.io/queue-name": "main"}
        template = {"metadata": {"annotations": {RUN_FOR: "10h"}}, "spec": spec}
        pods = chance.choice([1, 1, 2])
        body = {"parallelism": pods, "completions": pods, "template": template}
        found.append({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": body})
    return found


@dataclass(frozen=True)
class Seen:
    """The platform at rest, as the API server tells it."""

    arena: Sandbox
    nodes: list[Raw]
    pods: list[Raw]
    queues: list[Raw]
    spaces: list[str]

    def of(self, kind: str) -> list[Raw]:
        return [each for each in self.nodes if each["metadata"]["labels"]["pool"] == kind]

    def on(self, node: Raw) -> list[Raw]:
        """Pods that hold something of a node."""
        name = node["metadata"]["name"]
        return [
            each
            for each in self.pods
            if each["spec"].get("nodeName") == name and each["status"]["phase"] in {"Pending", "Running"}
        ]

    def held(self, nodes: list[Raw]) -> int:
        return sum(asked(pod) for node in nodes for pod in self.on(node))

    def total(self, nodes: list[Raw]) -> int:
        return sum(int(each["status"]["allocatable"].get(GPU, 0)) for each in nodes)

    def answer(self, *words: str) -> Raw:
        arguments = [*words, "-o", "json", "--kubeconfig", str(self.arena.kubeconfig)]
        result = CliRunner().invoke(cli, arguments, prog_name="allot", catch_exceptions=False)
        assert result.exit_code == 0, result.output
        found: Raw = json.loads(result.stdout)
        return found


def asked(pod: Raw) -> int:
    return sum(int(each["resources"].get("requests", {}).get(GPU, 0)) for each in pod["spec"]["containers"])


def open_(nodes: list[Raw]) -> list[Raw]:
    return [each for each in nodes if not each["spec"].get("unschedulable")]


@pytest.fixture(scope="module", params=[0, *(pytest.param(each, marks=pytest.mark.nightly) for each in range(1, 6))])
def seen(bare: Sandbox, request: pytest.FixtureRequest) -> Iterator[Seen]:
    chance = random.Random(request.param)
    with Api(bare.kubeconfig) as api:
        api.clear()
        objects = platform(chance)
        spaces = [each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"]
        api.make(objects)
        until("service accounts", lambda: all(api.items("v1", "ServiceAccount", each) for each in spaces))
        api.make(work(chance, spaces))
        at_rest(api)
        nodes = [each for each in api.items("v1", "Node") if each["metadata"]["labels"]["pool"] in MODELS]
        for each in chance.sample(nodes, 2):
            api.patch(each, {"spec": {"unschedulable": True}})
        at_rest(api)
        yield Seen(bare, api.items("v1", "Node"), api.items("v1", "Pod"), api.items(KUEUE, "ClusterQueue"), spaces)
        api.clear()


def at_rest(api: Api) -> None:
    """Wait until nothing has changed for a while, and everybody has looked at everything."""
    kinds = (("v1", "Pod"), ("v1", "Node"), (KUEUE, "Workload"), (KUEUE, "ClusterQueue"))
    last: Any = None
    since = time.monotonic()

    def rests() -> bool:
        nonlocal last, since
        objects = [each for kind in kinds for each in api.items(*kind)]
        now = sorted((each["kind"], each["metadata"]["name"], each["metadata"]["resourceVersion"]) for each in objects)
        looked = all(
            each.get("status", {}).get("conditions") for each in objects if each["kind"] in {"Workload", "Pod"}
        )
        if now != last or not looked:
            last, since = now, time.monotonic()
        return time.monotonic() - since > RESTS_FOR

    until("rest", rests)


def test_gpus(seen: Seen) -> None:
    told = {each["accelerator"]: each for each in seen.answer("gpus")["items"]}
    assert len(told) == len(MODELS)
    by_total: Counter[tuple[int, int, int, int, int]] = Counter()
    for kind in MODELS:
        nodes = seen.of(kind)
        free = sum(seen.total([each]) - seen.held([each]) for each in open_(nodes))
        numbers = (len(nodes), seen.total(nodes), seen.total(open_(nodes)), seen.held(nodes), free)
        by_total[numbers] += 1
    fields = ("nodes", "total", "schedulable", "used", "free")
    assert Counter(tuple(each[field] for field in fields) for each in told.values()) == by_total
    assert sum(each["used"] for each in told.values()) > 0


def test_who(seen: Seen) -> None:
    found = seen.answer("who")
    held: Counter[tuple[str, bool]] = Counter()
    for node in seen.nodes:
        for pod in seen.on(node):
            queued = "kueue.x-k8s.io/podset" in pod["metadata"].get("labels", {})
            held[pod["metadata"]["namespace"], not queued] += asked(pod)
    told: Counter[tuple[str, bool]] = Counter()
    for each in found["items"]:
        told[each["namespace"], each["outsideQueue"]] += each["devices"]
    assert +told == +held
    assert found["devices"] == held.total() == seen.held(seen.nodes)
    assert any(outside for _, outside in +held), "some stand outside any queue"


def test_waste(seen: Seen) -> None:
    found = seen.answer("waste")
    told: Counter[str] = Counter()
    for entry in found["entries"]:
        if entry["cause"] in {"unmeasured", "starting"}:
            told[entry["namespace"]] += entry["gpuMs"] // HOUR
    held: Counter[str] = Counter()
    for node in seen.nodes:
        for pod in seen.on(node):
            held[pod["metadata"]["namespace"]] += asked(pod)
    closed = [each for each in seen.nodes if each not in open_(seen.nodes)]
    cordoned = sum(entry["gpuMs"] for entry in found["entries"] if entry["cause"] == "cordoned") // HOUR
    assert +told == +held
    assert cordoned == seen.total(closed) - seen.held(closed)
    assert found["capacityGpuMs"] == seen.total(seen.nodes) * HOUR == sum(each["gpuMs"] for each in found["entries"])


def test_queues(seen: Seen) -> None:
    told = {each["clusterQueue"]: each for each in seen.answer("queues")["items"]}
    assert set(told) == set(seen.spaces)
    for queue in seen.queues:
        found = told[queue["metadata"]["name"]]
        used = {
            (flavor["name"], one["name"]): int(one["total"])
            for flavor in queue["status"]["flavorsReservation"]
            for one in flavor["resources"]
            if one["name"] == GPU
        }
        mine = {(each["flavor"], each["resource"]): each["used"] for each in found["quotas"] if each["resource"] == GPU}
        assert mine == used
        assert found["pending"] == queue["status"]["pendingWorkloads"]


def test_saturation(seen: Seen) -> None:
    told: Counter[tuple[int, int, int, int]] = Counter()
    for each in seen.answer("saturation")["items"]:
        things = {one["name"]: one for one in each["things"]}
        told[each["nodes"], things[GPU]["capacity"], things[GPU]["used"], things["pods"]["used"]] += 1
    counted: Counter[tuple[int, int, int, int]] = Counter()
    for kind in MODELS:
        nodes = open_(seen.of(kind))
        pods = sum(len(seen.on(node)) for node in nodes)
        counted[len(nodes), seen.total(nodes), seen.held(nodes), pods] += 1
    assert told == counted


def test_capacity(seen: Seen) -> None:
    found = seen.answer("capacity")
    total, held = seen.total(seen.nodes), seen.held(seen.nodes)
    names = ("nodes", "gpus", "usedGpus", "freeGpus")
    assert tuple(found["cluster"][name] for name in names) == (len(seen.nodes), total, held, total - held)
    for each in found["nodes"]:
        (node,) = (one for one in seen.nodes if one["metadata"]["name"] == each["node"])
        assert (each["gpus"], each["usedGpus"]) == (seen.total([node]), seen.held([node]))
        assert each["cordoned"] is bool(node["spec"].get("unschedulable"))
