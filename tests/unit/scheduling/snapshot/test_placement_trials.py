"""Pods on trial: pods alike share an answer, pods that somebody can tell apart do not, and no state another's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Source
from allotment.observe.gathering import Gathered
from allotment.scheduling.snapshot.placement import (
    NoPlace,
    PlacementView,
    WaitingPod,
    place,
    placement_view,
    waiting_pod,
)
from allotment.scheduling.snapshot.placement_trials import PlacementTrial, likeness, tried
from tests.unit.scheduling.snapshot.test_placement import TWO_ZONES, Raw, pod

LONELY = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "w"}}, "topologyKey": "topology.kubernetes.io/zone"}
        ]
    }
}


def view_of(*raws: Raw) -> PlacementView:
    gathered = Gathered()
    gathered.take_any([*TWO_ZONES, *raws])
    return placement_view(Index(Source(objects=gathered.objects())))


def waiting(view: PlacementView) -> list[WaitingPod]:
    return [waiting_pod(view, each) for each in view.index.objects.pods if not each.spec.node_name]


def one_by_one(view: PlacementView, pods: list[WaitingPod]) -> PlacementTrial:
    """The same without anything kept or made nameless."""
    mark, victims = view.state.checkpoint(), []
    try:
        for count, each in enumerate(pods):
            answer = place(view, each)
            if isinstance(answer, NoPlace):
                if not answer.victims:
                    return PlacementTrial(answer, count, tuple(victims))
                victims += answer.victims
                for key in answer.victims:
                    view.state.remove(key)
            node = answer.nominated if isinstance(answer, NoPlace) else answer.node
            view.state.add(each.pod, view.state.nodes.index[node])
    finally:
        view.state.rollback(mark)
    return PlacementTrial(None, len(pods), tuple(victims))


def test_pods_that_differ_in_their_names_alone_are_alike() -> None:
    view = view_of(pod("x1", 2), pod("y1", 2), pod("y2", 1))
    first, second, smaller = waiting(view)
    assert likeness(view, [first]) == likeness(view, [second]) != likeness(view, [smaller])


def test_pods_that_a_running_pod_keeps_away_are_told_apart() -> None:
    view = view_of(pod("keeper", 1, "b1", affinity=LONELY), pod("w1", 2), pod("x1", 2))
    kept_away, free = waiting(view)
    assert likeness(view, [kept_away]) != likeness(view, [free])
    assert tried(view, [kept_away]).refused is not None
    assert tried(view, [free]).refused is None


def test_pods_of_a_gang_that_keep_away_from_each_other_do_so_on_trial() -> None:
    view = view_of(*(pod(f"w{each}", affinity=LONELY) for each in range(3)))
    trial = tried(view, waiting(view))
    assert trial.placed == 2
    assert trial.refused is not None


def test_an_answer_of_one_state_is_not_given_for_another() -> None:
    view = view_of(pod("x1", 8), pod("y1", 8))
    first, second = waiting(view)
    assert tried(view, [first]).refused is None
    mark = view.state.checkpoint()
    view.state.add(second.pod, view.state.nodes.index["b1"])
    assert tried(view, [first]).refused is not None
    view.state.rollback(mark)
    assert tried(view, [first]).refused is None
    view.state.add(second.pod, view.state.nodes.index["b1"])
    assert tried(view, [first]).refused is not None
    assert tried(view, [first], gone=[second.pod.key]).refused is None


@pytest.mark.parametrize("preempting", [True, False])
def test_nobody_is_pushed_out_where_that_is_not_allowed(preempting: bool) -> None:
    view = view_of(pod("low", 8, "b1", priority=0), pod("x1", 8, priority=10))
    trial = tried(view, waiting(view), preempting=preempting)
    assert (trial.refused is None) is preempting
    assert bool(trial.victims) is preempting


@given(
    st.lists(
        st.builds(
            pod,
            st.sampled_from([f"{letter}{number}" for letter in "wxy" for number in range(4)]),
            st.integers(0, 5),
            st.sampled_from(["", "", "a1", "b1"]),
            affinity=st.sampled_from([None, None, LONELY]),
            priority=st.sampled_from([0, 0, 10]),
        ),
        unique_by=lambda each: each["metadata"]["name"],
        max_size=8,
    )
)
def test_a_trial_answers_as_the_pods_one_by_one(pods: list[Raw]) -> None:
    view = view_of(*pods)
    all_of_them = waiting(view)
    for gang in (all_of_them, *([each] for each in all_of_them), all_of_them[::-1], all_of_them):
        trial, plain = tried(view, gang), one_by_one(view, gang)
        # Of pods of one rank either may be pushed out.
        assert (trial.refused, trial.placed, len(trial.victims)) == (plain.refused, plain.placed, len(plain.victims))
