"""A made-up cluster of the demo, whose time a test lets pass."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from allotment import wiring
from allotment.adapters.clock import FixedClock
from allotment.model.manifest import ObjectKey
from allotment.model.moments import written
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.operations.demo.admitting import signing_for
from allotment.operations.demo.building import build
from allotment.operations.demo.living import LivingCluster, WaitingLines
from allotment.operations.demo.logs import DemoLogs
from allotment.ports.demo import MadeUpCluster
from allotment.simulation.demo.declared import declared
from allotment.simulation.demo.fates import DemoPace
from allotment.spec.load import load_platform
from allotment.wiring import running
from allotment.wiring.demo import demo_cluster

BEGAN = 1_800_000_000_000
KUEUE = "kueue.x-k8s.io/v1beta2"


@cache
def demo_platform() -> Platform:
    example = wiring.directory(running.example_platform()).read()
    return load_platform(SourceTree(declared(example.files)), dt.date(2027, 1, 15)).platform


@dataclass
class World:
    """See the module.

    Attributes:
        cluster: name of it.
    """

    cluster: str = "dev-eastus"
    pace: DemoPace = field(default_factory=DemoPace)
    now: int = BEGAN
    clock: FixedClock = field(init=False)
    kube: MadeUpCluster = field(init=False)
    living: LivingCluster = field(init=False)

    def __post_init__(self) -> None:
        platform = demo_platform()
        cluster = platform.cluster(self.cluster)
        assert cluster is not None
        lines = WaitingLines()
        self.clock = FixedClock(dt.datetime.fromtimestamp(BEGAN / 1000, dt.UTC))
        logs = DemoLogs(self.clock, self.pace)
        self.kube = logs.kube = demo_cluster(self.cluster, lambda: written(self.now), logs, lines, signing_for("me"))
        build(platform, cluster, self.kube, written(BEGAN - 86_400_000))
        self.living = LivingCluster(self.cluster, self.kube, self.pace, lines)

    def submit(self, team: str, name: str, devices: int, *, accelerator: str = "t4", rung: str = "exploratory") -> None:
        size = {"cpu": str(12 * devices), "memory": f"{80 * devices}Gi", "nvidia.com/gpu": str(devices)}
        container = {"name": "main", "image": "x", "resources": {"requests": size, "limits": size}}
        given = {"kueue.x-k8s.io/queue-name": "default", "kueue.x-k8s.io/priority-class": rung}
        spec = {
            "restartPolicy": "Never",
            "priorityClassName": rung,
            "nodeSelector": {"allotment.dev/accelerator": accelerator},
            "containers": [container],
        }
        self.kube.create(
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": name, "namespace": team, "labels": given},
                "spec": {"suspend": True, "backoffLimit": 0, "template": {"metadata": {"labels": {}}, "spec": spec}},
            }
        )

    def step(self, seconds: float = 1.0) -> None:
        self.now += round(seconds * 1000)
        self.clock.sleep(seconds)
        self.living.step(self.now)

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.step()

    def job(self, team: str, name: str) -> dict[str, Any]:
        found = self.kube.get("batch/v1", ObjectKey("batch", "Job", team, name))
        assert found is not None
        return dict(found)

    def phases(self) -> dict[str, str]:
        return {
            each["metadata"]["labels"]["batch.kubernetes.io/job-name"]: each["status"]["phase"]
            for each in self.kube.list("v1", "Pod")
        }

    def says(self, team: str, name: str, kind: str) -> dict[str, Any]:
        """A condition of the job's Workload."""
        uid = self.job(team, name)["metadata"]["uid"]
        for each in self.kube.list(KUEUE, "Workload", namespace=team):
            if each["metadata"]["ownerReferences"][0]["uid"] == uid:
                found = (each.get("status") or {}).get("conditions") or []
                return next((one for one in found if one["type"] == kind), {})
        return {}
