"""Control planes on this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allotment.adapters.kube.client import KubeClient
    from allotment.adapters.sandbox.spec import Progress, Sandbox, SandboxStatus
    from allotment.adapters.sandbox.store import SandboxStore
    from allotment.model.cluster import Cluster
    from allotment.model.platform import Platform
    from allotment.operations.foresee.sandboxing import SandboxWishes


def sandbox_store(binaries: str | None = None) -> SandboxStore:
    """The user's sandboxes.

    Args:
        binaries: folder with ready-made programs.
    """
    from allotment.adapters.sandbox.store import default_store

    return default_store(_connect, folder=Path(binaries) if binaries else None)


def _connect(kubeconfig: Path) -> KubeClient:
    from allotment.adapters.kube.client import connect
    from allotment.adapters.kube.transport import Patience
    from allotment.model.labels import SANDBOX_MANAGER

    return connect(kubeconfig, patience=Patience(attempts=1), manager=SANDBOX_MANAGER)


def sandbox_up(
    platform: Platform, cluster: Cluster, wishes: SandboxWishes, *, binaries: str | None, progress: Progress
) -> Sandbox:
    """A real control plane with the nodes of a cluster.

    Raises:
        UsageError: a flag of the API server without a value.
        InputError: a name or a flag that cannot be.
        UnreachableError: a server ended, or sources could not be fetched.
        TimedOutError: not ready in time.
    """
    from allotment.adapters.sandbox.apiserver_flags import parse
    from allotment.adapters.sandbox.spec import FakeNode, KueueOptions, SandboxSpec
    from allotment.operations.foresee.sandboxing import extensions_of, frameworks_of, nodes_of

    spec = SandboxSpec(
        wishes.name,
        nodes=tuple(
            FakeNode(shape.name, shape.labels, shape.taints, shape.allocatable)
            for shape in nodes_of(platform, cluster, wishes.max_nodes_per_pool)
        ),
        kueue=KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing),
        context=cluster.context,
        apiserver_flags=parse(wishes.apiserver_flags),
        extensions=(*extensions_of(cluster), *wishes.extensions),
    )
    return sandbox_store(binaries).up(spec, progress=progress)


def sandbox_down(name: str, *, progress: Progress) -> bool:
    """Stop a sandbox and remove its files; whether there was anything."""
    return sandbox_store().down(name, progress=progress)


def sandbox_status(name: str) -> SandboxStatus:
    """How a sandbox is.

    Raises:
        NotFoundError: there is none of that name.
    """
    return sandbox_store().status(name)


def sandbox_names() -> tuple[str, ...]:
    """All sandboxes of this user."""
    return sandbox_store().list()


def sandbox_kubeconfig(name: str) -> Path:
    """A sandbox's kubeconfig.

    Raises:
        NotFoundError: there is none of that name, or it never came that far.
    """
    return sandbox_store().kubeconfig(name)


def sandbox_programs(binaries: str | None, extensions: Iterable[str], *, progress: Progress) -> dict[str, str]:
    """The programs of a sandbox by name, built where they are missing."""
    from allotment.adapters.sandbox.versions import STANDARD

    kit = sandbox_store(binaries).tools(STANDARD, progress, extensions)
    return {name: str(path) for name, path in kit.binaries.items()}
