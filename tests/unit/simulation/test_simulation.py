"""Small stories through the whole engine."""

from allotment.scheduling.queueing.inputs import EngineSettings, PreemptionPolicy, QueueingStrategy
from allotment.scheduling.queueing.reasons import Cause
from allotment.scheduling.queueing.settling import Settled
from allotment.simulation.environment import Admitted, Evicted, Finished, RunOutcome, simulate
from tests.unit.scheduling.queueing.states import cohort, endless, queue, scenario, state, workload


def story(outcome: RunOutcome) -> list[str]:
    """Decisions as "time verb workload"."""
    verbs = {Admitted: "admit", Evicted: "evict", Finished: "finish"}
    return [f"{each.t} {verbs[type(each)]} {each.workload}" for each in outcome.decisions]


def test_the_next_one_waits_for_the_wake_up_after_a_finish() -> None:
    outcome = simulate(scenario(state(queue("q")), (workload("a", "q", 8), 500), (workload("b", "q", 8, since=1), 500)))
    assert story(outcome) == ["0 admit a", "500 finish a", "1500 admit b", "2000 finish b"]
    assert [(change.t, change.message) for change in outcome.pending_log] == [
        (1, "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor f, 6m more needed")
    ]


def test_a_strict_queue_needs_no_wake_up_but_blocks_the_smaller_one() -> None:
    cluster = state(queue("q", strategy=QueueingStrategy.STRICT_FIFO))
    outcome = simulate(
        scenario(
            cluster,
            (workload("a", "q", 8), 500),
            (workload("big", "q", 9, since=1), 500),
            (workload("small", "q", 1, since=2), 500),
        )
    )
    assert story(outcome)[:4] == ["0 admit a", "500 finish a", "500 admit big", "500 admit small"]


def test_reclaiming_lent_quota() -> None:
    cluster = state(
        queue("lender", cohort="c", reclaim_within_cohort=PreemptionPolicy.ANY), queue("borrower", cohort="c")
    )
    outcome = simulate(
        scenario(
            cluster,
            (workload("guest1", "borrower", 10), 9000),
            (workload("guest2", "borrower", 5, since=1), 9000),
            (workload("owner", "lender", 8, since=2), 100),
        )
    )
    evictions = [each for each in outcome.decisions if isinstance(each, Evicted)]
    assert [(each.workload, each.reason, each.preemptor) for each in evictions] == [
        ("guest2", "InCohortReclamation", "owner")
    ]
    assert "2 admit owner" in story(outcome)


def test_victims_keep_their_quota_for_the_eviction_latency() -> None:
    cluster = state(queue("q", within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY))
    outcome = simulate(
        scenario(
            cluster,
            (workload("low", "q", 10), 9000),
            (workload("high", "q", 10, priority=5, since=1), 100),
            latency=500,
        )
    )
    assert story(outcome)[:4] == ["0 admit low", "1 evict low", "501 admit high", "601 finish high"]


def test_partial_admission_takes_the_largest_count_that_fits() -> None:
    pods = workload("w", "q", 3, count=5, min_count=2)
    outcome = simulate(scenario(state(queue("q")), (pods, 100)))
    admitted = outcome.decisions[0]
    assert isinstance(admitted, Admitted)
    assert admitted.pod_sets[0].count == 3


def test_the_second_flavor_is_taken_when_the_first_is_full() -> None:
    cluster = state(queue("q", flavors=("f", "g")), flavors=("f", "g"))
    outcome = simulate(scenario(cluster, (workload("a", "q", 8), 99), (workload("b", "q", 8, since=1), 99)))
    flavors = [dict(each.pod_sets[0].flavors) for each in outcome.decisions if isinstance(each, Admitted)]
    assert flavors == [{"cpu": "f"}, {"cpu": "g"}]


def test_fair_sharing_lets_the_smaller_share_go_first() -> None:
    cluster = state(queue("a", 0, cohort="c"), queue("b", 0, cohort="c"), cohorts=(cohort("c", 10),))
    outcome = simulate(
        scenario(
            cluster,
            (workload("a1", "a", 6), 10_000),
            (workload("a2", "a", 4, since=1), 10_000),
            (workload("b1", "b", 4, since=1, priority=-1), 10_000),
            settings=EngineSettings(fair_sharing=True),
        )
    )
    assert story(outcome)[:2] == ["0 admit a1", "1 admit b1"]


def test_what_can_never_fit_is_misconfigured() -> None:
    outcome = simulate(scenario(state(queue("q")), (workload("w", "q", 11), 100)))
    assert [each.cause for each in outcome.pending] == [Cause.EXCEEDS_MAX_QUOTA]


def test_equal_shapes_are_set_aside_unseen() -> None:
    outcome = simulate(
        scenario(state(queue("q")), (workload("w", "q", 11), 100), (workload("x", "q", 11, since=1), 100))
    )
    assert {each.workload: each.cause for each in outcome.pending} == {
        "w": Cause.EXCEEDS_MAX_QUOTA,
        "x": Cause.BEHIND_EQUAL_SHAPE,
    }


def test_endless_preemption_is_reported() -> None:
    outcome = simulate(
        scenario(
            endless(),
            (workload("w0", "q0", 4, priority=5), 10_000),
            (workload("w1", "q1", 1, since=1), 10_000),
            (workload("w2", "q1", 5, priority=5, since=2), 10_000),
            settings=EngineSettings(fair_sharing=True),
        )
    )
    assert outcome.ended is Settled.ENDLESS
    assert sum(isinstance(each, Evicted) for each in outcome.decisions) > 100


def test_a_simulation_can_stop_early() -> None:
    full = scenario(state(queue("q")), (workload("a", "q", 8), 500), (workload("b", "q", 8, since=900), 500))
    outcome = simulate(full, until=600)
    assert story(outcome) == ["0 admit a", "500 finish a"]
    assert [(each.workload, each.queue) for each in outcome.pending] == [("b", "none")]
