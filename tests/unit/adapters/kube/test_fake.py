"""The fake keeps the contract; its hook sees every call."""

from __future__ import annotations

import pytest

from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import UnreachableError
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
