"""What must hold for every cluster and every sequence of workloads."""

from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allotment.scheduling.engine import QueueingEngine
from allotment.scheduling.inputs import (
    ClusterQueue,
    ClusterState,
    EngineSettings,
    PodSet,
    PreemptionPolicy,
    QueueingStrategy,
    Workload,
)
from allotment.scheduling.simulate.environment import Admitted, Decision, Evicted, Finished, simulate
from allotment.scheduling.simulate.scenario import Arrival, Environment, Scenario
from tests.unit.scheduling.queueing.states import queue, state

LIMIT = st.none() | st.integers(0, 6)
WITHIN = st.sampled_from(
    [
        PreemptionPolicy.NEVER,
        PreemptionPolicy.LOWER_PRIORITY,
        PreemptionPolicy.LOWER_OR_NEWER_EQUAL_PRIORITY,
    ]
)
RECLAIM = st.sampled_from([PreemptionPolicy.NEVER, PreemptionPolicy.LOWER_PRIORITY, PreemptionPolicy.ANY])


@st.composite
def cluster_queues(draw: st.DrawFn) -> tuple[ClusterQueue, ...]:
    names = ["q0", "q1", "q2"][: draw(st.integers(1, 3))]
    return tuple(
        queue(
            name,
            draw(st.integers(0, 8)),
            cohort="c",
            borrowing=draw(LIMIT),
            lending=draw(LIMIT),
            flavors=("f", "g")[: draw(st.integers(1, 2))],
            strategy=draw(st.sampled_from(QueueingStrategy)),
            within_cluster_queue=draw(WITHIN),
            reclaim_within_cohort=draw(RECLAIM),
        )
        for name in names
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    queues = draw(cluster_queues())
    arrivals: list[Arrival] = []
    for number in range(draw(st.integers(1, 10))):
        created = number * 10 + draw(st.integers(0, 9))
        minimum = draw(st.none() | st.integers(1, 2))
        count = draw(st.integers(1, 3))
        pods = PodSet(
            "main", count, (("cpu", draw(st.integers(1, 4))),), min_count=minimum if minimum != count else None
        )
        workload = Workload(
            f"w{number}",
            f"u{draw(st.integers(0, 999)):03d}-{number}",
            draw(st.sampled_from(queues)).name,
            draw(st.sampled_from([0, 0, 10])),
            created,
            (pods,),
        )
        arrivals.append(Arrival(workload, created, draw(st.integers(1, 60))))
    return Scenario(
        "random",
        "random",
        state(*queues, flavors=("f", "g")),
        EngineSettings(fair_sharing=draw(st.booleans())),
        Environment(20, draw(st.sampled_from([0, 0, 15])), 4, 40, 200),
        tuple(arrivals),
    )


SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def quotas(cluster: ClusterState) -> dict[tuple[str, str], tuple[int, int | None, int | None]]:
    """Declared (nominal, borrowing limit, lending limit) by (queue, flavor)."""
    return {
        (each.name, flavors.flavor): (quota.nominal, quota.borrowing_limit, quota.lending_limit)
        for each in cluster.cluster_queues
        for group in each.resource_groups
        for flavors in group.flavors
        for _, quota in flavors.resources
    }


def usage_after(scenario: Scenario, decisions: tuple[Decision, ...]) -> list[Counter[tuple[str, str]]]:
    """Usage by (queue, flavor) after every cycle, its evictions applied before its admissions.

    With an eviction latency a victim holds its quota until it is released, so only latency 0 is meaningful.
    """
    requests = {each.workload.name: each.workload.pod_sets[0].requests[0][1] for each in scenario.arrivals}
    held: dict[str, tuple[str, str, int]] = {}
    states: list[Counter[tuple[str, str]]] = []
    cycles: dict[tuple[int, int], list[Decision]] = {}
    for each in decisions:
        cycles.setdefault((each.t, each.cycle if not isinstance(each, Finished) else -1), []).append(each)
    for events in cycles.values():
        for each in sorted(events, key=lambda event: isinstance(event, Admitted)):
            if isinstance(each, Admitted):
                pods = each.pod_sets[0]
                amount = requests[each.workload] * pods.count
                held[each.workload] = (each.cluster_queue, dict(pods.flavors)["cpu"], amount)
            else:
                del held[each.workload]
        total: Counter[tuple[str, str]] = Counter()
        for owner, flavor, amount in held.values():
            total[owner, flavor] += amount
        states.append(total)
    return states


@SLOW
@given(scenario=scenarios())
def test_quota_and_limits_hold_after_every_cycle(scenario: Scenario) -> None:
    scenario = replace(scenario, environment=replace(scenario.environment, eviction_latency=0))
    declared = quotas(scenario.state)
    for used in usage_after(scenario, simulate(scenario).decisions):
        for flavor in ("f", "g"):
            lendable = in_cohort = 0
            for (name, other), (nominal, borrowing, lending) in declared.items():
                if other != flavor:
                    continue
                kept = max(0, nominal - lending) if lending is not None else 0
                lendable += nominal - kept
                in_cohort += max(0, used[name, flavor] - kept)
                if borrowing is not None:
                    assert used[name, flavor] <= nominal + borrowing, "borrowing limit"
            assert in_cohort <= lendable, "lending limits and the cohort's total"


@SLOW
@given(scenario=scenarios())
def test_the_same_input_gives_the_same_outcome(scenario: Scenario) -> None:
    assert simulate(scenario) == simulate(scenario)


@SLOW
@given(scenario=scenarios(), data=st.data())
def test_the_order_of_the_input_lists_does_not_matter(scenario: Scenario, data: st.DataObject) -> None:
    cluster = scenario.state
    shuffled = replace(
        scenario,
        state=replace(cluster, cluster_queues=tuple(data.draw(st.permutations(cluster.cluster_queues)))),
        arrivals=tuple(data.draw(st.permutations(scenario.arrivals))),
    )
    assert set(simulate(shuffled).decisions) == set(simulate(scenario).decisions)


@SLOW
@given(scenario=scenarios())
def test_nobody_is_displaced_by_a_lower_priority_of_its_own_queue(scenario: Scenario) -> None:
    priorities = {each.workload.name: each.workload.priority for each in scenario.arrivals}
    for each in simulate(scenario).decisions:
        if isinstance(each, Evicted) and each.reason == "InClusterQueue":
            assert priorities[each.preemptor] >= priorities[each.workload]


@SLOW
@given(scenario=scenarios())
def test_everyone_ends_finished_running_or_pending_with_one_cause(scenario: Scenario) -> None:
    outcome = simulate(scenario)
    finished = [each.workload for each in outcome.decisions if isinstance(each, Finished)]
    pending = [each.workload for each in outcome.pending]
    assert len(set(finished)) == len(finished)
    assert not set(finished) & set(pending)
    if not outcome.livelock:
        assert sorted(finished + pending) == sorted(each.workload.name for each in scenario.arrivals)


@SLOW
@given(scenario=scenarios())
def test_a_cycle_leaves_exactly_the_usage_of_what_runs(scenario: Scenario) -> None:
    engine = QueueingEngine(scenario.state, scenario.settings)
    running: dict[int, Counter[tuple[str, str]]] = {}
    for arrival in scenario.arrivals:
        engine.add(arrival.workload)
        result = engine.run_cycle(arrival.queued_at)
        for index in result.admitted:
            workload = scenario.arrivals[index].workload
            pods = engine.admission(index)[0]
            amount = workload.pod_sets[0].requests[0][1] * pods.count
            running[index] = Counter({(workload.cluster_queue, dict(pods.flavors)["cpu"]): amount})
        for preemption in result.preemptions:
            engine.requeue_evicted(preemption.workload)
            del running[preemption.workload]
        expected: Counter[tuple[str, str]] = sum(running.values(), Counter())
        for each in scenario.state.cluster_queues:
            for (flavor, _), amount in engine.queue_usage(each.name).items():
                assert amount == expected[each.name, flavor]
