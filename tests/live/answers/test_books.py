"""Books on a real control plane: cordoned nodes are counted out, lending follows, and comes back exactly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from allotment.accounting.book_checks import BookFault
from allotment.cli.main import cli
from allotment.ports.sandboxes import FakeNode, Sandbox, SandboxSpec
from tests.live.conftest import Kubectl, kubectl_for, unique_name

pytestmark = [pytest.mark.live, pytest.mark.nightly]

GPU = "nvidia.com/gpu"
NODES = tuple(
    FakeNode(name=f"a100-{index}", labels={"pool": "books"}, allocatable={"cpu": "64", "memory": "256Gi", GPU: "8"})
    for index in range(3)
)


def queue(name: str, nominal: int, lending: int | None) -> dict[str, Any]:
    quota: dict[str, Any] = {"name": GPU, "nominalQuota": nominal}
    if lending is not None:
        quota["lendingLimit"] = lending
    return {
        "apiVersion": "kueue.x-k8s.io/v1beta2",
        "kind": "ClusterQueue",
        "metadata": {"name": name},
        "spec": {
            "cohortName": "books",
            "namespaceSelector": {},
            "resourceGroups": [{"coveredResources": [GPU], "flavors": [{"name": "books", "resources": [quota]}]}],
        },
    }


FLAVOR = {
    "apiVersion": "kueue.x-k8s.io/v1beta2",
    "kind": "ResourceFlavor",
    "metadata": {"name": "books"},
    "spec": {"nodeLabels": {"pool": "books"}},
}


@pytest.fixture(scope="module")
def arena(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Sandbox:
    return new_sandbox(SandboxSpec(unique_name(), NODES))


@pytest.fixture
def on(arena: Sandbox, tools: Any) -> Iterator[Kubectl]:
    kubectl = kubectl_for(arena, tools)
    objects = {"apiVersion": "v1", "kind": "List", "items": [FLAVOR, queue("a", 12, None), queue("b", 12, 10)]}
    kubectl("create", "-f", "-", stdin=json.dumps(objects))
    yield kubectl
    kubectl("uncordon", *(node.name for node in NODES))
    kubectl("delete", "clusterqueue", "a", "b")
    kubectl("delete", "resourceflavor", "books")


def allot(arena: Sandbox, *words: str) -> Result:
    return CliRunner().invoke(
        cli, [*words, "--kubeconfig", str(arena.kubeconfig)], prog_name="allot", catch_exceptions=False
    )


def found(arena: Sandbox) -> list[dict[str, Any]]:
    result = allot(arena, "books", "-o", "json")
    assert result.exit_code == 0, result.output
    findings: list[dict[str, Any]] = json.loads(result.stdout)["findings"]
    return findings


def queues_on(kubectl: Kubectl) -> list[dict[str, Any]]:
    """What stands, without what the server counts."""
    items: list[dict[str, Any]] = json.loads(kubectl("get", "clusterqueue", "a", "b", "-o", "json"))["items"]
    for each in items:
        each.pop("status", None)
        for field in ("resourceVersion", "generation", "managedFields"):
            each["metadata"].pop(field, None)
    return items


def limits(kubectl: Kubectl) -> list[int | None]:
    quotas = [each["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0] for each in queues_on(kubectl)]
    return [None if "lendingLimit" not in each else int(each["lendingLimit"]) for each in quotas]


def test_cordoned_nodes_cannot_honour_guarantees_and_lending_follows_and_comes_back(
    arena: Sandbox, on: Kubectl
) -> None:
    assert found(arena) == []
    before = queues_on(on)

    on("cordon", "a100-0")
    (finding,) = found(arena)
    numbers = finding["evidence"]
    assert (finding["code"], numbers["nominal"], numbers["healthy"], numbers["schedulable"]) == (
        BookFault.SHORT_NOW,
        24,
        24,
        16,
    )

    assert allot(arena, "books", "--fix", "lending", "--no-input").exit_code == 2, "nobody said yes"
    assert queues_on(on) == before
    result = allot(arena, "books", "--fix", "lending", "-y")
    assert result.exit_code == 0, result.output
    # 8 of 24 cannot be used: of 12 and 10 that were lent, 12 - 4 and 10 - 4 are left.
    assert limits(on) == [8, 6]

    on("cordon", "a100-1", "a100-2")
    assert allot(arena, "books", "--fix", "lending", "-y").exit_code == 0
    assert limits(on) == [0, 0]

    assert allot(arena, "books", "--fix", "lending", "--undo", "-y").exit_code == 0
    assert queues_on(on) == before
    assert "nothing to put back" in allot(arena, "books", "--fix", "lending", "--undo", "-y").stderr


def test_quota_that_another_manager_applies_is_refused(arena: Sandbox, on: Kubectl) -> None:
    on(
        "apply",
        "--server-side",
        "--field-manager=fleet-tool",
        "--force-conflicts",
        "-f",
        "-",
        stdin=json.dumps(queue("b", 12, 10)),
    )
    on("cordon", "a100-0")
    before = queues_on(on)

    result = allot(arena, "books", "--fix", "lending", "-y")

    assert result.exit_code == 6
    assert "fleet-tool" in result.stderr
    assert queues_on(on) == before


def test_what_the_books_count_is_what_kubectl_counts(arena: Sandbox, on: Kubectl) -> None:
    (flavor,) = json.loads(allot(arena, "books", "-o", "json").stdout)["flavors"]
    nodes = json.loads(on("get", "nodes", "-l", "pool=books", "-o", "json"))["items"]
    queues = json.loads(on("get", "clusterqueues", "-o", "json"))["items"]
    nominal = sum(
        int(quota["nominalQuota"])
        for each in queues
        for group in each["spec"]["resourceGroups"]
        for one in group["flavors"]
        for quota in one["resources"]
    )

    assert flavor["allocatable"] == sum(int(node["status"]["allocatable"][GPU]) for node in nodes) == 24
    assert flavor["nominal"] == nominal
