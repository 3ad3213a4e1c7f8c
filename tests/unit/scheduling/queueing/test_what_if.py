"""Forks of an engine: adopted workloads, other clusters, changes in the middle of a simulation."""

from dataclasses import replace

from hypothesis import given

from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    DomainCount,
    EngineSettings,
    FlavorQuotas,
    Node,
    PodSet,
    PodSetAdmission,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Topology,
    TopologyRequest,
    Workload,
)
from allotment.simulation.environment import Admitted, simulate
from allotment.simulation.events import QuotaChange
from allotment.simulation.scenario import Scenario
from tests.unit.scheduling.queueing.states import queue, scenario, state, workload
from tests.unit.scheduling.queueing.test_properties import few
from tests.unit.scheduling.queueing.worlds import worlds


def got(count: int = 1) -> tuple[PodSetAdmission, ...]:
    return (PodSetAdmission("main", count, (("cpu", "f"),)),)


def test_an_adopted_workload_holds_its_quota() -> None:
    engine = QueueingEngine(state(queue("q")), EngineSettings())
    running = engine.adopt(workload("old", "q", 8), got(), reserved_at=0)
    waiting = engine.add(workload("new", "q", 8, since=1))
    assert engine.run_cycle(1).admitted == []
    assert engine.queue_usage("q") == {("f", "cpu"): 8}
    engine.finish(running)
    engine.wake(engine.tree_of(waiting))
    assert engine.run_cycle(2).admitted == [waiting]


def test_more_quota_would_help() -> None:
    engine = QueueingEngine(state(queue("q")), EngineSettings())
    waiting = engine.add(workload("w", "q", 12))
    engine.run_cycle(0)
    richer = engine.with_state(state(queue("q", 20)))
    assert richer.run_cycle(1).admitted == [waiting]
    assert engine.place(waiting) == "inadmissible", "the original is as it was"


def test_what_runs_keeps_running_under_less_quota() -> None:
    engine = QueueingEngine(state(queue("q")), EngineSettings())
    running = engine.add(workload("w", "q", 8))
    engine.run_cycle(0)
    poorer = engine.with_state(state(queue("q", 2)))
    assert poorer.place(running) == "running"
    assert poorer.queue_usage("q") == {("f", "cpu"): 8}


def test_quota_raised_in_the_middle() -> None:
    story = scenario(state(queue("q")), (workload("w", "q", 12), 100))
    outcome = simulate(replace(story, events=(QuotaChange(70, "q", False, "f", "cpu", 20),)))
    assert [(each.t, each.workload) for each in outcome.decisions if isinstance(each, Admitted)] == [(1070, "w")]


@few(20)
@given(story=worlds(changing=False))
def test_a_fork_without_a_change_goes_on_identically(story: Scenario) -> None:
    engine = QueueingEngine(story.state, story.settings)
    half = len(story.arrivals) // 2
    for arrival in story.arrivals[:half]:
        engine.add(arrival.workload)
        for preemption in engine.run_cycle(arrival.queued_at).preemptions:
            engine.requeue_evicted(preemption.workload)
    fork = engine.with_state(story.state, wake=False)
    for arrival in story.arrivals[half:]:
        results = []
        for each in (engine, fork):
            each.add(arrival.workload)
            result = each.run_cycle(arrival.queued_at)
            for preemption in result.preemptions:
                each.requeue_evicted(preemption.workload)
            pairs = [(one.workload, one.preemptor, one.reason) for one in result.preemptions]
            results.append((result.number, result.admitted, pairs, result.refused))
        assert results[0] == results[1]


def racks(*names: str) -> ClusterState:
    nodes = tuple(Node(name, (("pool", "p"), (HOSTNAME, name)), (("cpu", 4), ("pods", 9))) for name in names)
    quota = ResourceGroup(("cpu",), (FlavorQuotas("f", (("cpu", ResourceQuota(40)),)),))
    return ClusterState(
        (ResourceFlavor("f", (("pool", "p"),), topology="t"),),
        (ClusterQueue("q", (quota,)),),
        topologies=(Topology("t", (HOSTNAME,)),),
        nodes=nodes,
    )


