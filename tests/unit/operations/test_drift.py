"""Drift: who changed what and when; one unreachable cluster does not hide the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import NotFoundError, UnreachableError
from allotment.model.manifest import Manifests, ObjectKey
from allotment.operations.change import refused as refusing
from allotment.operations.change.drift import DriftKind, DriftReport, DriftState, DriftTarget, find_drift
from allotment.operations.change.planning import PlanSettings
from allotment.plan.changes import Conflict
from allotment.plan.difference import ABSENT
from allotment.ports.kube import AccessRefusedError, Answer, KubePort, RefusedError
from tests.unit.operations.world import START, TODAY, World
from tests.unit.plan import objects

QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")
DESIRED = objects.platform("cv")


def pods(number: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": number}}}


def settled() -> World:
    world = World()
    world.settle(DESIRED)
    return world


def target(world: World, name: str = "dev") -> DriftTarget:
    return DriftTarget(Manifests(name, DESIRED.objects), lambda: world.kube)


def look(*targets: DriftTarget) -> DriftReport:
    return find_drift(targets, PlanSettings(objects.PLATFORM, TODAY), World().clock)


def test_in_sync() -> None:
    report = look(target(settled()))
    assert report.in_sync
    assert report.exit_code == 0
    (cluster,) = report.clusters
    assert (cluster.cluster, cluster.state, cluster.objects) == ("dev", DriftState.IN_SYNC, ())
    assert cluster.observed_at == START


def test_a_changed_field_with_who_and_when() -> None:
    world = settled()
    world.edit(QUOTA, pods("99"))
    report = look(target(world))
    (found,) = report.clusters[0].objects
    (field,) = found.fields
    assert (found.key, found.kind) == (QUOTA, DriftKind.CHANGED)
    assert (field.field, field.live, field.declared) == (".spec.hard.pods", "99", "50")
    assert (field.by, field.since) == ("kubectl-edit", "2026-01-01T00:00:00Z")
    assert report.exit_code == 1


POLICY = ObjectKey("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "", "acme-labels-required")


def parameters(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "spec": {**body["spec"], "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}}


def test_what_somebody_added_to_an_object_of_ours_with_who_and_when() -> None:
    world = settled()
    world.edit(POLICY, parameters)
    (found,) = look(target(world)).clusters[0].objects
    (field,) = found.fields
    assert (found.key, found.kind) == (POLICY, DriftKind.CHANGED)
    assert (field.field, field.declared, field.by) == (".spec.paramKind", ABSENT, "kubectl-edit")


def test_an_addition_is_contested_and_taken_out_by_force_only() -> None:
    world = settled()
    world.edit(POLICY, parameters)
    (change,) = world.plan(DESIRED).changes
    assert isinstance(change, Conflict)
    assert not world.apply(DESIRED).complete
    assert not look(target(world)).in_sync
    assert world.apply(DESIRED, force=True).complete
    assert look(target(world)).in_sync
    assert world.plan(DESIRED).empty


@pytest.mark.parametrize(("faster", "complete"), [(2, True), (99, False)])
def test_an_addition_is_taken_out_though_others_write_at_the_same_time(faster: int, complete: bool) -> None:
    """The API server's own controller writes a policy's status just after it was applied."""
    world = settled()
    world.edit(POLICY, parameters)
    patch, tries = world.kube.merge_patch, 0

    def stale_at_first(*args: Any, **kwargs: Any) -> Answer:
        nonlocal tries
        if kwargs.get("dry_run"):
            return patch(*args, **kwargs)
        tries += 1
        if tries <= faster:
            raise RefusedError("no", status=409, reason="Conflict", message="the object has been modified")
        return patch(*args, **kwargs)

    with pytest.MonkeyPatch.context() as context:
        context.setattr(FakeKube, "merge_patch", lambda _self, *args, **kwargs: stale_at_first(*args, **kwargs))
        assert world.apply(DESIRED, force=True).complete is complete
    assert look(target(world)).in_sync is complete


def test_a_default_that_we_do_not_know_is_nobodys() -> None:
    world = settled()
    patch = world.kube.merge_patch

    def filled_in(*args: Any, **kwargs: Any) -> Answer:
        body = patch(*args, **kwargs).body
        return Answer({**body, "spec": {**body["spec"], "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}}, ())

    world.edit(POLICY, parameters)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(FakeKube, "merge_patch", lambda _self, *args, **kwargs: filled_in(*args, **kwargs))
        assert look(target(world)).in_sync


def test_a_deleted_object_and_a_surplus_one() -> None:
    world = settled()
    world.kube.delete("v1", QUOTA)
    world.kube.apply(objects.flavor("stray").body)
    found = {item.key.kind: item.kind for item in look(target(world)).clusters[0].objects}
    assert found == {"ResourceQuota": DriftKind.MISSING, "ResourceFlavor": DriftKind.SURPLUS}


def test_what_a_controller_labelled_as_ours_is_foreign_and_no_surplus() -> None:
    world = settled()
    claim = ObjectKey("", "PersistentVolumeClaim", "cv", "data-store-0")
    bare = {"apiVersion": "v1", "kind": claim.kind, "metadata": {"name": claim.name, "namespace": "cv"}}
    marked = {**bare, "metadata": {**bare["metadata"], "labels": objects.INVENTORY}}  # type: ignore[dict-item]
    world.kube.put(bare)
    world.edit(claim, lambda _: marked, manager="kube-controller-manager")
    report = look(target(world))
    (found,) = report.clusters[0].objects
    assert (found.key, found.kind) == (claim, DriftKind.FOREIGN)
    assert "is left alone" in found.message
    assert report.exit_code == 1


def test_looking_changes_nothing() -> None:
    world = settled()
    world.edit(QUOTA, pods("99"))
    before = world.state()
    look(target(world))
    assert world.state() == before


def test_repair() -> None:
    world = settled()
    world.edit(QUOTA, pods("99"))
    world.kube.delete("v1", ObjectKey("", "LimitRange", "cv", "team"))
    assert world.apply(DESIRED, force=True).complete
    assert look(target(world)).in_sync


def test_one_unreachable_cluster_does_not_hide_the_others() -> None:
    drifted, gone = settled(), settled()
    drifted.edit(QUOTA, pods("99"))

    def no_answer(_call: object) -> None:
        raise UnreachableError("no answer")

    gone.kube.hook = no_answer

    def no_context() -> KubePort:
        raise NotFoundError("no such context")

    report = look(
        target(settled(), "a"), target(gone, "b"), target(drifted, "c"), DriftTarget(Manifests("d", ()), no_context)
    )
    assert [(one.cluster, one.state.value) for one in report.clusters] == [
        ("a", "in-sync"), ("b", "unreachable"), ("c", "drifted"), ("d", "unreachable"),
    ]  # fmt: skip
    assert report.degraded == ("b", "d")
    assert not report.in_sync
    assert report.exit_code == 9
    assert report.clusters[1].plan is None
    assert isinstance(report.clusters[1].error, UnreachableError)


def test_an_unlabelled_namesake_is_reported_as_blocked() -> None:
    kube = FakeKube()
    kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cv"}})
    report = look(DriftTarget(DESIRED, lambda: kube))
    kinds = {item.kind for item in report.clusters[0].objects if item.key.namespace == "cv"}
    assert kinds == {DriftKind.BLOCKED}


def refused(name: str = "e") -> dict[str, Any]:
    policy = "queue-required.allotment.dev"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "legacy"},
        "reason": "FailedCreate",
        "involvedObject": {"kind": "Job", "name": "old"},
        "message": f"ValidatingAdmissionPolicy '{policy}' with binding '{policy}' denied request: it names no queue",
        "lastTimestamp": START.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_work_that_policies_refuse_is_told_and_is_no_drift() -> None:
    world = settled()
    world.kube.put(refused())
    report = look(target(world))
    (found,) = report.clusters[0].refused
    assert (found.namespace, found.policy, found.works, found.why) == (
        "legacy", "queue-required", ("Job old",), "it names no queue",
    )  # fmt: skip
    assert report.exit_code == 0


def test_events_are_read_to_a_bound_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    world = settled()
    world.kube.put(*(refused(f"e{number}") for number in range(3)))
    assert not look(target(world)).clusters[0].notes
    monkeypatch.setattr(refusing, "MOST", 2)
    (note,) = look(target(world)).clusters[0].notes
    assert "events of failed creations were read" in note


def test_who_may_not_list_events_is_told_that_nobody_looked() -> None:
    world = settled()

    def hook(call: Call) -> None:
        if call.verb == "list" and call.key.kind == "Event":
            raise AccessRefusedError("no", status=403, reason="Forbidden", message="events is forbidden")

    world.kube.hook = hook
    (found,) = look(target(world)).clusters
    assert found.state is DriftState.IN_SYNC
    assert [str(each) for each in found.unread] == [
        "not looked at: Event (whether policies refuse work is not known: events is forbidden)"
    ]
