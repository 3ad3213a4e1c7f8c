"""Snapshots that were recorded into a folder, one after the other: only one is held at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from allotment.errors import AllotmentError, InputError, at, shown
from allotment.model.observed.snapshot import Snapshot
from allotment.observe.taking import snapshot_of_file
from allotment.ports.files import FilesPort, OpenFolder

_ENDINGS: Final = (".json", ".json.gz")
_MOST_TOLD: Final = 3
_NOT_REGULAR: Final = "no regular files, left out"


def as_it_is(snapshot: Snapshot) -> Snapshot:
    """All of it."""
    return snapshot


@dataclass(slots=True)
class Recording:
    """A folder that `allot snapshot record` fills; the names of its files have the order of their times.

    Attributes:
        left_out: what has the name of a snapshot and is no regular file: no link is followed out of the folder.
        damaged: files that could not be read, as they are met: what they held is missing.
        seen: each as it may be seen.
    """

    folder: OpenFolder
    files: Sequence[Path]
    left_out: Sequence[Path] = ()
    damaged: list[Path] = field(default_factory=list)
    seen: Callable[[Snapshot], Snapshot] = as_it_is

    def snapshots(self) -> Iterator[Snapshot]:
        """Every snapshot that can be read, in the order of the names."""
        for file in self.files:
            found = self._read(file)
            if found is not None:
                yield found

    def last(self) -> Snapshot:
        """The last that can be read.

        Raises:
            InputError: there is none.
        """
        for file in reversed(self.files):
            found = self._read(file)
            if found is not None:
                return found
        raise InputError(
            f"no file of {self.folder.path} is a snapshot",
            why=f"{len(self.files):,} files were tried",
            fix="name the folder that `allot snapshot record` writes",
        )

    def _read(self, file: Path) -> Snapshot | None:
        try:
            data = self.folder.read_bytes(file.name)
            with at(str(file)):
                return self.seen(snapshot_of_file(data))
        except AllotmentError:
            # A recorder that was killed leaves its last file cut off: the time is a gap, and the rest is good.
            if file not in self.damaged:
                self.damaged.append(file)
            return None

    def remarks(self) -> tuple[str, ...]:
        """What was left out."""
        told = ((_NOT_REGULAR, self.left_out), ("no snapshots, left out", self.damaged))
        return tuple(f"{what}: {_names(files)}" for what, files in told if files)


def _names(files: Sequence[Path]) -> str:
    more = f" and {len(files) - _MOST_TOLD:,} more" if len(files) > _MOST_TOLD else ""
    return ", ".join(shown(file.name) for file in files[:_MOST_TOLD]) + more


def recording(files: FilesPort, folder: str) -> Recording:
    """The recording in a folder.

    Raises:
        NotFoundError: there is no such folder.
        InputError: it cannot be read, or holds no files of snapshots.
    """
    path = files.user_path(folder)
    opened = files.open_folder(path)
    entries = opened.entries()
    found = tuple(file for file in entries.files if file.name.endswith(_ENDINGS))
    others = tuple(file for file in entries.others if file.name.endswith(_ENDINGS))
    if not found:
        raise InputError(
            f"{path} holds no recorded snapshots",
            why=f"none of its files ends with {' or '.join(_ENDINGS)}"
            + (f"; {_NOT_REGULAR}: {_names(others)}" if others else ""),
            fix=f"record some with: allot snapshot record {path}",
        )
    return Recording(opened, found, others)
