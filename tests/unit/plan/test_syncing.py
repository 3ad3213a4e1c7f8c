"""Argo CD and Flux: objects that they applied, and plans that they would undo."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.model.manifest import Body, Family, Manifest, Manifests, key_of
from allotment.plan import order
from allotment.plan.changes import Action, Conflict, PlanWarning, WarningCode
from allotment.plan.syncing import tool_of
from allotment.ports.kube import Answer, FieldConflict, FieldConflictError
from tests.unit.operations.world import World
from tests.unit.plan import objects

TRACKED = {"argocd.argoproj.io/tracking-id": "acme:/ResourceQuota:cv/team"}
LABELLED = {"kustomize.toolkit.fluxcd.io/name": "acme", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
INSTANCE = {"app.kubernetes.io/instance": "acme-dev"}

TOOLS = {
    "Argo CD": ("argocd-controller", {"annotations": TRACKED}),
    "Argo CD by label": ("argocd-controller", {"labels": INSTANCE}),
    "Flux": ("kustomize-controller", {"labels": LABELLED}),
}


def marked(body: dict[str, Any], marks: dict[str, dict[str, str]]) -> dict[str, Any]:
    metadata = dict(body["metadata"])
    for field, more in marks.items():
        metadata[field] = {**metadata.get(field, {}), **more}
    return {**body, "metadata": metadata}


def synced(desired: Manifests, manager: str, marks: dict[str, dict[str, str]]) -> World:
    """A cluster to which a tool applied the tree."""
    world = World()
    for manifest in sorted(desired, key=lambda item: order.place(item.key)):
        world.kube.apply_as(manager, marked(dict(manifest.body), marks), force=True)
    return world


def warned(warnings: tuple[PlanWarning, ...]) -> list[str]:
    return [warning.message for warning in warnings if warning.code is WarningCode.SYNCED]


@pytest.mark.parametrize(("manager", "marks"), TOOLS.values(), ids=TOOLS)
class TestSynced:
    def test_the_plan_is_empty_and_apply_writes_nothing(self, manager: str, marks: dict[str, Any]) -> None:
        desired = objects.platform("cv", "nlp")
        world = synced(desired, manager, marks)
        world.forget()
        assert world.plan(desired).empty
        assert world.apply(desired).complete
        assert world.writes() == []

    def test_another_value_of_the_tools_is_a_conflict_that_it_would_win(
        self, manager: str, marks: dict[str, Any]
    ) -> None:
        world = synced(objects.platform("cv"), manager, marks)
        old = objects.quota("cv", gpus=2)
        world.kube.apply_as(manager, marked(dict(old.body), marks), force=True)
        plan = world.plan(objects.platform("cv"))
        (change,) = plan.changes
        assert isinstance(change, Conflict)
        assert {field.manager for field in change.contested} == {manager}
        (message,) = warned(plan.warnings)
        assert message.startswith("Flux keeps this as" if "kust" in manager else "Argo CD keeps this as")

    def test_what_its_tree_holds_and_we_no_longer_declare_is_deleted_with_a_warning(
        self, manager: str, marks: dict[str, Any]
    ) -> None:
        world = synced(objects.platform("cv", "nlp"), manager, marks)
        plan = world.plan(objects.platform("cv"))
        assert {change.action for change in plan.changes} == {Action.DELETE, Action.DRAIN}
        told = [message for message in warned(plan.warnings) if "more of this plan" in message]
        # By the label alone nobody knows whose it is: Helm and others write it too.
        assert len(told) == (0 if marks == {"labels": INSTANCE} else 1)


def test_a_plan_that_touches_nothing_of_the_tools_says_nothing() -> None:
    world = synced(objects.platform("cv"), "argocd-controller", {"annotations": TRACKED})
    assert warned(world.plan(objects.platform("cv", "nlp")).warnings) == []


def test_an_object_of_our_own_is_no_tools() -> None:
    world = World()
    world.settle(objects.platform("cv"))
    assert [tool_of(body) for body in world.kube.list("v1", "ResourceQuota")] == [""]


class Unstored(FakeKube):
    """A server that stores no `false`, though the field manager goes on to own it."""

    def apply(self, body: Body, *, dry_run: bool = False, force: bool = False) -> Answer:
        if "globalDefault" in body and not force:
            conflict = FieldConflict("argocd-controller", ".globalDefault")
            raise FieldConflictError(key_of(body), (conflict,))
        stored = {name: value for name, value in body.items() if name != "globalDefault"}
        return super().apply(stored, dry_run=dry_run, force=force)


@pytest.mark.parametrize(("value", "conflicts"), [(1000, 0), (2000, 1)], ids=["nothing", "something"])
def test_a_dispute_counts_where_taking_over_would_change(value: int, conflicts: int) -> None:
    world = World(Unstored())
    body = objects.priority_class().body
    world.kube.apply_as("argocd-controller", {**body, "value": 1000})
    wanted = Manifest(Family.PRIORITY_CLASSES, None, {**body, "value": value, "globalDefault": False})
    assert len(world.plan(objects.manifests(wanted)).changes) == conflicts
