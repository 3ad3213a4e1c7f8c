"""A real autoscaler: Karpenter with its KWOK provider makes nodes, or does not, and `allot` says why.

The state is asserted in Karpenter's own words and conditions before anything is asked: a readiness check.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from allotment.adapters.sandbox.manifests import KARPENTER_KINDS
from allotment.adapters.sandbox.store import SandboxStore
from allotment.adapters.sandbox.versions import AUTOSCALER
from allotment.cli.main import cli
from allotment.ports.sandboxes import FakeNode, SandboxSpec
from benchmarks.why.karpenter import Cloud, Machine, karpenter, node_class, node_pool
from benchmarks.why.making import GPU, cluster_queue, flavor, job, local_queue, namespace, pod_spec, usual
from benchmarks.why.stage import Stage
from tests.live.conftest import told_to, unique_name

pytestmark = [pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(600)]
Raw = dict[str, Any]

PRODUCT: Final = "nvidia.com/gpu.product"
A100, H100 = "NVIDIA-A100-SXM4-80GB", "NVIDIA-H100-80GB-HBM3"
MACHINES: Final = (
    Machine("a100x4", 4, labels=((PRODUCT, A100),)),
    Machine("a100x8", 8, zones=("z1", "z2"), labels=((PRODUCT, A100),), price=19.0),
    Machine("cpu16", cpu="16", memory="64Gi", price=1.0),
)
OF_SYSTEM: Final = FakeNode("cpu-a", allocatable={"cpu": "32", "memory": "128Gi"})
"""Where Karpenter itself would run: a fleet that it makes from nothing has no GPU node at first."""
POOLS: Final = "nodepools.karpenter.sh"
CLAIMS: Final = "nodeclaims.karpenter.sh"
STARTS_WITHIN: Final = 120.0
"""Karpenter looks again within 10 s, kube-scheduler within its back-off."""
NVIDIA: Final = {"key": GPU, "value": "present", "effect": "NoSchedule"}


@dataclass(frozen=True)
class Land:
    """A cluster with Karpenter in it."""

    stage: Stage
    cloud: Cloud

    def ask(self, *words: str) -> Raw:
        """What a command says as JSON."""
        call = [*words, "-o", "json", "--kubeconfig", self.stage.access[0]]
        done = CliRunner().invoke(cli, call, prog_name="allot", catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found: Raw = json.loads(done.stdout)
        return found

    def why(self, name: str, space: str = "team") -> Raw:
        """Why a job does not run."""
        return self.ask("why", f"Job/{name}", "-n", space)

    def ready(self, *pools: Raw, delay: str = "0s") -> None:
        """Pools that Karpenter may make nodes of."""
        self.stage.make(node_class(delay), *pools)
        self.stage.until("pools are ready", lambda: all(_is(each, "Ready") for each in self.stage.get(POOLS)))

    def said(self, words: str, about: str = "", reason: str = "") -> Raw:
        """Karpenter's event, waited for; `about` begins the name of its object."""

        def event() -> Raw | None:
            for each in self.stage.get("events"):
                mine = each["source"].get("component") == "karpenter" and each["reason"] == (reason or each["reason"])
                if mine and each["involvedObject"]["name"].startswith(about) and words in each["message"]:
                    return dict(each)
            return None

        found: Raw = self.stage.until(f"Karpenter says {words!r} of {about}", event)
        return found

    def runs(self, *names: str, space: str = "team") -> None:
        """Jobs whose pods all run, waited for."""
        ends = time.monotonic() + STARTS_WITHIN
        for name in names:
            while not _all_ready(self.stage.get("jobs.batch", name, space)):
                assert time.monotonic() < ends, f"{name}: {self.why(name, space)['summary']}\n{self.cloud.log[-2000:]}"
                time.sleep(0.5)

    def does(self, remedy: Raw, folder: Path, manifest: Raw | None = None) -> None:
        """A remedy's command, in a shell, as printed."""
        if manifest is not None:
            (folder / f"{manifest['metadata']['name']}.yaml").write_text(json.dumps(manifest), encoding="utf-8")
        config, kubectl = self.stage.access
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", remedy["command"]],
            env={"PATH": f"{Path(kubectl).parent}:/usr/bin:/bin", "KUBECONFIG": config, "HOME": str(folder)},
            cwd=folder, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{remedy['command']}\n{done.stderr}"


def _is(each: Raw, kind: str, status: str = "True") -> bool:
    found = each.get("status", {}).get("conditions", ())
    return any(one["type"] == kind and one["status"] == status for one in found)


