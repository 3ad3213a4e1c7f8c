"""What a team may be given beyond the usual rights can undo no guardrail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from allotment.plan.strangers.rights import POWERS
from allotment.prove.rights import rights_of
from tests.unit.spec.trees import TEAM, load, problems_of, tiny

Right = tuple[str, str, str]
"""(verb, group, resource)."""


def directory(verb: str, group: str, resource: str, role: str = "owner") -> dict[str, str]:
    rule = f"{{apiGroups: ['{group}'], resources: ['{resource}'], verbs: ['{verb}']}}"
    groups = "groups: {owners: [a], members: [b], viewers: [c], exec: [d]}"
    return tiny(team=TEAM.replace("groups: {members: [nlp]}", f"{groups}\nextraRules: {{{role}: [{rule}]}}"))


def nobodys() -> Iterator[Right]:
    """What `prove` expects that no owner has, and what makes a stranger's role worth naming."""
    for cell, answer in rights_of("owner", "nlp"):
        if not answer:
            yield cell.verb, cell.group, "/".join(filter(None, (cell.resource, cell.subresource)))
    for word, group, resources, verbs in POWERS:
        if word != "pods":
            yield from ((verb, group, resource) for verb, resource in product(verbs, resources))


@pytest.mark.parametrize("right", sorted(set(nobodys())), ids=" ".join)
def test_what_nobody_may_have_cannot_be_given(right: Right) -> None:
    assert any(problem.field.startswith("extraRules.owner[0]") for problem in problems_of(directory(*right)))


@pytest.mark.parametrize(
    "right",
    [
        ("create", "ray.io", "rayservices"),
        ("update", "ray.io", "rayservices"),
        ("patch", "apps", "deployments/scale"),
        ("get", "", "pods/log"),
        ("watch", "kueue.x-k8s.io", "workloads"),
        ("list", "networking.k8s.io", "networkpolicies"),
        ("create", "kubeflow.org", "pytorchjobs"),
        ("deletecollection", "batch", "jobs"),
    ],
    ids=" ".join,
)
def test_what_a_team_works_with_can_be_given(right: Right) -> None:
    assert not problems_of(directory(*right))


@pytest.mark.parametrize(
    ("right", "key"),
    [
        (("create", "ray.io", "rayservices"), "count/rayservices.ray.io"),
        (("create", "", "podtemplates"), "count/podtemplates"),
        (("create", "", "replicationcontrollers"), "replicationcontrollers"),
    ],
)
def test_what_a_team_may_create_is_counted(right: Right, key: str) -> None:
    def counted(files: dict[str, str]) -> dict[str, int]:
        [team] = load(files).platform.teams
        return dict(team.placements[0].namespace_quota.objects)

    usual = counted(tiny())
    assert counted(directory(*right)) == {key: 100, **usual}
    assert counted(directory("get", *right[1:])) == usual
