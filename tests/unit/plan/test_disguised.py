"""Our labels on what is not ours: nothing is ended, closed or deleted for them, and the plan says what to take off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.manifest import Manifest, Manifests, ObjectKey, key_of
from allotment.operations.change.apply import Status, apply_plan
from allotment.plan.changes import Action, Blocked, PlanWarning, WarningCode
from tests.unit.operations.world import World, job, pod
from tests.unit.plan import objects

MARKS = {**objects.INVENTORY, labels.TENANT: "nlp"}
TAKEN_OFF = "allotment.dev/platform- allotment.dev/tenant- app.kubernetes.io/managed-by-"


def key_of_space(name: str) -> ObjectKey:
    return ObjectKey("", "Namespace", "", name)


def put_space(world: World, name: str) -> None:
    """A namespace of somebody's, with work and a way in."""
    world.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    world.kube.put(pod(name), job(name), binding(name))


def binding(name: str, **marks: str) -> dict[str, Any]:
    metadata = {"name": "theirs", "namespace": name, **({"labels": marks} if marks else {})}
    return {**objects.role_binding("nlp").body, "metadata": metadata}


def mark(world: World, name: str, manager: str = "kubectl-label") -> None:
    def marked(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "metadata": {**body["metadata"], "labels": MARKS}}

    world.edit(key_of_space(name), marked, manager=manager)


def desired(*exempt: str) -> Manifests:
    return replace(objects.platform("cv"), exempt=exempt)


def disguised(world: World, wanted: Manifests) -> dict[ObjectKey, PlanWarning]:
    """What is said of the cluster, with a plan that has no steps."""
    plan = world.plan(wanted)
    assert plan.empty, plan.changes
    return {warning.key: warning for warning in plan.warnings if warning.code is WarningCode.DISGUISED}


@pytest.fixture
def world() -> World:
    world = World()
    world.settle(desired())
    return world


@pytest.mark.parametrize("manager", ["kubectl-label", "kubectl-edit", "kubectl-patch", "manager", "terraform"])
def test_labels_alone_make_no_namespace_ours(world: World, manager: str) -> None:
    put_space(world, "monitoring")
    mark(world, "monitoring", manager)
    (warning,) = disguised(world, desired()).values()
    assert warning.key == key_of_space("monitoring")
    assert f"written by {manager}" in warning.message
    assert "no work is ended there, no access taken away, and nothing deleted" in warning.message
    assert f"`kubectl label namespace monitoring --field-manager=allotment-adopt {TAKEN_OFF}`" in warning.message


@pytest.mark.parametrize("manager", ["kubectl-label", "allotment", "argocd-controller", "kubectl-client-side-apply"])
@pytest.mark.parametrize("name", ["monitoring", "default", "kube-flannel", "openshift-dns"])
def test_a_namespace_of_the_system_is_never_ours_whoever_labelled_it(world: World, name: str, manager: str) -> None:
    put_space(world, name)
    mark(world, name, manager)
    world.kube.apply(binding(name, **objects.INVENTORY))
    found = disguised(world, desired("monitoring"))
    role = ObjectKey("rbac.authorization.k8s.io", "RoleBinding", name, "theirs")
    assert found.keys() == {key_of_space(name), role}
    assert "is the system's" in found[key_of_space(name)].message
    assert f"kubectl label rolebinding.rbac.authorization.k8s.io theirs --namespace {name}" in found[role].message


def test_what_lies_in_such_a_namespace_is_not_deleted_whoever_applied_it(world: World) -> None:
    put_space(world, "monitoring")
    mark(world, "monitoring")
    world.kube.apply(binding("monitoring", **objects.INVENTORY))
    role = ObjectKey("rbac.authorization.k8s.io", "RoleBinding", "monitoring", "theirs")
    assert "the namespace monitoring, which is not the platform's" in disguised(world, desired())[role].message


@pytest.mark.parametrize("manager", ["argocd-controller", "allotment", "statefulset-controller"])
def test_what_lies_in_a_namespace_of_nobody_s_is_left_with_its_data(world: World, manager: str) -> None:
    """A tenant's template carries our marks, a controller copies them, and a repository applies the same ones."""
    put_space(world, "lab")
    claim = objects.claim("lab").body
    claim = {**claim, "metadata": {**claim["metadata"], "labels": objects.INVENTORY}}
    world.kube.apply_as(manager, claim)
    (warning,) = disguised(world, desired()).values()
    assert warning.key == key_of(claim)
    assert "lies in the namespace lab, which is not the platform's, and is left alone" in warning.message