def _all_ready(each: Raw | None) -> bool:
    return each is not None and each.get("status", {}).get("ready", 0) >= each["spec"]["parallelism"]


@pytest.fixture(scope="module")
def whole_land(
    sandbox_store: SandboxStore, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Land]:
    """`make nightly` builds Karpenter before."""
    kit = sandbox_store.tools((*AUTOSCALER, "kubectl"), told_to(request), manifests=(KARPENTER_KINDS,))
    name, folder = unique_name(), tmp_path_factory.mktemp("karpenter")
    try:
        made = sandbox_store.up(SandboxSpec(name, (OF_SYSTEM,)), progress=told_to(request))
        stage = Stage(str(made.kubeconfig), str(kit.binaries["kubectl"]))
        kinds = kit.manifests[KARPENTER_KINDS]
        with karpenter(kit.binaries["karpenter"], kinds, stage, folder, MACHINES) as cloud:
            yield Land(stage, cloud)
    finally:
        sandbox_store.down(name)


@pytest.fixture
def land(whole_land: Land) -> Iterator[Land]:
    """Without pools and without work, before and after."""
    stage = whole_land.stage
    stage.make(namespace("team"))
    yield whole_land
    whole_land.cloud.sell_out()
    for kind in ("clusterqueues.kueue.x-k8s.io", "resourceflavors.kueue.x-k8s.io"):
        stage.run("delete", kind, "--all", "--wait=false")
    stage.run("delete", "namespace", "team", "--wait=true", "--timeout=90s")
    for kind in (POOLS, "kwoknodeclasses.karpenter.kwok.sh"):
        stage.run("delete", kind, "--all", "--wait=true", "--timeout=90s")
    stage.until("its nodes are gone", lambda: not stage.get(CLAIMS) and len(stage.get("nodes")) == 1)


def gpu_pool(limit: int | str = 8, *types: str, **more: Any) -> Raw:
    return node_pool("gpu", types or ("a100x4",), limits={GPU: str(limit)}, **more)


CPU_POOL: Final = node_pool("cpu", ("cpu16",))


def first(found: Raw, kind: str) -> Raw:
    """The first remedy of a kind."""
    return next(dict(each) for each in found["remedies"] if each["kind"] == kind)


def test_a_node_on_its_way_and_then_it_runs(land: Land) -> None:
    stage = land.stage
    land.ready(gpu_pool(), CPU_POOL, delay="30s")
    stage.make(job("train", "team", spec=pod_spec(4)))
    meant = land.said("Pod should schedule on: nodeclaim/gpu-", "train", "Nominated")
    claim = stage.until("a claim", lambda: next((c for c in stage.get(CLAIMS) if _is(c, "Launched")), None))
    assert claim["metadata"]["name"] in meant["message"]
    assert _is(claim, "Registered", "Unknown")
    assert [node["metadata"]["name"] for node in stage.get("nodes")] == ["cpu-a"]

    found = land.why("train")

    assert (found["cause"], found["verdict"], found["confidence"]) == ("autoscaler-scaling-up", "waiting", "sure")
    assert found["facts"]["node_group"] == "gpu"
    assert (found["facts"]["size"], found["facts"]["target"]) == (0, 1)
    assert found["evidence"][0]["object"]["kind"] == "NodeClaim"
    assert found["evidence"][0]["value"] == "Node not registered with cluster"
    assert (found["remedies"][0]["kind"], found["remedies"][0]["tried"]["starts"]) == ("wait-for-capacity", "later")
    land.runs("train")
    assert land.why("train")["cause"] == "none"
    (gpus,) = land.ask("gpus")["items"]
    assert (gpus["total"], gpus["healthy"], gpus["free"]) == (4, 4, 0)


