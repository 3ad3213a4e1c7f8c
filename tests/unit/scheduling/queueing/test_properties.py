"""What must hold for every cluster, every course of jobs and everything that happens to the cluster.

Each property runs on a few random worlds here and on many in the nightly run.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import (
    ClusterState,
    FlavorQuotas,
    PreemptionPolicy,
    QueueingStrategy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Topology,
    TopologyRequest,
)
from allotment.scheduling.queueing.reasons import Cause
from allotment.simulation.environment import Simulation, simulate
from allotment.simulation.events import NodeDown
from allotment.simulation.outcome import Admitted, Evicted, RunOutcome
from allotment.simulation.scenario import Arrival, Scenario
from tests.unit.scheduling.queueing.promises import (
    PROMISES,
    Tree,
    every_job_is_somewhere_and_who_waits_has_one_reason,
    gangs_start_whole,
    no_domain_is_over_allocated,
    nobody_is_displaced_by_a_lower_priority_of_its_queue,
    quota_and_limits_are_kept,
)
from tests.unit.scheduling.queueing.states import queue
from tests.unit.scheduling.queueing.worlds import worlds
from tests.unit.simulation.changing import gang, hosts, story

Promise = Callable[[Scenario, RunOutcome], None]
LOST = Arrival(gang("lost", 1), 0, 1)
Property = Callable[[Scenario, random.Random], None]


def few(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def check(property_: Property, world: st.SearchStrategy[Scenario], examples: int) -> None:
    """Try a property on so many worlds; its second argument is its own seeded randomness."""

    @few(examples)
    @given(world=world, seed=st.integers(0, 1 << 16))
    def tried(world: Scenario, seed: int) -> None:
        property_(world, random.Random(seed))

    tried()


def promises_are_kept(world: Scenario, _: random.Random) -> None:
    outcome = simulate(world)
    for promise in PROMISES:
        promise(world, outcome)


def the_same_world_has_the_same_course(world: Scenario, _: random.Random) -> None:
    assert simulate(world) == simulate(world)


def the_order_of_lists_does_not_matter(world: Scenario, chance: random.Random) -> None:
    """Jobs, queues, cohorts, nodes, events: decisions of one cycle are a set, those of different ones have an order.

    Left out is what is open in Kueue itself: under fair sharing, which of several trees of cohorts comes first. It
    matters where they compete for the room of one topology.
    """
    trees = sum(each.cohort is None for each in world.state.cluster_queues) + bool(world.state.cohorts)
    if world.settings.fair_sharing and world.state.topologies and trees > 1:
        return

    def shuffled(items: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(chance.sample(items, len(items)))

    cluster = world.state
    other = replace(
        world,
        state=replace(
            cluster,
            cluster_queues=shuffled(cluster.cluster_queues),
            cohorts=shuffled(cluster.cohorts),
            nodes=shuffled(cluster.nodes),
        ),
        arrivals=shuffled(world.arrivals),
        events=shuffled(world.events),
    )
    assert course(simulate(other)) == course(simulate(world))


def course(outcome: RunOutcome) -> list[list[str]]:
    """Decisions cycle by cycle, each cycle's in the order of their text."""
    cycles: dict[tuple[int, int], list[str]] = {}
    for each in outcome.decisions:
        cycles.setdefault((each.t, each.cycle), []).append(repr(each))
    return [sorted(each) for each in cycles.values()]


def names_decide_nothing(world: Scenario, chance: random.Random) -> None:
    """Who is called what does not change what happens when."""
    names = [each.workload.name for each in world.arrivals]
    other_names = dict(zip(names, chance.sample(names, len(names)), strict=True))
    other = replace(
        world,
        arrivals=tuple(
            replace(each, workload=replace(each.workload, name=other_names[each.workload.name]))
            for each in world.arrivals
        ),
        events=tuple(
            replace(each, workload=other_names[each.workload]) if hasattr(each, "workload") else each
            for each in world.events
        ),
    )
    ours = [(each.t, each.cycle, type(each), other_names[each.workload]) for each in simulate(world).decisions]
    assert ours == [(each.t, each.cycle, type(each), each.workload) for each in simulate(other).decisions]


def usage_is_exactly_that_of_what_runs(world: Scenario, _: random.Random) -> None:
    """After every instant, in every queue and cohort and domain: whatever was tried is rolled back exactly."""
    simulation = Simulation(world)
    while simulation.next_instant is not None:
        simulation.step()
        engine = simulation.engine
        used: dict[str, Counter[str]] = {flavor.name: Counter() for flavor in world.state.flavors}
        for index, arrival in enumerate(world.arrivals):
            asked = {each.name: dict(each.requests)["cpu"] for each in arrival.workload.pod_sets}
            for part in engine.admission(index):
                used[dict(part.flavors)["cpu"]][arrival.workload.cluster_queue] += part.count * asked[part.name]
        tree = engine._catalog.tree
        for (flavor, resource), fr in engine._catalog.fr_index.items():
            if engine._catalog.resource_names[resource] != "cpu":
                continue
            oracle = Tree(
                simulation._cluster.state,
                engine._catalog.flavor_names[flavor],
                used[engine._catalog.flavor_names[flavor]],
            )
            for name, node in (*engine._catalog.queue_index.items(), *engine._catalog.cohort_index.items()):
                assert tree.usage[tree.cells[node][fr]] == oracle.usage(name), name
        _check_domains(engine)


