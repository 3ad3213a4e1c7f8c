"""Scenarios with nodes, for tests of a cluster that changes: racks of hosts, 4 CPUs a host."""

from __future__ import annotations

from typing import Any

from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    EngineSettings,
    Node,
    PodSet,
    PreemptionPolicy,
    ResourceFlavor,
    Topology,
    TopologyRequest,
    Workload,
)
from allotment.simulation.environment import simulate
from allotment.simulation.events import Event
from allotment.simulation.outcome import Admitted, Evicted, Finished, RunOutcome
from allotment.simulation.scenario import Arrival, Assumptions, Scenario
from tests.unit.scheduling.queueing.states import queue

ASSUMPTIONS = Assumptions(10, 0, 4, 400, 3000, not_ready_toleration=300, node_replacement=False)


def hosts(
    count: int, *queues: ClusterQueue, levels: tuple[str, ...] = ("rack", HOSTNAME), per_rack: int = 2
) -> ClusterState:
    nodes = tuple(
        Node(f"n{i}", (("rack", f"r{i // per_rack}"), (HOSTNAME, f"n{i}")), (("cpu", 4), ("pods", 100)))
        for i in range(count)
    )
    return ClusterState(
        (ResourceFlavor("f", topology="t"),),
        queues or (queue("q", 1_000, within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY),),
        topologies=(Topology("t", levels),),
        nodes=nodes,
    )


def gang(name: str, pods: int, cpu: int = 4, *, at: int = 0, priority: int = 0, **near: Any) -> Workload:
    request = TopologyRequest(**(near or {"unconstrained": True}))
    return Workload(name, name, "q", priority, at, (PodSet("main", pods, (("cpu", cpu),), topology=request),))


def story(
    state: ClusterState, jobs: list[tuple[Workload, int]], *events: Event, assumptions: Assumptions = ASSUMPTIONS
) -> Scenario:
    """Jobs come at their queue-order time and run as long as given."""
    arrivals = tuple(Arrival(job, job.queued_since, time) for job, time in jobs)
    return Scenario("story", "story", state, EngineSettings(), assumptions, arrivals, events)


def told(outcome: RunOutcome) -> list[str]:
    """Decisions in words, hosts of an admission included."""
    lines = []
    for each in outcome.decisions:
        match each:
            case Admitted():
                where = [domain.values[-1] for part in each.pod_sets for domain in part.domains]
                lines.append(" ".join([f"{each.t} admit {each.workload}", *where]))
            case Evicted():
                lines.append(f"{each.t} evict {each.workload} {each.reason}")
            case Finished():
                lines.append(f"{each.t} finish {each.workload}")
    return lines


def run(scenario: Scenario) -> list[str]:
    return told(simulate(scenario))