@pytest.mark.parametrize(
    ("limits", "pods", "gpus", "raised"),
    [
        pytest.param({GPU: "4"}, 1, 4, {GPU: "8"}, id="GPUs"),
        pytest.param({GPU: "4"}, 2, 4, {GPU: "12"}, id="for two pods, two nodes"),
        pytest.param({GPU: "6"}, 1, 1, {GPU: "8"}, id="for one GPU, a whole node"),
        pytest.param({GPU: "40", "cpu": "150"}, 1, 4, {"cpu": "192"}, id="CPU, not GPUs"),
    ],
)
def test_a_limit_is_reached_and_raised_as_printed(
    limits: Mapping[str, str], pods: int, gpus: int, raised: Mapping[str, str], land: Land, tmp_path: Path
) -> None:
    stage = land.stage
    land.ready(node_pool("gpu", ("a100x4",), limits=limits), CPU_POOL)
    stage.make(job("before", "team", spec=pod_spec(4)))
    land.runs("before")
    stage.make(job("train", "team", pods=pods, spec=pod_spec(gpus)))
    land.said("all available instance types exceed limits for nodepool (NodePool=gpu)", "train", "FailedScheduling")
    stage.until("what the pool has", lambda: _has(stage, "gpu") == 4)

    found = land.why("train")

    assert (found["cause"], found["verdict"], found["confidence"]) == ("autoscaler-at-max", "waiting", "sure")
    (resource,) = raised
    most, used = limits[resource], {GPU: 4, "cpu": 96_000}[resource]
    assert (found["facts"]["node_group"], found["facts"]["resource"], found["facts"]["size"]) == ("gpu", resource, used)
    assert {each["field"]: each["value"] for each in found["evidence"]}[f"spec.limits[{resource}]"] == most
    remedy = first(found, "raise-autoscaler-max")
    assert (remedy["who"], remedy["tried"]["starts"]) == ("platform", "now")
    assert remedy["target"] == {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": "gpu"}
    assert remedy["patch"]["body"] == {"spec": {"limits": raised}}
    land.does(remedy, tmp_path)
    land.runs("train")


def _has(stage: Stage, pool: str) -> int:
    return int(stage.get(POOLS, pool)["status"]["resources"].get(GPU, 0))


NOTHING_FITS: Final[Mapping[str, tuple[Raw, str, str, str]]] = {
    "more GPUs than any machine": (
        job("train", "team", spec=pod_spec(16)),
        "no instance type has enough resources",
        "autoscaler-no-group-matches",
        "no machine of NodePools cpu, gpu",
    ),
    "another accelerator": (
        job("train", "team", spec=pod_spec(4, nodeSelector={PRODUCT: H100})),
        "no instance type met",
        "autoscaler-no-group-matches",
        f"{PRODUCT}={H100}",
    ),
    "a label of which no pool knows": (
        job("train", "team", spec=pod_spec(4, nodeSelector={"workload": "training"})),
        'label "workload" does not have known values',
        "autoscaler-no-group-matches",
        "workload=training",
    ),
    "a device by a wrong name": (
        job("train", "team", spec=pod_spec(1, resource="nvidia.com/gpus")),
        "no instance type has enough resources",
        "extended-resource-unknown",
        "nvidia.com/gpus",
    ),
}


@pytest.mark.parametrize("name", NOTHING_FITS)
def test_no_pool_makes_such_a_node(name: str, land: Land, tmp_path: Path) -> None:
    mine, words, cause, told = NOTHING_FITS[name]
    land.ready(gpu_pool(), CPU_POOL)
    land.stage.make(mine)
    land.said(words, "train", "FailedScheduling")
    found = land.why("train")
    assert (found["cause"], found["verdict"], found["confidence"]) == (cause, "misconfigured", "likely"), found[
        "summary"
    ]
    assert told in found["summary"]
    assert not land.stage.get(CLAIMS)
    selects = "nodeSelector" in mine["spec"]["template"]["spec"]
    assert [each["kind"] for each in found["remedies"] if each["who"] == "user"] == ["fix-selector"] * selects
    if selects:
        assert found["remedies"][0]["tried"]["starts"] == "later"
        land.does(found["remedies"][0], tmp_path, mine)
        land.runs("train")


def test_more_than_any_machine_while_the_limit_is_reached_is_no_matter_of_the_limit(land: Land) -> None:
    """Karpenter looks at limits first, and says nothing else then."""
    land.ready(gpu_pool(4), CPU_POOL)
    land.stage.make(job("before", "team", spec=pod_spec(4)))
    land.runs("before")
    land.stage.make(job("train", "team", spec=pod_spec(16)))
    land.said("all available instance types exceed limits for nodepool (NodePool=gpu)", "train", "FailedScheduling")
    found = land.why("train")
    assert (found["cause"], found["verdict"]) == ("insufficient-gpu", "misconfigured")
    assert "raise-autoscaler-max" not in {each["kind"] for each in found["remedies"]}


def test_a_taint_of_nodes_to_be_is_tolerated_as_printed(land: Land, tmp_path: Path) -> None:
    land.ready(gpu_pool(taints=[NVIDIA]), CPU_POOL)
    mine = job("train", "team", spec=pod_spec(4))
    land.stage.make(mine)
    land.said("did not tolerate taint (taint=nvidia.com/gpu=present:NoSchedule)", "train", "FailedScheduling")
    found = land.why("train")
    assert (found["cause"], found["verdict"], found["confidence"]) == (
        "gpu-taint-not-tolerated", "misconfigured", "likely",
    )  # fmt: skip
    remedy = found["remedies"][0]
    assert (remedy["kind"], remedy["who"], remedy["tried"]["starts"]) == ("add-toleration", "user", "later")
    land.does(remedy, tmp_path, mine)
    land.runs("train")


def test_sold_out_and_to_be_had_again(land: Land) -> None:
    land.cloud.sell_out(("a100x4", "z1"))
    land.ready(gpu_pool(), CPU_POOL)
    land.stage.make(job("train", "team", spec=pod_spec(4)))
    refusal = land.said("insufficient capacity, InsufficientInstanceCapacity", "gpu-", "InsufficientCapacityError")
    land.said("no instance type has enough resources", "train", "FailedScheduling")
    said = land.said("NodePool requirements filtered out all", "gpu", "NoCompatibleInstanceTypes")
    assert said["involvedObject"]["kind"] == "NodePool"

    found = land.why("train")

    assert (found["cause"], found["confidence"]) == ("autoscaler-out-of-stock", "sure"), found["summary"]
    assert found["facts"]["node_group"] == "gpu"
    assert found["evidence"][0]["value"] == refusal["message"]
    assert first(found, "wait-for-capacity")["who"] == "user"
    land.cloud.sell_out()
    land.runs("train")


def test_one_zone_is_sold_out_and_the_other_serves(land: Land) -> None:
    land.cloud.sell_out(("a100x8", "z1"))
    land.ready(node_pool("gpu", ("a100x8",), limits={GPU: "8"}))
    land.stage.make(job("train", "team", spec=pod_spec(8)))
    land.runs("train")
    (claim,) = land.stage.get(CLAIMS)
    assert claim["metadata"]["labels"]["topology.kubernetes.io/zone"] == "z2"
    assert land.why("train")["cause"] == "none"


def test_a_pool_whose_class_is_gone_is_told_and_mended(land: Land) -> None:
    """Karpenter says nothing of it at the pod."""
    stage = land.stage
    land.ready(gpu_pool())
    stage.run("delete", "kwoknodeclasses.karpenter.kwok.sh", "--all")
    stage.until("the pool is not ready", lambda: _is(stage.get(POOLS, "gpu"), "Ready", "False"))
    stage.make(job("train", "team", spec=pod_spec(4)))
    stage.until("a pod waits", lambda: _waits(stage, "train"))
    found = land.why("train")
    assert (found["cause"], found["verdict"], found["confidence"]) == ("autoscaler-pool-not-ready", "broken", "sure")
    assert "NodeClass not found on cluster" in found["summary"]
    stage.make(node_class())
    land.runs("train")


def _waits(stage: Stage, name: str) -> bool:
    pods = [each for each in stage.get("pods", namespace="team") if each["metadata"]["name"].startswith(name)]
    return any(one.get("reason") == "Unschedulable" for each in pods for one in each["status"].get("conditions", ()))


def test_a_node_that_has_joined_and_is_not_finished_is_still_coming(land: Land, tmp_path: Path) -> None:
    """First its network is not there, then its device plugin; what is missing half an hour later is broken."""
    stage = land.stage
    network = {"key": "network.example/not-ready", "effect": "NoSchedule"}
    land.ready(gpu_pool(startup_taints=[network]), CPU_POOL)
    stage.make(job("train", "team", spec=pod_spec(4)))
    claim = stage.until("a claim that waits", lambda: _unfinished(stage, "StartupTaintsExist"))
    found = land.why("train")
    assert (found["cause"], found["verdict"]) == ("autoscaler-scaling-up", "waiting"), found["summary"]
    assert found["evidence"][0]["value"].startswith('StartupTaint "network.example/not-ready')
    assert {each["kind"] for each in found["remedies"]} == {"wait-for-capacity"}

    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": claim["status"]["nodeName"]}}
    gone = [{"op": "remove", "path": f"/status/{each}/nvidia.com~1gpu"} for each in ("allocatable", "capacity")]
    stage.patch(node, gone, op="json", subresource="status")
    stage.run("taint", "node", node["metadata"]["name"], f"{network['key']}-")
    stage.until("it lacks its GPUs", lambda: _unfinished(stage, "ResourceNotRegistered"))
    found = land.why("train")
    assert (found["cause"], found["verdict"]) == ("autoscaler-scaling-up", "waiting"), found["summary"]
    assert found["evidence"][0]["value"] == f'Resource "{GPU}" was requested but not registered'
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1800))
    case = {
        "now": later,
        "objects": stage.everything(),
        "subject": {"kind": "Job", "namespace": "team", "name": "train"},
    }
    (tmp_path / "later.json").write_text(json.dumps(case), encoding="utf-8")
    call = ["why", "Job/train", "-n", "team", "-o", "json", "--snapshot", str(tmp_path / "later.json")]
    stuck = json.loads(CliRunner().invoke(cli, call, prog_name="allot", catch_exceptions=False).stdout)
    assert (stuck["cause"], stuck["verdict"]) == ("device-plugin-missing", "broken"), stuck["summary"]
    assert stuck["facts"]["gpus_by_label"] == 4

    there = {"status": {each: {GPU: "4"} for each in ("allocatable", "capacity")}}
    stage.patch(node, there, subresource="status")
    land.runs("train")


