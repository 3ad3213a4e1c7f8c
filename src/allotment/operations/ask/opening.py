"""The snapshot that a question is asked of: of clusters, or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from allotment.errors import NotFoundError, at, shown
from allotment.model.observed.snapshot import Snapshot
from allotment.model.spelling import did_you_mean
from allotment.observe.taking import snapshot_of_file
from allotment.operations.ask.observing_all import Connect, observe_all
from allotment.ports.clock import Clock
from allotment.ports.files import FilesPort


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """Where a snapshot comes from.

    Attributes:
        file: as the user names it; empty for clusters.
        only: of a file: the clusters that are asked; empty = all that it holds.
        namespaces: of a cluster: where kinds are read that may not be listed everywhere.
    """

    file: str = ""
    namespaces: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


def open_snapshot(
    request: SnapshotRequest, files: FilesPort, clusters: Mapping[str, Connect], clock: Clock
) -> Snapshot:
    """A snapshot, read from a file or from clusters.

    Args:
        request: which.
        files: where a file is read.
        clusters: how each is reached, by its name; only if no file is named.
        clock: says when they are read.

    Raises:
        NotFoundError: there is no such file, no such cluster in it, or no such context.
        InputError: the file is neither a snapshot nor a case; what it is, and what takes it, is said.
        UnreachableError: no server answers.
        NotSignedInError: none accepts the credentials.
    """
    if request.file:
        path = files.user_path(request.file)
        return _only(read_snapshot(files, path), request.only)
    return observe_all(clusters, clock, request.namespaces)


def _only(snapshot: Snapshot, names: tuple[str, ...]) -> Snapshot:
    """Those of the clusters of a file that are named."""
    known = [each.name for each in snapshot.sources]
    for name in names:
        if name not in known:
            there = f"it holds {', '.join(map(shown, known))}"
            raise NotFoundError(f"the file holds no cluster {shown(name)}", fix=did_you_mean(name, known, there))
    if not names:
        return snapshot
    return msgspec.structs.replace(snapshot, sources=tuple(each for each in snapshot.sources if each.name in names))


def read_snapshot(files: FilesPort, path: Path) -> Snapshot:
    """The snapshot of a file.

    Raises:
        NotFoundError: there is no such file.
        InputError: it is neither a snapshot nor a case.
    """
    data = files.read_bytes(path)
    with at(str(path)):
        return snapshot_of_file(data)
