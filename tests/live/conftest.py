"""One sandbox for all live tests of a session, and the tools to look at it.

Fixtures:
    sandbox_store: the user's store (binaries in the user's cache, built on first use).
    new_sandbox: start a sandbox of one's own; taken down at the end of the test module.
    sandbox: the session's shared sandbox; use namespaces and queues of your own in it.
    tools: paths of kubectl and kustomize, at the sandbox's versions.
    kubectl: run kubectl on the shared sandbox, returns its standard output.
    training: examples/acme's training cluster on a sandbox of its own, shared by the tests of a session.
    training_without: the same on an API server without MutatingAdmissionPolicy.
    slurm: a real one in a folder of its own, on ports of its own, stopped by process id; its packages are installed on
        first use. Skipped where we are not root.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from allotment import wiring
from allotment.adapters.sandbox.processes import memory_bytes
from allotment.adapters.sandbox.store import SandboxStore
from allotment.ports.sandboxes import FakeNode, Sandbox, SandboxSpec, Step
from tests.live.training import Training, training_on
from tools.slurm import Slurm, down, install, up

SHARED_NODES = (
    *(
        FakeNode(
            name=f"a100-{index}",
            labels={"pool": "a100", "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"},
            allocatable={"cpu": "96", "memory": "880Gi", "nvidia.com/gpu": "4"},
        )
        for index in range(2)
    ),
    FakeNode(
        name="t4-0",
        labels={"pool": "t4", "nvidia.com/gpu.product": "Tesla-T4"},
        taints=(("nvidia.com/gpu", "present", "NoSchedule"),),
        allocatable={"cpu": "16", "memory": "112Gi", "nvidia.com/gpu": "1"},
    ),
    FakeNode(name="cpu-0", labels={"pool": "cpu"}, allocatable={"cpu": "32", "memory": "128Gi"}),
)

Kubectl = Callable[..., str]


@pytest.fixture(scope="session")
def sandbox_store(request: pytest.FixtureRequest) -> SandboxStore:
    store = wiring.sandboxes()
    for name in store.list():
        parts = name.split("-")
        if parts[0] == "test" and len(parts) == 3 and memory_bytes(int(parts[1])) == 0:
            store.down(name)  # of a test run that was killed
    store.tools(("etcd", "kubectl", "kustomize"), told_to(request))
    return store


@pytest.fixture(scope="session")
def tools(sandbox_store: SandboxStore) -> Mapping[str, Path]:
    return sandbox_store.tools(("kubectl", "kustomize")).binaries


@pytest.fixture(scope="session")
def sandbox(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    name = unique_name()
    try:
        yield sandbox_store.up(SandboxSpec(name, SHARED_NODES), progress=told_to(request))
    finally:
        sandbox_store.down(name)


@pytest.fixture(scope="session")
def kubectl(sandbox: Sandbox, tools: Mapping[str, Path]) -> Kubectl:
    return kubectl_for(sandbox, tools)


@pytest.fixture(scope="module")
def new_sandbox(
    sandbox_store: SandboxStore, request: pytest.FixtureRequest
) -> Iterator[Callable[[SandboxSpec], Sandbox]]:
    names: list[str] = []

    def start(spec: SandboxSpec) -> Sandbox:
        names.append(spec.name)
        return sandbox_store.up(spec, progress=told_to(request))

    yield start
    for name in names:
        sandbox_store.down(name)


@pytest.fixture(scope="session")
def training(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Training]:
    yield from _training(sandbox_store, request, mutating=True)


@pytest.fixture(scope="session")
def training_without(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Training]:
    yield from _training(sandbox_store, request, mutating=False)


def _training(store: SandboxStore, request: pytest.FixtureRequest, *, mutating: bool) -> Iterator[Training]:
    name = unique_name()
    try:
        with training_on(lambda spec: store.up(spec, progress=told_to(request)), name, mutating=mutating) as live:
            yield live
    finally:
        store.down(name)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    if os.geteuid() != 0:
        pytest.skip("a Slurm starts jobs of any user, and so needs root")
    install()
    # Not below pytest's own folder, which other users cannot enter: slurmrestd and MariaDB do not run as root.
    around = Path(tempfile.mkdtemp(prefix="allotment-slurm-"))
    around.chmod(0o755)
    try:
        yield up(around / "slurm")
    finally:
        if (around / "slurm").exists():
            down(around / "slurm")
        shutil.rmtree(around, ignore_errors=True)


def unique_name() -> str:
    """`test-PID-RANDOM`: the process id tells a later run whether it may sweep it away."""
    return f"test-{os.getpid()}-{secrets.token_hex(3)}"


def kubectl_for(sandbox: Sandbox, tools: Mapping[str, Path]) -> Kubectl:
    """A function that runs kubectl on a sandbox: `kubectl("get", "pods", stdin=..., check=True)`."""

    def run(*arguments: str, stdin: str | None = None, check: bool = True) -> str:
        result = subprocess.run(
            [str(tools["kubectl"]), f"--kubeconfig={sandbox.kubeconfig}", *arguments],
            input=stdin, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        if check and result.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {result.stderr}")
        return result.stdout if result.returncode == 0 else result.stderr

    return run


def told_to(request: pytest.FixtureRequest) -> Callable[[Step], None]:
    """Say on the terminal what is built and started: the first run takes minutes."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")

    def tell(step: Step) -> None:
        if step.done and reporter is not None and step.elapsed_seconds >= 1.0:
            reporter.write_line(f"[{step.number}/{step.total}] {step.what}: {step.elapsed_seconds:.1f} s")

    return tell
