"""The rights of each role, as tables: `tests/live/security` asks a real API server the same questions."""

from __future__ import annotations

import datetime as dt

import pytest

from allotment.model.manifest import Family
from allotment.model.team import Groups, Isolation, Offboarding
from allotment.render.rbac import RULES, Role
from tests.unit import builders as build
from tests.unit.render.looking import of_kind, rendered

Right = tuple[str, str, str]
"""(verb, group, resource)."""


def rights(role: Role) -> set[Right]:
    return {
        (verb, group, resource)
        for rule in RULES[role]
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
    assert not list(rendered(build.platform(teams=[team])).of(Family.RBAC))
