"""Order and limits of the search in large clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.scheduling.kinds import Operator, Requirement
from allotment.scheduling.placement.cycle import evaluate
from allotment.scheduling.placement.model import NAME_FIELD, ZONE_LABEL, NodeAffinity, NodeSelectorTerm
from allotment.scheduling.placement.sampling import feasible_wanted, search_window, snapshot_order
from tests.unit.scheduling.placement import builders as b

_UNTAINTED = NodeAffinity(required=(NodeSelectorTerm((Requirement("tainted", Operator.DOES_NOT_EXIST),)),))
_NAMED = NodeAffinity(
    required=(NodeSelectorTerm(fields=(Requirement(NAME_FIELD, Operator.IN, ("n007", "n011", "gone")),)),)
)


def test_nodes_are_listed_zone_by_zone_in_turn() -> None:
    zones = ["a", "a", "a", "b", "c", "c", ""]
    order = snapshot_order([{ZONE_LABEL: z} if z else {} for z in zones])
    assert order == [0, 3, 4, 6, 1, 5, 2]


@pytest.mark.parametrize(
    ("nodes", "wanted"),
    [
        (0, 0),
        (1, 1),
        (99, 99),
        (100, 100),
        (200, 100),
        (500, 230),
        (1000, 420),
        (5000, 500),
        (6000, 300),
        (50_000, 2500),
    ],
)
def test_how_many_feasible_nodes_end_the_search(nodes: int, wanted: int) -> None:
    assert feasible_wanted(nodes) == wanted


def _by_walking(feasible: set[int], nodes: int, start: int, wanted: int) -> tuple[list[int], int]:
    found: list[int] = []
    for step in range(nodes):
        at = (start + step) % nodes
        if at in feasible:
            if len(found) == wanted:
                return found, at
            found.append(at)
    return found, start


@settings(deadline=None)
@given(st.data())
def test_the_window_is_what_a_walk_meets(data: st.DataObject) -> None:
    nodes = data.draw(st.integers(2, 40))
    feasible = data.draw(st.sets(st.integers(0, nodes - 1)))
    start = data.draw(st.integers(0, nodes - 1))
    wanted = data.draw(st.integers(1, nodes - 1))
    window, following = search_window(np.array(sorted(feasible), dtype=np.int64), nodes, start, wanted)
    walked, expected = _by_walking(feasible, nodes, start, wanted)
    if len(feasible) > wanted:
        assert window.tolist() == walked
    assert set(window.tolist()) == set(walked)
    assert following == expected


def test_the_next_search_starts_where_the_last_one_stopped() -> None:
    state = b.cluster(*(b.node(f"n{i:03d}") for i in range(200)))
    first = evaluate(state, b.pod("p"))
    assert state.next_start == 100
    second = evaluate(state, b.pod("p"))
    assert state.next_start == 0
    assert not set(first.feasible) & set(second.feasible)
    assert len(first.feasible) == len(second.feasible) == 100


def test_the_search_only_stops_at_a_feasible_node_it_does_not_take() -> None:
    taken = {"tainted": "yes"}
    nodes = [b.node(f"n{i:03d}", labels=taken if 100 <= i < 130 else {}) for i in range(200)]
    state = b.cluster(*nodes)
    evaluate(state, b.pod("p", node_affinity=_UNTAINTED))
    assert state.next_start == 130


def test_a_pod_that_names_its_nodes_moves_the_search_by_those() -> None:
    state = b.cluster(*(b.node(f"n{i:03d}") for i in range(120)))
    evaluate(state, b.pod("p", node_affinity=_NAMED))
    assert state.next_start == 2
