"""A grant is a commit to the platform directory and quota in a real cluster, and nothing is left of either."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.decide.conftest import git
from tests.live.kubernetes.driving import until
from tests.live.server.conftest import Server
from tests.live.training import CLUSTER, Training

pytestmark = pytest.mark.live
FLAVOR = "a100-on-demand"


@pytest.fixture
def server(tmp_path: Path, training: Training, directory: Path) -> Iterator[Server]:
    one = Server(tmp_path / "home")
    one.home.mkdir()
    kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
    kubeconfig["contexts"][0]["name"] = training.cluster.context
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    one.environment["KUBECONFIG"] = str(tmp_path / "kubeconfig")
    one.up("--platform", str(directory))
    try:
        yield one
    finally:
        one.end()
        training.apply()


def nominal(training: Training, team: str = "nlp") -> int:
    """Guaranteed devices of the team's queue, as the cluster has it."""
    api = f"kueue.x-k8s.io/{training.cluster.kueue_api.value}"
    (queue,) = (each for each in training.kube.list(api, "ClusterQueue") if each["metadata"]["name"].endswith(team))
    flavors = (flavor for group in queue["spec"]["resourceGroups"] for flavor in group["flavors"])
    resources = (each for flavor in flavors if flavor["name"] == FLAVOR for each in flavor["resources"])
    return sum(int(each["nominalQuota"]) for each in resources if each["name"] == "nvidia.com/gpu")


def grants(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.run("grant", "list", "-a", "-o", "json"))["items"]
    return found


def state(server: Server) -> str:
    (one,) = grants(server)
    return f"{one['state']} {one['trouble'] or ''}".strip()


def test_what_is_granted_is_committed_applied_and_goes_again(
    server: Server, training: Training, directory: Path
) -> None:
    before, head = nominal(training), git(directory, "rev-parse", "HEAD")
    words = ("gpus", "2", "--accelerator", FLAVOR, "--on", CLUSTER, "--for", "2h", "--team", "nlp", "--why", "a try")
    told = json.loads(server.run("request", *words, "--dry-run", "-o", "json"))
    assert (told["state"], told["gate"], told["terms"]["price"]) == ("approved", "one-or-two-gpus", 12_000_000)
    assert "not been read" not in (told["unknown"] or "")
    assert git(directory, "rev-parse", "HEAD") == head, "a dry run asks for nothing"

    made = json.loads(server.run("request", *words, "-o", "json"))
    until(lambda: state(server) == "active", lambda: state(server), 120)
    assert nominal(training) == before + 2
    file = directory / "grants" / f"{made['id']}.yaml"
    assert file.exists()
    assert git(directory, "status", "--short") == "", "the working copy is at the commit"
    assert git(directory, "log", "-1", "--format=%an by %cn: %s") == (
        f"{made['requester']} by Allotment: nlp: grant 2 {FLAVOR} in {CLUSTER}"
    )
    # Somebody takes one away by hand: nothing is overwritten, and people decide.
    file.write_text(file.read_text().replace("devices: 2", "devices: 1"))
    git(directory, "commit", "-qam", "one is enough")
    until(lambda: state(server).startswith("conflict"), lambda: state(server), 60)
    server.run("grant", "keep", made["id"])
    until(lambda: state(server) == "active", lambda: state(server), 60)
    assert nominal(training) == before + 1, "what was kept is what the cluster has"

    server.kill(server.up())
    server.up("--platform", str(directory))
    server.run("grant", "end", made["id"], "-m", "done")
    until(lambda: state(server) == "ended", lambda: state(server), 120)
    assert nominal(training) == before
    assert not file.exists()
    assert git(directory, "status", "--short") == ""
    done = [each["verb"] for each in map(json.loads, server.run("audit", "export").splitlines())]
    mine = [each for each in done if each.startswith(("request", "grant"))]
    assert mine == [
        "request.submit", "request.approve", "grant.begin", "grant.give", "grant.conflict", "grant.settle",
        "grant.give", "grant.end", "grant.take-back",
    ]  # fmt: skip
    server.run("audit", "verify")