def _check_domains(engine: QueueingEngine) -> None:
    capacity = engine._ledger.topology
    if capacity is None:
        return
    expected = [[0] * len(row) for row in capacity.used]
    for workload in engine._workloads:
        if workload.admission is None:
            continue
        for part, record in zip(workload.admission.pod_sets, workload.pod_sets, strict=True):
            if part.topology_assignment is None:
                continue
            rows = capacity.rows[part.topology_assignment.flavor]
            for leaf, count in zip(part.topology_assignment.leaves, part.topology_assignment.counts, strict=True):
                for resource, amount in [*record.per_pod, (capacity.pods_resource, 1)]:
                    expected[rows[leaf]][resource] += count * amount
    assert capacity.used == expected


def nested_simulations_are_undone_exactly(world: Scenario, chance: random.Random) -> None:
    simulation = Simulation(world)
    simulation.run(chance.randrange(140))
    engine = simulation.engine
    books = engine._ledger
    running = [each for each in engine._workloads if each.admission is not None]

    def everything() -> tuple[list[int], list[list[int]]]:
        return list(books.tree.usage), [list(row) for row in books.topology.used] if books.topology else []

    before = everything()
    outer = books.checkpoint()
    for each in running:
        books.release(each)
    between = everything()
    inner = books.checkpoint()
    for each in chance.sample(running, len(running)):
        books.charge(each)
    books.rollback(inner)
    assert everything() == between
    books.rollback(outer)
    assert everything() == before


def a_fork_goes_on_identically(world: Scenario, chance: random.Random) -> None:
    """An engine replaced by its fork at any moment decides the same from there on, message by message."""
    simulation = Simulation(world)
    while simulation.next_instant is not None:
        simulation.step()
        if chance.random() < 0.3:
            simulation.engine = simulation.engine.with_state(simulation._cluster.state, wake=False)
    assert simulation.outcome() == simulate(world)


def who_waits_is_told_whether_waiting_helps(world: Scenario, chance: random.Random) -> None:
    """Who could not start on the empty cluster either is told that somebody has to change something; nobody else."""
    jobs = {each.workload.name: each.workload for each in world.arrivals}
    flavors_of = {each.name: len(each.resource_groups[0].flavors) for each in world.state.cluster_queues}
    simulation = Simulation(world)
    simulation.run(chance.randrange(140))
    for index, arrival in enumerate(world.arrivals):
        waits = simulation.engine.place(index) in ("active", "inadmissible")
        assert (simulation.engine.cause(index) is not None) is waits, arrival
    for each in simulation.outcome().pending:
        if each.cause in (Cause.NOT_EVALUATED, Cause.BEHIND_EQUAL_SHAPE):
            continue
        if flavors_of[each.cluster_queue] > 1:
            continue  # Kueue's reason is about the flavors its last attempt came to; others may have room
        if any(part.min_count is not None for part in jobs[each.workload].pod_sets):
            continue  # Kueue's reason is about the full count; fewer pods may start all the same
        alone = QueueingEngine(world.state, world.settings)
        fits = alone.add(jobs[each.workload]) in alone.run_cycle(0).admitted
        assert not (fits and each.cause.misconfigured)
        # Kueue looks for room in a topology only once there is quota, and at a PodSet only after those before it
        if not world.state.topologies and len(jobs[each.workload].pod_sets) == 1:
            assert fits or each.cause.misconfigured


def a_strict_queue_starts_nobody_before_a_higher_priority(world: Scenario, _: random.Random) -> None:
    strict = tuple(replace(each, strategy=QueueingStrategy.STRICT_FIFO) for each in world.state.cluster_queues)
    world = replace(
        world,
        state=replace(world.state, cluster_queues=strict),
        assumptions=replace(world.assumptions, eviction_latency=0),
    )
    jobs = {each.workload.name: each.workload for each in world.arrivals}
    arriving = [(each.queued_at, each.workload.name) for each in world.arrivals]
    waiting: set[str] = set()
    for each in simulate(world).decisions:
        waiting |= {name for t, name in arriving if t <= each.t}
        arriving = [one for one in arriving if one[0] > each.t]
        if isinstance(each, Evicted):
            waiting.add(each.workload)
        elif isinstance(each, Admitted):
            waiting.remove(each.workload)
            mine = jobs[each.workload]
            rivals = [jobs[name] for name in waiting if jobs[name].cluster_queue == mine.cluster_queue]
            assert all(rival.priority <= mine.priority for rival in rivals)


