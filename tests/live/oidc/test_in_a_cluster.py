"""What people of a real identity provider submit to a cluster by the server is bound as if they had used kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.kubernetes.driving import until
from tests.live.oidc.test_sign_in import FORBIDDEN, desk, signed_in
from tests.live.server.conftest import Server
from tests.live.training import Training, member
from tools.oidc_provider import RunningProvider

pytestmark = [pytest.mark.live, pytest.mark.nightly]

JOB = """\
kind: Job
name: {name}
team: nlp
run: {{command: [echo, hi], image: "{image}"}}
resources: {{cpu: 1, memory: 1Gi}}
maxRunTime: 5m
"""
TRUSTED, STRANGE = "registry.acme.example/pytorch:2.4", "docker.io/miner:1"
_OF_PEOPLE = ("allotment.dev/", "project", "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class")
_OF_KUEUE = ("nodeSelector", "tolerations")
SUBMITTER = "allotment.dev/submitted-by"


@contextmanager
def server_of(training: Training, real: RunningProvider, folder: Path) -> Iterator[Server]:
    """A server of a cluster, at which ada of nlp may sign in."""
    real.enroll("ada", "acme-nlp")
    one = Server(folder / "home")
    one.home.mkdir()
    kubeconfig = yaml.safe_load(training.sandbox.kubeconfig.read_text())
    kubeconfig["contexts"][0]["name"] = training.cluster.context
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    one.environment["KUBECONFIG"] = str(folder / "kubeconfig")
    oidc = ("--oidc-issuer", real.issuer, "--oidc-ca", str(real.authority))
    one.run("up", "--listen", "127.0.0.1:0", *oidc, "--oidc-scopes", "openid profile email groups")
    try:
        yield one
    finally:
        one.end()
        real.withdraw("ada")


@pytest.fixture
def server(tmp_path: Path, real: RunningProvider, training: Training) -> Iterator[Server]:
    with server_of(training, real, tmp_path) as one:
        yield one


def test_a_member_is_bound_by_the_cluster_s_policies_and_roles_and_named_by_it(
    server: Server, real: RunningProvider, training: Training, tmp_path: Path
) -> None:
    ada, there = desk(server, tmp_path / "ada"), ("--on", training.cluster.name)
    signed_in(ada, real, "ada")
    file = ada.home / "job.yaml"
    file.write_text(JOB.format(name="strange", image=STRANGE))
    said = ada.run("submit", "job.yaml", *there, code=1).stderr
    file.write_text(JOB.format(name="hourly", image=TRUSTED) + "schedule: {cron: '0 * * * *'}\n")
    assert "you may not make a CronJob" in ada.run("submit", "job.yaml", *there, code=FORBIDDEN).stderr
    file.write_text(JOB.format(name="good", image=TRUSTED))
    (taken,) = json.loads(ada.run("submit", "job.yaml", *there, "-o", "json").stdout)["items"]
    ada.run("wait", taken["id"], "--timeout", "120")
    (made,) = training.kube.list("batch/v1", "Job", namespace="nlp", labels=f"allotment.dev/job={taken['id']}")
    assert made["metadata"]["annotations"][SUBMITTER] == "ada@acme.example"
    # Who has no kubeconfig is answered by the server, as his team may see it.
    for command in ("why", "when"):
        assert "it has succeeded at" in " ".join(ada.run(command, "good").stdout.split())
    assert "cv" not in ada.run("queues", *there).stdout
    refused = training.refusal(as_by_kubectl(made), member("nlp", "ada@acme.example"))
    for words in ("trusted-registries", "which is not from a trusted registry"):
        assert words in said
        assert words in refused
    # The server's own user is the platform engineer that he was.
    (server.home / "job.yaml").write_text(JOB.format(name="own", image=STRANGE))
    server.run("submit", "job.yaml", *there)
    until(lambda: '"succeeded"' in server.run("describe", "own", "-o", "json"), lambda: server.run("ps", "-a"))


def as_by_kubectl(made: Any) -> dict[str, Any]:
    """The same Job as whoever has its file would make it, with an image of elsewhere."""
    given = {key: each for key, each in made["metadata"]["labels"].items() if key.startswith(_OF_PEOPLE)}
    template = made["spec"]["template"]
    of_pods = {key: each for key, each in template["metadata"]["labels"].items() if key.startswith(_OF_PEOPLE)}
    pod = {**template["spec"], "containers": [{**each, "image": STRANGE} for each in template["spec"]["containers"]]}
    written = {key: each for key, each in pod.items() if key not in _OF_KUEUE}
    metadata = {"name": "strange", "namespace": "nlp", "labels": given}
    spec = {"suspend": True, "template": {"metadata": {"labels": of_pods}, "spec": written}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}
