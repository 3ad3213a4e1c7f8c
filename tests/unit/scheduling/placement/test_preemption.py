"""PreemptionResult: victims, budgets, choice of node, text."""

from __future__ import annotations

from allotment.scheduling.placement.cycle import Fits, Unschedulable, evaluate
from allotment.scheduling.placement.model import DisruptionBudget, HostPort, LabelSelector, Pod
from allotment.scheduling.placement.preemption import PreemptionResult, preempt, split_by_budget
from allotment.scheduling.placement.state import ClusterState
from tests.unit.scheduling.placement import builders as b


def attempt(state: ClusterState, pod: Pod, *budgets: DisruptionBudget, offset: int = 0) -> PreemptionResult:
    refused = evaluate(state, pod)
    assert isinstance(refused, Unschedulable)
    return preempt(state, pod, refused, budgets, offset)


def victims(state: ClusterState, outcome: PreemptionResult) -> dict[str, list[str]]:
    return {state.nodes.nodes[c.node].name: [v.pod.name for v in c.victims] for c in outcome.candidates}


def test_the_least_important_pods_go_and_only_as_many_as_needed() -> None:
    state = b.cluster(
        b.node("a", 4000),
        running=(
            (b.pod("high", 1000, priority=9), "a"),
            (b.pod("old", 1000, priority=1, start=1), "a"),
            (b.pod("young", 1000, priority=1, start=2), "a"),
            (b.pod("lowest", 500, priority=0, start=3), "a"),
        ),
    )
    assert victims(state, attempt(state, b.pod("p", 1500, priority=5))) == {"a": ["young"]}
    assert victims(state, attempt(state, b.pod("p", 2000, priority=5))) == {"a": ["young", "lowest"]}
    assert victims(state, attempt(state, b.pod("p", 3500, priority=5))) == {}


def test_equal_priority_is_no_victim_and_the_text_says_so() -> None:
    state = b.cluster(b.node("a", 1000), b.node("b", 10), running=((b.pod("r", 1000), "a"),))
    outcome = attempt(state, b.pod("p", 1000))
    assert outcome.report == (
        "0/2 nodes are available: 1 No preemption victims found for incoming pod, "
        "1 Preemption is not helpful for scheduling."
    )


def test_a_node_that_still_fails_reports_what_is_left() -> None:
    running = ((b.pod("low", 1000), "a"), (b.pod("high", 3000, priority=9), "a"))
    state = b.cluster(b.node("a", 4000), running=running)
    outcome = attempt(state, b.pod("p", 2000, priority=5))
    assert outcome.report == "0/1 nodes are available: 1 Insufficient cpu."


def test_budgets_count_over_all_lower_pods_in_order_of_importance() -> None:
    names = ["p1", "p2", "p3"]
    state = b.cluster(
        b.node("a", 3000), running=tuple((b.pod(n, label="db", start=i), "a") for i, n in enumerate(names))
    )
    budget = DisruptionBudget("keep", b.app("db"), 1)
    ordered = [state.pods[f"default/{n}"] for n in names]
    violating, others = split_by_budget(ordered, [budget])
    assert ([r.pod.name for r in violating], [r.pod.name for r in others]) == (["p2", "p3"], ["p1"])
    # Pods the budget protects are given back first, so that p1 goes although it is the most important.
    outcome = attempt(state, b.pod("p", 1000, priority=5), budget)
    assert victims(state, outcome) == {"a": ["p1"]}
    assert outcome.candidates[0].violations == 0
    outcome = attempt(state, b.pod("p", 2000, priority=5), budget)
    assert victims(state, outcome) == {"a": ["p1", "p3"]}
    assert outcome.candidates[0].violations == 1


def test_a_budget_of_another_namespace_or_without_requirements_covers_nothing() -> None:
    state = b.cluster(b.node("a"), running=((b.pod("r", label="db"), "a"),))
    ordered = list(state.pods.values())
    for budget in (
        DisruptionBudget("x", b.app("db"), 0, "other"),
        DisruptionBudget("x", LabelSelector(), 0),
        DisruptionBudget("x", None, 0),
    ):
        assert split_by_budget(ordered, [budget]) == ([], ordered)


def _pair(first: tuple[Pod, ...], second: tuple[Pod, ...]) -> ClusterState:
    running = tuple((p, "a") for p in first) + tuple((p, "b") for p in second)
    return b.cluster(b.node("a", 1000), b.node("b", 1000), running=running)


