"""Specifications that cannot work are refused with a next step."""

from __future__ import annotations

import pytest

from allotment.errors import InputError
from allotment.ports.sandboxes import FakeNode, SandboxSpec


@pytest.mark.parametrize("name", ["dev", "a", "dev-eastus-2", "9lives", "x" * 40])
def test_names_that_work(name: str) -> None:
    SandboxSpec(name).check()


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "../etc", "a/b", ".hidden", "x" * 41, "a\n"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(InputError) as caught:
        SandboxSpec(name).check()
    assert caught.value.fix


def test_two_nodes_of_one_name() -> None:
    with pytest.raises(InputError, match="n0"):
        SandboxSpec("dev", (FakeNode("n0"), FakeNode("n0"))).check()


@pytest.mark.parametrize(("context", "expected"), [("", "dev"), ("dev-eastus", "dev-eastus")])
def test_context_name(context: str, expected: str) -> None:
    assert SandboxSpec("dev", context=context).context_name == expected
