"""A team that leaves: access does not outlive it, whoever made it and whatever holds it."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.adapters.kube.fake import Call
from allotment.model import labels
from allotment.model.manifest import Manifests, ObjectKey
from allotment.operations.change.apply import ApplySettings, Status, apply_plan
from allotment.plan.changes import Action
from allotment.ports.kube import RefusedError
from tests.unit.operations.world import World, failing, pod
from tests.unit.plan import objects

SPACE = ObjectKey("", "Namespace", "", "cv")
LEFT = objects.platform("nlp")
RBAC = "rbac.authorization.k8s.io/v1"


def occupied(*finalizers: str) -> World:
    world = World()
    world.settle(objects.platform("cv", "nlp"))
    held = {"finalizers": list(finalizers)} if finalizers else {}
    token = "kubernetes.io/service-account-token"
    for space in ("cv", "nlp"):
        world.kube.put(
            made(RBAC, "Role", "own", space, held, rules=[]),
            made(RBAC, "RoleBinding", "own", space, held, roleRef={"kind": "Role", "name": "own"}),
            made("v1", "ServiceAccount", "builder", space, held),
            made("v1", "Secret", "token", space, held, type=token),
            made("v1", "Secret", "password", space, {}, type="Opaque"),
            pod(space) | {"metadata": {**pod(space)["metadata"], **held}},
        )
    world.forget()
    return world


def made(api_version: str, kind: str, name: str, space: str, held: Any, **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": space, **held}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def leaving() -> Manifests:
    marked = {labels.OFFBOARDING: "true"}
    space = objects.namespace("cv", annotations={labels.KEEP_DATA_UNTIL: "2027-01-31"}, more=marked)
    return objects.manifests(*LEFT.objects, space, objects.claim("cv"), *objects.guardrails("cv"))


def ways_in(world: World, space: str) -> set[str]:
    kinds = {"Role", "RoleBinding", "Secret", "ServiceAccount"}
    return {f"{key.kind} {key.name}" for key in world.kube.existing if key.namespace == space and key.kind in kinds}


@pytest.mark.parametrize("finalizers", [(), ("example.com/hold",), ("kueue.x-k8s.io/managed", "x.y/z")])
def test_what_an_owner_made_goes_with_the_team(finalizers: tuple[str, ...]) -> None:
    world = occupied(*finalizers)
    before = ways_in(world, "nlp")
    planned = {f"{change.key.kind} {change.key.name}" for change in world.plan(leaving()).of(Action.DELETE)}
    assert planned >= {"Role own", "RoleBinding own", "ServiceAccount builder", "Secret token"}
    world.settle(leaving())
    assert ways_in(world, "cv") == {"Secret password", "ServiceAccount default"}
    assert ways_in(world, "nlp") == before
    assert ObjectKey("", "Pod", "cv", "train-0") not in world.kube.existing
    assert world.plan(leaving()).empty


def test_it_goes_before_the_guardrails_fall() -> None:
    world = occupied("example.com/hold")
    left: dict[str, set[str]] = {}

    def watch(call: Call) -> None:
        if call.verb == "delete" and not call.done and call.key.kind in {"NetworkPolicy", "Namespace"}:
            left.setdefault(call.key.kind, set()).update(ways_in(world, "cv"))

    world.kube.hook = watch
    world.settle(LEFT)
    assert left.keys() == {"NetworkPolicy", "Namespace"}
    assert set().union(*left.values()) <= {"Secret password", "ServiceAccount default"}
    assert SPACE not in world.kube.existing


def test_what_slips_in_after_the_plan_goes_too() -> None:
    world = occupied()
    plan = world.plan(leaving())
    world.kube.put(made(RBAC, "RoleBinding", "late", "cv", {"finalizers": ["example.com/hold"]}))
    assert apply_plan(plan, world.kube, world.clock, ApplySettings(workers=1)).complete
    assert "RoleBinding late" not in ways_in(world, "cv")


def test_work_is_ended_even_where_access_cannot_be_taken() -> None:
    world = occupied()
    no = RefusedError("refused", status=403, reason="Forbidden", message="not allowed")
    world.kube.hook = failing(lambda call: call.verb == "delete" and call.key.name == "own", no)
    report = world.apply(leaving())
    assert not report.complete
    assert ObjectKey("", "Pod", "cv", "train-0") not in world.kube.existing
    world.kube.hook = lambda call: None
    world.settle(leaving())


def test_a_controllers_own_finalizer_is_named_when_time_is_up() -> None:
    world = occupied()
    held = {"finalizers": ["ray.io/cleanup"]}
    world.kube.put(made("ray.io/v1", "RayCluster", "ray", "cv", held))
    report = world.apply(leaving())
    (late, *_) = [outcome for outcome in report.outcomes if outcome.status is Status.TIMED_OUT]
    assert "RayCluster.ray.io cv/ray (held by ray.io/cleanup)" in late.message


def test_finalizers_of_tenants_do_not_keep_the_namespace() -> None:
    world = occupied()
    both = {"finalizers": ["example.com/hold", "service.kubernetes.io/load-balancer-cleanup"]}
    world.kube.put(made("v1", "Service", "s", "cv", both))
    patched: list[Any] = []

    def watch(call: Call) -> None:
        if call.verb == "patch" and call.key.kind == "Service" and call.done:
            patched.append(call.body)
        if call.verb == "delete" and call.key == SPACE and call.done:
            world.kube.put(objects.namespace("cv").body, made("v1", "Service", "s", "cv", both))

    world.kube.hook = watch
    world.apply(LEFT)
    assert [body["metadata"]["finalizers"] for body in patched] == [["service.kubernetes.io/load-balancer-cleanup"]]


def test_a_finalizer_that_its_controller_took_off_meanwhile_does_not_come_back() -> None:
    """The API server refuses a finalizer that is new on an object which is being deleted."""
    world = occupied()
    held = {"finalizers": ["ray.io/cleanup", "example.com/hold"]}
    world.kube.put(made("ray.io/v1", "RayCluster", "ray", "cv", held))
    ray = ObjectKey("ray.io", "RayCluster", "cv", "ray")
    written: list[Any] = []

    def cleaned_up(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"metadata": body["metadata"] | {"finalizers": ["example.com/hold"]}}

    def watch(call: Call) -> None:
        if call.verb == "patch" and call.key == ray and not call.done:
            written.append(call.body["metadata"]["finalizers"])
            if len(written) == 1:
                world.kube.edit(ray, cleaned_up)

    world.kube.hook = watch
    world.settle(leaving())
    assert written == [["ray.io/cleanup"], None]
    assert ray not in world.kube.existing