def _chosen(state: ClusterState, *budgets: DisruptionBudget) -> list[str]:
    outcome = attempt(state, b.pod("p", 1000, priority=5), *budgets)
    return [state.nodes.nodes[c.node].name for c in outcome.best]


def test_the_choice_of_node_step_by_step() -> None:
    one, half = 1000, 500
    # Fewest violations beat a lower priority.
    state = _pair((b.pod("r", one, label="db"),), (b.pod("s", one, priority=3),))
    assert _chosen(state, DisruptionBudget("x", b.app("db"), 0)) == ["b"]
    # Then the lowest top priority, the smallest sum, the fewest pods, the latest start of the top ones.
    assert _chosen(_pair((b.pod("r", one, priority=2),), (b.pod("s", one, priority=1),))) == ["b"]
    low = (b.pod("r", half, priority=1), b.pod("t", half, priority=0))
    assert _chosen(_pair((b.pod("s", half, priority=1), b.pod("u", half, priority=1)), low)) == ["b"]
    many = (b.pod("s", half, priority=-(1 << 31)), b.pod("u", half, priority=1))
    assert _chosen(_pair(many, (b.pod("r", one, priority=1),))) == ["b"]
    assert _chosen(_pair((b.pod("r", one, start=1),), (b.pod("s", one, start=2),))) == ["b"]
    early = (b.pod("r", half, priority=1, start=5), b.pod("t", half, start=1))
    late = (b.pod("s", half, priority=1, start=4), b.pod("u", half, start=9))
    assert _chosen(_pair(early, late)) == ["a"]
    assert _chosen(_pair((b.pod("r", one),), (b.pod("s", one),))) == ["a", "b"]


def test_spread_and_affinity_are_looked_at_again_without_the_victims() -> None:
    state = b.cluster(b.node("a", zone="1"), b.node("b", zone="2", cpu=10), running=((b.pod("r", label="web"), "a"),))
    spreading = b.pod("p", label="web", priority=1, spread=b.evenly("web"))
    assert victims(state, attempt(state, spreading)) == {"a": ["r"]}
    state = b.cluster(b.node("a"), running=((b.pod("r", label="web"), "a"),))
    assert victims(state, attempt(state, b.pod("p", priority=1, affinity=b.apart("web")))) == {"a": ["r"]}
    state = b.cluster(b.node("a"), running=((b.pod("r", affinity=b.apart("db")), "a"),))
    assert victims(state, attempt(state, b.pod("p", label="db", priority=1))) == {"a": ["r"]}


def test_a_port_can_be_taken_over() -> None:
    state = b.cluster(b.node("a"), running=((b.pod("r", host_ports=(HostPort(80),)), "a"), (b.pod("s"), "a")))
    assert victims(state, attempt(state, b.pod("p", priority=1, host_ports=(HostPort(80),)))) == {"a": ["r"]}


def test_what_was_found_out_is_forgotten_when_a_node_changes() -> None:
    running = tuple((b.pod(f"r{i}", 1000, start=i), "a") for i in range(4))
    state = b.cluster(b.node("a", 4000), running=running)
    incoming = b.pod("p", 1000, priority=1)
    assert victims(state, attempt(state, incoming)) == {"a": ["r3"]}
    state.remove("default/r3")
    state.add(b.pod("s", 1000, priority=1), 0)
    assert victims(state, attempt(state, incoming)) == {"a": ["r2"]}


def test_the_search_for_candidates_ends_after_a_hundred() -> None:
    state = b.cluster(*(b.node(f"n{i:03d}", 1000) for i in range(150)))
    for i in range(150):
        state.add(b.pod(f"r{i}", 1000), i)
    outcome = attempt(state, b.pod("p", 1000, priority=1), offset=120)
    assert [c.node for c in outcome.candidates] == [*range(120, 150), *range(70)]


def test_the_nominated_node_is_taken_unscored_if_it_passes() -> None:
    state = b.cluster(b.node("a"), b.node("b", cpu=10))
    found = evaluate(state, b.pod("p"), nominated=0)
    assert isinstance(found, Fits)
    assert (found.on_nominated, found.scores) == (True, None)
    found = evaluate(state, b.pod("p"), nominated=1)
    assert isinstance(found, Fits)
    assert not found.on_nominated
