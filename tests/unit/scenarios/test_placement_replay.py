"""Replaying scenarios: our answers, what is taken from the record, what a difference looks like."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from allotment.errors import InputError
from allotment.scenarios.placement.replay import answers, compare, first_difference

SCENARIO: dict[str, Any] = {
    "id": "tiny-1",
    "class": "tiny",
    "nodes": [
        {"name": n, "labels": {"kubernetes.io/hostname": n}, "allocatable": {"cpu": 1000, "memory": 1000, "pods": 9}}
        for n in ("n0", "n1")
    ]
    + [{"name": "n2", "allocatable": {"cpu": 10, "pods": 9}, "taints": [{"key": "k", "effect": "NoSchedule"}]}],
    "existing": [],
    "pods": [
        {"name": "p0", "requests": {"cpu": 600}},
        {"name": "p1", "requests": {"cpu": 600}},
        {"name": "p2", "requests": {"cpu": 600}, "priority": 5},
        {"name": "p3", "requests": {"cpu": 600}, "pvc": "gone"},
    ],
}


def test_own_answers_are_in_the_format_of_the_recorded_ones() -> None:
    first, second, third, fourth = answers(SCENARIO)
    assert first == {
        "pod": "p0",
        "attempts": [
            {
                "outcome": "bound",
                "node": "n0",
                "feasible": ["n0", "n1"],
                "total": [420, 420],
                "scores": {
                    "NodeResourcesBalancedAllocation": [60, 60],
                    "NodeResourcesFit": [60, 60],
                    "TaintToleration": [300, 300],
                },
                "best": ["n0", "n1"],
            }
        ],
    }
    assert second["attempts"][0]["feasible"] == ["n1"]
    assert "scores" not in second["attempts"][0]
    refused, bound = third["attempts"]
    assert refused["message"] == "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu."
    # p1 started later, so that losing it hurts less.
    assert refused["preemption"]["nominated"] == "n1"
    assert refused["preemption"]["victims"] == ["p1"]
    assert [c["node"] for c in refused["preemption"]["candidates"]] == ["n0", "n1"]
    assert (bound["node"], bound["tried_nominated"]) == ("n1", "n1")
    assert fourth["attempts"][0]["prefilter_message"] == 'persistentvolumeclaim "gone" not found'


def test_only_picks_among_equals_are_taken_from_the_record() -> None:
    ours = answers(SCENARIO)
    recorded = SCENARIO | {"answers": copy.deepcopy(ours)}
    assert compare(recorded) is None
    attempt = recorded["answers"][0]["attempts"][0]
    attempt["node"] = "n1"
    other = answers(recorded)
    assert other[0]["attempts"][0]["node"] == "n1"
    assert other[1]["attempts"][0]["node"] == "n0"
    # A pick that is not among the best is not followed, and everything else in the record is ignored.
    attempt["node"] = "n2"
    for answer in recorded["answers"]:
        for one in answer["attempts"]:
            for field in set(one) - {"node", "preemption"}:
                del one[field]
    assert answers(recorded) == ours


def test_a_difference_names_place_values_and_state() -> None:
    recorded = SCENARIO | {"answers": answers(SCENARIO)}
    recorded = copy.deepcopy(recorded)
    recorded["answers"][2]["attempts"][0]["preemption"]["victims"] = ["p0"]
    departure = compare(recorded)
    assert departure is not None
    assert departure.place == "p2 attempt 1 preemption.victims"
    assert (departure.ours, departure.recorded) == (('["p1"]',), ('["p0"]',))
    assert departure.state[1] == 'n1: {"pods": ["default/p1"], "used": {"cpu": 600}}'


def test_the_state_of_a_difference_counts_memory_as_the_format_does() -> None:
    running = {"name": "old", "requests": {"cpu": 100, "memory": 7}, "node": "n1", "start": 0}
    recorded = SCENARIO | {"existing": [running]}
    recorded["answers"] = copy.deepcopy(answers(recorded))
    recorded["answers"][0]["attempts"][0]["node"] = "n2"
    departure = compare(recorded)
    assert departure is not None
    assert 'n1: {"pods": ["default/old"], "used": {"cpu": 100, "memory": 7}}' in departure.state


def test_an_attempt_too_many_is_a_difference() -> None:
    recorded = copy.deepcopy(SCENARIO | {"answers": answers(SCENARIO)})
    extra = recorded["answers"][3]["attempts"]
    extra.append(extra[0])
    departure = compare(recorded)
    assert departure is not None
    assert departure.place == "p3 attempt 2"
    assert departure.ours == ("null",)


@pytest.mark.parametrize(
    ("ours", "recorded", "path"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": {"b": [1]}}, {"a": {"b": [2]}}, "a.b"),
        ({"a": 1}, {"a": 1, "c": 2}, "c"),
        (None, {"a": 1}, ""),
    ],
)
def test_first_difference(ours: object, recorded: object, path: str | None) -> None:
    found = first_difference(ours, recorded)
    assert (found and found[0]) == path


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"id": "x"}, "nodes is missing"),
        (
            SCENARIO | {"pods": [{"name": "p", "affinity": {"podAffinity": 3}}]},
            "pods[0].affinity.podAffinity is 3, not an object",
        ),
        (
            SCENARIO | {"nodes": [{"name": "n", "allocatable": {}, "taints": [{"key": "k", "effect": "Maybe"}]}]},
            "nodes[0].taints[0].effect is 'Maybe', not one of NoSchedule, PreferNoSchedule, NoExecute",
        ),
    ],
)
def test_what_is_wrong_in_a_scenario_is_named(broken: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        answers(broken)
    assert caught.value.what == said


@pytest.mark.parametrize("recorded", [[], [{"pod": "p0", "attempts": []}]])
def test_comparing_needs_an_answer_for_each_pod(recorded: list[object]) -> None:
    with pytest.raises(InputError, match="no answer for each of its pods"):
        compare(SCENARIO | {"answers": recorded})


def _one_pod(nodes: list[dict[str, Any]], pod: dict[str, Any], **rest: object) -> dict[str, Any]:
    """The only attempt for a pod that asks for little, on nodes with room for it."""
    room = {"allocatable": {"cpu": 4000, "memory": 4000, "pods": 9}}
    data = {"id": "one", "nodes": [{**room, **n} for n in nodes], "pods": [{"name": "p", **pod}], **rest}
    attempt: dict[str, Any] = answers(data)[0]["attempts"][0]
    return attempt


def test_host_ports_conflict_by_address_and_protocol() -> None:
    held = [
        {"name": "e0", "node": "a", "start": 1, "hostPorts": [{"port": 80, "hostIP": "10.0.0.1"}]},
        {"name": "e1", "node": "b", "start": 2, "hostPorts": [{"port": 80, "protocol": "UDP"}]},
        {"name": "e2", "node": "c", "start": 3, "hostPorts": [80]},
    ]
    nodes = [{"name": n} for n in "abc"]
    asked = {"hostPorts": [{"port": 80, "hostIP": "10.0.0.2"}]}
    assert _one_pod(nodes, asked, existing=held)["feasible"] == ["a", "b"]


def test_a_claim_is_looked_up_in_the_pods_namespace() -> None:
    claims = {"pvcs": [{"name": "data", "storageClassName": "later"}]}
    assert _one_pod([{"name": "a"}], {"pvc": "data"}, **claims)["outcome"] == "bound"
    elsewhere = _one_pod([{"name": "a"}], {"pvc": "data", "namespace": "lab"}, **claims)
    assert elsewhere["prefilter_message"] == 'persistentvolumeclaim "data" not found'


def test_label_keys_limit_a_spread_constraint_to_pods_like_the_new_one() -> None:
    nodes = [{"name": n, "labels": {"zone": n}} for n in "ab"]
    old = [{"name": "e", "node": "a", "start": 1, "labels": {"app": "web", "revision": "1"}}]
    spread = {
        "topologyKey": "zone",
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    pod = {"labels": {"app": "web", "revision": "2"}}
    assert _one_pod(nodes, pod | {"topologySpreadConstraints": [spread]}, existing=old)["feasible"] == ["b"]
    same = spread | {"matchLabelKeys": ["revision", "absent"]}
    assert _one_pod(nodes, pod | {"topologySpreadConstraints": [same]}, existing=old)["feasible"] == ["a", "b"]


def test_described_namespaces_are_selected_by_their_labels() -> None:
    term = {"topologyKey": "host", "labelSelector": {}, "namespaceSelector": {"matchLabels": {"team": "x"}}}
    pod = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    nodes = [{"name": n, "labels": {"host": n}} for n in "ab"]
    held = [{"name": "e", "node": "a", "start": 1, "namespace": "lab"}]
    assert _one_pod(nodes, pod, existing=held)["feasible"] == ["a", "b"]
    assert _one_pod(nodes, pod, existing=held, namespaces={"lab": {"team": "x"}})["feasible"] == ["b"]


def test_images_are_read_with_their_default_tag() -> None:
    nodes = [{"name": "a", "images": {"m:latest": 1 << 30}}, {"name": "b"}]
    assert "ImageLocality" in _one_pod(nodes, {"images": ["m"]})["scores"]


@pytest.mark.parametrize(
    ("requirement", "seen"),
    [
        ({"key": "tier", "operator": "DoesNotExist"}, ["b"]),
        ({"key": "tier", "operator": "NotIn", "values": ["test"]}, ["b"]),
        ({"key": "tier", "operator": "In", "values": ["prod"]}, ["a", "b"]),
    ],
)
def test_a_negative_namespace_selector_of_the_new_pod_takes_in_every_namespace(
    requirement: dict[str, Any], seen: list[str]
) -> None:
    # Found beside kube-scheduler 1.36.3; the terms of running pods follow the namespace's labels.
    term = {"topologyKey": "host", "labelSelector": {}, "namespaceSelector": {"matchExpressions": [requirement]}}
    rules = {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    nodes = [{"name": n, "labels": {"host": n}} for n in "ab"]
    lab = {"namespaces": {"lab": {"tier": "test"}}}
    held = {"name": "e", "node": "a", "start": 1}
    assert _one_pod(nodes, rules, existing=[held | {"namespace": "lab"}], **lab)["feasible"] == seen
    newcomer = {"namespace": "lab"}
    assert _one_pod(nodes, newcomer, existing=[held | rules], **lab)["feasible"] == ["a", "b"]


def test_a_cluster_without_nodes_is_one() -> None:
    found = answers({"id": "empty", "nodes": [], "pods": [{"name": "a", "namespace": "n"}]})
    assert [each["message"] for each in found[0]["attempts"]] == ["no nodes available to schedule pods"]
