"""The rights of each role, as tables: `tests/live/security` asks a real API server the same questions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from allotment.model.cluster import WORKLOAD_FEATURES, Feature
from allotment.model.manifest import Family, Manifests
from allotment.model.reading import READER, WORD_READER
from allotment.model.team import AccessRule, ExtraRules, Groups, Isolation, Offboarding
from allotment.prove.reading import role_fault
from allotment.prove.rights import rights_elsewhere, rights_gone, rights_of
from allotment.render.rbac import READER_RULES, RULES, WORD_RULES, Role, Rule, rules_of
from tests.unit import builders as build
from tests.unit.render.looking import of_kind, rendered

Right = tuple[str, str, str]
"""(verb, group, resource)."""


def rights(role: Role, features: Iterable[Feature] = ()) -> set[Right]:
    return {
        (verb, group, resource)
        for rule in rules_of(role, frozenset(features))
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


MEMBERS_MAY = [
    # The reference platform's list for members.
    *[(verb, "", "pods") for verb in ("get", "list", "watch", "create", "delete")],
    *[(verb, "", "services") for verb in ("get", "list", "watch", "create", "delete")],
    *[(verb, "", "configmaps") for verb in ("get", "list", "watch", "create", "delete")],
    *[(verb, "", "persistentvolumeclaims") for verb in ("get", "list", "watch", "create", "delete")],
    *[(verb, "batch", "jobs") for verb in ("get", "list", "create", "delete")],
    *[(verb, "apps", "deployments") for verb in ("get", "list", "create", "update", "delete")],
    *[(verb, "apps", "deployments/scale") for verb in ("get", "update", "patch")],
    ("get", "", "pods/log"),
    ("get", "kueue.x-k8s.io", "workloads"),
]

MEMBERS_MAY_NOT = [
    ("create", "", "namespaces"),
    ("create", "", "pods/exec"),
    ("create", "", "serviceaccounts/token"),
    ("get", "", "secrets"),
    ("patch", "", "nodes"),
    ("patch", "", "resourcequotas"),
    ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
    ("create", "kueue.x-k8s.io", "localqueues"),
    ("create", "networking.k8s.io", "networkpolicies"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("update", "batch", "jobs"),
    ("patch", "apps", "statefulsets/scale"),
]


@pytest.mark.parametrize("right", MEMBERS_MAY, ids=" ".join)
def test_members_may(right: Right) -> None:
    assert right in rights(Role.MEMBER)


@pytest.mark.parametrize("right", MEMBERS_MAY_NOT, ids=" ".join)
def test_members_may_not(right: Right) -> None:
    assert right not in rights(Role.MEMBER)


def test_rights_grow_from_viewer_to_owner() -> None:
    assert rights(Role.VIEWER) < rights(Role.MEMBER) < rights(Role.OWNER)


def test_viewers_only_look() -> None:
    assert {verb for verb, _group, _resource in rights(Role.VIEWER)} == {"get", "list", "watch"}


def test_exec_is_in_no_other_role() -> None:
    shells = {("create", "", f"pods/{way}") for way in ("exec", "attach", "portforward")}
    assert shells <= rights(Role.EXEC)
    for role in (Role.OWNER, Role.MEMBER, Role.VIEWER):
        assert not shells & rights(role)


def test_each_group_is_bound_to_its_role() -> None:
    groups = Groups(owners=("o1", "o2"), members=("m",), viewers=("v",), exec=("e",))
    manifests = rendered(build.platform(teams=[build.team("nlp", groups=groups)]))
    bound = {
        item.key.name: [subject["name"] for subject in item.body["subjects"]]
        for item in of_kind(manifests, "RoleBinding")
    }
    assert bound == {
        "allotment-owner": ["o1", "o2"],
        "allotment-member": ["m"],
        "allotment-viewer": ["v"],
        "allotment-exec": ["e"],
    }


def test_a_role_without_groups_is_not_rendered() -> None:
    groups = Groups(owners=("o",), members=(), viewers=(), exec=())
    manifests = rendered(build.platform(teams=[build.team("nlp", groups=groups)]))
    assert [item.key.name for item in of_kind(manifests, "Role")] == ["allotment-owner"]


def test_a_leaving_team_has_no_way_in() -> None:
    team = build.team("nlp", isolation=Isolation.CLUSTER, offboarding=Offboarding(dt.date(2027, 1, 31)))
    assert {item.key.name for item in rendered(build.platform(teams=[team])).of(Family.RBAC)} == {READER}


def held_by(group: str, manifests: Manifests) -> set[str]:
    return {
        f"{item.key.namespace}/{item.body['roleRef']['name']}"
        for item in manifests.of(Family.RBAC)
        if group in {subject["name"] for subject in item.body.get("subjects", ())}
    }


def test_engineers_read_what_answers_need_and_a_team_s_people_the_words() -> None:
    groups = Groups(owners=("o",), members=("m",), viewers=("v",), exec=("e",))
    declared = build.platform(teams=[build.team("nlp", groups=groups)])
    manifests = rendered(declared)
    assert {name: held_by(name, manifests) for name in (*declared.admin_groups, "m", "v", "e")} == {
        **{group: {f"/{READER}"} for group in declared.admin_groups},
        "m": {"nlp/allotment-member", f"/{WORD_READER}"},
        "v": {"nlp/allotment-viewer", f"/{WORD_READER}"},
        "e": {"nlp/allotment-exec"},
    }
    assert declared.admin_groups
    nobody = rendered(replace(declared, admin_groups=()))
    assert READER not in {item.key.name for item in nobody.of(Family.RBAC)}


@pytest.mark.parametrize("rules", [READER_RULES, WORD_RULES], ids=["engineers", "a team's people"])
def test_reading_roles_only_read_and_never_secrets(rules: Sequence[Rule]) -> None:
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    resources = {resource for rule in rules for resource in rule["resources"]}
    assert not resources & {"secrets", "*", "pods/log", "pods/exec", "nodes/proxy", "serviceaccounts/token"}
    assert role_fault({"rules": rules}) == ""
    for rule in rules:
        if "configmaps" in rule["resources"]:
            assert (rule["resourceNames"], rule["verbs"]) == (
                ["cluster-autoscaler-status", "kueue-manager-config"], ["get"],
            )  # fmt: skip


RUN = {"get", "list", "watch", "create", "delete"}
EDIT = {*RUN, "update", "patch"}
KINDS = [
    (Feature.JOBSET, "jobset.x-k8s.io", "jobsets", RUN),
    (Feature.LEADERWORKERSET, "leaderworkerset.x-k8s.io", "leaderworkersets", EDIT),
    (Feature.RAYJOB, "ray.io", "rayjobs", RUN),
    (Feature.RAYJOB, "ray.io", "rayclusters", RUN),
    (Feature.TRAINJOB, "trainer.kubeflow.org", "trainjobs", RUN),
]


@pytest.mark.parametrize(("feature", "group", "resource", "verbs"), KINDS)
def test_declared_kinds_of_workloads_are_in_the_roles(
    feature: Feature, group: str, resource: str, verbs: set[str]
) -> None:
    def on_it(role: Role, features: Iterable[Feature]) -> set[str]:
        return {
            verb
            for verb, its_group, its_resource in rights(role, features)
            if (its_group, its_resource) == (group, resource)
        }

    assert on_it(Role.OWNER, [feature]) == on_it(Role.MEMBER, [feature]) == verbs
    assert on_it(Role.VIEWER, [feature]) == {"get", "list", "watch"}
    assert on_it(Role.EXEC, [feature]) == set()
    for role in Role:
        assert on_it(role, set(Feature) - {feature}) == set()


@pytest.mark.parametrize("role", list(Role))
def test_a_cluster_without_them_has_the_plain_roles(role: Role) -> None:
    assert rules_of(role, frozenset(Feature) - set(WORKLOAD_FEATURES)) == RULES[role]


def test_the_cluster_s_features_reach_its_roles() -> None:
    declared = build.platform(clusters=[build.cluster(features=[Feature.JOBSET])])
    [member] = [item for item in of_kind(rendered(declared), "Role") if item.key.name == "allotment-member"]
    assert member.body["rules"] == list(rules_of(Role.MEMBER, [Feature.JOBSET]))


@pytest.mark.parametrize("role", list(Role))
def test_what_is_rendered_is_what_prove_expects(role: Role) -> None:
    """Two tables, written apart: each answer that `prove` expects on the added kinds is what the role gives."""
    groups = {group for _, group, _, _ in KINDS}
    asked = {
        (cell.verb, cell.group, cell.resource): answer
        for cell, answer in rights_of(role.value.removeprefix("allotment-"), "nlp", set(Feature))
        if cell.group in groups
    }
    held = {right for right in rights(role, set(Feature)) if right[1] in groups}
    assert {right for right, answer in asked.items() if answer} == held
    assert any(not answer for answer in asked.values())


def test_prove_expects_nothing_of_them_elsewhere() -> None:
    groups = {group for _, group, _, _ in KINDS}
    cells = [(cell, answer) for cell, answer in rights_elsewhere("cv", set(Feature)) if cell.group in groups]
    assert {cell.group for cell, _ in cells} == groups
    assert not any(answer for _, answer in cells)
    assert not groups & {cell.group for cell, _ in rights_elsewhere("cv")}


SERVE = AccessRule(("ray.io",), ("rayservices",), ("get", "list", "create"))
LOOK = AccessRule(("example.com",), ("things", "parts"), ("get",))
HELM = AccessRule(("",), ("pods",), ("get", "list", "deletecollection"))
GIVEN = ExtraRules(owner=(HELM,), member=(SERVE,), viewer=(LOOK,), exec=(HELM,))


def written(rule: AccessRule) -> dict[str, list[str]]:
    return {"apiGroups": [*rule.api_groups], "resources": [*rule.resources], "verbs": [*rule.verbs]}


@pytest.mark.parametrize(
    ("role", "rules"),
    [
        (Role.OWNER, [LOOK, SERVE, HELM]),
        (Role.MEMBER, [LOOK, SERVE]),
        (Role.VIEWER, [LOOK]),
        (Role.EXEC, [HELM]),
    ],
)
def test_further_rules_come_on_top(role: Role, rules: list[AccessRule]) -> None:
    teams = [build.team("nlp", extra_rules=GIVEN), build.team("cv")]
    manifests = rendered(build.platform(teams=teams))
    found = {item.key.namespace: item.body["rules"] for item in of_kind(manifests, "Role") if item.key.name == role}
    assert found == {"nlp": [*RULES[role], *map(written, rules)], "cv": list(RULES[role])}


@pytest.mark.parametrize("role", ["owner", "member", "viewer", "exec"])
def test_prove_expects_further_rules(role: str) -> None:
    cells = rights_of(role, "nlp", (), GIVEN.held_by(role))
    answers = dict(cells)
    assert len(answers) == len(cells), "no right is asked twice, least of all with two answers"
    held = {(cell.verb, cell.group, cell.resource): answer for cell, answer in cells}
    for rule in GIVEN.held_by(role):
        for verb in rule.verbs:
            assert held[(verb, rule.api_groups[0], rule.resources[0])]
    gone = {(cell.verb, cell.resource) for cell, _ in rights_gone(role, "nlp", GIVEN.held_by(role))}
    assert {(verb, each) for rule in GIVEN.held_by(role) for each in rule.resources for verb in rule.verbs} <= gone
