"""What jobs have left below the server's folder: see `RemainsOfJobs`. No link is followed: jobs can write there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from allotment.adapters.local.job_folders import CODE_ENDING
from allotment.adapters.local.processes import LocalProcesses
from allotment.adapters.local.removing import names_of, opened_below, remove_below
from allotment.errors import AllotmentError
from allotment.ports.job_processes import JobAlive, JobGone
from allotment.ports.job_remains import JobRemains, RemainsKind

_BLOCK: Final = 512
"""Bytes that `st_blocks` counts in, whatever the file system."""
FOLDERS: Final = {
    RemainsKind.LAUNCH: "launches",
    RemainsKind.WORK: "work",
    RemainsKind.CHECKPOINT: "checkpoints",
    RemainsKind.CODE: "code",
}
"""Where each kind lies in the server's folder."""


class LocalRemains:
    """See the module; implements `RemainsOfJobs`."""

    def __init__(self, root: Path, processes: Callable[[], LocalProcesses]) -> None:
        """Below a folder, which need not be there.

        Args:
            root: the server's.
            processes: what runs its launches; asked for only where there are launches.
        """
        self._root = root
        self._processes = processes

    def listed(self) -> tuple[JobRemains, ...]:
        """Everything that is there."""
        return tuple(found for kind in RemainsKind for found in self._of(kind))

    def _of(self, kind: RemainsKind) -> Iterator[JobRemains]:
        try:
            entries = sorted(os.scandir(self._root / FOLDERS[kind]), key=lambda each: each.name)
        except OSError:
            return
        for each in entries:
            with suppress(OSError):
                seen = each.stat(follow_symlinks=False)
                whole = stat.S_ISREG(seen.st_mode) if kind is RemainsKind.CODE else stat.S_ISDIR(seen.st_mode)
                if whole and not each.name.startswith("."):
                    name = each.name.removesuffix(CODE_ENDING) if kind is RemainsKind.CODE else each.name
                    yield JobRemains(kind, name, seen.st_mtime_ns // 1_000_000)

    def size(self, one: JobRemains) -> int:
        """Bytes that it takes on the disk."""
        total = 0
        waiting = [_path(one)]
        while waiting:
            inner = waiting.pop()
            try:
                folder = opened_below(self._root, inner)
            except NotADirectoryError:
                with suppress(OSError):
                    return (self._root / inner).lstat().st_blocks * _BLOCK
                continue
            except OSError:
                continue
            try:
                for name in names_of(folder):
                    with suppress(OSError):
                        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
                        total += seen.st_blocks * _BLOCK
                        if stat.S_ISDIR(seen.st_mode):
                            waiting.append(f"{inner}/{name}")
            finally:
                os.close(folder)
        return total

    def runs(self, launch_id: str) -> bool:
        """Whether anything of it runs."""
        try:
            state = self._processes().look(launch_id)
        except AllotmentError:
            return False
        return isinstance(state, JobAlive) or (isinstance(state, JobGone) and bool(state.left))

    def end(self, launch_id: str) -> None:
        """End what still runs of it."""
        with suppress(AllotmentError):
            state = self._processes().look(launch_id)
            if isinstance(state, JobAlive):
                self._processes().end(state.launched)
            else:
                self._processes().kill(launch_id)

    def remove(self, one: JobRemains) -> bool:
        """Remove it."""
        if one.kind is RemainsKind.LAUNCH:
            try:
                self._processes().forget(one.name)
            except (AllotmentError, OSError):
                return False
            return True
        if one.kind is RemainsKind.CODE:
            with suppress(OSError):
                (self._root / _path(one)).unlink()
        else:
            remove_below(self._root, _path(one))
        return not os.path.lexists(self._root / _path(one))


def _path(one: JobRemains) -> str:
    return f"{FOLDERS[one.kind]}/{one.name}{CODE_ENDING if one.kind is RemainsKind.CODE else ''}"
