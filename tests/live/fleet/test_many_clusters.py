"""Two real clusters and one that never answers, under one server: one view, and what it is reached by.

The token that the server is given for a cluster stands in none of its files, and gives it what it reads alone.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from allotment.adapters.sandbox.store import SandboxStore
from allotment.adapters.sandbox.versions import METRICS
from allotment.cli.shell.examples.form import ExampleNeeds
from allotment.cli.shell.examples.table import EXAMPLES
from allotment.model.observed.snapshot import NOT_MEASURED
from allotment.ports.kube import AccessQuestion, Identity
from allotment.ports.sandboxes import Sandbox
from tests.live.answers.prometheus import prometheus
from tests.live.conftest import Kubectl, kubectl_for, told_to
from tests.live.server.conftest import ROOT, Server
from tests.live.training import AUTHENTICATED, CLUSTER, Training
from tests.loopback import free_port

pytestmark = pytest.mark.live
DEV, AWAY = "dev-eastus", "prod-inference-eastus"
ACCOUNT = ("allotment-server-test", "server")
MEASURED = "measured"
FAST = 1.0
"""Seconds that an answer takes at most while one cluster hangs: it waits for none that is known to."""


@dataclass
class Fleet3:
    """A server with its clusters.

    Attributes:
        address: of the one that never answers.
        metrics_port: where a Prometheus is to measure the devices of the second.
    """

    server: Server
    address: str
    kubectl: Callable[..., str]
    metrics_port: int

    def answer(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.server.service._ask("GET", f"/api/v1/answers/{name}", "answer", dict)  # type: ignore[attr-defined]
        return found

    def states(self) -> dict[str, dict[str, Any]]:
        told = json.loads(self.server.run("cluster", "status", "-o", "json"))
        return {each["name"]: each for each in told["items"]}

    @staticmethod
    def found(look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        ends = time.monotonic() + 90
        while (seen := look()) is None:
            assert time.monotonic() < ends, "it is not there"
            time.sleep(1)
        return seen

    def until(self, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        ends = time.monotonic() + 90
        while time.monotonic() < ends:
            found = self.states()[name]
            if holds(found):
                return found
            time.sleep(1)
        raise AssertionError(f"{name} is {found}")


def context_of(kubeconfig: Path, name: str) -> dict[str, Any]:
    """The one context of a sandbox's kubeconfig, under a name."""
    found = yaml.safe_load(kubeconfig.read_text())
    return {
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": found["clusters"][0]["cluster"]}],
        "users": [{"name": name, "user": found["users"][0]["user"]}],
    }


@pytest.fixture(scope="module")
def fleet(
    training: Training, sandbox: Sandbox, tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fleet3]:
    home = tmp_path_factory.mktemp("fleet")
    shutil.copytree(ROOT / "examples" / "acme", home / "my-platform")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        address = f"https://127.0.0.1:{silent.getsockname()[1]}"
        parts = [context_of(training.sandbox.kubeconfig, CLUSTER), context_of(sandbox.kubeconfig, DEV)]
        never = context_of(sandbox.kubeconfig, AWAY)
        never["clusters"][0]["cluster"] = {**never["clusters"][0]["cluster"], "server": address}
        merged = {key: [one for each in (*parts, never) for one in each[key]] for key in parts[0]}
        file = home / "kubeconfig"
        file.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **merged}))
        one = Server(home, further={"KUBECONFIG": str(file)})
        one.environment["ALLOTMENT_PLATFORM"] = str(home / "my-platform")
        port = free_port()
        try:
            one.up("--platform", str(home / "my-platform"), "--prometheus", f"{DEV}=http://127.0.0.1:{port}")
            yield Fleet3(one, address, kubectl_for(training.sandbox, tools), port)
        finally:
            began = time.monotonic()
            one.end()
            assert time.monotonic() - began < 20, "its end waits for no cluster that hangs"


