"""Placement throughput and memory, beside the real kube-scheduler.

    python benchmarks/engine/placement.py [--repeat 3] [--large] [--peer]

Shapes: 10 % of the nodes tainted (NoSchedule), 3 zones, 5,000-10,000 pods of five kinds that all fit; and 8,000 GPU
pods on 1,500 nodes with 8 GPUs. `--peer` runs the real kube-scheduler v1.36.3 (Go, in process, default plugins, API
writes accepted at once) on the same nodes and the same stream of pods in the same run; without it the figures
recorded on a 2-core machine of this kind are quoted. `--large` goes on to 50,000 nodes.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allotment.model.cluster import Taint, TaintEffect
from allotment.model.quantity import MIB
from allotment.scheduling.placement.cycle import place
from allotment.scheduling.placement.model import Node, Pod, PodShape
from allotment.scheduling.placement.state import ClusterState, Running

GO = {500: 1813.0, 1000: 1098.0, 5000: 860.0}
GO_GPU = 648.0
SHAPES = tuple(
    PodShape(labels=(("app", f"a{i}"),), requests=(("cpu", cpu), ("memory", memory * MIB)))
    for i, (cpu, memory) in enumerate([(100, 500), (250, 512), (100, 128), (500, 1024), (50, 200)])
)
GPU_SHAPES = tuple(
    PodShape(requests=(("cpu", 4000 * n), ("memory", 16384 * n * MIB), ("nvidia.com/gpu", n))) for n in (1, 2, 4, 8)
)


@dataclass(frozen=True)
class Case:
    """One line of the report: a cluster and the pods that come, in order."""

    nodes: int
    pods: int
    gpus: int = 0

    @property
    def title(self) -> str:
        kind = f"{self.gpus}-GPU nodes" if self.gpus else "nodes"
        return f"{self.nodes} {kind}, {self.pods} {'GPU ' if self.gpus else ''}pods"

    @property
    def recorded(self) -> float | None:
        return GO_GPU if self.gpus else GO.get(self.nodes)

    def cluster(self) -> list[Node]:
        nodes = []
        for i in range(self.nodes):
            allocatable = {"cpu": 32_000, "memory": 65_536 * MIB, "pods": 110}
            if self.gpus:
                allocatable |= {"cpu": 192_000, "memory": 2_000_000 * MIB, "nvidia.com/gpu": self.gpus}
            labels = {"kubernetes.io/hostname": f"n{i}", "topology.kubernetes.io/zone": f"zone-{i % 3}"}
            taints = (Taint("dedicated", "team", TaintEffect.NO_SCHEDULE),) if i % 10 == 0 else ()
            nodes.append(Node(f"n{i}", allocatable, labels, taints))
        return nodes

    def stream(self) -> list[Pod]:
        shapes, weights = (GPU_SHAPES, (5, 1, 0, 0)) if self.gpus else (SHAPES, (4, 3, 2, 1, 2))
        drawn = random.Random(7).choices(shapes, weights, k=self.pods)
        return [Pod(f"p{i}", shape) for i, shape in enumerate(drawn)]

    def scenario(self) -> dict[str, Any]:
        """The same in the words of the scenario files, for the peer."""
        nodes = [
            {
                "name": n.name,
                "labels": n.labels,
                "allocatable": _as_in_files(n.allocatable),
                "taints": [{"key": t.key, "value": t.value, "effect": t.effect.value} for t in n.taints],
            }
            for n in self.cluster()
        ]
        pods = [
            {"name": p.name, "labels": dict(p.shape.labels), "requests": _as_in_files(dict(p.shape.requests))}
            for p in self.stream()
        ]
        return {"id": self.title, "nodes": nodes, "pods": pods}


def _as_in_files(amounts: Mapping[str, int]) -> dict[str, int]:
    """Scenario files count memory in MiB."""
    return {name: amount // MIB if name == "memory" else amount for name, amount in amounts.items()}


@dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of the processor (what counts on a busy machine)."""

    wall: float
    cpu: float


def ours(case: Case) -> Took:
    chance = random.Random(8)
    state = ClusterState(case.cluster())
    stream = case.stream()
    begin, processor = time.perf_counter(), time.process_time()
    placed = sum(
        isinstance(place(state, pod, lambda best: int(best[chance.randrange(len(best))])), Running) for pod in stream
    )
    took = Took(time.perf_counter() - begin, time.process_time() - processor)
    if placed != case.pods:
        raise SystemExit(f"only {placed} of {case.pods} pods fit: the shape of the benchmark is wrong")
    return took


def real(case: Case, repeat: int) -> list[Took]:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from benchmarks.peers.kube_scheduler import peer  # noqa: PLC0415  only needed, and only importable, from here on

    answers = [peer.ask("bench", [case.scenario()])[0] for _ in range(repeat)]
    failed = next((a for a in answers if a.get("error")), None)
    if failed:
        raise SystemExit(f"kube-scheduler, {case.title}: {failed['error']}")
    return [Took(a["seconds"], a["cpu_seconds"]) for a in answers]


def rates(pods: int, runs: Sequence[Took]) -> tuple[float, float, float]:
    """Mean pods per second on the clock, its spread, and mean pods per second of processor time."""
    clock = [pods / took.wall for took in runs]
    return statistics.mean(clock), max(clock) - min(clock), pods / statistics.mean(took.cpu for took in runs)


def report(case: Case, runs: Sequence[Took], peer_runs: Sequence[Took]) -> None:
    wall, spread, cpu = rates(case.pods, runs)
    line = f"{case.title:32s} {wall:7.0f} pods/s (spread {spread:.0f}), {cpu:.0f} per CPU second"
    if peer_runs:
        go, go_spread, go_cpu = rates(case.pods, peer_runs)
        line += f" | Go {go:.0f} (spread {go_spread:.0f}), {go_cpu:.0f} | x{wall / go:.1f}, CPU x{cpu / go_cpu:.1f}"
    elif case.recorded:
        line += f" | Go recorded {case.recorded:.0f} | x{wall / case.recorded:.1f}"
    print(line, flush=True)


def memory(count: int) -> float:
    """Bytes per node of a cluster that has seen every shape, with 2 pods per node."""
    tracemalloc.start()
    state = ClusterState(Case(count, 0).cluster())
    for i in range(2 * count):
        place(state, Pod(f"p{i}", SHAPES[i % len(SHAPES)]))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="the cost curve: 10,000, 20,000 and 50,000 nodes too")
    parser.add_argument("--peer", action="store_true", help="run the real kube-scheduler on the same shapes")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, load {load:.1f}, Python {platform.python_version()},"
        f" {options.repeat} runs each"
    )
    cases = [Case(500, 5000), Case(1000, 10000), Case(5000, 10000), Case(1500, 8000, gpus=8)]
    sizes = [5000]
    if options.large:
        cases += [Case(10000, 10000), Case(20000, 10000), Case(50000, 10000)]
        sizes += [10000, 20000, 50000]
    for case in cases:
        runs = [ours(case) for _ in range(options.repeat)]
        report(case, runs, real(case, options.repeat) if options.peer else [])
    for size in sizes:
        print(f"memory: {memory(size) / 1024:.1f} KiB per node ({size} nodes, 2 pods a node, 5 shapes)", flush=True)


if __name__ == "__main__":
    main()
