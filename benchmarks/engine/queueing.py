"""The queueing engine on the shapes of Kueue's own performance generator, one process a shape, beside the Go engine.

    python benchmarks/engine/queueing.py [--shape baseline ...] [--curve-to 100000] [--peer]

Each shape runs in a process of its own; seconds and memory are that whole process's (start of the interpreter, building
the workloads, deciding), with the part that decides beside it. Counts of admissions, evictions and cycles are compared
with those of the real engine where they are recorded: a fast wrong answer is reported as wrong.

With `--peer` the real Kueue engine (benchmarks/peers/kueue, needs Go) decides the same workloads in the same run, in
process with a virtual clock. Without it, figures of recorded runs on a 2-core machine of this kind are quoted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    EngineSettings,
    FlavorQuotas,
    Node,
    PodSet,
    PreemptionPolicy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Topology,
    TopologyRequest,
    Workload,
)
from allotment.simulation.environment import Admitted, Evicted, simulate
from allotment.simulation.scenario import Arrival, Assumptions, Scenario
from benchmarks.engine.golden import BASELINE, BASELINE_FAIR, LARGE_SCALE, Shape, golden_scenario

GPU = "nvidia.com/gpu"
HOSTNAME = "kubernetes.io/hostname"
RACKS, HOSTS, GPUS = 20, 16, 8
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Reference:
    """What is recorded of the real engine: wall seconds from to, and admissions, evictions, cycles."""

    low: float
    high: float
    counts: tuple[int, int, int]


GO = {
    "baseline": Reference(8.1, 8.6, (15_095, 95, 2_569)),
    "baseline-fair": Reference(8.5, 8.9, (15_565, 565, 3_225)),
    "large-scale": Reference(136.0, 141.0, (53_300, 3_300, 18_245)),
}
GOLDEN = {shape.name: shape for shape in (BASELINE, BASELINE_FAIR, LARGE_SCALE)}
TOPOLOGY = "topology"
CURVE = (10_000, 25_000, 50_000, 75_000, 100_000)


def of_size(workloads: int) -> Shape:
    """The large-scale shape with as many queues as give this many workloads, in 10 cohorts."""
    per_queue = sum(each.count for each in LARGE_SCALE.classes)
    return replace(LARGE_SCALE, name=str(workloads), queues_per_cohort=workloads // per_queue // LARGE_SCALE.cohorts)


def topology_scenario() -> Scenario:
    """1,000 GPU jobs, from one GPU to 16 whole nodes, on 320 nodes in 20 racks; 10 queues that borrow."""
    nodes = tuple(
        Node(
            f"n{number}",
            (("rack", f"r{number // HOSTS}"), (HOSTNAME, f"n{number}")),
            ((GPU, GPUS), ("pods", 110)),
        )
        for number in range(RACKS * HOSTS)
    )
    quota = FlavorQuotas("gpu", ((GPU, ResourceQuota(RACKS * HOSTS * GPUS // 10)),))
    queues = tuple(
        ClusterQueue(
            f"q{number}",
            (ResourceGroup((GPU,), (quota,)),),
            cohort="all",
            within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY,
            reclaim_within_cohort=PreemptionPolicy.ANY,
        )
        for number in range(10)
    )
    state = ClusterState(
        (ResourceFlavor("gpu", topology="t"),), queues, topologies=(Topology("t", ("rack", HOSTNAME)),), nodes=nodes
    )
    assumptions = Assumptions(wakeup_delay=SECOND, shared_wakeup=True, wakeups_first=True)
    return Scenario(TOPOLOGY, TOPOLOGY, state, EngineSettings(), assumptions, tuple(_topology_arrivals()))


def _topology_arrivals() -> Iterator[Arrival]:
    chance = random.Random(7)
    requests = (
        TopologyRequest(required="rack"),
        TopologyRequest(preferred="rack"),
        TopologyRequest(required=HOSTNAME),
        TopologyRequest(unconstrained=True),
    )
    for number in range(1_000):
        request = chance.choice(requests)
        pods = 1 if request.required == HOSTNAME else chance.choice((1, 2, 4, 8, 16))
        gpus = chance.choice((1, 2, 4, 8)) if pods == 1 else GPUS
        created = number * 60_000_000 + number
        part = PodSet("main", pods, ((GPU, gpus),), topology=request)
        job = Workload(f"w{number}", f"{number:06d}", f"q{number % 10}", 100 * (number % 3), created, (part,))
        yield Arrival(job, created, chance.randrange(1, 20) * SECOND // 2)


def child(name: str) -> None:
    """Run one shape and print what it took."""
    scenario = scenario_of(name)
    wall, processor = time.perf_counter(), time.process_time()
    outcome = simulate(scenario, messages=False)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    admitted = sum(isinstance(each, Admitted) for each in outcome.decisions)
    evicted = sum(isinstance(each, Evicted) for each in outcome.decisions)
    print(
        json.dumps(
            {
                "workloads": len(scenario.arrivals),
                "queues": len(scenario.state.cluster_queues),
                "counts": (admitted, evicted, outcome.cycles),
                "pending": len(outcome.pending),
                "deciding": (wall, processor),
                "memory": peak_memory(),
            }
        )
    )


def peak_memory() -> float:
    """MiB that this process held at most. (Its `ru_maxrss` would count what the parent held when it was started.)"""
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1024


def scenario_of(name: str) -> Scenario:
    if name == "nothing":
        return golden_scenario(replace(BASELINE, cohorts=1, queues_per_cohort=1, classes=()))
    if name == TOPOLOGY:
        return topology_scenario()
    return golden_scenario(GOLDEN[name] if name in GOLDEN else of_size(int(name)))


def _peer_groups(groups: tuple[ResourceGroup, ...]) -> list[dict[str, Any]]:
    def quota(given: ResourceQuota) -> dict[str, int | None]:
        return {
            "nominal": given.nominal,
            "borrowingLimit": given.borrowing_limit,
            "lendingLimit": given.lending_limit,
        }

    return [
        {
            "coveredResources": group.covered_resources,
            "flavors": [
                {"flavor": each.flavor, "resources": {name: quota(given) for name, given in each.resources}}
                for each in group.flavors
            ],
        }
        for group in groups
    ]


def _peer_workload(arrival: Arrival) -> dict[str, Any]:
    job = arrival.workload
    parts = []
    for part in job.pod_sets:
        made: dict[str, Any] = {"name": part.name, "count": part.count, "requests": dict(part.requests)}
        if part.topology is not None:
            asked = part.topology
            made["topologyRequest"] = {
                "required": asked.required,
                "preferred": asked.preferred,
                "unconstrained": asked.unconstrained,
            }
        parts.append(made)
    return {
        "name": f"{job.cluster_queue}.{job.name}",
        "uid": job.uid,
        "clusterQueue": job.cluster_queue,
        "priority": job.priority,
        "createdAt": job.queued_since,
        "queuedAt": arrival.queued_at,
        "runtime": arrival.runtime,
        "podSets": parts,
    }


def peer_line(name: str) -> str:
    """A shape as the peer reads it: the scenario format, and two switches of its assumptions."""
    scenario = scenario_of(name)
    state, assumptions = scenario.state, scenario.assumptions
    return json.dumps(
        {
            "id": name,
            "env": {
                "wakeupDelay": assumptions.wakeup_delay,
                "evictionLatency": assumptions.eviction_latency,
                "idleCycles": assumptions.idle_cycles,
                "sharedWakeup": assumptions.shared_wakeup,
                "wakeupsFirst": assumptions.wakeups_first,
            },
            "fairSharing": {"enabled": scenario.settings.fair_sharing},
            "flavors": [{"name": each.name, "topology": each.topology} for each in state.flavors],
            "topologies": [{"name": each.name, "levels": each.levels} for each in state.topologies],
            "nodes": [
                {"name": each.name, "labels": dict(each.labels), "allocatable": dict(each.allocatable)}
                for each in state.nodes
            ],
            "clusterQueues": [
                {
                    "name": each.name,
                    "cohort": each.cohort,
                    "resourceGroups": _peer_groups(each.resource_groups),
                    "preemption": {
                        "withinClusterQueue": each.within_cluster_queue.value,
                        "reclaimWithinCohort": each.reclaim_within_cohort.value,
                    },
                }
                for each in state.cluster_queues
            ],
            "workloads": [_peer_workload(each) for each in scenario.arrivals],
        }
    )


@dataclass(frozen=True, slots=True)
class PeerRun:
    """What the real engine took to decide a shape, in seconds, and its counts."""

    wall: float
    processor: float
    counts: tuple[int, int, int]


def run_peer(name: str) -> PeerRun:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from benchmarks.peers.kueue import peer  # noqa: PLC0415  only needed, and only importable, from here on

    # On in 0.20, whose decisions our default version makes.
    done = subprocess.run(
        [peer.PROGRAM.ensure(), "-bench", "-unit=1ns", f"-gates={peer.GATES_OF_020}"],
        input=peer_line(name),
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    if found.get("error"):
        raise SystemExit(f"the peer: {found['error']}")
    stats = found["stats"]
    return PeerRun(found["wall"], found["cpu"], (stats["admissions"], stats["evictions"], stats["cycles"]))


def peer_text(ours: Measured, peer: PeerRun) -> str:
    same = "same counts" if ours.counts == peer.counts else f"WRONG: Go {peer.counts}"
    wall, processor = peer.wall / ours.deciding_wall, peer.processor / ours.deciding_processor
    return (
        f"{'  Go, here':14s} deciding {peer.wall:.1f} s wall, {peer.processor:.1f} s CPU: "
        f"ours x{wall:.1f} wall, x{processor:.1f} CPU, {same}"
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """One process: seconds on the clock and of the processor, whole and while deciding; peak memory in MiB."""

    name: str
    workloads: int
    queues: int
    counts: tuple[int, int, int]
    pending: int
    wall: float
    processor: float
    deciding_wall: float
    deciding_processor: float
    memory: float


def measure(name: str) -> Measured:
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, "--child", name], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed with {process.returncode}")
    found = json.loads(text)
    return Measured(
        name,
        found["workloads"],
        found["queues"],
        tuple(found["counts"]),
        found["pending"],
        wall,
        usage.ru_utime + usage.ru_stime,
        *found["deciding"],
        found["memory"],
    )


def line(each: Measured) -> str:
    admitted, evicted, cycles = each.counts
    text = (
        f"{each.name:14s} {each.workloads:7,d} / {each.queues:5,d}  {each.wall:6.1f} s {each.processor:6.1f} s   "
        f"{each.deciding_wall:6.1f} s {each.deciding_processor:6.1f} s   "
        f"{admitted / each.deciding_processor:7,.0f}   {cycles:6,d} {admitted:7,d} {evicted:6,d}"
    )
    go = GO.get(each.name)
    if go is None:
        return text + ("   no recorded Go figure" if each.name == TOPOLOGY else "")
    same = "same counts" if each.counts == go.counts else f"WRONG: Go {go.counts}"
    factors = f"x{go.low / each.wall:.1f} wall, x{go.low / each.processor:.1f} CPU"
    return f"{text}   Go {go.low:g}-{go.high:g} s: {factors}, {same}"


def machine() -> str:
    one, five, fifteen = os.getloadavg()
    name = type(sys.modules["allotment.scheduling.queueing.engine"].__spec__.loader).__name__  # type: ignore[union-attr]
    built = "compiled" if "Extension" in name else "pure Python"
    load = f"load {one:.1f} / {five:.1f} / {fifteen:.1f}"
    return f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, engine {built}, {load}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", nargs="*", choices=[*GOLDEN, TOPOLOGY], default=[*GOLDEN, TOPOLOGY])
    parser.add_argument("--curve-to", type=int, default=CURVE[-1], help="0 leaves the cost curve out")
    parser.add_argument("--peer", action="store_true", help="let the real Kueue engine decide the same, here and now")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    print(f"at the start: {machine()}")
    print(
        "                workloads / queues   whole process         deciding          adm. per     cycles  admit- evic-"
    )
    print(
        "                                     wall     CPU       wall     CPU       CPU second            ted   tions"
    )
    for name in options.shape:
        ours = measure(name)
        print(line(ours), flush=True)
        if options.peer:
            print(peer_text(ours, run_peer(name)), flush=True)
    empty = measure("nothing").memory
    print(f"\ncost curve: the large-scale shape with 50 workloads a queue; {empty:.0f} MiB are the interpreter's")
    peak = empty
    for workloads in CURVE:
        if workloads <= options.curve_to:
            each = measure(str(workloads))
            peak = max(peak, each.memory)
            cost = 1e6 * each.deciding_processor / each.workloads
            size = 1024 * (each.memory - empty) / each.workloads
            print(f"{line(each)}   {cost:.0f} µs and {size:.2f} KiB a workload", flush=True)
    print(f"\nlargest of these {peak:.0f} MiB; at the end: load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
