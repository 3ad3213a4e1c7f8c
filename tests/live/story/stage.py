"""Two real control planes with the platform of the story applied to both, and the work that waits in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import KubeClient, connect
from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.cluster import Cluster
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.operations.change.apply import apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.foresee.sandboxing import frameworks_of, nodes_of
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.live.conftest import unique_name
from tests.live.kubernetes.driving import until

PLATFORM: Final = Path(__file__).parent / "platform"
FLAVOR: Final = "a100-on-demand"
GPU: Final = "nvidia.com/gpu"
_TEAMS: Final = ("nlp", "cv")
_BATCH: Final = "batch/v1"


@dataclass(frozen=True)
class StoryCluster:
    """One of the two."""

    declared: Cluster
    kube: KubeClient
    sandbox: Sandbox

    @property
    def kueue(self) -> str:
        return f"kueue.x-k8s.io/{self.declared.kueue_api.value}"

    def nominal(self, team: str) -> int:
        """Guaranteed devices of a team's queue."""
        (queue,) = (each for each in self.kube.list(self.kueue, "ClusterQueue") if each["metadata"]["name"] == team)
        flavors = (flavor for group in queue["spec"]["resourceGroups"] for flavor in group["flavors"])
        resources = (each for flavor in flavors if flavor["name"] == FLAVOR for each in flavor["resources"])
        return sum(int(each["nominalQuota"]) for each in resources if each["name"] == GPU)

    def admitted(self, team: str) -> frozenset[str]:
        """Jobs that hold quota, by name."""
        found = set()
        for each in self.kube.list(self.kueue, "Workload", namespace=team):
            conditions = {one["type"]: one["status"] for one in each.get("status", {}).get("conditions", ())}
            if conditions.get("Admitted") == "True":
                found.add(each["metadata"]["ownerReferences"][0]["name"])
        return frozenset(found)

    def changes(self, platform: Platform) -> list[str]:
        """What is not as a platform declares it."""
        cluster = platform.cluster(self.declared.name)
        assert cluster is not None
        plan = make_plan(render(platform, cluster), self.kube, PlanSettings(platform.name, SystemClock().now().date()))
        return [str(each.key) for each in plan.changes]

    def submit(self, team: str, name: str, pods: int) -> None:
        """Work that asks for two devices in each pod and runs until it is removed."""
        self.kube.create(job(team, name, pods))

    def clear(self) -> None:
        """No work is left."""
        for team in _TEAMS:
            for each in self.kube.list(_BATCH, "Job", namespace=team):
                self.kube.delete(_BATCH, ObjectKey("batch", "Job", team, each["metadata"]["name"]))
        for team in _TEAMS:
            until(partial(self.idle, team), partial(self.admitted, team), 60)

    def idle(self, team: str) -> bool:
        """Whether Kueue knows of no work of a team."""
        return not list(self.kube.list(self.kueue, "Workload", namespace=team))


@dataclass(frozen=True)
class Stage:
    """Both clusters, and what reaches them."""

    platform: Platform
    clusters: Mapping[str, StoryCluster]
    kubeconfig: Path

    @property
    def east(self) -> StoryCluster:
        return self.clusters["east"]

    def quotas(self) -> dict[str, tuple[int, ...]]:
        """Guaranteed devices of nlp and cv, by cluster."""
        return {name: tuple(each.nominal(team) for team in _TEAMS) for name, each in self.clusters.items()}

    def changes(self, platform: Platform) -> list[str]:
        return [change for each in self.clusters.values() for change in each.changes(platform)]

    def set_work(self) -> None:
        """As the story begins: cv holds its guarantee in the east and the two devices that nlp leaves idle, while nlp
        waits for ten."""
        for each in self.clusters.values():
            each.clear()
        for name in ("first", "second"):
            self.east.submit("cv", name, 2)
        until(lambda: self.east.admitted("cv") == {"first", "second"}, lambda: str(self.east.admitted("cv")), 60)
        self.east.submit("nlp", "release", 5)
        until(lambda: not self.east.idle("nlp"), lambda: "Kueue has not seen nlp's job", 60)


def declared() -> SourceTree:
    return read_tree(PLATFORM)


def job(team: str, name: str, pods: int) -> dict[str, Any]:
    marks = {"team": team, "project": team, "cost-center": "cc-1" if team == "nlp" else "cc-2"}
    marks["environment"] = "staging"
    resources = {"cpu": "4", "memory": "16Gi", GPU: "2"}
    pod = {
        "restartPolicy": "Never",
        "nodeSelector": {"allotment.dev/accelerator": "a100", "allotment.dev/capacity-type": "on-demand"},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "image": "registry.acme.example/train:1",
                "resources": {"requests": resources, "limits": resources},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    return {
        "apiVersion": _BATCH,
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": team,
            "labels": {**marks, "kueue.x-k8s.io/queue-name": "default"},
        },
        "spec": {
            "suspend": True,
            "parallelism": pods,
            "completions": pods,
            "template": {"metadata": {"labels": marks, "annotations": {"allotment.dev/run-for": "7200s"}}, "spec": pod},
        },
    }


@contextmanager
def staged(store: SandboxStore, folder: Path) -> Iterator[Stage]:
    """Both clusters, started side by side.

    Args:
        store: of sandboxes.
        folder: for what reaches them.
    """
    platform = load_platform(declared()).platform
    names = {each.name: unique_name() for each in platform.clusters}
    with ExitStack() as opened, ThreadPoolExecutor(len(names)) as side_by_side:
        for name in names.values():
            opened.callback(store.down, name)

        def start(cluster: Cluster) -> StoryCluster:
            kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)
            nodes = tuple(nodes_of(platform, cluster))
            sandbox = store.up(SandboxSpec(names[cluster.name], nodes, kueue, context=cluster.context))
            return StoryCluster(cluster, opened.enter_context(connect(sandbox.kubeconfig)), sandbox)

        clusters = {each.declared.name: each for each in side_by_side.map(start, platform.clusters)}
        stage = Stage(platform, clusters, folder / "kubeconfig")
        stage.kubeconfig.write_text(yaml.safe_dump(_merged(clusters)))
        list(side_by_side.map(lambda each: _apply(platform, each), clusters.values()))
        yield stage


def _apply(platform: Platform, one: StoryCluster) -> None:
    clock = SystemClock()
    plan = make_plan(render(platform, one.declared), one.kube, PlanSettings(platform.name, clock.now().date()))
    report = apply_plan(plan, one.kube, clock)
    assert report.complete, [(str(item.change.key), item.message) for item in report.remaining]


def _merged(clusters: Mapping[str, StoryCluster]) -> dict[str, Any]:
    """One kubeconfig of both, each under its cluster's context."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for name, each in clusters.items():
        own = yaml.safe_load(each.sandbox.kubeconfig.read_text())
        merged["clusters"].append({"name": name, "cluster": own["clusters"][0]["cluster"]})
        merged["users"].append({"name": name, "user": own["users"][0]["user"]})
        merged["contexts"].append({"name": each.declared.context, "context": {"cluster": name, "user": name}})
    return merged
