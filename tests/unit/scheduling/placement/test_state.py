"""The state: exact rollback, nothing over-allocated, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.errors import ConflictError, NotFoundError, UsageError
from allotment.scheduling.placement.cycle import Fits, Unschedulable, evaluate, place
from allotment.scheduling.placement.model import HOSTNAME_LABEL, HostPort, PodShape
from allotment.scheduling.placement.reasons import Kind, Reason
from allotment.scheduling.placement.state import ClusterState
from tests.by_day import by_day
from tests.peers.kube_scheduler.gangs import Gang, GangPlaced, GangRefused, place_gang
from tests.unit.scheduling.placement import builders as b

SHAPE_LIST = [
    b.shape(500, 512, label="web"),
    b.shape(1500, 256, label="db", affinity=b.apart("db")),
    b.shape(None, None, label="web", affinity=b.together("db")),
    b.shape(100, 2048, label="web", spread=b.evenly("web")),
    b.shape(0, 0, host_ports=(HostPort(80),)),
    b.shape(2000, 1024, label="gpu", gpus=2),
    b.shape(100, 100, spread=b.evenly("gpu", hard=False, topology=HOSTNAME_LABEL)),
]
SHAPES = st.sampled_from(SHAPE_LIST)


def small_cluster() -> ClusterState:
    state = b.cluster(
        b.node("a", 4000, 4096, zone="1", pods=6),
        b.node("b", 3000, 8192, zone="2", gpus=4),
        b.node("c", 8000, 2048, zone="1", gpus=2),
        b.node("d", 2000, 2048),
    )
    # A shape seen for the first time registers what it counts, which is knowledge rather than state.
    for one in SHAPE_LIST:
        state.compiled(one)
    return state


def everything(state: ClusterState) -> dict[str, object]:
    """All that decisions are made of, in a form that can be compared."""
    return {
        "used": [u.tolist() for u in state.used],
        "nonzero": (state.nonzero_cpu.tolist(), state.nonzero_memory.tolist()),
        "counts": state.pod_count.tolist(),
        "cordons": (state.unschedulable.tolist(), state.cordoned),
        "pods": {key: (r.pod, r.node) for key, r in state.pods.items()},
        "pods_on": [sorted(on) for on in state.pods_on],
        "ports": {p: dict(h) for p, h in state.ports.items() if h},
        "counters": [(c.matchers, c.total, c.per_node.tolist()) for c in state.index.counter_list if c.total],
        "carriers": [(c.term, c.total, c.per_node.tolist()) for c in state.index.carrier_list if c.total],
        "start": state.next_start,
    }


def answers(state: ClusterState, shapes: list[PodShape]) -> list[object]:
    found = [evaluate(state, b.Pod("asked", s)) for s in shapes]
    return [
        (f.feasible.tolist(), f.best.tolist()) if isinstance(f, Fits) else sorted(f.diagnosis.histogram().items())
        for f in found
    ]


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["place", "remove", "cordon", "nest"]), SHAPES, st.integers(0, 3)), max_size=25
)


def act(state: ClusterState, actions: list[tuple[str, PodShape, int]], prefix: str) -> None:
    for i, (kind, shape, number) in enumerate(actions):
        if kind == "place":
            place(state, b.Pod(f"{prefix}{i}", shape))
        elif kind == "remove" and state.pods:
            state.remove(sorted(state.pods)[number % len(state.pods)])
        elif kind == "cordon":
            state.cordon(number, unschedulable=i % 2 == 0)
        elif kind == "nest":
            mark = state.checkpoint()
            place(state, b.Pod(f"{prefix}-{i}", shape))
            if number % 2:
                state.release(mark)
            else:
                state.rollback(mark)


@settings(deadline=None, max_examples=by_day(60))
@given(before=ACTIONS, after=ACTIONS, asked=st.lists(SHAPES, min_size=1, max_size=3))
def test_rollback_restores_the_exact_state(
    before: list[tuple[str, PodShape, int]], after: list[tuple[str, PodShape, int]], asked: list[PodShape]
) -> None:
    state = small_cluster()
    act(state, before, "x")
    # What is counted of pods is counted from the first question on.
    said, _ = answers(state, asked), answers(state, [shape for _, shape, _ in after])
    then = everything(state)
    mark = state.checkpoint()
    act(state, after, "y")
    state.rollback(mark)
    assert everything(state) == then
    assert answers(state, asked) == said


@settings(deadline=None, max_examples=by_day(60))
@given(actions=ACTIONS)
def test_nothing_is_over_allocated_and_indexes_agree_with_a_fresh_state(
    actions: list[tuple[str, PodShape, int]],
) -> None:
    state = small_cluster()
    act(state, actions, "x")
    for used, capacity in zip(state.used, state.alloc, strict=True):
        assert (used <= capacity).all()
    assert (state.pod_count <= state.nodes.pod_limit).all()
    assert all(pods == 1 for holders in state.ports.values() for pods in holders.values())
    again = ClusterState(state.nodes.nodes)
    for running in state.pods.values():
        again.add(running.pod, again.node_index(state.nodes.nodes[running.node].name))
    for node in range(4):
        again.cordon(again.node_index(state.nodes.nodes[node].name), unschedulable=bool(state.unschedulable[node]))
    asked = [r.pod.shape for r in state.pods.values()] or [b.shape()]
    assert _by_name(again, asked) == _by_name(state, asked)


def _by_name(state: ClusterState, shapes: list[PodShape]) -> list[object]:
    result: list[object] = []
    for i, shape in enumerate(shapes):
        found = evaluate(state, b.Pod(f"asked{i}", shape))
        if isinstance(found, Fits):
            result.append(sorted(state.nodes.nodes[n].name for n in found.best))
        else:
            result.append(sorted(found.diagnosis.histogram().items()))
    return result


@settings(deadline=None, max_examples=by_day(60))
@given(shapes=st.lists(SHAPES, min_size=2, max_size=8), need=st.integers(1, 8))
def test_gangs_are_all_or_nothing(shapes: list[PodShape], need: int) -> None:
    state = small_cluster()
    place(state, b.pod("resident", 3000))
    before = everything(state)
    pods = tuple(b.Pod(f"g{i}", s) for i, s in enumerate(shapes))
    gang = Gang("g", pods, min(need, len(pods)))
    outcome = place_gang(state, gang)
    if isinstance(outcome, GangRefused):
        assert outcome.fitted < gang.min_count
        assert everything(state) == before
    else:
        assert len(outcome.running) >= gang.min_count
        assert len(outcome.running) + len(outcome.left_out) == len(pods)
        assert {r.pod.key for r in outcome.running} | {"default/resident"} == set(state.pods)


def test_a_gang_sees_its_own_pods_and_the_important_ones_go_first() -> None:
    state = b.cluster(b.node("a", 2000))
    first = Gang("first", (b.pod("x", 1500), b.pod("y", 1500, priority=1)), 1)
    second = Gang("second", (b.pod("z", 400), b.pod("w", 400)), 2)
    done, refused = place_gang(state, first), place_gang(state, second)
    assert isinstance(done, GangPlaced)
    assert [r.pod.name for r in done.running] == ["y"]
    assert [p.name for p, _ in done.left_out] == ["x"]
    assert isinstance(refused, GangRefused)
    assert (refused.fitted, set(state.pods)) == (1, {"default/y"})


@pytest.mark.parametrize("need", [0, 2])
def test_an_impossible_gang_is_refused(need: int) -> None:
    with pytest.raises(UsageError, match="gang g needs"):
        Gang("g", (b.pod("x"),), need)


def test_names_and_nodes_are_checked() -> None:
    state = b.cluster(b.node("a"))
    state.add(b.pod("p"), 0)
    with pytest.raises(ConflictError, match="already runs"):
        state.add(b.pod("p"), 0)
    with pytest.raises(NotFoundError, match="no node named z"):
        state.node_index("z")
    with pytest.raises(NotFoundError, match="no running pod"):
        state.remove("default/q")


def test_releasing_keeps_and_an_outer_checkpoint_still_undoes() -> None:
    state = b.cluster(b.node("a"))
    outer = state.checkpoint()
    inner = state.checkpoint()
    state.add(b.pod("p"), 0)
    state.release(inner)
    assert set(state.pods) == {"default/p"}
    state.rollback(outer)
    assert not state.pods


def test_a_resource_no_node_offers() -> None:
    state = b.cluster(b.node("a"), running=((b.pod("p"), "a"),))
    asked = b.Pod("q", PodShape(requests=(("example.com/fpga", 1),)))
    refused = evaluate(state, asked)
    assert isinstance(refused, Unschedulable)
    assert refused.diagnosis.histogram() == {Reason(Kind.RESOURCE, "example.com/fpga"): 1}


def test_the_change_log_may_be_shortened_at_any_time() -> None:
    state = b.cluster(b.node("a", 2000), b.node("b", 1000))
    first = evaluate(state, b.pod("p", 900))
    state.forget_changes()
    state.add(b.pod("r", 1500), 0)
    second = evaluate(state, b.pod("p", 900))
    assert isinstance(first, Fits)
    assert isinstance(second, Fits)
    assert (len(first.feasible), second.feasible.tolist()) == (2, [1])
    assert np.array_equal(second.best, second.feasible)