def placed_job(name: str) -> Workload:
    pods = PodSet("main", 1, (("cpu", 3),), topology=TopologyRequest(required=HOSTNAME))
    return Workload(name, name, "q", 0, 0, (pods,))


def test_an_adopted_placement_takes_its_node() -> None:
    engine = QueueingEngine(racks("n0", "n1"), EngineSettings())
    there = PodSetAdmission("main", 1, (("cpu", "f"),), (HOSTNAME,), (DomainCount(("n0",), 1),))
    engine.adopt(placed_job("old"), (there,), reserved_at=0)
    new = engine.add(placed_job("new"))
    assert engine.run_cycle(1).admitted == [new]
    assert engine.admission(new)[0].domains == (DomainCount(("n1",), 1),)


def test_a_node_that_returns_takes_the_waiting_one() -> None:
    engine = QueueingEngine(racks("n0"), EngineSettings())
    first, second = engine.add(placed_job("a")), engine.add(placed_job("b"))
    assert engine.run_cycle(0).admitted == [first]
    assert engine.run_cycle(0).admitted == []
    grown = engine.with_state(racks("n0", "n1"))
    assert grown.run_cycle(1).admitted == [second]
    shrunk = grown.with_state(racks("n1"))
    assert shrunk.admission(first)[0].domains == (), "its node is gone; nobody else is charged for it"


def test_two_topology_flavors_for_one_pod_set_are_refused() -> None:
    base = racks("n0")
    groups = tuple(
        ResourceGroup((resource,), (FlavorQuotas(flavor, ((resource, ResourceQuota(40)),)),))
        for resource, flavor in (("cpu", "f"), ("gpu", "g"))
    )
    both = replace(
        base,
        flavors=(*base.flavors, ResourceFlavor("g", (("pool", "p"),), topology="t")),
        cluster_queues=(ClusterQueue("q", groups),),
    )
    engine = QueueingEngine(both, EngineSettings())
    pods = PodSet("main", 1, (("cpu", 1), ("gpu", 1)), topology=TopologyRequest(required=HOSTNAME))
    index = engine.add(Workload("w", "w", "q", 0, 0, (pods,)))
    assert engine.run_cycle(0).admitted == []
    refusal = engine.refusal(index)
    assert refusal is not None
    assert refusal.text == "failed to assign flavors to pod set main: more than one TAS flavor assigned: f, g"
    assert refusal.cause.misconfigured


def test_a_cluster_with_other_flavors_and_resources_is_read_afresh() -> None:
    """Numbers of names may be kept only where they mean the same."""
    engine = QueueingEngine(state(queue("q", flavors=("f", "g")), flavors=("f", "g")), EngineSettings())
    running = engine.add(workload("w", "q", 8))
    engine.run_cycle(0)
    waiting = engine.add(workload("v", "q", 11))
    engine.run_cycle(1)
    swapped = state(queue("q", 12, flavors=("h", "g", "f")), flavors=("h", "g", "f"))
    other = engine.with_state(swapped)
    assert other.queue_usage("q") == {("h", "cpu"): 0, ("g", "cpu"): 0, ("f", "cpu"): 8}
    assert other.run_cycle(2).admitted == [waiting]
    assert [dict(each.flavors) for each in (*other.admission(running), *other.admission(waiting))] == [
        {"cpu": "f"},
        {"cpu": "h"},
    ]


def test_a_queue_that_begins_to_count_pods() -> None:
    engine = QueueingEngine(state(queue("q", 100)), EngineSettings())
    first = engine.add(workload("a", "q", 1, count=3))
    plain = state(queue("q", 100)).cluster_queues[0]
    pods = ResourceGroup(("pods",), (FlavorQuotas("f", (("pods", ResourceQuota(2)),)),))
    counted = replace(plain, resource_groups=(*plain.resource_groups, pods))
    other = engine.with_state(replace(state(queue("q")), cluster_queues=(counted,)))
    assert other.run_cycle(1).admitted == []
    refusal = other.refusal(first)
    assert refusal is not None
    assert "pods" in refusal.text
