"""Access that changes hands as a whole is said, and told from people who come and go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from allotment.model.manifest import Manifest, Manifests
from allotment.plan.changes import Action, WarningCode
from tests.unit.operations.world import World
from tests.unit.plan import objects

Groups = Mapping[str, Sequence[str]]
"""Groups by binding."""


def bindings(team: str, groups: Groups) -> list[Manifest]:
    body = objects.role_binding(team)
    return [
        Manifest(
            body.family,
            team,
            {
                **body.body,
                "metadata": {**body.body["metadata"], "name": name},
                "subjects": [{"kind": "Group", "name": group} for group in found],
            },
        )
        for name, found in groups.items()
    ]


def platform(**teams: Groups) -> Manifests:
    found = [item for team in teams for item in objects.team_objects(team) if item.key.kind != "RoleBinding"]
    people = [item for team, groups in teams.items() for item in bindings(team, groups)]
    return objects.manifests(*objects.shared_objects(), *found, *people)


def said(before: Manifests, after: Manifests) -> dict[str, str]:
    world = World()
    world.settle(before)
    plan = world.plan(after)
    return {one.key.name: one.message for one in plan.warnings if one.code is WarningCode.ACCESS_EXCHANGED}


CV = {"owner": ["cv-leads"], "member": ["cv", "cv-guests"]}
NLP = {"owner": ["nlp-leads"], "member": ["nlp"]}
ASR = {"owner": ["asr-leads"], "member": ["asr"]}


def test_two_teams_whose_ids_are_exchanged_are_named() -> None:
    found = said(platform(cv=CV, nlp=NLP), platform(cv=NLP, nlp=CV))
    assert found == {
        "cv": (
            "nobody who has access now keeps it: Group cv, Group cv-guests, Group cv-leads lose it, Group nlp, "
            "Group nlp-leads get it; with it goes what is in the namespace: its Secrets and claims; the ids of teams "
            "cv and nlp look exchanged"
        ),
        "nlp": (
            "nobody who has access now keeps it: Group nlp, Group nlp-leads lose it, Group cv, Group cv-guests, "
            "Group cv-leads get it; with it goes what is in the namespace: its Secrets and claims; the ids of teams "
            "nlp and cv look exchanged"
        ),
    }


def test_so_are_three_in_a_ring() -> None:
    found = said(platform(cv=CV, nlp=NLP, asr=ASR), platform(cv=NLP, nlp=ASR, asr=CV))
    ends = {name: message.rpartition("teams ")[2] for name, message in found.items()}
    assert ends == {
        "cv": "cv and nlp look exchanged",
        "nlp": "nlp and asr look exchanged",
        "asr": "asr and cv look exchanged",
    }


def test_new_groups_of_one_team_are_no_exchange_of_ids() -> None:
    (message,) = said(platform(cv=CV, nlp=NLP), platform(cv=ASR, nlp=NLP)).values()
    assert message.endswith("its Secrets and claims")


def test_where_others_keep_access_the_binding_is_named() -> None:
    (message,) = said(platform(cv=CV), platform(cv={**CV, "owner": ["others"]})).values()
    assert message.startswith(
        "nobody who has access by RoleBinding owner now keeps it: Group cv-leads lose it, Group others get it; "
    )


SAME: Mapping[str, Groups] = {
    "somebody comes": {**CV, "member": ["cv", "cv-guests", "new"]},
    "somebody goes": {**CV, "member": ["cv"]},
    "somebody stays": {**CV, "member": ["cv", "others"]},
    "a binding comes": {**CV, "viewer": ["others"]},
    "a binding goes": {"member": CV["member"]},
    "roles are exchanged within the team": {"owner": ["cv"], "member": ["cv-leads", "cv-guests"]},
    "members become owners": {**CV, "owner": ["cv"]},
}


@pytest.mark.parametrize("case", SAME)
def test_people_who_come_and_go_are_no_exchange(case: str) -> None:
    assert said(platform(cv=CV), platform(cv=SAME[case])) == {}


def test_nothing_is_said_of_a_step_that_is_not_taken() -> None:
    world = World()
    world.settle(platform(cv=CV))
    body = bindings("cv", {"owner": ["by-hand"]})[0].body
    world.kube.apply_as("kubectl", body, force=True)
    plan = world.plan(platform(cv={**CV, "owner": ["others"]}))
    assert plan.counts[Action.CONFLICT] == 1
    assert [one for one in plan.warnings if one.code is WarningCode.ACCESS_EXCHANGED] == []


def gained(*there: dict[str, Any], declared: Manifests) -> dict[str, str]:
    world = World()
    world.kube.put(*there)
    plan = world.plan(declared)
    return {one.key.name: one.message for one in plan.warnings if one.code is WarningCode.ACCESS_GAINED}


def theirs(*groups: str) -> dict[str, Any]:
    subjects = [{"kind": "Group", "name": group} for group in groups]
    (binding,) = bindings("cv", {"theirs": ()})
    metadata = {"name": "theirs", "namespace": "cv"}
    return {**binding.body, "metadata": metadata, "subjects": subjects}


SPACE: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cv"}}


def test_who_gets_into_a_namespace_of_others_is_said_before_and_after_it_is_taken_over() -> None:
    found = gained(SPACE, theirs("cv-leads", "cv"), declared=platform(cv=CV))
    assert found == {
        "member": "Group cv-guests gets into the namespace cv, in which no binding names them now; with it goes what "
        "is there: its Secrets and claims"
    }
    world = World()
    world.settle(platform(cv={}))
    world.kube.put(theirs("cv-leads"))
    plan = world.plan(platform(cv=CV))
    (said,) = (one for one in plan.warnings if one.code is WarningCode.ACCESS_GAINED)
    assert said.message.startswith("Group cv, Group cv-guests get into the namespace cv")


def test_who_gets_into_a_namespace_of_our_own_making_is_no_news() -> None:
    assert gained(declared=platform(cv=CV)) == {}
    world = World()
    world.settle(platform(cv={"owner": ["cv-leads"]}))
    plan = world.plan(platform(cv=CV))
    assert [one for one in plan.warnings if one.code is WarningCode.ACCESS_GAINED] == []
