"""The apply order: guardrails before access, and the other way round when things go."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.adapters.files.tree import read_tree
from allotment.adapters.folders import holds_platform
from allotment.model.manifest import ObjectKey
from allotment.model.policy import NAMESPACE_GATE
from allotment.plan import order
from allotment.plan.changes import Change, Create, Delete, Drain, Seen
from allotment.plan.order import Stage, position
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.unit.plan import objects

ALL = objects.platform("cv")


def deleted(key: ObjectKey) -> Delete:
    return Delete(key, "v1", Seen("u", "1", ""), "cv")


def test_no_kind_stands_in_two_ranks() -> None:
    kinds = list(order.kinds())
    assert len(kinds) == len(set(kinds))


def test_every_group_has_versions_to_look_for() -> None:
    assert {kind.group for kind in order.kinds()} == set(order.VERSIONS)


@pytest.mark.parametrize("kind", ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"])
def test_the_policy_that_keeps_namespaces_from_being_claimed_stands_before_them_and_falls_after_them(kind: str) -> None:
    gate, space = (
        ObjectKey("admissionregistration.k8s.io", kind, "", NAMESPACE_GATE),
        ObjectKey("", "Namespace", "", "cv"),
    )
    other = ObjectKey("admissionregistration.k8s.io", kind, "", "labels-required.allotment.dev")
    assert order.place(gate) < order.place(space) < order.place(other)
    assert position(deleted(other)) < position(deleted(space)) < position(deleted(gate))
    assert order.stage(gate) is order.stage(other) is Stage.GUARDRAIL


def test_every_rank_says_why() -> None:
    assert all(rank.reason and rank.kinds for rank in order.RANKS)


def test_access_is_last_and_foundation_first() -> None:
    stages = [rank.stage for rank in order.RANKS if not rank.name]
    assert stages == sorted(stages, key=[Stage.FOUNDATION, Stage.GUARDRAIL, Stage.CAPACITY, Stage.ACCESS].index)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("Namespace", "ResourceQuota"),
        ("ResourceQuota", "RoleBinding"),
        ("NetworkPolicy", "LocalQueue"),
        ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
        ("ValidatingAdmissionPolicyBinding", "LocalQueue"),
        ("LimitRange", "RoleBinding"),
        ("ResourceFlavor", "ClusterQueue"),
        ("ClusterQueue", "LocalQueue"),
        ("Role", "RoleBinding"),
        ("LocalQueue", "RoleBinding"),
    ],
)
def test_before(first: str, then: str) -> None:
    keys = {manifest.key.kind: manifest.key for manifest in ALL}
    assert order.place(keys[first]) < order.place(keys[then])


def test_deletion_is_creation_backwards_with_guardrails_after_the_drains() -> None:
    creations: list[Change] = [Create(manifest) for manifest in ALL]
    deletions: list[Change] = [deleted(manifest.key) for manifest in ALL]
    drains: list[Change] = [Drain("cv", "cv", (), again=again) for again in (False, True)]
    ordered = sorted([*deletions, *drains, *creations], key=position)
    assert ordered[: len(creations)] == sorted(creations, key=position)
    kinds = [change.key.kind for change in ordered[len(creations) :]]
    first, again = (index for index, change in enumerate(ordered[len(creations) :]) if isinstance(change, Drain))
    assert first == 0
    assert kinds.index("RoleBinding") < kinds.index("LocalQueue") < kinds.index("ClusterQueue") < again
    assert again < kinds.index("NetworkPolicy")
    assert again < kinds.index("ResourceQuota")
    assert kinds.index("ValidatingAdmissionPolicyBinding") < kinds.index("ValidatingAdmissionPolicy")
    assert kinds.index("NetworkPolicy") < kinds.index("Namespace", again + 1)


def test_every_kind_that_is_rendered_has_its_place() -> None:
    known = set(order.kinds())
    for example in (path for path in Path("examples").iterdir() if holds_platform(path)):
        platform = load_platform(read_tree(example)).platform
        for desired in (render(platform, cluster) for cluster in platform.clusters):
            assert {(manifest.key.group, manifest.key.kind) for manifest in desired} <= known


def test_no_kind_that_would_need_the_right_to_read_secrets() -> None:
    assert "Secret" not in {kind.kind for kind in order.kinds()}


def test_unknown_kinds_come_behind_every_guardrail() -> None:
    unknown = order.place(ObjectKey("example.com", "Gadget", "cv", "x"))
    guardrails = [place for place, rank in enumerate(order.RANKS) if rank.stage is Stage.GUARDRAIL]
    assert unknown > max(guardrails)