def test_one_view_of_all_and_the_one_that_hangs_costs_nobody_anything(fleet: Fleet3) -> None:
    for name in (CLUSTER, DEV):
        fleet.until(name, lambda each: each["state"] == "current")
    away = fleet.until(AWAY, lambda each: each["state"] == "silent")
    assert away["ageSeconds"] is None
    declared = [name for name in fleet.states() if name in (CLUSTER, DEV)]
    alone = fleet.answer(f"gpus?{'&'.join(f'cluster={each}' for each in declared)}")
    for route in ("gpus", "who", "queues", "quotas", "waste", "saturation", "clusters", "snapshot-summary"):
        began = time.monotonic()
        found = fleet.answer(route)
        assert time.monotonic() - began < FAST, route
        assert fleet.address not in json.dumps(found["sources"])
    joined = fleet.answer("gpus")
    seen = {each["name"]: each for each in joined["sources"]}
    assert (joined["partial"], seen[AWAY]["state"]) == (True, "silent")
    assert seen[AWAY]["why"].startswith("it has not answered since 20")
    assert {seen[each]["state"] for each in (CLUSTER, DEV, "local")} == {"current"}
    assert all(0 <= seen[each]["age_seconds"] <= 45 for each in (CLUSTER, DEV))
    of_both = [each for each in joined["document"]["items"] if each["cluster"] in (CLUSTER, DEV)]
    assert of_both == alone["document"]["items"], "every other answer is unchanged"


def held_there(fleet: Fleet3) -> dict[str, Any] | None:
    """What the pod holds, as the server tells it."""
    found = fleet.answer(f"who?cluster={DEV}")["document"]["items"]
    return next((each for each in found if each["job"] == f"Pod/{MEASURED}"), None)


