"""Use case: write a snapshot where a user says, over nothing but an earlier snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from allotment.errors import ConflictError, shown
from allotment.model.observed.snapshot import Snapshot
from allotment.observe.written import LOOKED_AT, encode, is_written
from allotment.ports.files import FilesPort, OpenFolder


def check_target(files: FilesPort, path: Path, *, read: Iterable[Path] = (), force: bool = False) -> None:
    """Refuse to write a snapshot over something else; asked before a cluster is read, which may take long.

    Args:
        files: where it would be written.
        path: standard output may always be written to.
        read: files that are read for it: none is replaced, whatever `force` says.
        force: whatever regular file stands there may go.

    Raises:
        ConflictError: a file that is no snapshot stands there, or one that is read.
        InputError: something stands there that is no regular file, or cannot be read.
    """
    if any(files.same_file(path, each) for each in read):
        raise ConflictError(f"{shown(path)} is also read", why="it would be lost", fix="write to another file")
    standing = files.at_stake(path, LOOKED_AT)
    if standing and not force and not is_written(standing):
        raise _other(path, "write to another file, or replace it with --force")


def _other(path: Path, fix: str) -> ConflictError:
    return ConflictError(f"{shown(path)} is there and is no snapshot", why="it would be lost", fix=fix)


def keep(files: FilesPort, path: Path, snapshot: Snapshot, *, force: bool = False) -> None:
    """Write a snapshot, readable by its owner alone.

    What stands there is looked at again: since it was asked, much can have been put there.

    Raises:
        ConflictError: a file that is no snapshot stands there, and `force` is off.
        InputError: something stands there that is no regular file.
        AllotmentError: it cannot be written.
    """
    packed = encode(snapshot)
    check_target(files, path, force=force)
    files.write_bytes(path, packed, mode=0o600)


def keep_in(folder: OpenFolder, name: str, snapshot: Snapshot) -> None:
    """Write a snapshot into an open folder, readable by its owner alone.

    Raises:
        ConflictError: a file that is no snapshot stands there.
        InputError: something stands there that is no regular file.
        AllotmentError: it cannot be written, or something else stands in the folder's place.
    """
    packed = encode(snapshot)
    standing = folder.at_stake(name, LOOKED_AT)
    if standing and not is_written(standing):
        raise _other(folder.path / name, "record into another folder")
    folder.write_bytes(name, packed, mode=0o600)
