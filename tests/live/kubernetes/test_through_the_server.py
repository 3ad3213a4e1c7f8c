"""`allot submit --on CLUSTER`: the same job file goes to a cluster, and the same commands tell of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from allotment.model.manifest import ObjectKey
from tests.live.kubernetes.driving import until
from tests.live.kubernetes.wire import wire_to
from tests.live.server.conftest import Server
from tests.live.training import Training

pytestmark = [pytest.mark.live, pytest.mark.nightly]

JOB = """\
kind: Job
name: train-two
team: nlp
run: {script: train.py, image: "registry.acme.example/pytorch:2.4"}
resources: {accelerators: "a100:1", cpu: 4, memory: 16Gi}
replicas: 2
maxRunTime: 1h
"""


@pytest.fixture
def server(tmp_path: Path, training: Training) -> Iterator[Server]:
    one = Server(tmp_path / "home")
    one.home.mkdir()
    kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
    kubeconfig["contexts"][0]["name"] = training.cluster.context
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    one.environment["KUBECONFIG"] = str(tmp_path / "kubeconfig")
    try:
        yield one
    finally:
        one.end()


def test_a_job_file_goes_to_a_cluster_and_is_followed_from_here(server: Server, training: Training) -> None:
    (server.home / "train.py").write_text("print('hello')\n")
    (server.home / "job.yaml").write_text(JOB)
    taken = json.loads(server.run("submit", "job.yaml", "--on", training.cluster.name, "-o", "json"))["items"]
    assert [(each["name"], each["backend"], each["devices"]) for each in taken] == [
        ("train-two", training.cluster.name, 2)
    ]
    first = taken[0]["id"]
    # A new server finds it again, by its label.
    server.kill(server.up())
    server.up()
    server.run("wait", first, "--timeout", "120")
    described = json.loads(server.run("describe", first, "-o", "json"))
    assert described["native"].startswith("job/")
    assert [each["rank"] for each in described["attempts"][0]["places"]] == [0, 1]
    assert [each["state"] for each in described["history"]][-1] == "succeeded"
    server.run("retry", "train-two")
    server.run("stop", "train-two")
    server.run("wait", "train-two", "--for", "stopped", "--timeout", "60")
    (row,) = json.loads(server.run("ps", "--state", "stopped", "-o", "json"))["items"]
    deadline = time.monotonic() + 60
    while list(training.kube.list("batch/v1", "Job", namespace="nlp", labels=f"allotment.dev/job={row['id']}")):
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.nightly
def test_what_a_cluster_cannot_take_is_refused_before_it_is_kept(server: Server, training: Training) -> None:
    (server.home / "train.py").write_text("print('hello')\n")
    (server.home / "job.yaml").write_text(JOB.replace(', image: "registry.acme.example/pytorch:2.4"', ""))
    server.run("submit", "job.yaml", "--on", training.cluster.name, code=1)
    server.run("submit", "job.yaml", "--on", "nowhere", code=3)
    assert json.loads(server.run("ps", "-a", "-o", "json"))["items"] == []


@pytest.mark.nightly
def test_credentials_that_expire_midway_are_told_and_new_ones_are_taken_up(
    server: Server, training: Training, tmp_path: Path
) -> None:
    """Nothing is lost meanwhile, not even what is submitted before anybody has noticed."""
    server.run("submit", written(server), "--on", training.cluster.name)
    for number in (1, 2):
        with_token(training, tmp_path / "kubeconfig", f"runner-{number}")
        if number == 1:
            server.kill(server.up())
            server.up()
            server.run("submit", "job.yaml", "--on", training.cluster.name)
            training.kube.delete("v1", ObjectKey("", "ServiceAccount", "kube-system", "runner-1"))
            until(lambda: "does not accept" in trouble(server, training), lambda: trouble(server, training))
            server.run("ps", "-a")
        else:
            until(lambda: not trouble(server, training), lambda: trouble(server, training))
    rows = json.loads(server.run("ps", "-a", "-o", "json"))["items"]
    assert len(rows) == 2
    for row in rows:
        server.run("wait", row["id"], "--timeout", "90")


@pytest.mark.nightly
def test_what_is_stopped_while_the_cluster_is_away_is_ended_by_the_next_server(
    server: Server, training: Training, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    document = yaml.safe_load(kubeconfig.read_text())
    reached = document["clusters"][0]["cluster"]
    queue = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "nlp")
    training.kube.merge_patch("kueue.x-k8s.io/v1beta2", queue, {"spec": {"stopPolicy": "Hold"}})
    with wire_to(int(reached["server"].rpartition(":")[2])) as wire:
        reached["server"] = f"https://127.0.0.1:{wire.port}"
        kubeconfig.write_text(yaml.safe_dump(document))
        (one,) = json.loads(server.run("submit", written(server), "--on", training.cluster.name, "-o", "json"))["items"]
        until(lambda: bool(left(training, one["id"])), lambda: server.run("ps"))
        wire.cut()
        server.run("stop", one["id"], code=9)
        server.kill(server.up())
        server.up()
        until(lambda: "does not answer" in trouble(server, training), lambda: trouble(server, training))
        assert left(training, one["id"])
        wire.mend()
        until(lambda: not left(training, one["id"]), lambda: left(training, one["id"]))
        training.kube.merge_patch("kueue.x-k8s.io/v1beta2", queue, {"spec": {"stopPolicy": "None"}})
        server.end()


def left(training: Training, job_id: str) -> list[str]:
    """Jobs in the cluster that bear its id."""
    found = training.kube.list("batch/v1", "Job", namespace="nlp", labels=f"allotment.dev/job={job_id}")
    return [each["metadata"]["name"] for each in found]


def written(server: Server) -> str:
    (server.home / "train.py").write_text("print('hello')\n")
    (server.home / "job.yaml").write_text(JOB)
    return "job.yaml"


def trouble(server: Server, training: Training) -> str:
    (found,) = (each for each in server.service.status().backends if each.name == training.cluster.name)
    return found.unreachable


def with_token(training: Training, kubeconfig: Path, name: str) -> None:
    """Let the kubeconfig sign in by the token of a new account, which may do everything."""
    kube = training.kube
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}}
    kube.create(account)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    api = "rbac.authorization.k8s.io/v1"
    metadata = {"name": f"everything-{name}"}
    kube.create(
        {"apiVersion": api, "kind": "ClusterRoleBinding", "metadata": metadata, "subjects": [subject], "roleRef": role}
    )
    marked = {"kubernetes.io/service-account.name": name}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "namespace": "kube-system", "annotations": marked},
    }
    kube.create(secret)
    key = ObjectKey("", "Secret", "kube-system", name)
    until(lambda: "token" in ((kube.get("v1", key) or {}).get("data") or {}), lambda: "no token is made")
    token = base64.b64decode((kube.get("v1", key) or {})["data"]["token"]).decode()
    document = yaml.safe_load(kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token}
    kubeconfig.write_text(yaml.safe_dump(document))


@pytest.mark.nightly
def test_what_would_become_of_a_job_is_told_before_it_is_submitted(server: Server, training: Training) -> None:
    name = written(server)

    def told() -> dict[str, Any]:
        (found,) = json.loads(
            server.run("submit", name, "--on", training.cluster.name, "--dry-run=server", "-o", "json")
        )["items"]
        return dict(found)

    found = told()
    assert (found["startsNow"], found["waitsFor"], found["notTold"], found["displaces"]) == (True, None, None, [])
    queue = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "nlp")
    training.kube.merge_patch("kueue.x-k8s.io/v1beta2", queue, {"spec": {"stopPolicy": "Hold"}})
    try:
        # What was read is believed for ten seconds.
        until(lambda: told()["startsNow"] is False, lambda: server.run("ps", "-a"))
        assert "nlp" in told()["waitsFor"]
    finally:
        training.kube.merge_patch("kueue.x-k8s.io/v1beta2", queue, {"spec": {"stopPolicy": "None"}})
    assert json.loads(server.run("ps", "-a", "-o", "json"))["items"] == []
