"""What waits for a step that is blocked or in conflict: the plan says it up front, and apply agrees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.kube.fake import Call
from allotment.model import labels
from allotment.model.manifest import Family, Manifest, Manifests, ObjectKey
from allotment.operations.change.apply import Status, apply_plan
from allotment.operations.change.saved_plans import plan_from_text, plan_to_text
from allotment.plan.changes import Action, Blocked, Plan, Update
from allotment.plan.order import Stage, stage
from allotment.ports.kube import RefusedError
from tests.unit.operations.world import World
from tests.unit.plan import objects

SPACE = ObjectKey("", "Namespace", "", "cv")
POLICY = objects.admission_policy().key
ELSEWHERE = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
PEERS: dict[str, tuple[list[dict[str, Any]], bool]] = {
    "from another namespace": ([{"from": [ELSEWHERE]}], True),
    "from addresses": ([{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}], True),
    "from everybody": ([{"ports": [{"port": 80}]}], True),
    "from the namespace itself": ([{"from": [{"podSelector": {}}]}], False),
    "from nobody": ([], False),
}


def opening(ingress: list[dict[str, Any]]) -> Manifest:
    body = objects.network_policy("cv").body
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": ingress}
    changed = {**body, "metadata": {**body["metadata"], "name": "opening"}, "spec": spec}
    return Manifest(Family.NETWORK_POLICIES, "cv", changed)


def base() -> Manifests:
    """Team cv with its guardrails, and nobody let in yet."""
    return objects.manifests(objects.namespace("cv"), *objects.guardrails("cv"))


def disputed(world: World) -> None:
    """Somebody else says which team the namespace is."""

    def changed(body: dict[str, Any]) -> dict[str, Any]:
        marks = {**body["metadata"]["labels"], labels.TENANT: "rival"}
        return {**body, "metadata": {**body["metadata"], "labels": marks}}

    world.edit(SPACE, changed)


def refusing(call: Call) -> None:
    """Admission refuses every change of the namespace."""
    if call.key == SPACE and call.verb in {"apply", "merge_patch"} and not call.done:
        raise RefusedError("no", status=403, reason="Forbidden", message="not in this cluster")


def of(plan: Plan, *kinds: str) -> list[Any]:
    return [change for change in plan.changes if change.key.kind in kinds]


@pytest.fixture
def world() -> World:
    world = World()
    world.settle(base())
    return world


@pytest.mark.parametrize("how", ["conflict", "refused"])
def test_nobody_is_let_into_a_namespace_whose_own_step_is_not_done(world: World, how: str) -> None:
    disputed(world)
    wanted = objects.manifests(*base().objects, *objects.access("cv"), objects.claim("cv"))
    if how == "refused":
        world.kube.hook = refusing
    plan = world.plan(wanted, force=how == "refused")
    assert plan.counts[Action.CONFLICT if how == "conflict" else Action.BLOCKED]
    waiting = of(plan, "Role", "RoleBinding", "LocalQueue")
    assert len(waiting) == 3
    for change in waiting:
        assert isinstance(change, Blocked)
        assert change.wanted is Action.CREATE
        assert change.why == "Namespace cv is not as declared, so no access is opened"
        assert change.following == "Namespace cv"
    (claim,) = of(plan, "PersistentVolumeClaim")
    assert claim.action is Action.CREATE


def test_apply_and_a_saved_plan_agree_with_it(world: World) -> None:
    disputed(world)
    plan = world.plan(objects.manifests(*base().objects, *objects.access("cv")))
    assert plan_from_text(plan_to_text(plan)) == plan
    report = apply_plan(plan, world.kube, world.clock)
    assert report.exit_code == 6
    assert {outcome.status for outcome in report.outcomes} == {Status.CONFLICT, Status.BLOCKED}


def test_taking_the_contested_label_over_lets_the_rest_go_on(world: World) -> None:
    disputed(world)
    wanted = objects.manifests(*base().objects, *objects.access("cv"))
    plan = world.plan(wanted, force=True)
    assert not plan.counts[Action.BLOCKED]
    assert apply_plan(plan, world.kube, world.clock).complete


@pytest.mark.parametrize("name", PEERS)
def test_network_policies_that_let_others_in_wait_too(world: World, name: str) -> None:
    ingress, waits = PEERS[name]
    disputed(world)
    plan = world.plan(objects.manifests(*base().objects, opening(ingress)))
    (change,) = of(plan, "NetworkPolicy")
    assert isinstance(change, Blocked) is waits


@pytest.mark.parametrize(
    ("subjects", "step"), [(["cv-members"], Update), (["cv-members", "cv-guests", "rivals"], Blocked)]
)
def test_taking_somebodys_access_waits_for_nothing(world: World, subjects: list[str], step: type) -> None:
    def bound(*groups: str) -> Manifest:
        item = objects.role_binding("cv")
        people = [{"kind": "Group", "name": group} for group in groups]
        return replace(item, body={**item.body, "subjects": people})

    role = objects.role("cv")
    world.settle(objects.manifests(*base().objects, role, bound("cv-members", "cv-guests")))
    disputed(world)
    plan = world.plan(objects.manifests(*base().objects, role, bound(*subjects)))
    (change,) = of(plan, "RoleBinding")
    assert isinstance(change, step)


def test_a_missing_guardrail_of_the_cluster_closes_every_namespace() -> None:
    world = World()
    world.kube.put({**objects.admission_policy().body, "metadata": {"name": POLICY.name}})
    plan = world.plan(objects.platform("cv", "nlp"))
    waiting = of(plan, "Role", "RoleBinding", "LocalQueue")
    assert len(waiting) == 6
    assert all(isinstance(change, Blocked) and str(POLICY) in change.why for change in waiting)
    assert all(change.action is Action.CREATE for change in plan.changes if stage(change.key) is Stage.CAPACITY)
    report = apply_plan(plan, world.kube, world.clock)
    assert Status.SKIPPED not in {outcome.status for outcome in report.outcomes}
