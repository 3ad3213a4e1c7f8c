"""Fake nodes and the life of pods as data."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.adapters.sandbox.kwok import DIGEST, PROVISIONER, node_changes, node_object, stages, volume_stages
from allotment.ports.sandboxes import FAIL_AFTER, RUN_FOR, FakeNode

NODE = FakeNode(
    "a100-0",
    {"pool": "a100"},
    (("nvidia.com/gpu", "present", "NoSchedule"),),
    {"cpu": "96", "memory": "880Gi", "nvidia.com/gpu": "4"},
)


def test_node_object() -> None:
    body = node_object(NODE)
    assert body["metadata"]["annotations"]["kwok.x-k8s.io/node"] == "fake"
    labels = body["metadata"]["labels"]
    assert (labels["kubernetes.io/hostname"], labels["type"], labels["pool"]) == ("a100-0", "kwok", "a100")
    assert body["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert body["status"]["allocatable"] == body["status"]["capacity"]
    assert body["status"]["allocatable"]["nvidia.com/gpu"] == "4"
    assert body["status"]["allocatable"]["pods"] == "110"
    assert body["status"]["allocatable"]["ephemeral-storage"] == "1Ti", "as every kubelet says how much disk it has"


ALTERED = FakeNode("a100-0", NODE.labels, NODE.taints, {**NODE.allocatable, "nvidia.com/gpu": "8"})
OTHER = FakeNode("a100-1")
FOREIGN = {"metadata": {"name": "somebody-elses"}}


@pytest.mark.parametrize(
    ("wanted", "live", "delete", "create"),
    [
        ([NODE, OTHER], [], (), ["a100-0", "a100-1"]),
        ([NODE, OTHER], [node_object(NODE)], (), ["a100-1"]),
        ([NODE], [node_object(NODE)], (), []),
        ([], [node_object(NODE), node_object(OTHER)], ("a100-0", "a100-1"), []),
        ([ALTERED], [node_object(NODE)], ("a100-0",), ["a100-0"]),
        ([], [FOREIGN], (), []),
    ],
    ids=["first", "one more", "nothing to do", "all gone", "other hardware is a new machine", "foreign nodes stay"],
)
def test_node_changes(
    wanted: list[FakeNode], live: list[dict[str, Any]], delete: tuple[str, ...], create: list[str]
) -> None:
    names, bodies = node_changes(wanted, live)
    assert names == delete
    assert [body["metadata"]["name"] for body in bodies] == create
    assert all(DIGEST in body["metadata"]["annotations"] for body in bodies)


DELETED = {"matchExpressions": [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]}
ORIGINALS = [
    {"metadata": {"name": name}, "spec": {"selector": DELETED, "next": {"delete": True}}}
    for name in ("node-initialize", "pod-ready", "pod-complete", "pod-delete")
]


def stage(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = next(each["spec"] for each in stages(ORIGINALS) if each["metadata"]["name"] == name)
    return spec


def conditions(name: str) -> set[tuple[str, str]]:
    return {(each["key"], each["operator"]) for each in stage(name)["selector"]["matchExpressions"]}


def test_kwoks_own_completion_is_replaced_once() -> None:
    names = [each["metadata"]["name"] for each in stages(ORIGINALS)]
    assert names == [
        "node-initialize", "pod-ready", "pod-delete",
        "pod-complete", "pod-complete-annotated", "pod-fail", "pod-terminated",
    ]  # fmt: skip


def test_a_pod_matches_at_most_one_end() -> None:
    owner = ".metadata.ownerReferences.[].kind"
    run_for, fail_after = (f'.metadata.annotations["{name}"]' for name in (RUN_FOR, FAIL_AFTER))
    assert {(owner, "In"), (fail_after, "DoesNotExist")} <= conditions("pod-complete")
    assert {(owner, "NotIn"), (run_for, "Exists"), (fail_after, "DoesNotExist")} <= conditions("pod-complete-annotated")
    assert (fail_after, "Exists") in conditions("pod-fail")


def test_a_running_pod_ends_before_it_goes() -> None:
    deleted, phase = (".metadata.deletionTimestamp", "Exists"), ".status.phase"
    assert conditions("pod-terminated") == {deleted, (phase, "In")}
    assert "phase: Failed\n" in stage("pod-terminated")["next"]["statusTemplate"]
    assert conditions("pod-delete") == {deleted, (phase, "NotIn")}
    assert (phase, "NotIn") not in {(each["key"], each["operator"]) for each in DELETED["matchExpressions"]}


@pytest.mark.parametrize(
    ("name", "annotation", "phase", "code"),
    [("pod-complete", RUN_FOR, "Succeeded", 0), ("pod-fail", FAIL_AFTER, "Failed", 1)],
)
def test_durations_and_outcomes(name: str, annotation: str, phase: str, code: int) -> None:
    spec = stage(name)
    first = spec["delay"]["durationFrom"]["expressionFrom"].partition(" // ")[0]
    assert first == f'.metadata.annotations["{annotation}"]'
    assert spec["delay"]["durationMilliseconds"] == 1000
    assert f"phase: {phase}\n" in spec["next"]["statusTemplate"]
    assert f"exitCode: {code}\n" in spec["next"]["statusTemplate"]


def test_volumes_are_made_for_claims_that_call_a_provisioner_and_only_they_are_taken_away() -> None:
    provision, delete = (each["spec"] for each in volume_stages())
    conditions = [
        {(each["key"], each["operator"]) for each in spec["selector"]["matchExpressions"]}
        for spec in (provision, delete)
    ]
    assert (f'.metadata.annotations["{PROVISIONER}"]', "Exists") in conditions[0]
    assert (".spec.volumeName", "DoesNotExist") in conditions[0]
    assert ('.metadata.annotations["allotment.dev/fake-volume"]', "Exists") in conditions[1]
    assert delete["steps"] == [{"delete": True}]
    template = provision["steps"][0]["apply"]["template"]
    assert "uid: {{ .metadata.uid | Quote }}" in template
    assert 'allotment.dev/fake-volume: "true"' in template
