"""What is written down about a sandbox, and where."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from allotment.adapters.sandbox.processes import Process
from allotment.ports.sandboxes import FakeNode, KueueOptions, SandboxSpec

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Paths:
    """Files of one sandbox; all below one folder that only its owner may enter."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """The state folder; also the marker of the sandbox's processes."""
        return self.root / self.name

    @property
    def lock(self) -> Path:
        """Held while `up` or `down` is at work; beside the folder, since `down` removes that."""
        return self.root / f".{self.name}.lock"

    @property
    def state(self) -> Path:
        """`State` as JSON."""
        return self.folder / "state.json"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.folder / "pki"

    @property
    def config(self) -> Path:
        """Configuration files and kubeconfigs of the components."""
        return self.folder / "config"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One log a component, and the audit log."""
        return self.folder / "logs"

    @property
    def etcd(self) -> Path:
        """Data of etcd."""
        return self.folder / "etcd"

    @property
    def kueue(self) -> Path:
        """Kueue's working folder; holds its certificates."""
        return self.folder / "kueue"

    @property
    def webhook_certs(self) -> Path:
        """Where Kueue expects the webhook certificate that a kubelet would mount."""
        return self.kueue / "webhook-certs"

    def certificates(self, webhook: str) -> Path:
        """Where the controller of an extension reads its webhooks' certificate."""
        return self.config / webhook

    def log(self, component: str) -> Path:
        """Log of one component."""
        return self.logs / f"{component}.log"


@dataclass(frozen=True, slots=True)
class State:
    """One start of a sandbox.

    Attributes:
        spec: what was asked for.
        ports: loopback port by use.
        processes: by component; grows while the start goes on.
        started_at: seconds since the epoch.
        complete: the start came to its end.
    """

    spec: SandboxSpec
    ports: Mapping[str, int]
    processes: Mapping[str, Process] = field(default_factory=dict)
    started_at: float = 0.0
    complete: bool = False


def save(paths: Paths, state: State) -> None:
    """Write the state by an atomic rename."""
    partial = paths.state.with_suffix(".partial")
    write_private(partial, json.dumps({"format": _FORMAT, **dataclasses.asdict(state)}, indent=1))
    partial.replace(paths.state)


def load(paths: Paths) -> State | None:
    """The state as written; None when there is none, or none that this version can read.

    None is safe: the processes of such a sandbox are still found by their marker.
    """
    try:
        data = json.loads(paths.state.read_text(encoding="utf-8"))
        if data.pop("format") != _FORMAT:
            return None
        spec = data.pop("spec")
        nodes = tuple(
            FakeNode(**{**node, "taints": tuple(tuple(taint) for taint in node["taints"])})
            for node in spec.pop("nodes")
        )
        kueue = spec.pop("kueue")
        options = KueueOptions(**{**kueue, "frameworks": tuple(kueue["frameworks"])})
        extensions = tuple(spec.pop("extensions", ()))
        processes = {name: Process(**process) for name, process in data.pop("processes").items()}
        return State(
            spec=SandboxSpec(**spec, nodes=nodes, kueue=options, extensions=extensions), processes=processes, **data
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        sink.write(text)
