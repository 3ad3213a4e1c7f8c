"""`JobOutput` in a folder that all nodes share."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from allotment.errors import AllotmentError, shown
from allotment.ports.job_processes import check_id


class SharedOutput:
    """``output/JOB/`` below a folder. Jobs write there, so no link in it is followed, and only plain files are read."""

    def __init__(self, root: Path) -> None:
        """Below a folder, which is made where it is not there."""
        self._root = root.absolute() / "output"

    def folder(self, job_id: str) -> str:
        """Where its output goes."""
        path = self._path(job_id)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise AllotmentError(
                f"the folder {shown(path)} could not be made",
                why=error.strerror or str(error),
                fix="see to that path, which all nodes have to see",
            ) from error
        return str(path)

    def names(self, job_id: str) -> tuple[str, ...]:
        """Plain files in it."""
        try:
            with os.scandir(self._path(job_id)) as found:
                return tuple(sorted(each.name for each in found if each.is_file(follow_symlinks=False)))
        except OSError:
            return ()

    def read(self, job_id: str, name: str, start: int, most: int = 1 << 16) -> bytes:
        """A part of one."""
        with suppress(OSError), self._opened(job_id, name) as opened:
            return os.pread(opened, most, start)
        return b""

    def size(self, job_id: str, name: str) -> int:
        """Of one."""
        with suppress(OSError), self._opened(job_id, name) as opened:
            return os.fstat(opened).st_size
        return 0

    @contextmanager
    def _opened(self, job_id: str, name: str) -> Iterator[int]:
        """A plain file.

        Raises:
            OSError: it is none, or cannot be read.
        """
        if "/" in name or name in {"", ".", ".."}:
            raise FileNotFoundError(name)
        opened = os.open(self._path(job_id) / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise FileNotFoundError(name)
            yield opened
        finally:
            os.close(opened)

    def _path(self, job_id: str) -> Path:
        check_id(job_id)
        return self._root / job_id
