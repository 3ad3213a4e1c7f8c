"""Two lively platforms on which causes are played: pools, teams with queues and quotas, work that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allotment.ports.sandboxes import FakeNode
from benchmarks.why.making import (
    GPU,
    KUEUE,
    Raw,
    cluster_queue,
    deployment,
    flavor,
    job,
    local_queue,
    namespace,
    node,
    pod_spec,
    quota,
)
from benchmarks.why.scenes.states import admitted
from benchmarks.why.stage import Stage

RUNGS = {"production-inference": 1000000, "scheduled-training": 100000, "exploratory": 1000}
TOLERATES = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]


@dataclass(frozen=True)
class Pool:
    """Machines of one kind: their marks, what one offers, and the selector that work uses."""

    name: str
    nodes: tuple[str, ...]
    labels: dict[str, str]
    selects: dict[str, str]
    gpus: int
    cpu: str
    memory: str
    taint: str = ""

    def machine(self, name: str, at: int) -> FakeNode:
        zone = f"{self.labels['topology.kubernetes.io/region']}-{'abc'[at % 3]}"
        labels = {**self.labels, "topology.kubernetes.io/zone": zone, "platform.example/rack": f"r{at + 1}"}
        taints = ((GPU, self.taint, "NoSchedule"),) if self.taint else ()
        more = {"ephemeral-storage": "800Gi"}
        return node(name, self.gpus, self.cpu, self.memory, labels, taints, **more)


@dataclass(frozen=True)
class Team:
    """A namespace with its queue and, by pool, its GPUs."""

    name: str
    queue: str
    gpus: dict[str, int]

    @property
    def namespace(self) -> str:
        return f"team-{self.name}"

    @property
    def cluster_queue(self) -> str:
        return f"{self.name}-cq"


@dataclass(frozen=True)
class Platform:
    """`running`: team, job, pool, GPUs a pod, pods. `topology`: the levels of racks and hosts are declared."""

    pools: tuple[Pool, ...]
    teams: tuple[Team, ...]
    cohort: str
    running: tuple[tuple[str, str, str, int, int], ...]
    topology: bool = False

    @property
    def nodes(self) -> tuple[FakeNode, ...]:
        return tuple(pool.machine(name, at) for pool in self.pools for at, name in enumerate(pool.nodes))

    def pool(self, name: str) -> Pool:
        return next(each for each in self.pools if each.name == name)

    def team(self, name: str) -> Team:
        return next(each for each in self.teams if each.name == name)

    def spec(self, pool: str, gpus: int = 1, cpu: str = "8", memory: str = "32Gi", **more: Any) -> Raw:
        """A pod for a pool, with its selector and toleration."""
        base = {"nodeSelector": dict(self.pool(pool).selects), **({"tolerations": TOLERATES} if gpus else {})}
        return pod_spec(gpus, cpu, memory, **{**base, **more})

    def work(
        self,
        name: str,
        team: str,
        spec: Raw,
        pods: int = 1,
        rung: str = "scheduled-training",
        *,
        queued: bool = True,
        **more: Any,
    ) -> Raw:
        """A job of a team as its people write it."""
        owner = self.team(team)
        labels = {"app.kubernetes.io/name": name, "team": team}
        marks = {"kueue.x-k8s.io/priority-class": rung} if queued and rung else {}
        return job(name, owner.namespace, owner.queue if queued else "", pods, spec, labels={**labels, **marks}, **more)

    def objects(self) -> list[Raw]:
        made: list[Raw] = [
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": name},
                "value": value,
                "description": "of the platform",
            }
            for name, value in (("serving-critical", 100000), ("batch-standard", 1000))
        ]
        made += [
            {"apiVersion": KUEUE, "kind": "WorkloadPriorityClass", "metadata": {"name": name}, "value": value}
            for name, value in RUNGS.items()
        ]
        if self.topology:
            levels = [{"nodeLabel": "platform.example/rack"}, {"nodeLabel": "kubernetes.io/hostname"}]
            made.append(
                {"apiVersion": KUEUE, "kind": "Topology", "metadata": {"name": "racks"}, "spec": {"levels": levels}}
            )
        for pool in self.pools:
            more = {"tolerations": TOLERATES} if pool.gpus else {}
            shape = {"topologyName": "racks"} if self.topology and pool.gpus else {}
            made.append(flavor(pool.name, pool.selects, **more, **shape))
        for team in self.teams:
            made += self._of_team(team)
        return made

    def jobs(self) -> list[Raw]:
        """What runs."""
        made = []
        for team, name, pool, gpus, pods in self.running:
            cpu, memory = ("6", "48Gi") if gpus else ("3", "8Gi")
            work = self.work(name, team, self.spec(pool, gpus, cpu, memory), pods)
            if gpus and self.topology:
                notes = work["spec"]["template"]["metadata"]["annotations"]
                notes["kueue.x-k8s.io/podset-unconstrained-topology"] = "true"
            made.append(work)
        return made

    def _of_team(self, team: Team) -> list[Raw]:
        flavors = {
            pool.name: {
                "cpu": quota("200" if pool.gpus else "40"),
                "memory": quota("2Ti" if pool.gpus else "160Gi"),
                GPU: quota(team.gpus.get(pool.name, 0)),
            }
            for pool in self.pools
            if not pool.gpus or pool.name in team.gpus
        }
        rules = {"preemption": {"withinClusterQueue": "LowerPriority"}}
        hard = {"pods": "300", "requests.cpu": "1500", "requests.memory": "12Ti", f"requests.{GPU}": "96"}
        return [
            namespace(team.namespace, team=team.name),
            cluster_queue(team.cluster_queue, flavors, self.cohort, **rules),
            local_queue(team.queue, team.namespace, team.cluster_queue),
            {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": "team-quota", "namespace": team.namespace},
                "spec": {"hard": hard},
            },
        ]


def lively(stage: Stage, platform: Platform) -> None:
    """Bring a platform about, if it is not there: its objects, the jobs that run, a server outside of the queues."""
    first = platform.teams[0]
    if stage.get("namespaces", first.namespace):
        return
    stage.make(*platform.objects())
    stage.make(*platform.jobs())
    web = platform.spec(platform.pools[0].name, 0, "2", "4Gi")
    stage.make(deployment("portal", first.namespace, 1, web))
    for team in platform.teams:
        names = [name for of, name, *_ in platform.running if of == team.name]
        admitted(stage, *names, namespace=team.namespace)


_GKE = {"topology.kubernetes.io/region": "europe-west4"}


def _gke(kind: str, machine: str, accelerator: str) -> dict[str, str]:
    marks = {"cloud.google.com/gke-nodepool": f"{kind}-pool", "node.kubernetes.io/instance-type": machine, **_GKE}
    return {**marks, "cloud.google.com/gke-accelerator": accelerator} if accelerator else marks


CLOUD = Platform(
    pools=(
        Pool(
            "cpu",
            ("gke-ml-cpu-pool-11d0-9bvn", "gke-ml-cpu-pool-11d0-h5ss"),
            _gke("cpu", "n2-standard-32", ""),
            {"cloud.google.com/gke-nodepool": "cpu-pool"},
            0,
            "31",
            "118Gi",
        ),
        Pool(
            "a100",
            ("gke-ml-a100-pool-6f21-k3xp", "gke-ml-a100-pool-6f21-w8qd"),
            _gke("a100", "a2-highgpu-8g", "nvidia-tesla-a100"),
            {"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"},
            8,
            "94",
            "670Gi",
            "present",
        ),
        Pool(
            "l4",
            ("gke-ml-l4-pool-90ab-2m4c", "gke-ml-l4-pool-90ab-t7rz"),
            _gke("l4", "g2-standard-48", "nvidia-l4"),
            {"cloud.google.com/gke-accelerator": "nvidia-l4"},
            4,
            "47",
            "180Gi",
            "present",
        ),
    ),
    teams=(
        Team("docs", "batch", {"a100": 6, "l4": 4}),
        Team("vision", "training", {"a100": 6, "l4": 4}),
        Team("tts", "main", {"a100": 4}),
    ),
    cohort="company",
    running=(
        ("docs", "gnn-train-36", "a100", 1, 2),
        ("docs", "tokenize-c4-2", "cpu", 0, 1),
        ("vision", "detector-v4", "a100", 4, 1),
        ("vision", "quantize-7", "l4", 1, 1),
        ("tts", "vocoder-11", "a100", 2, 1),
    ),
)


def _own(product: str, machine: str) -> dict[str, str]:
    marks = {"node.kubernetes.io/instance-type": machine, "topology.kubernetes.io/region": "fra1"}
    return {**marks, "nvidia.com/gpu.product": product, "nvidia.com/gpu.present": "true"} if product else marks


HALL = Platform(
    pools=(
        Pool(
            "general",
            ("cpu-01.fra1.acme.example", "cpu-02.fra1.acme.example"),
            {**_own("", "pe-r650"), "acme.example/pool": "cpu"},
            {"acme.example/pool": "cpu"},
            0,
            "62",
            "250Gi",
        ),
        Pool(
            "gpu-h100",
            ("h100-01.fra1.acme.example", "h100-02.fra1.acme.example", "h100-03.fra1.acme.example"),
            _own("NVIDIA-H100-80GB-HBM3", "dgx-h100"),
            {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
            8,
            "190",
            "2000Gi",
            "true",
        ),
        Pool(
            "gpu-a10g",
            ("a10g-01.fra1.acme.example", "a10g-02.fra1.acme.example"),
            _own("NVIDIA-A10G", "pe-r750"),
            {"nvidia.com/gpu.product": "NVIDIA-A10G"},
            2,
            "60",
            "500Gi",
            "true",
        ),
    ),
    teams=(
        Team("ranking", "jobs", {"gpu-h100": 8}),
        Team("genomics", "gpu", {"gpu-h100": 12, "gpu-a10g": 4}),
    ),
    cohort="",
    running=(
        ("ranking", "reward-model-2", "gpu-h100", 2, 2),
        ("ranking", "etl-44", "general", 0, 1),
        ("genomics", "fold-small-3", "gpu-h100", 3, 1),
        ("genomics", "embed-9", "gpu-a10g", 1, 1),
    ),
)

RACKS = Platform(HALL.pools, HALL.teams, "", HALL.running, topology=True)
