"""The rights that are printed: as few as a plan needs, and everything that apply and prove do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import ForbiddenError, UsageError
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.model.rights import resource_of
from allotment.model.team import Offboarding
from allotment.operations.change.apply import ApplySettings
from allotment.operations.change.attended import apply_attended
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.change.rights import Grant, Task, rights_for, roles, subject_of
from allotment.operations.prove.proving import Selection, prove
from allotment.ports.kube import AccessRefusedError
from allotment.ports.process import Run
from allotment.render.manifests import render
from tests.unit.builders import platform, team
from tests.unit.operations.world import START, TODAY

READ = {"get", "list"}
VERBS = {"apply": {"patch"}, "patch": {"patch"}, "create": {"create"}, "delete": {"delete"}, "get": READ, "list": READ}


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Namespace", "namespaces"), ("NetworkPolicy", "networkpolicies"), ("StorageClass", "storageclasses"),
        ("Topology", "topologies"), ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"),
    ],
)  # fmt: skip
def test_resources_are_plurals(kind: str, resource: str) -> None:
    assert resource_of(kind) == resource


def granted(task: Task, declared: Platform) -> Callable[[Call], None]:
    """The hook of a server that lets us do what the printed role says, and nothing else."""
    grants = rights_for(task, declared, declared.clusters[0])

    def hook(call: Call) -> None:
        wanted = {
            Grant(call.key.group, resource_of(call.key.kind), verb, name, namespace)
            for verb in VERBS[call.verb]
            for name in ("", call.key.name)
            for namespace in ("", call.key.namespace)
        }
        if call.identity is None and not wanted & set(grants):
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message=f"{call.verb} {call.key}")

    return hook


def test_plan_only_reads_and_apply_may_write_what_it_is_for() -> None:
    declared = platform()
    reading = rights_for(Task.PLAN, declared, declared.clusters[0])
    assert {grant.verb for grant in reading} == READ
    assert "secrets" not in {grant.resource for grant in reading}
    writing = rights_for(Task.APPLY, declared, declared.clusters[0])
    assert set(reading) < set(writing)
    assert not [grant for grant in writing if "*" in (grant.verb, grant.resource, grant.group)]
    assert not [grant for grant in writing if grant.verb == "impersonate"]


def test_what_is_printed_is_enough_to_plan_apply_and_prove() -> None:
    declared = platform()
    cluster = declared.clusters[0]
    kube, clock = FakeKube(rights=lambda _identity, _question: True), FixedClock(START)
    kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    kube.hook = granted(Task.APPLY, declared)
    desired = render(declared, cluster)
    plan = make_plan(desired, kube, PlanSettings(declared.name, TODAY))
    assert apply_attended(plan, kube, clock, ApplySettings(), Run("one", "here")).complete
    kube.hook = granted(Task.PLAN, declared)
    assert make_plan(desired, kube, PlanSettings(declared.name, TODAY)).empty
    kube.hook = granted(Task.PROVE, declared)
    report = prove(declared, cluster, kube, clock, selection=Selection(work=False, settling=0.0))
    refused = [result for result in report.results if result.got.startswith(tuple(f"{verb} " for verb in VERBS))]
    assert not refused


def test_a_role_that_lacks_one_right_is_not_enough() -> None:
    declared = platform()
    kube = FakeKube()
    enough = granted(Task.APPLY, declared)

    def hook(call: Call) -> None:
        enough(call)
        if call.key == ObjectKey("coordination.k8s.io", "Lease", "allotment-system", "allotment-apply"):
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message="no leases")

    kube.hook = hook
    plan = make_plan(render(declared, declared.clusters[0]), kube, PlanSettings(declared.name, TODAY))
    with pytest.raises(ForbiddenError, match="locked"):
        apply_attended(plan, kube, FixedClock(START), ApplySettings(), Run("one", "here"))


@pytest.mark.parametrize("task", Task)
def test_the_roles_hold_each_right_once_and_where_it_is_needed(task: Task) -> None:
    declared = platform()
    grants = rights_for(task, declared, declared.clusters[0])
    found = roles(task, grants)
    told = [
        Grant(group, resource, verb, name, namespace)
        for role in found
        for namespace in role.namespaces
        for rule in role.body["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    ]
    if task is Task.APPLY:
        assert {grant.namespace for grant in told} == {""}  # whose namespaces it makes itself
        everywhere = {replace(grant, namespace="") for grant in grants}
        grants = tuple(each for each in everywhere if not (each.name and replace(each, name="") in everywhere))
    assert sorted(told) == sorted(grants)
    assert found[0].body["metadata"] == {"name": f"allotment-{task.value}"}
    assert len({(role.body["kind"], role.body["metadata"]["name"]) for role in found}) == len(found)


OWNS_THE_CLUSTER = (
    ("", "secrets", "list"), ("", "pods", "create"), ("", "serviceaccounts", "impersonate"),
    ("", "users", "impersonate"), ("", "groups", "impersonate"), ("", "namespaces", "patch"),
)  # fmt: skip
"""Without a namespace or a name, each of these is as much as everything."""


def test_prove_is_bounded_by_names_and_namespaces() -> None:
    declared = platform()
    grants = rights_for(Task.PROVE, declared, declared.clusters[0])
    unbounded = {(grant.group, grant.resource, grant.verb) for grant in grants if not (grant.name or grant.namespace)}
    assert not unbounded & set(OWNS_THE_CLUSTER)
    writes = {right for right in unbounded if right[2] not in READ}
    assert writes == {("authorization.k8s.io", "subjectaccessreviews", "create")}
    namespaces = {name for team, _ in declared.teams_in(declared.clusters[0].name) for name in team.namespaces}
    assert {grant.namespace for grant in grants if grant.namespace} == {*namespaces, "kube-system"}
    groups = {group for team in declared.teams for group in team.groups.all} - set(declared.admin_groups)
    acted = {grant.name for grant in grants if (grant.resource, grant.verb) == ("groups", "impersonate")}
    assert acted <= {*groups, "system:authenticated"}
    users = {grant.name for grant in grants if (grant.resource, grant.verb) == ("users", "impersonate")}
    assert all(name.startswith("allotment-prove:") for name in users)
    # Of the controllers, only their making of pods, and only where teams are.
    system = [grant for grant in grants if grant.namespace == "kube-system"]
    assert {(grant.group, grant.resource, grant.verb) for grant in system} == {
        ("authentication.k8s.io", "serviceaccounts", "impersonate:serviceaccount")
    }
    assert {grant.resource for grant in grants if grant.verb.startswith("impersonate-on")} <= {"pods"}


def test_plan_lists_secrets_only_where_a_team_leaves() -> None:
    leaver = platform(teams=[team(offboarding=Offboarding(TODAY))])
    grants = rights_for(Task.PLAN, leaver, leaver.clusters[0])
    assert {grant.namespace for grant in grants if grant.resource == "secrets"} == set(leaver.teams[0].namespaces)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("group:a:b", {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "a:b"}),
        ("user:ci", {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ci"}),
        ("serviceaccount:ci/prove", {"kind": "ServiceAccount", "namespace": "ci", "name": "prove"}),
    ],
)
def test_a_role_is_bound_wherever_it_is_needed(text: str, subject: Mapping[str, str]) -> None:
    declared = platform()
    found = roles(Task.PROVE, rights_for(Task.PROVE, declared, declared.clusters[0]))
    bound = [body for role in found for body in role.bound_to(subject_of(text))]
    assert [body["metadata"].get("namespace", "") for body in bound] == [
        namespace for role in found for namespace in role.namespaces
    ]
    assert {body["kind"] for body in bound} == {"ClusterRoleBinding", "RoleBinding"}
    assert all(body["subjects"] == [subject] for body in bound)
    # Who owns a namespace could replace a Role there, and a binding would follow.
    spaces = {name for team, _ in declared.teams_in(declared.clusters[0].name) for name in team.namespaces}
    in_teams = [body for body in bound if body["metadata"].get("namespace") in spaces]
    assert {body["roleRef"]["kind"] for body in in_teams} == {"ClusterRole"}


@pytest.mark.parametrize("text", ["", "ci", "group:", "serviceaccount:ci", "serviceaccount:/x", "role:x"])
def test_nobody_is_nobody(text: str) -> None:
    with pytest.raises(UsageError, match="names nobody"):
        subject_of(text)
