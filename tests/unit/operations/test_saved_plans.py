"""Saved plans: there and back unchanged, refused when stale, damaged, or about Secrets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from allotment.errors import ConflictError, InputError, UsageError
from allotment.model import labels
from allotment.model.manifest import Family, Manifest, ObjectKey
from allotment.operations.change.apply import ApplySettings, apply_plan
from allotment.operations.change.saved_plans import plan_from_text, plan_to_text, refuse_stale
from allotment.plan.changes import Action, Plan
from allotment.plan.settle import digest_of
from tests.unit.operations.world import World, held, pod
from tests.unit.plan import objects

QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")


def eventful() -> tuple[World, Plan]:
    """A plan with every kind of step."""
    world = World()
    old = objects.platform("cv", "nlp")
    world.settle(objects.manifests(*old, objects.flavor("old")))
    world.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "99"}}})
    world.kube.put(pod("nlp"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "asr"}})
    kept = [item for item in objects.platform("cv") if item.key.kind != "Role"]
    desired = objects.manifests(
        *kept, objects.role("cv", verbs=("get",)), objects.namespace("asr"), objects.flavor("t4")
    )
    return world, world.plan(desired)


def test_every_kind_of_step_survives_the_file() -> None:
    _, plan = eventful()
    assert all(plan.counts[action] for action in Action), plan.counts
    assert plan_from_text(plan_to_text(plan)) == plan


def test_the_file_is_versioned() -> None:
    document = json.loads(plan_to_text(eventful()[1]))
    assert (document["apiVersion"], document["kind"]) == ("allotment.dev/v1", "Plan")


def test_a_fresh_plan_is_applied() -> None:
    world, plan = eventful()
    saved = plan_from_text(plan_to_text(plan))
    refuse_stale(saved, world.kube)
    report = apply_plan(saved, world.kube, world.clock, ApplySettings(force=True))
    assert {outcome.change.action for outcome in report.remaining} == {Action.BLOCKED}


def status_written(world: World) -> None:
    world.edit(QUOTA, lambda body: {**body, "status": {"used": {"pods": "1"}}}, manager="kube-controller-manager")


def test_status_that_moves_on_does_not_make_a_plan_stale() -> None:
    world, plan = eventful()
    status_written(world)
    refuse_stale(plan, world.kube)


def edit_quota(world: World) -> None:
    world.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "98"}}})


def delete_quota(world: World) -> None:
    world.kube.delete("v1", QUOTA)


def create_flavor(world: World) -> None:
    world.kube.put({"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ResourceFlavor", "metadata": {"name": "t4"}})


def replace_flavor(world: World) -> None:
    key = ObjectKey("kueue.x-k8s.io", "ResourceFlavor", "", "old")
    world.kube.delete("kueue.x-k8s.io/v1beta2", key)
    world.kube.put(objects.flavor("old").body)


def start_work(world: World) -> None:
    world.kube.put(held("old"))


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (edit_quota, "ResourceQuota cv/team has changed"),
        (delete_quota, "ResourceQuota cv/team is gone"),
        (create_flavor, "ResourceFlavor.kueue.x-k8s.io t4 exists now"),
        (replace_flavor, "ResourceFlavor.kueue.x-k8s.io old was deleted and made anew"),
        (start_work, "ResourceFlavor.kueue.x-k8s.io old is in use: 4 nvidia.com/gpu in old by cv/train (1 pod)"),
    ],
)
def test_a_stale_plan_is_refused_and_says_what_changed(event: Any, named: str) -> None:
    world, plan = eventful()
    event(world)
    with pytest.raises(ConflictError) as caught:
        refuse_stale(plan, world.kube)
    assert named in caught.value.why
    assert caught.value.exit_code == 6


def test_work_that_the_plan_has_agreed_to_lose_does_not_make_it_stale() -> None:
    world = World()
    world.settle(objects.manifests(objects.flavor("old")))
    start_work(world)
    plan = world.plan(objects.manifests(objects.flavor("t4")), allow_uncounted=True)
    assert [change.action for change in plan.changes] == [Action.CREATE, Action.DELETE]
    refuse_stale(plan_from_text(plan_to_text(plan)), world.kube)


def test_a_plan_of_another_directory_is_refused() -> None:
    world, plan = eventful()
    with pytest.raises(ConflictError, match="stale"):
        refuse_stale(plan, world.kube, digest=digest_of(objects.platform("cv")))
    refuse_stale(plan, world.kube, digest=plan.digest)


def sealed(change: Callable[[dict[str, Any]], object]) -> str:
    """The file of a plan that somebody changed, with the digest it then has."""
    document = json.loads(plan_to_text(eventful()[1]))
    change(document)
    del document["digest"]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return json.dumps({**document, "digest": hashlib.sha256(text.encode()).hexdigest()})


INCOMPLETE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no cluster": (lambda plan: plan.pop("cluster"), "cluster is missing in the plan"),
    "a count in words": (lambda plan: plan.update(unchanged="a"), "the plan holds a value that no plan"),
    "no list of changes": (lambda plan: plan.update(changes=3), "changes is no list"),
    "a change is a number": (lambda plan: plan["changes"].insert(1, 3), "changes[1] holds a value that no plan"),
    "a change without its action": (lambda plan: plan["changes"][2].pop("action"), "action is missing in changes[2]"),
    "an unknown action": (lambda plan: plan["changes"][0].update(action="x"), "changes[0] holds a value that no plan"),
    "a warning without its code": (lambda plan: plan.update(warnings=[{}]), "code is missing in warnings[0]"),
    "no commit": (lambda plan: plan["source"].pop("commit"), "commit is missing in source"),
}


@pytest.mark.parametrize(("change", "says"), INCOMPLETE.values(), ids=INCOMPLETE)
def test_an_incomplete_plan_says_what_it_lacks_and_where(change: Callable[[dict[str, Any]], object], says: str) -> None:
    with pytest.raises(InputError, match="incomplete") as caught:
        plan_from_text(sealed(change))
    assert says in caught.value.why
    assert "Error" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "no",
        '{"kind":"Plan"}',
        '{"kind":"Plan","apiVersion":"allotment.dev/v9"}',
        "[" * 100_000,
        f'{{"kind":{"9" * 5000}}}',
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_plan(text: str) -> None:
    with pytest.raises(InputError):
        plan_from_text(text)


def test_a_changed_file_is_refused() -> None:
    text = plan_to_text(eventful()[1])
    with pytest.raises(InputError, match="damaged"):
        plan_from_text(text.replace('"cv"', '"cx"', 1))


def test_secrets_do_not_go_into_a_file() -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "registry", "namespace": "cv", "labels": {labels.PLATFORM: "acme"}},
        "data": {"token": "c4n4ry"},
    }
    plan = World().plan(objects.manifests(Manifest(Family.STORAGE, "cv", body)))
    with pytest.raises(UsageError) as caught:
        plan_to_text(plan)
    assert "c4n4ry" not in str(caught.value)
