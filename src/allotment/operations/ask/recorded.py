"""Snapshots that were recorded into a folder, one after the other: only one is held at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from allotment.errors import AllotmentError, InputError
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.opening import read_snapshot
from allotment.ports.files import FilesPort

_ENDINGS: Final = (".json", ".json.gz")
_MOST_TOLD: Final = 3


@dataclass(slots=True)
class Recording:
    """A folder that `allot snapshot record` fills; the names of its files have the order of their times.

    Attributes:
        damaged: files that could not be read, as they are met: what they held is missing.
    """

    folder: Path
    files: Sequence[Path]
    port: FilesPort
    damaged: list[Path] = field(default_factory=list)

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
            f"no file of {self.folder} is a snapshot",
            why=f"{len(self.files):,} files were tried",
            fix="name the folder that `allot snapshot record` writes",
        )

    def _read(self, file: Path) -> Snapshot | None:
        try:
            return read_snapshot(self.port, file)
        except AllotmentError:
            # A recorder that was killed leaves its last file cut off: the time is a gap, and the rest is good.
            if file not in self.damaged:
                self.damaged.append(file)
            return None

    def remarks(self) -> tuple[str, ...]:
        """What was left out."""
        if not self.damaged:
            return ()
        named = ", ".join(file.name for file in self.damaged[:_MOST_TOLD])
        more = f" and {len(self.damaged) - _MOST_TOLD:,} more" if len(self.damaged) > _MOST_TOLD else ""
        return (f"no snapshots, left out: {named}{more}",)


def recording(files: FilesPort, folder: str) -> Recording:
    """The recording in a folder.

    Raises:
        NotFoundError: there is no such folder.
        InputError: it cannot be read, or holds no files of snapshots.
    """
    path = files.user_path(folder)
    found = [file for file in files.files_in(path) if file.name.endswith(_ENDINGS)]
    if not found:
        raise InputError(
            f"{path} holds no recorded snapshots",
            why=f"none of its files ends with {' or '.join(_ENDINGS)}",
            fix=f"record some with: allot snapshot record {path}",
        )
    return Recording(path, found, files)
