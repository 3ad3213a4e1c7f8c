"""Scores, worked out by hand from the formulas of kube-scheduler 1.36."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.model.cluster import Taint, TaintEffect
from allotment.model.quantity import MIB
from allotment.scheduling.kinds import Operator, Requirement
from allotment.scheduling.placement.cycle import Fits, Options, evaluate
from allotment.scheduling.placement.model import (
    HOSTNAME_LABEL,
    AffinityTerm,
    Node,
    NodeAffinity,
    NodeSelectorTerm,
    PodAffinity,
    PodShape,
    PreferredNodeTerm,
    WeightedTerm,
)
from allotment.scheduling.placement.reasons import Plugin
from allotment.scheduling.placement.resources import FitStrategy, balance_score, fit_score, refresh_fit
from allotment.scheduling.placement.state import ClusterState
from tests.unit.scheduling.placement import builders as b


def scores(state: ClusterState, shape: PodShape, options: Options | None = None) -> dict[str, list[int]]:
    found = evaluate(state, b.Pod("incoming", shape), None, options or Options())
    assert isinstance(found, Fits)
    assert found.scores is not None
    result = {p.value: s.tolist() for p, s in found.scores.plugins().items()}
    assert sum(np.array(s) for s in result.values()).tolist() == found.scores.total.tolist()
    return result


def test_least_allocated_uses_defaults_for_unset_requests_only() -> None:
    running = ((b.pod("unset", None, None), "a"), (b.pod("zero", 0, 0), "b"))
    state = b.cluster(b.node("a", 1000, 1000), b.node("b", 1000, 1000), running=running)
    # a: 100m + 100m and 200 + 200 MiB in use after placing: (80 + 60) / 2; b: (90 + 80) / 2
    assert scores(state, b.shape(None, None))[Plugin.NODE_RESOURCES_FIT.value] == [70, 85]


def test_a_resource_the_node_lacks_does_not_count_and_too_much_gives_nothing() -> None:
    state = b.cluster(b.node("a", 1000, 0), b.node("b", 50, 400), b.node("c", 0, 0))
    assert scores(state, b.shape(0, None))[Plugin.NODE_RESOURCES_FIT.value] == [100, 75, 0]


def test_most_allocated_packs() -> None:
    state = b.cluster(b.node("a", 2000, 2000), b.node("b", 1000, 1000))
    packed = scores(state, b.shape(500, 1000), Options(strategy=FitStrategy.MOST_ALLOCATED))
    assert packed[Plugin.NODE_RESOURCES_FIT.value] == [37, 75]


def test_balance_compares_with_and_without_the_pod() -> None:
    state = b.cluster(b.node("a", 1000, 1000), b.node("b", 1000, 1000), running=((b.pod("r", 0, 500), "b"),))
    # a: even (100) before, 75 after: 50 + (50 - 25) // 2; b: 75 before, even after: 50 + (50 + 25) // 2
    assert scores(state, b.shape(500, 0))[Plugin.BALANCED_ALLOCATION.value] == [62, 87]


def test_a_best_effort_pod_has_no_balance_score() -> None:
    state = b.cluster(b.node("a"), b.node("b"))
    assert Plugin.BALANCED_ALLOCATION.value not in scores(state, b.shape(0, None, gpus=0))


def test_taints_node_affinity_and_weights() -> None:
    soft = Taint("spot", "", TaintEffect.PREFER_NO_SCHEDULE)
    other = Taint("old", "", TaintEffect.PREFER_NO_SCHEDULE)
    state = b.cluster(
        b.node("a", taints=(soft, other, Taint("x", "", TaintEffect.PREFER_NO_SCHEDULE))),
        b.node("b", taints=(soft,)),
        b.node("c"),
    )
    like = NodeAffinity(
        preferred=tuple(
            PreferredNodeTerm(w, NodeSelectorTerm((Requirement(HOSTNAME_LABEL, Operator.IN, names),)))
            for w, names in ((30, ("a", "b")), (15, ("b",)))
        )
    )
    got = scores(state, b.shape(node_affinity=like))
    assert got[Plugin.TAINT_TOLERATION.value] == [0, 3 * (100 - 33), 300]
    assert got[Plugin.NODE_AFFINITY.value] == [2 * (100 * 30 // 45), 200, 0]


def test_without_soft_taints_everybody_gets_the_full_score() -> None:
    state = b.cluster(b.node("a"), b.node("b"))
    assert scores(state, b.shape())[Plugin.TAINT_TOLERATION.value] == [300, 300]


def test_inter_pod_score_counts_both_directions_and_required_terms_of_others() -> None:
    loves = PodAffinity(required=(AffinityTerm(HOSTNAME_LABEL, b.app("web")),))
    hates = PodAffinity(preferred_anti=(WeightedTerm(3, AffinityTerm(HOSTNAME_LABEL, b.app("web"))),))
    running = ((b.pod("r1", label="db", affinity=loves), "a"), (b.pod("r2", label="db", affinity=hates), "b"))
    state = b.cluster(b.node("a"), b.node("b"), b.node("c"), running=running)
    wants = PodAffinity(preferred=(WeightedTerm(4, AffinityTerm(HOSTNAME_LABEL, b.app("db"))),))
    # raw: a 1 + 4, b -3 + 4, c 0 -> 100, 20, 0
    assert scores(state, b.shape(label="web", affinity=wants))[Plugin.INTER_POD_AFFINITY.value] == [200, 40, 0]


def test_soft_spread_prefers_the_emptier_zone_and_ignores_nodes_without_the_label() -> None:
    running = tuple((b.pod(f"r{i}", label="web"), where) for i, where in enumerate("aab"))
    state = b.cluster(b.node("a", zone="1"), b.node("b", zone="2"), b.node("c"), running=running)
    # raw = round(count x ln 4): 3 and 1 -> 100 x (3 + 1 - raw) / 3
    got = scores(state, b.shape(label="web", spread=b.evenly("web", hard=False)))
    assert got[Plugin.POD_TOPOLOGY_SPREAD.value] == [2 * 33, 2 * 100, 0]


def test_soft_spread_over_hosts_counts_the_node_itself() -> None:
    state = b.cluster(b.node("a"), b.node("b"), running=((b.pod("r", label="web"), "a"),))
    got = scores(state, b.shape(label="web", spread=b.evenly("web", hard=False, topology=HOSTNAME_LABEL)))
    assert got[Plugin.POD_TOPOLOGY_SPREAD.value] == [0, 200]


def test_image_locality_weighs_size_by_spread() -> None:
    gib = 1 << 30
    nodes = [
        Node(n, {"cpu": 4000, "memory": 8192 * MIB, "pods": 10}, {}, images=i)
        for n, i in (("a", {"m:latest": gib}), ("b", None))
    ]
    got = scores(ClusterState(nodes), b.shape(images=("m",)))
    # half of 1 GiB, between 23 MiB and 1000 MiB
    assert got[Plugin.IMAGE_LOCALITY.value] == [100 * (512 - 23) // (1000 - 23), 0]


def test_an_image_has_the_size_its_first_node_reported() -> None:
    sizes = {"a": 600 << 20, "b": 900 << 20}
    nodes = [
        Node(n, {"cpu": 4000, "memory": 8192 * MIB, "pods": 10}, {}, images={"m:1": size}) for n, size in sizes.items()
    ]
    got = scores(ClusterState(nodes), b.shape(images=("m:1",)))
    assert got[Plugin.IMAGE_LOCALITY.value] == [100 * (600 - 23) // (1000 - 23)] * 2


def test_a_single_feasible_node_is_taken_unscored() -> None:
    state = b.cluster(b.node("a"), b.node("b", unschedulable=True))
    found = evaluate(state, b.pod("p"))
    assert isinstance(found, Fits)
    assert found.scores is None


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 9000)), min_size=4, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([None, 0, 100, 900]), st.sampled_from([None, 0, 700])), max_size=30
    ),
    st.sampled_from(FitStrategy),
)
def test_updating_one_node_gives_what_recomputing_all_gives(
    capacities: list[tuple[int, int]], pods: list[tuple[int, int | None, int | None]], strategy: FitStrategy
) -> None:
    state = b.cluster(*(b.node(f"n{i}", cpu, memory, pods=9) for i, (cpu, memory) in enumerate(capacities)))
    compiled = state.compiled(b.shape(300, 500))
    refresh_fit(state, compiled, strategy)
    for i, (at, cpu, memory) in enumerate(pods):
        state.add(b.pod(f"p{i}", cpu, memory), at)
        refresh_fit(state, compiled, strategy)
        everything = slice(None)
        assert compiled.fit_level.tolist() == fit_score(state, compiled, everything, strategy).tolist()
        assert compiled.fit_balance.tolist() == balance_score(state, compiled, everything).tolist()
        fits = [
            state.pod_count[n] < 9 and all(state.used[r][n] + a <= state.alloc[r][n] for r, a in compiled.requests)
            for n in range(4)
        ]
        assert compiled.fit_ok.tolist() == fits


def test_a_pod_that_asks_for_nothing_counts_as_100_millicpu_and_200_mebibytes() -> None:
    state = ClusterState([b.node(n, 1000, 1000) for n in ("a", "b")])
    assert scores(state, b.shape(None, None))[Plugin.NODE_RESOURCES_FIT.value] == [85, 85]
