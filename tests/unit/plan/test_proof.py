"""Namespaces that nobody declares: a field manager is a word, so it takes a proof that the platform made them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from allotment.adapters.kube.fake import Call
from allotment.model import labels
from allotment.model.manifest import Body, Manifests, ObjectKey
from allotment.model.policy import NAMESPACE_GATE
from allotment.plan.changes import Action, Blocked, Plan, PlanWarning, WarningCode
from allotment.plan.proof import gate_of
from allotment.ports.kube import AccessRefusedError
from tests.unit.operations.world import World, job, pod
from tests.unit.plan import objects

MARKS = {**objects.INVENTORY, labels.TENANT: "nlp"}
SPACE = ObjectKey("", "Namespace", "", "engineers")
FIRST, SECOND, THIRD = (f"2026-01-0{day}T00:00:00Z" for day in (1, 2, 3))


def guarded(*teams: str) -> Manifests:
    return objects.manifests(*objects.platform(*teams).objects, *objects.gate())


def put_space(world: World, name: str = SPACE.name) -> None:
    """A namespace of somebody's, with work and a way in."""
    world.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    binding = objects.role_binding("nlp").body
    world.kube.put(pod(name), job(name), {**binding, "metadata": {"name": "theirs", "namespace": name}})


def forge(world: World, how: str, key: ObjectKey = SPACE) -> None:
    """Our labels, by somebody who may only update namespaces."""
    marked = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": key.name, "labels": MARKS}}
    if how == "patch as allotment-adopt":
        world.kube.merge_patch("v1", key, {"metadata": {"labels": MARKS}}, manager=labels.ADOPTING_MANAGER)
    else:
        world.kube.apply_as(how, marked)


def left_alone(plan: Plan, key: ObjectKey = SPACE) -> PlanWarning:
    touched = [change.key for change in plan.changes if key.name in (change.key.name, change.key.namespace)]
    assert touched == []
    (warning,) = (one for one in plan.warnings if key.name in (one.key.name, one.key.namespace))
    assert (warning.code, warning.key) == (WarningCode.DISGUISED, key)
    return warning


HOWS = ("argocd-controller", "allotment", "kubectl-client-side-apply", "patch as allotment-adopt")


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("before", ["the first apply", "the policy, made again"])
def test_marks_on_a_namespace_that_is_older_than_the_policy_end_nothing(how: str, before: str) -> None:
    world = World()
    put_space(world)
    forge(world, how)
    if before != "the first apply":
        world.kube.now = SECOND
        world.settle(guarded("cv"))
    world.kube.now = SECOND
    message = left_alone(world.plan(guarded("cv"))).message
    assert "older than the policy no-namespace-adoption" in message
    assert "`kubectl delete namespace engineers`" in message
    assert "`kubectl label namespace engineers --field-manager=allotment-adopt allotment.dev/platform- " in message
    world.settle(guarded("cv"))
    assert {ObjectKey("", "Pod", "engineers", "train-0"), SPACE} <= world.kube.existing


def entry(manager: str, day: int, *fields: str) -> Body:
    return {"manager": manager, "time": f"2026-01-0{day}T00:00:00Z", "fieldsV1": {field: {} for field in fields}}


@pytest.mark.parametrize(
    ("entries", "since"),
    [
        ([], 1),
        ([entry("allotment", 1, "f:metadata", "f:spec")], 1),
        ([entry("allotment", 3, "f:metadata")], 1),
        ([entry("allotment", 1, "f:metadata", "f:spec"), entry("kubectl-patch", 2, "f:spec")], 2),
        ([entry("allotment", 3, "f:metadata", "f:spec")], 3),
        ([{"manager": "who", "fieldsV1": {"f:spec": {}}}], 1),
    ],
    ids=["no record", "as it was made", "a label", "softened by hand", "softened, and put right", "no time"],
)
def test_a_binding_that_was_softened_for_a_while_proves_nothing_of_before(entries: list[Body], since: int) -> None:
    made = {"creationTimestamp": FIRST}
    spec = {"validationActions": ["Deny"], "matchResources": {"namespaceSelector": {}}}
    gate = gate_of({"metadata": made}, {"metadata": {**made, "managedFields": entries}, "spec": spec})
    proven = [gate.proves({"metadata": {"name": "n", "creationTimestamp": time}}) for time in (FIRST, SECOND, THIRD)]
    assert proven == [day >= since for day in (1, 2, 3)]


@pytest.mark.parametrize("how", HOWS)
def test_the_namespace_default_is_never_ours(how: str) -> None:
    """Nor is it where the platform has no such policy, or the policy is older."""
    for desired in (objects.platform("cv"), guarded("cv")):
        world = World()
        world.settle(desired)
        put_space(world, "default")
        key = ObjectKey("", "Namespace", "", "default")
        forge(world, how, key)
        assert "is the system's" in left_alone(world.plan(desired), key).message


