"""A namespace and a volume are there in a real cluster for their time, and go with what is in them, work first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from allotment.model.manifest import ObjectKey
from tests.live.decide.conftest import git
from tests.live.decide.test_grants import server
from tests.live.kubernetes.driving import until
from tests.live.server.conftest import Server
from tests.live.training import CLUSTER, Training

pytestmark = [pytest.mark.live, pytest.mark.nightly]
SPACE = "playground"

__all__ = ["server"]


@pytest.fixture
def directory(directory: Path) -> Path:
    """Namespaces are given at once in staging as well: the cluster is one."""
    place = directory / "approvals.yaml"
    before = place.read_text()
    place.write_text(before.replace("environments: [development]", "environments: [development, staging]"))
    assert place.read_text() != before
    git(directory, "commit", "-qam", "namespaces in staging")
    return directory


def states(server: Server) -> dict[str, str]:
    found = json.loads(server.run("grant", "list", "-a", "-o", "json"))["items"]
    return {each["name"]: f"{each['state']} {each['trouble'] or ''}".strip() for each in found}


def test_they_come_and_go_with_what_is_in_them(server: Server, training: Training, directory: Path) -> None:
    words = ("--team", "nlp", "--on", CLUSTER, "--for", "2h", "--why", "a try", "-o", "json")
    space = json.loads(server.run("request", "namespace", SPACE, *words))
    volume = json.loads(server.run("request", "volume", "corpora", "--size", "10Gi", *words))
    assert {space["state"], volume["state"]} == {"approved"}
    until(lambda: set(states(server).values()) == {"active"}, lambda: str(states(server)), 120)
    kube = training.kube
    assert list(kube.list("v1", "ResourceQuota", namespace=SPACE)), "with its guardrails"
    claim = kube.get("v1", ObjectKey("", "PersistentVolumeClaim", "nlp", "corpora"))
    assert claim is not None
    assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi"
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "mine", "namespace": SPACE},
            "data": {"left": "behind"},
        }
    )
    for each in (space, volume):
        server.run("grant", "end", each["id"])
    until(lambda: set(states(server).values()) == {"ended"}, lambda: str(states(server)), 120)

    def gone() -> bool:
        return kube.get("v1", ObjectKey("", "Namespace", "", SPACE)) is None

    until(gone, lambda: "the namespace is there still", 120)
    left = kube.get("v1", ObjectKey("", "PersistentVolumeClaim", "nlp", "corpora"))
    assert left is None or left["metadata"].get("deletionTimestamp")
    assert not list((directory / "grants").glob("*.yaml"))


@pytest.fixture
def full(training: Training) -> Iterator[None]:
    """No node takes another pod: what the queue admits starts, and does not end by itself."""

    def set_aside(*, wanted: bool) -> None:
        for body in tuple(training.kube.list("v1", "Node")):
            key = ObjectKey("", "Node", "", body["metadata"]["name"])
            training.kube.merge_patch("v1", key, {"spec": {"unschedulable": wanted}})

    set_aside(wanted=True)
    yield
    set_aside(wanted=False)


@pytest.mark.usefixtures("full")
def test_a_notebook_is_a_job_until_its_grant_ends(server: Server) -> None:
    words = ("--image", "registry.acme.example/jupyter:4", "--team", "nlp", "--on", CLUSTER, "--for", "2h")
    made = json.loads(server.run("request", "notebook", "mine", *words, "--why", "notes", "-o", "json"))
    assert made["state"] == "approved"

    def job() -> str:
        found = json.loads(server.run("ps", "-a", "-o", "json"))["items"]
        return " ".join(f"{each['name']}:{each['state']}" for each in found)

    until(lambda: job() == "mine:starting", lambda: f"{job()} {states(server)} {server.run('describe', 'mine')}", 120)
    server.run("grant", "end", made["id"])
    until(lambda: job() == "mine:stopped", lambda: f"{job()} {states(server)}", 120)
    until(lambda: states(server) == {"mine": "ended"}, lambda: str(states(server)), 60)
