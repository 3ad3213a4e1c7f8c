"""The rights that are printed: as few as a plan needs, and everything that apply and prove do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import ForbiddenError
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.model.rights import resource_of
from allotment.operations.apply import ApplySettings
from allotment.operations.attended import Run, apply_attended
from allotment.operations.planning import PlanSettings, make_plan
from allotment.operations.ports import AccessRefusedError
from allotment.operations.prove import Selection, prove
from allotment.operations.rights import Grant, Task, cluster_role, rights_for
from allotment.render.manifests import render
from tests.unit.builders import platform
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


def test_the_role_holds_each_right_once() -> None:
    declared = platform()
    for task in Task:
        grants = rights_for(task, declared, declared.clusters[0])
        role = cluster_role(task, grants)
        told = [
            (group, resource, verb, name)
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
            for name in rule.get("resourceNames", [""])
        ]
        assert sorted(told) == sorted({(grant.group, grant.resource, grant.verb, grant.name) for grant in grants})
        assert role["metadata"]["name"] == f"allotment-{task.value}"
