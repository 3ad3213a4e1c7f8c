"""What becomes of jobs when nodes fail, return, are cordoned or drained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.inputs import PodSet, TopologyRequest, Workload
from allotment.simulation.environment import simulate
from allotment.simulation.events import Cordon, Event, NodeDown, NodeDrain, NodeUp, Uncordon
from allotment.simulation.outcome import Standstill
from tests.unit.scheduling.queueing.states import queue, scenario, state, workload
from tests.unit.simulation.changing import ASSUMPTIONS, gang, hosts, run, story, told

REPLACING = replace(ASSUMPTIONS, node_replacement=True)


def test_a_job_on_a_failed_node_stands_still_and_is_evicted_when_its_pods_are() -> None:
    outcome = simulate(story(hosts(3), [(gang("a", 2), 1_000)], NodeDown(100, "n0")))
    assert run(story(hosts(3), [(gang("a", 2), 1_000)], NodeDown(100, "n0"))) == [
        "0 admit a n0 n1",
        "400 evict a NodeFailures",
        "400 admit a n1 n2",
        "1400 finish a",
    ]
    assert outcome.standstills == (Standstill("a", 100, 400),)


def test_a_node_that_returns_in_time_costs_only_the_time_it_was_away() -> None:
    outcome = simulate(story(hosts(2), [(gang("a", 2), 1_000)], NodeDown(100, "n0"), NodeUp(399, "n0")))
    assert [each.t for each in outcome.decisions] == [0, 1_299]
    assert outcome.standstills == (Standstill("a", 100, 399),)


def test_the_toleration_counts_from_the_last_failure() -> None:
    events = (NodeDown(100, "n0"), NodeUp(200, "n0"), NodeDown(250, "n0"), NodeUp(549, "n0"))
    assert run(story(hosts(1), [(gang("a", 1), 1_000)], *events))[-1] == "1399 finish a"


def test_what_ends_at_the_instant_of_the_failure_has_ended() -> None:
    assert run(story(hosts(1), [(gang("a", 1), 100)], NodeDown(100, "n0"))) == ["0 admit a n0", "100 finish a"]


def test_a_job_waits_for_all_its_nodes() -> None:
    events = (NodeDown(100, "n0"), NodeDown(150, "n1"), NodeUp(200, "n0"), NodeUp(300, "n1"))
    outcome = simulate(story(hosts(2), [(gang("a", 2), 1_000)], *events))
    assert outcome.standstills == (Standstill("a", 100, 300),)
    assert outcome.decisions[-1].t == 1_200


def test_a_node_that_is_back_is_as_full_as_before() -> None:
    jobs = [(gang("a", 1), 1_000), (gang("b", 1, at=5), 1_000)]
    assert run(story(hosts(1), jobs, NodeDown(100, "n0"), NodeUp(200, "n0"))) == [
        "0 admit a n0",
        "1100 finish a",
        "1110 admit b n0",
        "2110 finish b",
    ]


def test_nobody_comes_to_a_node_that_is_down_and_waiting_jobs_are_woken_when_it_returns() -> None:
    jobs = [(gang("a", 1, at=50), 100)]
    assert run(story(hosts(1), jobs, NodeDown(0, "n0"), NodeUp(500, "n0")))[0] == "510 admit a n0"


@pytest.mark.parametrize("event", [Cordon(100, "n0"), Uncordon(100, "n0"), NodeUp(100, "n0")])
def test_what_runs_does_not_mind(event: Event) -> None:
    assert run(story(hosts(1), [(gang("a", 1), 1_000)], event))[-1] == "1000 finish a"


def test_a_cordoned_node_takes_nobody_until_it_is_uncordoned() -> None:
    jobs = [(gang("a", 1, at=50), 100)]
    assert run(story(hosts(1), jobs, Cordon(0, "n0"), Uncordon(500, "n0"))) == ["510 admit a n0", "610 finish a"]


def test_a_node_that_is_down_and_cordoned_needs_both_to_end() -> None:
    events = (NodeDown(0, "n0"), Cordon(1, "n0"), NodeUp(100, "n0"), Uncordon(500, "n0"))
    assert run(story(hosts(1), [(gang("a", 1, at=50), 100)], *events))[0] == "510 admit a n0"


@pytest.mark.parametrize(("grace", "latency", "free"), [(50, 0, 150), (None, 70, 170), (0, 70, 100), (None, 0, 100)])
def test_a_drained_job_keeps_its_quota_for_the_grace_period(grace: int | None, latency: int, free: int) -> None:
    cluster = hosts(2, queue("q", 4))
    jobs = [(gang("a", 1), 1_000), (gang("b", 1, at=1, priority=-1), 10)]
    outcome = simulate(
        story(cluster, jobs, NodeDrain(100, "n0", grace), assumptions=replace(ASSUMPTIONS, eviction_latency=latency))
    )
    lines = [(each.t, each.workload) for each in outcome.decisions]
    assert lines[:2] == [(0, "a"), (100, "a")]
    assert lines[2] == (free, "a"), "older than b, it is first again, on the other node"


def test_one_lost_node_is_replaced() -> None:
    outcome = simulate(story(hosts(3), [(gang("a", 2), 1_000)], NodeDown(100, "n0"), assumptions=REPLACING))
    assert [each.t for each in outcome.decisions] == [0, 1_300], "it stood still until its pods were evicted"
    (move,) = outcome.moves
    assert (move.t, move.node) == (400, "n0")
    assert [domain.values for domain in move.pod_sets[0].domains] == [("n1",), ("n2",)]


def test_a_replacement_leaves_the_pods_that_run_on_a_cordoned_node() -> None:
    job = gang("a", 1)
    second = replace(job.pod_sets[0], name="second")
    jobs = [(replace(job, pod_sets=(*job.pod_sets, second)), 1_000)]
    outcome = simulate(story(hosts(3), jobs, NodeDown(100, "n0"), Cordon(350, "n1"), assumptions=REPLACING))
    (move,) = outcome.moves
    assert [[domain.values for domain in part.domains] for part in move.pod_sets] == [[("n2",)], [("n1",)]]


def test_the_replacement_occupies_its_node_and_frees_the_lost_one() -> None:
    jobs = [(gang("a", 2), 1_000), (gang("b", 1, at=500), 100), (gang("c", 1, at=501), 100)]
    assert run(
        story(hosts(3), jobs, NodeDown(100, "n0"), NodeUp(600, "n0"), assumptions=replace(REPLACING, wakeup_delay=10))
    )[1:4] == ["610 admit b n0", "710 finish b", "720 admit c n0"]


def test_of_two_that_cannot_both_be_replaced_the_first_to_come_is_whatever_the_file_says() -> None:
    jobs = [(gang(name, 1, 2, at=at), 1_000) for at, name in enumerate("abc")]
    for order in (jobs, jobs[::-1]):
        outcome = simulate(story(hosts(2), order, NodeDown(100, "n0"), assumptions=REPLACING))
        assert [move.workload for move in outcome.moves] == ["a"]
        assert "400 evict b NodeFailures" in told(outcome)


def test_two_lost_nodes_are_not() -> None:
    events = (NodeDown(100, "n0"), NodeDown(150, "n1"))
    lines = run(story(hosts(4), [(gang("a", 2), 1_000)], *events, assumptions=REPLACING))
    assert lines[1:3] == ["400 evict a NodeFailures", "400 admit a n2 n3"]


def test_nobody_is_preempted_for_a_replacement() -> None:
    jobs = [(gang("a", 2, priority=9), 1_000), (gang("low", 1, at=1), 1_000)]
    lines = run(story(hosts(3), jobs, NodeDown(100, "n0"), assumptions=REPLACING))
    assert lines[2] == "400 evict a NodeFailures"


@pytest.mark.parametrize(
    ("near", "then"),
    [({"required": "rack"}, "400 evict a NodeFailures"), ({"preferred": "rack"}, "1300 finish a")],
)
def test_a_replacement_keeps_to_the_required_domain(near: dict[str, str], then: str) -> None:
    assert run(story(hosts(4), [(gang("a", 2, **near), 1_000)], NodeDown(100, "n0"), assumptions=REPLACING))[1] == then


def test_a_replacement_within_the_required_rack() -> None:
    jobs = [(gang("first", 2, required="rack"), 150), (gang("a", 2, at=1, required="rack"), 1_000)]
    outcome = simulate(story(hosts(6, per_rack=3), jobs, NodeDrain(200, "n3"), assumptions=REPLACING))
    hosts_of = [[domain.values[0] for domain in part.domains] for part in outcome.moves[0].pod_sets]
    assert hosts_of == [["n4", "n5"]], "n0 is free as well, but in the other rack"
    assert [each.t for each in outcome.decisions] == [0, 1, 150, 1_001], "a drain does not stop it"


def test_a_lost_part_of_a_slice_is_not_replaced() -> None:
    slices = TopologyRequest(required="rack", slice_level="rack", slice_size=2)
    job = Workload("a", "a", "q", 0, 0, (PodSet("main", 2, (("cpu", 3),), topology=slices),))
    lines = run(story(hosts(4), [(job, 1_000)], NodeDown(100, "n0"), assumptions=REPLACING))
    assert lines[1] == "400 evict a NodeFailures"


def test_without_a_topology_nodes_do_not_matter() -> None:
    plain = scenario(state(queue("q")), (workload("a", "q", 8), 500))
    nodes = hosts(2).nodes
    with_nodes = replace(plain, state=replace(plain.state, nodes=nodes))
    broken = replace(with_nodes, events=(NodeDown(100, "n0"), NodeDrain(200, "n1")))
    assert simulate(broken) == simulate(plain)


def test_above_the_host_a_failed_node_is_lost_capacity_only() -> None:
    jobs = [(gang("a", 1), 1_000), (gang("b", 1, at=200), 100)]
    lines = run(story(hosts(2, levels=("rack",)), jobs, NodeDown(100, "n0"), NodeUp(300, "n0")))
    assert lines == ["0 admit a r0", "310 admit b r0", "410 finish b", "1000 finish a"]


def test_hosts_may_be_named_otherwise_than_nodes() -> None:
    cluster = hosts(1)
    named = replace(cluster, nodes=tuple(replace(node, name=f"vm-{node.name}") for node in cluster.nodes))
    assert HOSTNAME in dict(named.nodes[0].labels)
    lines = run(story(named, [(gang("a", 1), 1_000)], NodeDown(100, "vm-n0")))
    assert lines[:2] == ["0 admit a n0", "400 evict a NodeFailures"]


def test_a_job_that_leaves_already_is_not_sent_away_again() -> None:
    assumptions = replace(ASSUMPTIONS, eviction_latency=500)
    events = (NodeDown(100, "n0"), NodeDrain(450, "n0"))
    lines = run(story(hosts(2), [(gang("a", 1), 1_000)], *events, assumptions=assumptions))
    assert lines == ["0 admit a n0", "400 evict a NodeFailures", "900 admit a n1", "1900 finish a"]
