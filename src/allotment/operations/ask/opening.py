"""The snapshot that a question is asked of: of a cluster, or from a file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from allotment.errors import at
from allotment.model.observed.snapshot import Snapshot
from allotment.observe.taking import snapshot_of_file
from allotment.operations.ask.observing import observe
from allotment.ports.clock import Clock
from allotment.ports.files import FilesPort
from allotment.ports.kube import KubePort


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """Where a snapshot comes from.

    Attributes:
        file: as the user names it; empty for a cluster.
        namespaces: of a cluster: where kinds are read that may not be listed everywhere.
    """

    file: str = ""
    namespaces: tuple[str, ...] = ()


def open_snapshot(
    request: SnapshotRequest, files: FilesPort, connect: Callable[[], AbstractContextManager[KubePort]], clock: Clock
) -> Snapshot:
    """A snapshot, read from a file or from a cluster.

    Args:
        request: which.
        files: where a file is read.
        connect: to the cluster; called only if no file is named.
        clock: says when a cluster is read.

    Raises:
        NotFoundError: there is no such file, or no such context.
        InputError: the file is neither a snapshot nor a case; what it is, and what takes it, is said.
        UnreachableError: the server does not answer.
        NotSignedInError: it does not accept the credentials.
    """
    if request.file:
        path = files.user_path(request.file)
        return read_snapshot(files, path)
    with connect() as kube:
        return observe(kube, clock, request.namespaces)


def read_snapshot(files: FilesPort, path: Path, *, follow: bool = True) -> Snapshot:
    """The snapshot of a file; of one behind a symbolic link only if `follow`.

    Raises:
        NotFoundError: there is no such file.
        InputError: it is neither a snapshot nor a case.
    """
    data = files.read_bytes(path, follow=follow)
    with at(str(path)):
        return snapshot_of_file(data)
