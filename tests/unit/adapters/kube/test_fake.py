"""The fake keeps the contract; its hook sees every call."""

from __future__ import annotations

import pytest

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import UnreachableError
from allotment.model.manifest import ObjectKey
from tests.unit.adapters.kube.contract import KubeContract, config_map, key

SPACE = "robotics"


@pytest.fixture
def kube() -> FakeKube:
    fake = FakeKube(unserved=frozenset({"Nothing"}))
    fake.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    return fake


@pytest.fixture
def space() -> str:
    return SPACE


class TestFake(KubeContract):
    pass


def test_a_hook_that_raises_before_the_effect_prevents_it(kube: FakeKube) -> None:
    def hook(call: Call) -> None:
        if call.verb == "apply" and not call.done:
            raise UnreachableError("no answer")

    kube.hook = hook
    with pytest.raises(UnreachableError):
        kube.apply(config_map(SPACE, a="1"))
    assert key(SPACE) not in kube.existing


def test_a_hook_that_raises_after_the_effect_keeps_it(kube: FakeKube) -> None:
    def hook(call: Call) -> None:
        if call.verb == "apply" and call.done:
            raise UnreachableError("the answer was lost")

    kube.hook = hook
    with pytest.raises(UnreachableError):
        kube.apply(config_map(SPACE, a="1"))
    assert key(SPACE) in kube.existing


def test_a_namespace_goes_with_its_content(kube: FakeKube) -> None:
    kube.apply(config_map(SPACE, a="1"))
    kube.delete("v1", key("", SPACE, "Namespace"))
    assert kube.existing == frozenset()


def test_a_server_holds_what_another_held_and_neither_sees_what_comes_later(kube: FakeKube) -> None:
    kube.apply(config_map(SPACE, a="1"))
    other = FakeKube()
    other.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone"}})
    other.hold(kube)
    assert other.existing == kube.existing
    assert other.get("v1", key(SPACE)) == kube.get("v1", key(SPACE))
    assert not other.unserved
    fields = (other.get("v1", key(SPACE)) or {})["metadata"]["managedFields"]
    other.apply_as("kubectl", config_map(SPACE, a="2"), force=True)
    kube.delete("v1", ObjectKey("", "Namespace", "", SPACE))
    kept = other.get("v1", key(SPACE)) or {}
    assert kept["data"] == {"a": "2"}
    assert kept["metadata"]["managedFields"] != fields
    assert not kube.existing
