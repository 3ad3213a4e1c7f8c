"""Crashes, second sandboxes, and what `down` leaves: nothing."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx2 as httpx
import pytest

from allotment.adapters.sandbox import processes
from allotment.adapters.sandbox.components import start_order
from allotment.adapters.sandbox.probe import tls_context
from allotment.adapters.sandbox.store import SandboxStore
from allotment.ports.sandboxes import FakeNode, KueueOptions, Sandbox, SandboxSpec
from tests.live.conftest import kubectl_for, unique_name

pytestmark = pytest.mark.live

NewSandbox = Callable[[SandboxSpec], Sandbox]
NODES = (FakeNode("gpu-0", allocatable={"nvidia.com/gpu": "4"}),)
EVERY_RUN = ("kube-apiserver",)
"""Parts that are killed in every run; the nightly one kills each."""

LAUNCHER = """
import sys
from allotment import wiring
from allotment.ports.sandboxes import FakeNode, SandboxSpec
wiring.sandboxes().up(SandboxSpec(sys.argv[1], (FakeNode("gpu-0", allocatable={"nvidia.com/gpu": "4"}),)))
print("up", flush=True)
"""


def nothing_left(store: SandboxStore, sandbox: Sandbox) -> None:
    assert processes.marked(str(sandbox.directory)) == []
    assert not sandbox.directory.exists()
    assert not (sandbox.directory.parent / f".{sandbox.name}.lock").exists()
    assert sandbox.name not in store.list()
    for port in sandbox.ports.values():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("victims", [EVERY_RUN, start_order(())], ids=["one", "each"])
def test_from_nothing_through_kills_to_nothing(
    sandbox_store: SandboxStore, new_sandbox: NewSandbox, tools: Mapping[str, Path], victims: Sequence[str]
) -> None:
    spec = SandboxSpec(unique_name(), NODES, context="dev-eastus")
    sandbox = new_sandbox(spec)
    kubectl = kubectl_for(sandbox, tools)
    assert kubectl("config", "current-context").strip() == "dev-eastus"
    kubectl("create", "configmap", "kept", "--from-literal=a=b")

    status = sandbox_store.status(spec.name)
    assert status.ready
    assert [part.name for part in status.components] == list(start_order(()))
    assert status.nodes == (("gpu-0", True),)
    assert 0.3e9 < status.memory_bytes < 2e9

    again = sandbox_store.up(spec)
    assert not again.created
    assert again.pids == sandbox.pids

    for victim in victims:
        pid = next(part.pid for part in sandbox_store.status(spec.name).components if part.name == victim)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        recovered = sandbox_store.up(spec)
        assert recovered.created, victim
        assert recovered.ports == sandbox.ports, victim
        assert sandbox_store.status(spec.name).ready, victim
        assert "kept" in kubectl("get", "configmap", "-o", "name"), victim

    changed = SandboxSpec(spec.name, (FakeNode("gpu-1", {"pool": "new"}),), context=spec.context)
    assert not sandbox_store.up(changed).created
    assert node_names(sandbox, tools) == ["gpu-1"]

    assert sandbox_store.down(spec.name)
    nothing_left(sandbox_store, sandbox)
    assert not sandbox_store.down(spec.name)


@pytest.mark.timeout(900)
@pytest.mark.nightly
def test_a_launcher_killed_at_any_moment(sandbox_store: SandboxStore, new_sandbox: NewSandbox) -> None:
    name = unique_name()
    rng = random.Random(20261122)
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", LAUNCHER, name]) as launcher:
            time.sleep(rng.uniform(0.3, 9.0))
            launcher.send_signal(signal.SIGKILL)
    sandbox = new_sandbox(SandboxSpec(name, NODES))
    assert sandbox_store.status(name).ready
    marked = {process.pid for process in processes.marked(str(sandbox.directory))}
    assert marked == set(sandbox.pids.values())
    assert sandbox_store.down(name)
    nothing_left(sandbox_store, sandbox)


@pytest.mark.nightly
def test_a_kind_that_was_never_established(
    sandbox_store: SandboxStore, new_sandbox: NewSandbox, tools: Mapping[str, Path]
) -> None:
    """What an API server leaves in etcd when it dies between accepting a kind's names and establishing the kind."""
    spec = SandboxSpec(unique_name(), NODES)
    sandbox = new_sandbox(spec)
    os.kill(sandbox.pids["kube-apiserver"], signal.SIGKILL)
    key = "/registry/apiextensions.k8s.io/customresourcedefinitions/workloads.kueue.x-k8s.io"
    address = f"https://127.0.0.1:{sandbox.ports['etcd']}/v3/kv"
    with httpx.Client(base_url=address, verify=tls_context(sandbox.directory / "pki"), trust_env=False) as etcd:
        [stored] = etcd.post("/range", json={"key": encoded(key)}).raise_for_status().json()["kvs"]
        text = base64.b64decode(stored["value"]).decode()
        # Byte for byte otherwise: the API server writes what merely looks different, and that would heal the kind.
        broken = text.replace('"type":"Established","status":"True"', '"type":"Established","status":"False"')
        assert broken != text
        etcd.post("/put", json={"key": encoded(key), "value": encoded(broken)}).raise_for_status()
    sandbox_store.up(spec)
    assert kubectl_for(sandbox, tools)("get", "workloads.kueue.x-k8s.io", "-A", "-o", "name") == ""
    assert sandbox_store.down(spec.name)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


@pytest.mark.timeout(900)
def test_down_after_a_killed_launcher(sandbox_store: SandboxStore) -> None:
    name = unique_name()
    with subprocess.Popen([sys.executable, "-c", LAUNCHER, name]) as launcher:
        time.sleep(4.0)
        launcher.send_signal(signal.SIGKILL)
    folder = sandbox_store.status(name).directory
    assert processes.marked(str(folder))
    assert sandbox_store.down(name)
    assert processes.marked(str(folder)) == []
    assert not folder.exists()


@pytest.mark.timeout(900)
@pytest.mark.nightly
def test_side_by_side_and_changed_in_place(
    sandbox_store: SandboxStore, new_sandbox: NewSandbox, tools: Mapping[str, Path]
) -> None:
    """By day two stand side by side in the examples of `sandbox up`, and the nodes of one change above."""
    one = new_sandbox(SandboxSpec(unique_name(), NODES))
    two = new_sandbox(SandboxSpec(unique_name(), (FakeNode("other-0"), FakeNode("other-1"))))
    assert set(one.ports.values()).isdisjoint(two.ports.values())
    assert node_names(one, tools) == ["gpu-0"]
    assert node_names(two, tools) == ["other-0", "other-1"]

    changed = SandboxSpec(two.name, (FakeNode("other-1", {"pool": "new"}), FakeNode("other-2")))
    assert sandbox_store.up(changed).pids == two.pids
    assert node_names(two, tools) == ["other-1", "other-2"]
    labels = json.loads(kubectl_for(two, tools)("get", "node", "other-1", "-o", "json"))["metadata"]["labels"]
    assert labels["pool"] == "new"

    sandbox_store.down(two.name)
    nothing_left(sandbox_store, two)
    assert sandbox_store.status(one.name).ready

    fair = SandboxSpec(one.name, NODES, KueueOptions(fair_sharing=True))
    assert sandbox_store.up(fair).created
    assert "fairSharing" in (one.directory / "logs" / "kueue.log").read_text()


def node_names(sandbox: Sandbox, tools: Mapping[str, Path]) -> list[str]:
    items = json.loads(kubectl_for(sandbox, tools)("get", "nodes", "-o", "json"))["items"]
    return [item["metadata"]["name"] for item in items]
