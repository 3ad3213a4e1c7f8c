"""Plans of accounts that may only read, or not even that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from allotment.adapters.kube.fake import Call
from allotment.model.manifest import Manifests, ObjectKey
from allotment.plan.changes import Blocked, Conflict, MissingRight, Update
from allotment.plan.foreign import resting_on_unread
from allotment.ports.kube import AccessQuestion, AccessRefusedError
from tests.unit.operations.world import World
from tests.unit.plan import objects

QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")


def restricted(world: World, may: Callable[[str, str], bool]) -> None:
    """Let us do only what `may` says of a verb and a kind; the resource's name is the kind in small letters."""

    def hook(call: Call) -> None:
        verb = {"apply": "patch"}.get(call.verb, call.verb)
        if not may(verb, call.key.kind.lower()):
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message=f"cannot {verb}")

    def own(question: AccessQuestion) -> bool:
        singular = (
            question.resource.removesuffix("ies") + "y" if question.resource.endswith("ies") else question.resource
        )
        return may(question.verb, singular.removesuffix("s"))

    world.kube.hook, world.kube.own_rights = hook, own


def reader(verb: str, _kind: str) -> bool:
    return verb in {"get", "list"}


def changed(world: World) -> Manifests:
    """A live platform that differs from what is declared in two objects of one kind, and lacks a team."""
    world.settle(objects.platform("cv", "nlp"))
    for team in ("cv", "nlp"):
        world.kube.apply(objects.quota(team, gpus=3).body)
    return objects.platform("cv", "nlp", "asr")


def outline(changes: Any) -> list[Any]:
    return [(change.action, change.key, getattr(change, "fields", ())) for change in changes]


def test_a_reader_sees_the_differences_that_the_server_would_show() -> None:
    world = World()
    desired = changed(world)
    full = world.plan(desired)
    restricted(world, reader)
    plan = world.plan(desired)
    assert outline(plan.changes) == outline(full.changes)
    assert plan.missing == (MissingRight("patch", "", "resourcequotas", unread=False),)
    assert not [change for change in plan.changes if isinstance(change, Blocked)]


def test_a_field_of_somebody_else_is_a_conflict_for_a_reader_too() -> None:
    world = World()
    desired = changed(world)
    world.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "7"}}})
    restricted(world, reader)
    (conflict,) = [change for change in world.plan(desired).changes if isinstance(change, Conflict)]
    assert ("kubectl-edit", "7", "50") in [(field.manager, field.live, field.desired) for field in conflict.contested]
    forced = [change for change in world.plan(desired, force=True).changes if change.key == QUOTA]
    assert isinstance(forced[0], Update)


def test_a_refusal_with_the_right_is_a_refusal() -> None:
    world = World()
    desired = changed(world)

    def policy(call: Call) -> None:
        if call.verb == "apply":
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message="denied by a policy")

    world.kube.hook = policy
    plan = world.plan(desired)
    assert not plan.missing
    assert {change.why for change in plan.changes if isinstance(change, Blocked)} == {"denied by a policy"}


def test_kinds_that_may_not_be_listed_are_named_once_and_the_rest_is_planned() -> None:
    world = World()
    desired = changed(world)
    restricted(world, lambda verb, kind: kind not in {"rolebinding", "role"} and reader(verb, kind))
    with pytest.raises(AccessRefusedError):
        world.plan(desired)
    plan = world.plan(desired, partial=True)
    assert {str(right) for right in plan.unread} >= {
        "list rolebindings.rbac.authorization.k8s.io",
        "list roles.rbac.authorization.k8s.io",
    }
    assert QUOTA in {change.key for change in plan.changes}
    assert not [change for change in plan.changes if change.key.kind in {"RoleBinding", "Role"}]
    assert plan.digest == world.plan(objects.platform("cv", "nlp", "asr"), partial=True).digest


def strangers(world: World) -> Manifests:
    """A namespace and a queue of somebody else's under declared names."""
    world.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cv"}})
    world.kube.put({"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ClusterQueue", "metadata": {"name": "nlp"}})
    return objects.platform("cv", "nlp")


def test_what_rests_on_somebody_else_s_object_is_blocked_for_a_reader_in_the_same_words() -> None:
    world = World()
    desired = strangers(world)
    full = world.plan(desired, check_creations=True)
    restricted(world, reader)
    plan = world.plan(desired, check_creations=True, partial=True)
    blocked = {change.key.kind for change in plan.changes if isinstance(change, Blocked)}
    assert {"Namespace", "ClusterQueue", "LocalQueue", "ResourceQuota"} <= blocked
    assert [change for change in plan.changes if isinstance(change, Blocked)] == [
        change for change in full.changes if isinstance(change, Blocked)
    ]


@pytest.mark.parametrize(
    ("unread", "resting"),
    [
        ("namespace", {"cv", "nlp"}),
        ("clusterqueue", {"nlp"}),
        ("resourceflavor", {"nlp"}),
        ("rolebinding", set()),
    ],
)
def test_what_would_rest_on_objects_that_were_not_looked_at_is_known(unread: str, resting: set[str]) -> None:
    world = World()
    world.kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cv"}})
    restricted(world, lambda verb, kind: kind != unread and reader(verb, kind))
    plan = world.plan(objects.platform("cv", "nlp"), partial=True)
    right = next(right for right in plan.unread if right.resource == f"{unread}s")
    found = resting_on_unread(plan.changes, right)
    assert {key.namespace for key in found if key.kind == "LocalQueue"} == resting