QUIET = worlds(changing=False)
RESTLESS = worlds(topology=True, changing=True)
PROPERTIES: list[tuple[Property, st.SearchStrategy[Scenario], int]] = [
    (promises_are_kept, worlds(), 35),
    (promises_are_kept, RESTLESS, 30),
    (the_same_world_has_the_same_course, worlds(), 10),
    (the_order_of_lists_does_not_matter, worlds(), 20),
    (names_decide_nothing, worlds(), 12),
    (usage_is_exactly_that_of_what_runs, worlds(), 25),
    (nested_simulations_are_undone_exactly, worlds(), 12),
    (a_fork_goes_on_identically, worlds(), 20),
    (who_waits_is_told_whether_waiting_helps, QUIET, 20),
    (a_strict_queue_starts_nobody_before_a_higher_priority, QUIET, 15),
]
IDS = [f"{each.__name__}{number}" for number, (each, *_) in enumerate(PROPERTIES)]


@pytest.mark.parametrize(("property_", "world", "examples"), PROPERTIES, ids=IDS)
def test_property(property_: Property, world: st.SearchStrategy[Scenario], examples: int) -> None:
    check(property_, world, examples)


@pytest.mark.nightly
@pytest.mark.parametrize(("property_", "world", "examples"), PROPERTIES, ids=IDS)
def test_property_at_length(property_: Property, world: st.SearchStrategy[Scenario], examples: int) -> None:
    check(property_, world, 100 * examples)


# That the promises can be broken: what happened, held against a world in which it must not have happened


def happened() -> Scenario:
    """Two hosts; `low` borrows from the other queue, `high` displaces it within its queue's own quota."""
    cluster = ClusterState(
        (ResourceFlavor("f", topology="t"),),
        (
            queue("q", 6, cohort="c", borrowing=2, within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY),
            queue("r", 2, cohort="c", lending=2),
        ),
        topologies=(Topology("t", ("rack", HOSTNAME)),),
        nodes=hosts(2).nodes,
    )
    low, high = gang("low", 2, 4), gang("high", 2, 3, at=10, priority=5)
    return story(cluster, [(low, 100), (high, 50)])


def with_quota(world: Scenario, name: str, quota: ResourceQuota) -> Scenario:
    groups = (ResourceGroup(("cpu",), (FlavorQuotas("f", (("cpu", quota),)),)),)
    queues = tuple(
        replace(each, resource_groups=groups) if each.name == name else each for each in world.state.cluster_queues
    )
    return replace(world, state=replace(world.state, cluster_queues=queues))


def with_job(world: Scenario, name: str, **changes: Any) -> Scenario:
    parts = {key: changes.pop(key) for key in ("count", "topology") if key in changes}
    arrivals = []
    for each in world.arrivals:
        pods = (replace(each.workload.pod_sets[0], **parts),)
        other = replace(each, workload=replace(each.workload, pod_sets=pods, **changes))
        arrivals.append(other if each.workload.name == name else each)
    return replace(world, arrivals=tuple(arrivals))


def smaller_hosts(world: Scenario) -> Scenario:
    nodes = tuple(replace(each, allocatable=(("cpu", 3), ("pods", 9))) for each in world.state.nodes)
    return replace(world, state=replace(world.state, nodes=nodes))


@pytest.mark.parametrize(
    ("promise", "other"),
    [
        (quota_and_limits_are_kept, lambda w: with_quota(w, "q", ResourceQuota(6, 1))),
        (quota_and_limits_are_kept, lambda w: with_quota(w, "r", ResourceQuota(2, None, 1))),
        (quota_and_limits_are_kept, lambda w: with_quota(w, "r", ResourceQuota(1))),
        (no_domain_is_over_allocated, smaller_hosts),
        (no_domain_is_over_allocated, lambda w: replace(w, events=(NodeDown(5, "n1"),))),
        (gangs_start_whole, lambda w: with_job(w, "high", count=3)),
        (gangs_start_whole, lambda w: with_job(w, "high", topology=TopologyRequest(required=HOSTNAME))),
        (nobody_is_displaced_by_a_lower_priority_of_its_queue, lambda w: with_job(w, "low", priority=6)),
        (nobody_is_displaced_by_a_lower_priority_of_its_queue, lambda w: with_job(w, "high", cluster_queue="r")),
        (every_job_is_somewhere_and_who_waits_has_one_reason, lambda w: replace(w, arrivals=(*w.arrivals, LOST))),
    ],
)
def test_a_promise_can_be_broken(promise: Promise, other: Callable[[Scenario], Scenario]) -> None:
    world = happened()
    outcome = simulate(world)
    assert [type(each) for each in outcome.decisions][:3] == [Admitted, Evicted, Admitted]
    promise(world, outcome)
    with pytest.raises(AssertionError):
        promise(other(world), outcome)
