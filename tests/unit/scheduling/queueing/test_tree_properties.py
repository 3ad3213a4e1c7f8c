"""What must hold in cohort trees of any depth, for gangs, with topologies, and for the reasons given."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from allotment.scheduling.engine import QueueingEngine
from allotment.scheduling.inputs import (
    ClusterState,
    Cohort,
    EngineSettings,
    Node,
    PodSet,
    QueueingStrategy,
    ResourceFlavor,
    Topology,
    TopologyRequest,
    Workload,
)
from allotment.scheduling.quota.tree import QuotaTree
from allotment.scheduling.reasons import Cause
from allotment.scheduling.simulate.environment import Admitted, Evicted, Finished, simulate
from allotment.scheduling.simulate.scenario import Arrival, Environment, Scenario
from allotment.scheduling.topology.forest import HOSTNAME
from allotment.scheduling.usage import UsageLedger
from tests.unit.scheduling.queueing.states import cohort, queue, state
from tests.unit.scheduling.queueing.test_properties import LIMIT, RECLAIM, SLOW, WITHIN, scenarios

Limits = tuple[int, int | None, int | None]


@st.composite
def trees(draw: st.DrawFn) -> ClusterState:
    """Two levels of cohorts, some with quota of their own, and queues at any of them."""
    cohorts = [cohort("top", draw(st.integers(0, 3)))]
    for name in ("left", "right"):
        limits = {"borrowing": draw(LIMIT), "lending": draw(LIMIT)}
        cohorts.append(cohort(name, draw(st.integers(0, 4)), parent="top", **limits))
    queues = tuple(
        queue(
            f"q{number}",
            draw(st.integers(0, 6)),
            cohort=draw(st.sampled_from(["top", "left", "right"])),
            borrowing=draw(LIMIT),
            lending=draw(LIMIT),
            within_cluster_queue=draw(WITHIN),
            reclaim_within_cohort=draw(RECLAIM),
        )
        for number in range(draw(st.integers(1, 4)))
    )
    return state(*queues, cohorts=tuple(cohorts))


@st.composite
def stories(draw: st.DrawFn) -> Scenario:
    """Gangs of up to three PodSets of different size in a tree of cohorts."""
    cluster = draw(trees())
    arrivals = []
    for number in range(draw(st.integers(1, 10))):
        pod_sets = tuple(
            PodSet(f"part{part}", draw(st.integers(1, 2)), (("cpu", draw(st.integers(1, 2))),))
            for part in range(draw(st.integers(1, 3)))
        )
        owner = draw(st.sampled_from(cluster.cluster_queues)).name
        created = number * 10
        job = Workload(f"w{number}", f"u{number:02d}", owner, draw(st.sampled_from([0, 0, 10])), created, pod_sets)
        arrivals.append(Arrival(job, created, draw(st.integers(1, 60))))
    return Scenario(
        "tree",
        "tree",
        cluster,
        EngineSettings(fair_sharing=draw(st.booleans())),
        Environment(20, 0, 4, 40, 200),
        tuple(arrivals),
    )


def limits_of(each: object) -> Limits:
    for group in getattr(each, "resource_groups", ()):
        quota = group.flavors[0].resources[0][1]
        return quota.nominal, quota.borrowing_limit, quota.lending_limit
    return 0, None, None


def check_tree(cluster: ClusterState, used: Counter[str]) -> None:
    """Recompute every node of the tree from what its queues use; an oracle that knows nothing of the engine."""
    children: dict[str, list[str]] = {}
    declared: dict[str, Limits] = {}
    for node in cluster.cohorts:
        declared[node.name] = limits_of(node)
        if node.parent:
            children.setdefault(node.parent, []).append(node.name)
    for leaf in cluster.cluster_queues:
        declared[leaf.name] = limits_of(leaf)
        children.setdefault(leaf.cohort or "", []).append(leaf.name)

    def visit(name: str) -> tuple[int, int]:
        """What this node lends upwards, and what it takes from above its kept share."""
        nominal, borrowing, lending = declared[name]
        below = [visit(child) for child in children.get(name, ())]
        quota = nominal + sum(lent for lent, _ in below)
        usage = used[name] + sum(taken for _, taken in below)
        kept = max(0, quota - lending) if lending is not None else 0
        if name == "top":
            assert usage <= quota, "the whole tree"
        elif borrowing is not None:
            assert usage <= quota + borrowing, f"borrowing limit of {name}"
        return quota - kept, max(0, usage - kept)

    visit("top")


@SLOW
@given(story=stories())
def test_quota_and_limits_hold_at_every_level(story: Scenario) -> None:
    size = {
        each.workload.name: sum(p.count * p.requests[0][1] for p in each.workload.pod_sets) for each in story.arrivals
    }
    used: Counter[str] = Counter()
    cycles: dict[tuple[int, int, bool], list[Admitted | Evicted | Finished]] = {}
    for each in simulate(story).decisions:
        cycles.setdefault((each.t, each.cycle, isinstance(each, Finished)), []).append(each)
    for events in cycles.values():
        for each in events:
            used[each.cluster_queue] += size[each.workload] if isinstance(each, Admitted) else -size[each.workload]
        assert min(used.values(), default=0) >= 0
        check_tree(story.state, used)


@SLOW
@given(story=stories())
def test_a_gang_of_several_pod_sets_starts_whole(story: Scenario) -> None:
    wanted = {each.workload.name: each.workload.pod_sets for each in story.arrivals}
    for each in simulate(story).decisions:
        if isinstance(each, Admitted):
            got = [(part.name, part.count, dict(part.flavors)) for part in each.pod_sets]
            assert got == [(part.name, part.count, {"cpu": "f"}) for part in wanted[each.workload]]


@SLOW
@given(scenario=scenarios())
def test_partial_admission_never_goes_below_the_minimum(scenario: Scenario) -> None:
    wanted = {each.workload.name: each.workload.pod_sets[0] for each in scenario.arrivals}
    for each in simulate(scenario).decisions:
        if isinstance(each, Admitted):
            asked = wanted[each.workload]
            assert min(asked.min_count or asked.count, asked.count) <= each.pod_sets[0].count <= asked.count


@SLOW
@given(story=stories())
def test_a_strict_queue_starts_nobody_before_a_higher_priority(story: Scenario) -> None:
    strict = tuple(replace(each, strategy=QueueingStrategy.STRICT_FIFO) for each in story.state.cluster_queues)
    story = replace(story, state=replace(story.state, cluster_queues=strict))
    jobs = {each.workload.name: each.workload for each in story.arrivals}
    waiting: set[str] = set()
    events = [(each.queued_at, 0, each.workload.name) for each in story.arrivals]
    for number, each in enumerate(simulate(story).decisions, 1):
        kind = -1 if isinstance(each, Finished) else 2 if isinstance(each, Evicted) else 1
        events.append((each.t, kind * 1_000 + number if kind > 0 else kind, each.workload))
    by_time = sorted(event for event in events if event[1] >= 0)
    for _, kind, name in by_time:
        if kind == 0 or kind >= 2_000:
            waiting.add(name)
            continue
        waiting.remove(name)
        mine = jobs[name]
        rivals = [jobs[other] for other in waiting if jobs[other].cluster_queue == mine.cluster_queue]
        assert all(rival.priority <= mine.priority for rival in rivals)


@SLOW
@given(story=stories())
def test_with_lower_priority_preemption_equals_are_safe_in_their_queue(story: Scenario) -> None:
    policies = {each.name: each.within_cluster_queue for each in story.state.cluster_queues}
    jobs = {each.workload.name: each.workload for each in story.arrivals}
    for each in simulate(story).decisions:
        if isinstance(each, Evicted) and each.reason == "InClusterQueue":
            victim, preemptor = jobs[each.workload], jobs[each.preemptor]
            newer = victim.queued_since > preemptor.queued_since
            equal_may = policies[each.cluster_queue].value == "LowerOrNewerEqualPriority"
            assert victim.priority < preemptor.priority or (
                equal_may and victim.priority == preemptor.priority and newer
            )


@SLOW
@given(story=stories(), data=st.data())
def test_equal_workloads_may_swap_their_names(story: Scenario, data: st.DataObject) -> None:
    """A name decides nothing: who is called what does not change what happens when."""
    names = [each.workload.name for each in story.arrivals]
    renamed = dict(zip(names, data.draw(st.permutations(names)), strict=True))
    other = replace(
        story,
        arrivals=tuple(
            replace(each, workload=replace(each.workload, name=renamed[each.workload.name])) for each in story.arrivals
        ),
    )
    ours = [(each.t, each.cycle, type(each), renamed[each.workload]) for each in simulate(story).decisions]
    assert ours == [(each.t, each.cycle, type(each), each.workload) for each in simulate(other).decisions]


@SLOW
@given(story=stories())
def test_every_pending_job_has_one_reason_and_it_is_right(story: Scenario) -> None:
    """Only who could not start on the empty cluster either is told that waiting does not help."""
    jobs = {each.workload.name: each.workload for each in story.arrivals}
    for each in simulate(story).pending:
        assert each.queue != "running"
        assert each.cause in Cause
        alone = QueueingEngine(story.state, story.settings)
        fits = alone.add(jobs[each.workload]) in alone.run_cycle(0).admitted
        if each.cause is not Cause.NOT_EVALUATED and each.cause is not Cause.BEHIND_EQUAL_SHAPE:
            assert each.cause.misconfigured is not fits


@SLOW
@given(story=stories())
def test_who_is_not_pending_has_no_reason(story: Scenario) -> None:
    engine = QueueingEngine(story.state, story.settings)
    for arrival in story.arrivals:
        engine.add(arrival.workload)
        for preemption in engine.run_cycle(arrival.queued_at).preemptions:
            engine.requeue_evicted(preemption.workload)
        for index in range(len(story.arrivals)):
            known = index <= story.arrivals.index(arrival)
            pending = known and engine.place(index) in ("active", "inadmissible")
            assert isinstance(engine.cause(index), Cause) if pending else True
            if known and engine.place(index) == "running":
                assert engine.cause(index) is None


# Topologies


def racks(sizes: list[int]) -> ClusterState:
    """One flavor over racks of two hosts with so many CPUs each; more quota than hardware."""
    nodes = tuple(
        Node(f"n{number}", (("rack", f"r{number // 2}"), (HOSTNAME, f"n{number}")), (("cpu", size), ("pods", 100)))
        for number, size in enumerate(sizes)
    )
    return ClusterState(
        (ResourceFlavor("f", topology="t"),),
        (queue("q", 1_000),),
        topologies=(Topology("t", ("rack", HOSTNAME)),),
        nodes=nodes,
    )


@st.composite
def topology_stories(draw: st.DrawFn) -> Scenario:
    """One queue, so that a cycle places one workload; one PodSet each. Kueue checks these against real capacity.

    Left out are its two known exceptions: two placements of one cycle, and several PodSets of one workload.
    """
    asked = [
        TopologyRequest(required="rack"),
        TopologyRequest(required=HOSTNAME),
        TopologyRequest(preferred="rack"),
        TopologyRequest(unconstrained=True),
    ]
    arrivals = []
    for number in range(draw(st.integers(1, 8))):
        pods = PodSet(
            "main",
            draw(st.integers(1, 6)),
            (("cpu", draw(st.integers(1, 3))),),
            topology=draw(st.sampled_from(asked)),
        )
        job = Workload(f"w{number}", f"u{number}", "q", 0, number * 10, (pods,))
        arrivals.append(Arrival(job, number * 10, draw(st.integers(1, 60))))
    sizes = draw(st.lists(st.integers(0, 8), min_size=2, max_size=6))
    return Scenario("tas", "tas", racks(sizes), EngineSettings(), Environment(20, 0, 4, 40, 200), tuple(arrivals))


@SLOW
@given(story=topology_stories())
def test_no_node_is_over_allocated_and_requests_are_met(story: Scenario) -> None:
    sizes = {node.name: dict(node.allocatable)["cpu"] for node in story.state.nodes}
    rack = {node.name: dict(node.labels)["rack"] for node in story.state.nodes}
    asked = {each.workload.name: each.workload.pod_sets[0] for each in story.arrivals}
    held: dict[str, Counter[str]] = {}
    for each in simulate(story).decisions:
        if isinstance(each, Admitted):
            part = asked[each.workload]
            hosts = {domain.values[-1]: domain.count for domain in each.pod_sets[0].domains}
            assert sum(hosts.values()) == part.count, "all or nothing"
            held[each.workload] = Counter({host: n * part.requests[0][1] for host, n in hosts.items()})
            if part.topology is not None and part.topology.required == "rack":
                assert len({rack[host] for host in hosts}) == 1
            if part.topology is not None and part.topology.required == HOSTNAME:
                assert len(hosts) == 1
        else:
            del held[each.workload]
        total: Counter[str] = sum(held.values(), Counter())
        assert all(amount <= sizes[host] for host, amount in total.items())


@SLOW
@given(story=topology_stories(), cut=st.integers(0, 8))
def test_a_refused_cycle_leaves_the_ledger_exactly_as_it_was(story: Scenario, cut: int) -> None:
    engine = QueueingEngine(story.state, story.settings)
    for arrival in story.arrivals[:cut]:
        engine.add(arrival.workload)
        engine.run_cycle(arrival.queued_at)
    before = ledger(engine)
    engine.wake_all()
    while not engine.idle:
        result = engine.run_cycle(1_000)
        if result.admitted:
            before = ledger(engine)
        assert ledger(engine) == before


@SLOW
@given(story=topology_stories())
def test_rollback_of_the_ledger_is_exact_on_tree_and_topology(story: Scenario) -> None:
    engine = QueueingEngine(story.state, story.settings)
    for arrival in story.arrivals:
        engine.add(arrival.workload)
        engine.run_cycle(arrival.queued_at)
    before = ledger(engine)
    books: UsageLedger = engine._ledger
    running = [each for each in engine._workloads if each.admission is not None]
    outer = books.checkpoint()
    for each in running:
        books.release(each)
    inner = books.checkpoint()
    for each in reversed(running):
        books.charge(each)
    books.rollback(inner)
    books.rollback(outer)
    assert ledger(engine) == before


def ledger(engine: QueueingEngine) -> tuple[list[int], list[list[int]]]:
    tree: QuotaTree = engine._ledger.tree
    topology = engine._ledger.topology
    assert topology is not None
    return list(tree.usage), [list(row) for row in topology.used]


def test_the_oracle_sees_an_over_allocation() -> None:
    """The property above would fail if the engine let one unit too many through."""
    cluster = state(queue("q0", 2, cohort="left", lending=1), cohorts=(Cohort("top"), cohort("left", parent="top")))
    check_tree(cluster, Counter({"q0": 2}))
    try:
        check_tree(cluster, Counter({"q0": 3}))
    except AssertionError:
        return
    raise AssertionError("not seen")