def test_what_lies_in_it_is_left_and_counted() -> None:
    world = World()
    world.settle(objects.platform("cv", "nlp"))
    world.kube.now = SECOND
    plan = world.plan(guarded("cv"))
    within = sum(item.key.namespace == "nlp" for item in objects.team_objects("nlp"))
    (warning,) = (one for one in plan.warnings if one.code is WarningCode.DISGUISED)
    assert f"({within} in it carry them, too)" in warning.message
    assert [change.key.kind for change in plan.of(Action.DELETE)] == ["ClusterQueue"]


def test_a_namespace_of_the_very_first_apply_is_proven_and_goes() -> None:
    """The policy stands before the namespaces, though both came in one second or in two."""
    world = World()
    seconds = iter(range(1, 60))

    def tick(call: Call) -> None:
        if call.done and call.verb in {"create", "apply"} and not call.dry_run:
            world.kube.now = f"2026-01-01T00:00:{next(seconds):02}Z"

    world.kube.hook = tick
    world.settle(guarded("cv", "nlp"))
    plan = world.plan(guarded("cv"))
    assert plan.doomed_namespaces == ("nlp",)
    assert len(list(plan.of(Action.DRAIN))) == 2


def _without(name: str) -> Callable[[World], None]:
    def done(world: World) -> None:
        world.kube.delete("v1", ObjectKey("admissionregistration.k8s.io", name, "", NAMESPACE_GATE))

    return done


def _warns(world: World) -> None:
    for item in objects.gate("Warn"):
        world.kube.apply(item.body)


def _spares(world: World) -> None:
    _, binding = objects.gate()
    names = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["nlp"]}
    where = {"matchResources": {"namespaceSelector": {"matchExpressions": [names]}}}
    world.kube.apply({**binding.body, "spec": {**binding.body["spec"], **where}})


def _unreadable(world: World) -> None:
    def hook(call: Call) -> None:
        if call.verb == "get" and call.key.name == NAMESPACE_GATE:
            raise AccessRefusedError("the server refused it", status=403, reason="Forbidden", message="no")

    world.kube.hook = hook


def _made_again(kind: str) -> Callable[[World], None]:
    def done(world: World) -> None:
        _without(kind)(world)
        world.kube.now = THIRD
        world.settle(guarded("cv", "nlp"))

    return done


UNPROVEN: dict[str, Callable[[World], None]] = {
    "the policy is gone": _without("ValidatingAdmissionPolicy"),
    "its binding is gone": _without("ValidatingAdmissionPolicyBinding"),
    "the policy was made again": _made_again("ValidatingAdmissionPolicy"),
    "its binding was made again": _made_again("ValidatingAdmissionPolicyBinding"),
    "it only warns": _warns,
    "it spares the namespace": _spares,
    "it may not be read": _unreadable,
}


@pytest.mark.parametrize("case", UNPROVEN)
def test_where_the_policy_does_not_keep_others_out_nothing_is_proven(case: str) -> None:
    world = World()
    world.settle(guarded("cv", "nlp"))
    assert world.plan(guarded("cv")).doomed_namespaces == ("nlp",)
    UNPROVEN[case](world)
    plan = world.plan(guarded("cv"))
    assert plan.doomed_namespaces == plan.abandoned_namespaces == ()
    assert not [change for change in plan.changes if change.key.namespace == "nlp"]


def adopted(world: World, name: str, **more: Any) -> None:
    def marked(body: dict[str, Any]) -> dict[str, Any]:
        notes = {labels.ADOPTED: "{}", **more}
        return {**body, "metadata": {**body["metadata"], "annotations": notes}}

    world.edit(ObjectKey("", "Namespace", "", name), marked)


@pytest.mark.parametrize("gates", [(), objects.gate()], ids=["no policy", "policy"])
@pytest.mark.parametrize("kept", [{}, {labels.KEEP_DATA_UNTIL: "2027-01-31"}], ids=["", "kept"])
def test_a_namespace_that_was_taken_over_goes_back_and_is_not_emptied(gates: Any, kept: dict[str, str]) -> None:
    world = World()
    world.settle(objects.manifests(*objects.platform("cv", "nlp").objects, *gates))
    world.kube.put(pod("nlp"), job("nlp"))
    adopted(world, "nlp", **kept)
    desired = objects.manifests(*objects.platform("cv").objects, *gates)
    before = world.kube.existing
    plan = world.plan(desired)
    assert plan.changes
    assert all(isinstance(change, Blocked) for change in plan.changes), plan.changes
    space = next(change for change in plan.changes if change.key.kind == "Namespace")
    assert isinstance(space, Blocked)
    assert "`allot adopt --undo namespace/nlp`" in space.fix
    roots = {change.following for change in plan.changes if isinstance(change, Blocked) and change is not space}
    assert roots == {"Namespace nlp"}
    assert plan.warnings == ()
    world.apply(desired)
    assert world.kube.existing == before
