"""A team comes by a request, runs its first job minutes after its approval, and leaves again, in a real cluster."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest

from allotment.model.manifest import ObjectKey
from tests.live.decide.conftest import git
from tests.live.decide.test_grants import server
from tests.live.kubernetes.driving import until
from tests.live.server.conftest import Server
from tests.live.training import CLUSTER, Training

pytestmark = pytest.mark.live
TEAM = "vision"
FIVE_MINUTES = 300
JOB = f"""\
kind: Job
name: first
team: {TEAM}
run: {{image: registry.acme.example/train:1, command: [train]}}
resources: {{cpu: 1, memory: 1Gi}}
"""

__all__ = ["server"]


@pytest.fixture
def directory(directory: Path) -> Path:
    """One in which whoever asks may decide himself, so that one user is enough."""
    file = directory / "approvals.yaml"
    file.write_text(file.read_text().replace("    answerWithin:", "    othersOnly: false\n    answerWithin:"))
    git(directory, "commit", "-qam", "one user is enough")
    return directory


def told(server: Server, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(server.run("request", "show", id_, "-o", "json"))
    return found


def steps(server: Server, id_: str) -> str:
    return " ".join(f"{each['step']}:{each['outcome']}:{each['said']}" for each in told(server, id_)["timeline"])


def state(server: Server, id_: str) -> str:
    found = json.loads(server.run("grant", "list", "-a", "-o", "json"))["items"]
    return str(next(each["state"] for each in found if each["id"] == id_))


def jobs(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.run("ps", "-a", "-o", "json"))["items"]
    return found


def namespace(training: Training) -> Any:
    return training.kube.get("v1", ObjectKey("", "Namespace", "", TEAM))


@pytest.mark.nightly
def test_a_team_comes_runs_its_first_job_and_leaves(server: Server, training: Training, directory: Path) -> None:
    words = ("--owner", "acme-vision-leads", "--member", "acme-vision", "--on", CLUSTER)
    wanted = ("request", "team", TEAM, *words, "--cpu", "4", "--memory", "16Gi", "--why", "a new group")
    seen = json.loads(server.run(*wanted, "--dry-run", "-o", "json"))
    assert f"+name: {TEAM}" in seen["change"]["diff"]
    made = json.loads(server.run(*wanted, "-o", "json"))
    assert (made["state"], made["route"]) == ("waiting", "engineering-leadership")
    assert namespace(training) is None

    began = time.monotonic()
    server.run("approve", made["id"], "-m", "welcome")
    until(lambda: "apply:done" in steps(server, made["id"]), lambda: steps(server, made["id"]), 120)
    # Killed in between, the next one goes on.
    server.kill(server.up())
    server.up("--platform", str(directory))
    until(lambda: state(server, made["id"]) == "active", lambda: steps(server, made["id"]), FIVE_MINUTES)
    (server.home / "first.yaml").write_text(JOB)
    server.run("submit", "first.yaml", "--on", CLUSTER)
    until(lambda: jobs(server)[0]["state"] in ("running", "succeeded"), lambda: str(jobs(server)), FIVE_MINUTES)
    took = time.monotonic() - began
    assert took < FIVE_MINUTES, f"from the approval to a running job: {took:.0f} s"
    assert [each["step"] for each in told(server, made["id"])["timeline"]] == ["commit", "apply", "prove"]

    day = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)).isoformat()
    leave = ("request", "leave", TEAM, "--until", day, "--confirm", TEAM, "--why", "it is done", "-o", "json")
    goes = json.loads(server.run(*leave))
    server.run("approve", goes["id"])
    until(lambda: state(server, goes["id"]) == "active", lambda: steps(server, goes["id"]), FIVE_MINUTES)
    assert all(each["state"] not in ("running", "queued") for each in jobs(server))
    there = namespace(training)
    assert there["metadata"]["annotations"]["allotment.dev/keep-data-until"] == day
    for kind in ("Role", "RoleBinding"):
        assert not list(training.kube.list("rbac.authorization.k8s.io/v1", kind, namespace=TEAM))
    assert not list(training.kube.list("v1", "Pod", namespace=TEAM))
    assert list(training.kube.list("v1", "ResourceQuota", namespace=TEAM)), "guardrails go last"
    server.run("audit", "verify")
    # So that the next test finds the cluster as it was: nobody needs these data.
    until_then = {"metadata": {"annotations": {"allotment.dev/keep-data-until": None}}}
    training.kube.merge_patch("v1", ObjectKey("", "Namespace", "", TEAM), until_then)
