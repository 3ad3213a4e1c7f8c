"""A real Karpenter on a sandbox: its KWOK provider makes nodes that the sandbox's KWOK plays.

What a cloud has is a list of machines, which is the provider's to know: it stands in no object of the cluster.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allotment import wiring
from allotment.adapters.sandbox.manifests import KARPENTER_KINDS
from allotment.adapters.sandbox.processes import MARKER
from allotment.adapters.sandbox.versions import AUTOSCALER
from benchmarks.why.stage import NotReachedError, Stage
from tests.loopback import free_port

Raw = dict[str, Any]
VERSION = "karpenter.sh/v1"
CLASS_VERSION = "karpenter.kwok.sh/v1alpha1"
CLASS = "machines"
_READY_WITHIN = 120.0
_ENDS_WITHIN = 30.0


@dataclass(frozen=True)
class Machine:
    """What a cloud rents out.

    Attributes:
        labels: what nodes of the type say of themselves beside what they are, such as the accelerator's name.
    """

    name: str
    gpus: int = 0
    cpu: str = "96"
    memory: str = "1024Gi"
    zones: tuple[str, ...] = ("z1",)
    labels: tuple[tuple[str, str], ...] = ()
    price: float = 10.0

    def written(self) -> Raw:
        """As the provider's file has it."""
        amounts = {"cpu": self.cpu, "memory": self.memory, "ephemeral-storage": "1Ti", "pods": "110"}
        return {
            "name": self.name,
            "architecture": "amd64",
            "operatingSystems": ["linux"],
            "resources": {**amounts, **({"nvidia.com/gpu": str(self.gpus)} if self.gpus else {})},
            "offerings": [
                {
                    "Price": self.price,
                    "Requirements": [
                        {"key": key, "operator": "In", "values": [value]}
                        for key, value in (
                            ("karpenter.sh/capacity-type", "on-demand"),
                            ("topology.kubernetes.io/zone", zone),
                            *self.labels,
                        )
                    ],
                }
                for zone in self.zones
            ],
        }


@dataclass(frozen=True)
class Cloud:
    """A cloud on one machine: what of it is sold out can be changed while Karpenter runs."""

    folder: Path
    process: subprocess.Popen[bytes]

    def sell_out(self, *machines: tuple[str, str]) -> None:
        """Instance types, each in a zone, that are not to be had from now on; none: all are to be had."""
        lines = "".join(f"{name} {zone}\n" for name, zone in machines)
        (self.folder / "sold-out.new").write_text(lines, encoding="utf-8")
        (self.folder / "sold-out.new").replace(self.folder / "sold-out")

    @property
    def log(self) -> str:
        """What Karpenter wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


def node_class(delay: str = "0s") -> Raw:
    """`delay`: how long a machine takes from being asked for until its node is there."""
    return {
        "apiVersion": CLASS_VERSION,
        "kind": "KWOKNodeClass",
        "metadata": {"name": CLASS},
        "spec": {"nodeRegistrationDelay": delay},
    }


def node_pool(
    name: str,
    types: Sequence[str],
    *,
    limits: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Raw] = (),
    startup_taints: Sequence[Raw] = (),
    consolidate_after: str = "Never",
) -> Raw:
    """A NodePool of some instance types."""
    spec = {
        "requirements": [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": list(types)}],
        "nodeClassRef": {"group": CLASS_VERSION.partition("/")[0], "kind": "KWOKNodeClass", "name": CLASS},
        "expireAfter": "Never",
        **({"taints": list(taints)} if taints else {}),
        **({"startupTaints": list(startup_taints)} if startup_taints else {}),
    }
    return {
        "apiVersion": VERSION,
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "template": {"metadata": {"labels": dict(labels or {})}, "spec": spec},
            "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": consolidate_after},
            **({"limits": dict(limits)} if limits else {}),
        },
    }


def programs() -> tuple[Path, Sequence[Mapping[str, Any]]]:
    """Karpenter and its kinds, from the user's cache, built where they are missing."""
    kit = wiring.sandboxes().tools(AUTOSCALER, manifests=(KARPENTER_KINDS,))
    return kit.binaries["karpenter"], kit.manifests[KARPENTER_KINDS]


@contextmanager
def karpenter(
    program: Path, kinds: Sequence[Mapping[str, Any]], stage: Stage, folder: Path, machines: Sequence[Machine]
) -> Iterator[Cloud]:
    """Karpenter as a child, on loopback; it ends with the block.

    Args:
        program: built by `tools/build_karpenter.py`.
        kinds: its CustomResourceDefinitions.
        stage: the cluster, as its administrator.
        folder: for its files.
        machines: what its cloud rents out.

    Raises:
        NotReachedError: it does not come up.
    """
    _defined(stage, kinds)
    (folder / "machines.json").write_text(json.dumps([each.written() for each in machines]), encoding="utf-8")
    (folder / "sold-out").touch()
    health, metrics = free_port(), free_port()
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "KUBECONFIG": stage.access[0],
        "SYSTEM_NAMESPACE": "kube-system",
        "SOLD_OUT_FILE": str(folder / "sold-out"),
        # Whatever ends the sandbox ends it too, should this process be killed.
        MARKER: str(Path(stage.access[0]).parent),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(program), f"--health-probe-port={health}", f"--metrics-port={metrics}", "--disable-leader-election",
             "--instance-types-file-path", str(folder / "machines.json"),
             "--batch-idle-duration=1s", "--batch-max-duration=3s"],
            env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            _wait_until_listens(health, process, folder / "log")
            yield Cloud(folder, process)
        finally:
            process.terminate()
            try:
                process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _defined(stage: Stage, kinds: Sequence[Mapping[str, Any]]) -> None:
    """Its kinds on the API server: server-side, for some are larger than an annotation may be."""
    whole = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(kinds)})
    stage.run("apply", "--server-side", "-f", "-", stdin=whole)
    names = [f"crd/{each['metadata']['name']}" for each in kinds]
    stage.run("wait", "--for=condition=Established", "--timeout=60s", *names)


def _wait_until_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Its port for probes opens when its manager starts."""
    ends = time.monotonic() + _READY_WITHIN
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise NotReachedError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