def _unfinished(stage: Stage, reason: str) -> Raw | None:
    for each in stage.get(CLAIMS):
        said = each.get("status", {}).get("conditions", ())
        if any(one["type"] == "Initialized" and one["reason"] == reason for one in said):
            return dict(each)
    return None


def test_nodes_that_go_because_nobody_needs_them_are_not_broken(land: Land) -> None:
    stage = land.stage
    land.ready(gpu_pool(consolidate_after="5s"), CPU_POOL)
    stage.make(job("early", "team", spec=pod_spec(4)), job("other", "team", spec=pod_spec(2)))
    land.runs("early", "other")
    assert land.ask("gpus")["items"][0]["total"] == 8
    stage.run("delete", "job", "early", "-n", "team")
    seen: list[Raw] = []

    def gone() -> bool:
        seen.append(land.ask("gpus")["items"][0])
        assert not land.ask("why", "-A")["groups"]
        return len(stage.get(CLAIMS)) == 1

    stage.until("the empty node is gone", gone)
    land.said("Disrupting NodeClaim: Empty", "gpu-", "DisruptionTerminating")
    assert all(each["healthy"] == each["total"] for each in seen)
    assert land.ask("gpus")["items"][0]["total"] == 4
    assert land.why("other")["cause"] == "none"


