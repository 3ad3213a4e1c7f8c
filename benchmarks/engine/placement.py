"""Placement throughput and memory against the real kube-scheduler (Go, in process, stub API, 2 cores, default plugins).

    python benchmarks/engine/placement.py [--repeat 3] [--large]

Shape of the reference: 10 % of the nodes tainted (NoSchedule), 3 zones, 5,000-10,000 pods that all fit; and 8,000 GPU
pods on 1,500 nodes with 8 GPUs. Reference numbers (v1.36.3): pods/s measured on a 2-core machine of this kind.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
import tracemalloc

from allotment.scheduling.placement.cycle import place
from allotment.scheduling.placement.model import Effect, Node, Pod, PodShape, Taint
from allotment.scheduling.placement.state import ClusterState, Running

GO = {500: 1813.0, 1000: 1098.0, 5000: 860.0}
GO_GPU = 648.0
SHAPES = tuple(
    PodShape(labels=(("app", f"a{i}"),), requests=(("cpu", cpu), ("memory", memory)))
    for i, (cpu, memory) in enumerate([(100, 500), (250, 512), (100, 128), (500, 1024), (50, 200)])
)
GPU_SHAPES = tuple(
    PodShape(requests=(("cpu", 4000 * n), ("memory", 16384 * n), ("nvidia.com/gpu", n))) for n in (1, 2, 4, 8)
)


def cluster(count: int, gpus: int = 0) -> ClusterState:
    nodes = []
    for i in range(count):
        allocatable = {"cpu": 192_000 if gpus else 32_000, "memory": 2_000_000 if gpus else 65_536, "pods": 110}
        if gpus:
            allocatable["nvidia.com/gpu"] = gpus
        labels = {"kubernetes.io/hostname": f"n{i}", "topology.kubernetes.io/zone": f"zone-{i % 3}"}
        taints = (Taint("dedicated", Effect.NO_SCHEDULE, "team"),) if i % 10 == 0 else ()
        nodes.append(Node(f"n{i}", allocatable, labels, taints))
    return ClusterState(nodes)


def run(
    count: int, pods: int, shapes: tuple[PodShape, ...], weights: tuple[int, ...], gpus: int = 0
) -> tuple[float, float]:
    """Seconds to place the pods: on the clock, and of the processor (what counts on a busy machine)."""
    chance = random.Random(7)
    state = cluster(count, gpus)
    stream = [Pod(f"p{i}", s) for i, s in enumerate(chance.choices(shapes, weights, k=pods))]
    begin, processor = time.perf_counter(), time.process_time()
    placed = sum(
        isinstance(place(state, pod, lambda best: int(best[chance.randrange(len(best))])), Running) for pod in stream
    )
    seconds = time.perf_counter() - begin, time.process_time() - processor
    if placed != pods:
        raise SystemExit(f"only {placed} of {pods} pods fit: the shape of the benchmark is wrong")
    return seconds


def report(title: str, pods: int, runs: list[tuple[float, float]], go: float | None) -> None:
    clock = [pods / seconds for seconds, _ in runs]
    mean, spread = statistics.mean(clock), max(clock) - min(clock)
    processor = pods / statistics.mean(p for _, p in runs)
    against = f"  Go {go:5.0f}  x{mean / go:.1f}, per CPU second x{processor / go:.1f}" if go else ""
    print(f"{title:32s} {mean:7.0f} pods/s (spread {spread:.0f}), {processor:.0f} per CPU second{against}", flush=True)


def memory(count: int) -> float:
    """Bytes per node of a cluster that has seen every shape, with 2 pods per node."""
    tracemalloc.start()
    state = cluster(count)
    for i in range(2 * count):
        place(state, Pod(f"p{i}", SHAPES[i % len(SHAPES)]))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--large", action="store_true", help="the cost curve: 10,000, 20,000 and 50,000 nodes too")
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, {options.repeat} runs each")
    sizes = [(500, 5000), (1000, 10000), (5000, 10000)]
    sizes += [(10000, 10000), (20000, 10000), (50000, 10000)] if options.large else []
    for count, pods in sizes:
        runs = [run(count, pods, SHAPES, (4, 3, 2, 1, 2)) for _ in range(options.repeat)]
        report(f"{count} nodes, {pods} pods", pods, runs, GO.get(count))
    runs = [run(1500, 8000, GPU_SHAPES, (5, 1, 0, 0), gpus=8) for _ in range(options.repeat)]
    report("1500 8-GPU nodes, 8000 GPU pods", 8000, runs, GO_GPU)
    print(f"memory: {memory(5000) / 1024:.1f} KiB per node (5,000 nodes, 2 pods a node, 5 shapes)")


if __name__ == "__main__":
    main()