def test_a_namespace_that_says_it_is_another_team_s_is_asked_about_first(world: World) -> None:
    put_space(world, "shared")
    mark(world, "shared")
    plan = world.plan(objects.manifests(*desired().objects, objects.namespace("shared")))
    (blocked,) = (step for step in plan.changes if step.key == key_of_space("shared"))
    assert isinstance(blocked, Blocked)
    assert blocked.fix.startswith("name another namespace for team shared if it is team nlp's")


@pytest.mark.parametrize("manager", ["argocd-controller", "kubectl-client-side-apply", "kubectl-create"])
def test_a_namespace_that_was_applied_with_them_is_ours(world: World, manager: str) -> None:
    put_space(world, "nlp")
    mark(world, "nlp", manager)
    plan = world.plan(desired())
    assert plan.doomed_namespaces == ("nlp",)
    assert len(list(plan.of(Action.DRAIN))) == 2


def leaving(name: str = "nlp") -> Manifest:
    until = {labels.KEEP_DATA_UNTIL: "2027-01-31"}
    return objects.namespace(name, annotations=until, more={labels.OFFBOARDING: "true"})


@pytest.mark.parametrize("labelled", [False, True])
def test_no_work_is_ended_in_a_namespace_that_only_the_directory_gives_to_a_leaving_team(
    world: World, labelled: bool
) -> None:
    put_space(world, "nlp")
    if labelled:
        mark(world, "nlp")
    plan = world.plan(objects.manifests(*desired().objects, leaving()))
    (blocked,) = plan.changes
    assert isinstance(blocked, Blocked)
    assert blocked.key == key_of_space("nlp")
    assert "allot adopt namespace/nlp" in blocked.fix
    assert (f"kubectl label namespace nlp --field-manager=allotment-adopt {TAKEN_OFF}" in blocked.fix) is labelled


def test_a_declared_namespace_with_our_labels_that_nobody_applied_is_not_taken_over(world: World) -> None:
    put_space(world, "nlp")
    mark(world, "nlp")
    plan = world.plan(objects.manifests(*desired().objects, *objects.team_objects("nlp")))
    inside = [change for change in plan.changes if "nlp" in (change.key.namespace, change.key.name)]
    held = [change for change in inside if change.key.kind != "ClusterQueue"]
    assert held
    assert all(isinstance(change, Blocked) for change in held)


def test_a_namespace_that_a_backup_brought_back_is_ours(world: World) -> None:
    """Its managed fields name the tool; all that is declared is there."""
    other = World()
    for manifest in sorted(desired(), key=lambda item: item.key.kind != "Namespace"):
        other.kube.put(manifest.body)
    assert other.plan(desired()).empty


def test_what_was_ours_in_a_namespace_that_is_somebody_elses_now_is_left(world: World) -> None:
    put_space(world, "nlp")
    world.kube.apply(binding("nlp", **objects.INVENTORY))
    plan = world.plan(objects.manifests(*desired().objects, objects.namespace("nlp")))
    kinds = {change.key.kind: change for change in plan.changes}
    assert kinds.keys() == {"Namespace", "RoleBinding"}
    assert all(isinstance(change, Blocked) for change in plan.changes)


def kept_world() -> World:
    """Team nlp is gone from the directory; its data are kept."""
    world = World()
    world.settle(objects.manifests(*desired().objects, objects.namespace("nlp")))
    kept = {labels.KEEP_DATA_UNTIL: "2027-01-31"}
    world.edit(key_of_space("nlp"), lambda body: {**body, "metadata": {**body["metadata"], "annotations": kept}})
    return world


def test_the_name_of_a_namespace_that_stays_for_its_data_is_asked_while_something_in_it_goes() -> None:
    world = kept_world()
    assert world.plan(desired()).abandoned_namespaces == ()
    world.kube.put(pod("nlp"))
    plan = world.plan(desired())
    assert plan.emptied_namespaces == plan.abandoned_namespaces == ("nlp",)
    assert plan.doomed_namespaces == ()


def test_a_namespace_that_was_made_anew_since_the_plan_is_not_drained() -> None:
    world = kept_world()
    world.kube.put(pod("nlp"))
    plan = world.plan(desired())
    world.kube.delete("v1", key_of_space("nlp"))
    put_space(world, "nlp")
    report = apply_plan(plan, world.kube, world.clock)
    assert {outcome.status for outcome in report.outcomes} == {Status.BLOCKED}
    assert ObjectKey("", "Pod", "nlp", "train-0") in world.kube.existing