def test_a_node_that_is_drained_is_leaving_and_not_broken(land: Land) -> None:
    """Its pod may not be moved: the node stays, tainted, and what waits is not told to tolerate that."""
    stage = land.stage
    land.ready(gpu_pool(4), CPU_POOL, delay="20s")
    stage.make(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "stay", "namespace": "team"},
            "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "early"}}},
        },
        job("early", "team", spec=pod_spec(2)),
    )
    land.runs("early")
    stage.run("delete", CLAIMS, "--all", "--wait=false")
    stage.until("the node is tainted", lambda: any(_is_disrupted(node) for node in stage.get("nodes")))
    stage.make(job("train", "team", spec=pod_spec(2)))
    land.said("Pod should schedule on: nodeclaim/gpu-", "train", "Nominated")
    assert any(_is_disrupted(node) for node in stage.get("nodes"))

    found = land.why("train")

    assert (found["cause"], found["verdict"]) == ("autoscaler-scaling-up", "waiting"), found["summary"]
    assert {each["kind"] for each in found["remedies"]} == {"wait-for-capacity"}
    assert {each["cause"] for each in found["contributing"]} <= {"gpu-all-in-use"}
    land.runs("train", "early")
    stage.run("delete", "poddisruptionbudget", "stay", "-n", "team")
    stage.until("the node is gone", lambda: not any(_is_disrupted(node) for node in stage.get("nodes")))


def _is_disrupted(node: Raw) -> bool:
    return any(each["key"] == "karpenter.sh/disrupted" for each in node["spec"].get("taints", ()))


def test_queued_work_and_the_books_know_the_pools(land: Land) -> None:
    """A flavor is a NodePool: what Kueue lets in waits for its node, and quota is held against the pool's limit."""
    stage = land.stage
    land.ready(gpu_pool(8, labels={"tier": "gold"}), CPU_POOL, delay="20s")
    stage.make(
        flavor("gold", {"tier": "gold"}),
        cluster_queue("team", {"gold": usual(12)}),
        local_queue("main", "team", "team"),
        job("train", "team", "main", spec=pod_spec(4), suspend=True),
    )
    land.said("Pod should schedule on: nodeclaim/gpu-", "train", "Nominated")

    found = land.why("train")

    assert (found["cause"], found["verdict"]) == ("autoscaler-scaling-up", "waiting")
    (book,) = [each for each in land.ask("books")["flavors"] if each["resource"] == GPU]
    assert (book["nominal"], book["maximum"]) == (12, 8)
    faults = land.ask("books")["findings"]
    assert [each["code"] for each in faults] == ["guarantee-unbacked"]
    land.runs("train")
