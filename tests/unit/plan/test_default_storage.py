"""Claims without a class, once apply makes a default one."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.model.manifest import Family, Manifest
from allotment.plan.changes import PlanWarning, WarningCode
from tests.unit.operations.world import World
from tests.unit.plan import objects

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def storage_class(default: str) -> Manifest:
    metadata = {"name": "fast", "annotations": {DEFAULT: default}}
    body = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": metadata, "provisioner": "disks"}
    return objects.manifest(Family.STORAGE, None, body)


def claim(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def world_with(*claims: dict[str, Any]) -> World:
    world = World()
    world.kube.put(*claims)
    return world


def said(world: World, default: str) -> list[PlanWarning]:
    plan = world.plan(objects.manifests(storage_class(default)))
    return [warning for warning in plan.warnings if warning.code is WarningCode.DEFAULT_STORAGE]


WAITING = (claim("web", "a"), claim("web", "b"), claim("legacy", "c"))


def test_unbound_claims_without_a_class_are_counted_by_namespace() -> None:
    settled = (claim("web", "bound", volumeName="pv-1"), claim("web", "by-hand", storageClassName=""))
    (warning,) = said(world_with(*WAITING, *settled), "true")
    assert warning.key == storage_class("true").key
    assert "3 claims that name no class and are unbound: web 2, legacy 1;" in warning.message


def test_a_class_that_becomes_the_default_later_says_it_then() -> None:
    world = world_with(*WAITING[:1])
    assert not said(world, "false")
    world.settle(objects.manifests(storage_class("false")))
    (warning,) = said(world, "true")
    assert "1 claim that names no class and is unbound: web 1;" in warning.message
    world.settle(objects.manifests(storage_class("true")))
    assert not said(world, "true")


@pytest.mark.parametrize("claims", [(), (claim("web", "bound", volumeName="pv-1"),)], ids=["none", "bound"])
def test_where_none_waits_nothing_is_said(claims: tuple[dict[str, Any], ...]) -> None:
    assert not said(world_with(*claims), "true")
