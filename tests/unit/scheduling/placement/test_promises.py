"""Room that preemption made for one pod is not taken by another of the same or lower priority."""

from __future__ import annotations

import pytest

from allotment.scheduling.placement.cycle import Fits, Unschedulable, evaluate
from allotment.scheduling.placement.model import AffinityTerm, PodAffinity
from allotment.scheduling.placement.preemption import PreemptionResult, preempt
from allotment.scheduling.placement.promises import overtaken
from allotment.scheduling.placement.state import ClusterState
from tests.unit.scheduling.placement import builders as b


def _two_nodes() -> ClusterState:
    state = b.cluster(b.node("a", 2000), b.node("b", 2000))
    state.promise(b.pod("waiting", 1500, priority=10), state.node_index("a"))
    return state


@pytest.mark.parametrize(("priority", "nodes"), [(0, [1]), (10, [1]), (11, [0, 1])])
def test_pods_yield_to_promised_ones_of_their_priority_or_more(priority: int, nodes: list[int]) -> None:
    found = evaluate(_two_nodes(), b.pod("p", 1000, priority=priority))
    assert isinstance(found, Fits)
    assert found.feasible.tolist() == nodes


def test_the_promised_pod_itself_does_not_wait_for_itself() -> None:
    state = _two_nodes()
    found = evaluate(state, b.pod("waiting", 1500, priority=10), nominated=state.node_index("a"))
    assert isinstance(found, Fits)
    assert found.on_nominated


def test_the_refusal_names_what_the_promise_takes() -> None:
    found = evaluate(_only_a(), b.pod("p", 1000))
    assert isinstance(found, Unschedulable)
    assert [r.text for r in found.diagnosis.histogram()] == ["Insufficient cpu"]


def _only_a() -> ClusterState:
    state = b.cluster(b.node("a", 2000))
    state.promise(b.pod("waiting", 1500, priority=10), 0)
    return state


def test_preemption_leaves_the_promised_room_alone() -> None:
    state = _only_a()
    for name in ("v", "w"):
        state.add(b.pod(name, 500), 0)
    pod = b.pod("p", 500, priority=5)
    refused = evaluate(state, pod)
    assert isinstance(refused, Unschedulable)
    found: PreemptionResult = preempt(state, pod, refused)
    assert [[v.pod.name for v in c.victims] for c in found.candidates] == [["v", "w"]]


def test_rules_of_promised_pods_count_once_any_rule_between_pods_does() -> None:
    # As in kube-scheduler 1.36: without a rule among those that run, the plugin is left out for this pod.
    state = b.cluster(b.node("a"), b.node("b"))
    state.promise(b.pod("waiting", affinity=b.apart("web"), priority=10), 0)
    web = b.pod("p", label="web")
    found = evaluate(state, web)
    assert isinstance(found, Fits)
    assert found.feasible.tolist() == [0, 1]
    picky = PodAffinity(required_anti=(AffinityTerm("kubernetes.io/hostname", b.app("db")),))
    found = evaluate(state, b.pod("p", label="web", affinity=picky))
    assert isinstance(found, Fits)
    assert found.feasible.tolist() == [1]


def test_a_promise_ends_by_withdrawal_and_by_rollback() -> None:
    state = _two_nodes()
    before = dict(state.promised)
    mark = state.checkpoint()
    state.promise(b.pod("waiting", 1500, priority=10), state.node_index("b"))
    state.promise(b.pod("later"), state.node_index("a"))
    state.promise(b.pod("waiting", 1500, priority=10), None)
    assert list(state.promised) == ["default/later"]
    state.rollback(mark)
    assert state.promised == before


def test_a_more_important_pod_takes_over_the_node() -> None:
    state = _two_nodes()
    assert [p.name for p in overtaken(state, b.pod("p", priority=11), state.node_index("a"))] == ["waiting"]
    assert not overtaken(state, b.pod("p", priority=10), state.node_index("a"))
    assert not overtaken(state, b.pod("p", priority=11), state.node_index("b"))