def test_a_device_s_use_is_what_a_real_prometheus_has_measured(
    fleet: Fleet3, kubectl: Kubectl, sandbox_store: SandboxStore, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    ours = {"limits": {"nvidia.com/gpu": "1"}}
    container = {"name": "main", "image": "x", "resources": ours}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": MEASURED}, "spec": {"containers": [container]}}
    kubectl("create", "-f", "-", stdin=json.dumps(pod))
    try:
        kubectl("wait", f"pod/{MEASURED}", "--for=condition=Ready", "--timeout=60s")
        (gap,) = (each for each in fleet.answer("clusters")["document"]["items"] if each["name"] == DEV)
        assert [each["detail"] for each in gap["gaps"] if each["what"] == "metrics"] == [NOT_MEASURED]
        before = fleet.found(lambda: held_there(fleet))
        assert (before["idleDevices"], before["idleSince"]) == (None, None), "nobody has measured it yet"
        node = kubectl("get", "pod", MEASURED, "-o", "jsonpath={.spec.nodeName}")
        labels = {"job": "dcgm-exporter", "instance": "n", "Hostname": node, "UUID": "GPU-7", "namespace": "default"}
        now = time.time_ns() // 1_000_000
        samples = [(now + minute * 60_000, 1.0 if minute > -45 else 90.0) for minute in range(-90, 5)]
        series = [("DCGM_FI_DEV_GPU_UTIL", {**labels, "pod": MEASURED}, samples)]
        binaries = sandbox_store.tools(METRICS, told_to(request)).binaries
        with prometheus(binaries, tmp_path, series, fleet.metrics_port):
            measured = fleet.found(
                lambda: found if (found := held_there(fleet)) and found["idleDevices"] is not None else None
            )
        assert measured["idleDevices"] == 1
        assert dt.datetime.fromisoformat(measured["idleSince"]).timestamp() * 1000 == pytest.approx(
            now - 45 * 60_000, abs=61_000
        )
    finally:
        kubectl("delete", "pod", MEASURED, "--wait=false")


@pytest.fixture(scope="module")
def given(fleet: Fleet3) -> Iterator[tuple[Path, str]]:
    """A kubeconfig with the token of an account that has the rendered role alone; and the token."""
    namespace, name = ACCOUNT
    bind = f"serviceaccount:{namespace}/{name}"
    roles = fleet.server.run("cluster", "role", CLUSTER, "--for-people", "--bind-to", bind, "-o", "yaml")
    fleet.kubectl("create", "namespace", namespace)
    fleet.kubectl("create", "serviceaccount", name, "-n", namespace)
    fleet.kubectl("apply", "-f", "-", stdin=roles)
    token = fleet.kubectl("create", "token", name, "-n", namespace, "--duration", "2h").strip()
    document = yaml.safe_load((fleet.server.home / "kubeconfig").read_text())
    for each in document["users"]:
        if each["name"] == CLUSTER:
            each["user"] = {"token": token}
    path = fleet.server.home / "given"
    path.write_text(yaml.safe_dump(document))
    try:
        yield path, token
    finally:
        fleet.kubectl("delete", "-f", "-", stdin=roles)
        fleet.kubectl("delete", "namespace", namespace, "--wait=false")


def connect(fleet: Fleet3, path: Path) -> dict[str, Any]:
    fleet.server.run("cluster", "connect", CLUSTER, "--kubeconfig", str(path), "--context", CLUSTER)
    return fleet.until(CLUSTER, lambda each: each["state"] == "current" and each["connectedAt"] is not None)


def test_with_the_rendered_role_all_is_read_without_a_gap_and_no_secret(
    fleet: Fleet3, training: Training, given: tuple[Path, str]
) -> None:
    assert connect(fleet, given[0])["notRead"] == []
    account = f"system:serviceaccount:{':'.join(ACCOUNT)}"
    who = Identity(account, ("system:serviceaccounts", f"system:serviceaccounts:{ACCOUNT[0]}", AUTHENTICATED))
    for verb, what in (("list", "secrets"), ("get", "secrets"), ("create", "pods"), ("delete", "nodes")):
        assert not training.kube.allowed(who, AccessQuestion(verb, "", what)), what
    assert training.kube.allowed(who, AccessQuestion("watch", "", "pods"))
    acts = json.loads(fleet.server.run("audit", "list", "-o", "json"))
    assert "cluster.connect" in json.dumps(acts)
    assert given[1] not in json.dumps(acts)


def test_without_a_rule_of_it_the_gap_is_named(fleet: Fleet3, given: tuple[Path, str]) -> None:
    whole = json.loads(fleet.kubectl("get", "clusterrole", "allotment-server-reads", "-o", "json"))
    less = json.loads(json.dumps(whole))
    for rule in less["rules"]:
        if "pods" in rule["resources"]:
            rule["resources"].remove("pods")
    for each in (whole, less):
        each["metadata"] = {"name": each["metadata"]["name"]}
    fleet.kubectl("replace", "-f", "-", stdin=json.dumps(less))
    try:
        connect(fleet, given[0])
        assert fleet.until(CLUSTER, lambda each: bool(each["notRead"]))["notRead"] == ["pods"]
    finally:
        fleet.kubectl("replace", "-f", "-", stdin=json.dumps(whole))
    connect(fleet, given[0])
    fleet.until(CLUSTER, lambda each: each["notRead"] == [])


def test_what_was_given_stands_in_no_file_of_the_server(fleet: Fleet3, given: tuple[Path, str]) -> None:
    connect(fleet, given[0])
    fleet.server.run("cluster", "rotate-key")
    assert fleet.until(CLUSTER, lambda each: each["state"] == "current")
    fleet.server.run("store", "backup", str(fleet.server.home / "backup.db"))
    assert fleet.server.state is not None
    looked = [each for each in (*fleet.server.state.rglob("*"), fleet.server.home / "backup.db") if each.is_file()]
    assert any(each.name == "credentials.key" for each in looked)
    for each in looked:
        assert given[1].encode() not in each.read_bytes(), each
    (key,) = (each for each in looked if each.name == "credentials.key")
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.nightly
def test_the_examples_of_help_work(fleet: Fleet3) -> None:
    lines = [each.line for found in EXAMPLES.values() for each in found if each.needs is ExampleNeeds.CONNECTED]
    lines.sort(key=lambda line: ("connect " not in line or "disconnect" in line, "disconnect" in line))
    assert lines[-1].startswith("allot cluster disconnect")
    for line in lines:
        fleet.server.run(*line.split()[1:])
