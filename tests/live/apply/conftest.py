"""A client for the session's sandbox."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from allotment.adapters.kube.client import KubeClient, connect
from allotment.adapters.sandbox.spec import Sandbox
from allotment.model.manifest import ObjectKey


@pytest.fixture(scope="module")
def kube(sandbox: Sandbox) -> Iterator[KubeClient]:
    with connect(sandbox.kubeconfig) as client:
        yield client


@pytest.fixture
def space(kube: KubeClient) -> Iterator[str]:
    """A namespace of its own for one test."""
    name = f"t-{secrets.token_hex(4)}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete("v1", ObjectKey("", "Namespace", "", name))
