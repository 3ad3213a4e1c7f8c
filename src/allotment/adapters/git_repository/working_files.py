"""Files of a working copy that somebody works in: looked at and replaced without following a link."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from allotment.errors import AllotmentError, shown


class _BlockedError(Exception):
    """Where a folder would be, something else is."""


@dataclass(frozen=True, slots=True)
class WorkingFiles:
    """Below a folder.

    Attributes:
        top: the working copy's own folder.
    """

    top: Path

    def holds(self, path: str, data: bytes | None) -> bool:
        """Whether a plain file with just this content stands at a path; None: whether nothing does.

        Raises:
            AllotmentError: it cannot be read.
        """
        try:
            with self._failing(path), self._folder_of(path) as folder:
                return _holds(folder, path.rpartition("/")[2], data)
        except _BlockedError:
            return False

    def exchange(self, path: str, before: bytes | None, after: bytes | None) -> None:
        """Put a content in another's place, unless somebody has put something else there.

        Raises:
            AllotmentError: it cannot be written.
        """
        name = path.rpartition("/")[2]
        making = after is not None
        with suppress(_BlockedError), self._failing(path), self._folder_of(path, make=making) as folder:
            if folder is not None:
                if _holds(folder, name, before):
                    _put(folder, name, before, after)
                # One may be left by somebody who was killed.
                _unlink(folder, _fresh(name))
        if after is None:
            self._tidy(path)

    @contextmanager
    def _folder_of(self, path: str, *, make: bool = False) -> Iterator[int | None]:
        """The folder that a path's last part is in; None where there is none.

        Raises:
            _BlockedError: a link or a file is in the way.
        """
        with ExitStack() as opened:
            yield self._opened(opened, path.split("/")[:-1], make=make)

    def _opened(self, opened: ExitStack, parts: list[str], *, make: bool) -> int | None:
        folder = os.open(self.top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        opened.callback(os.close, folder)
        for part in parts:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
            try:
                folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                    raise _BlockedError from error
                raise
            opened.callback(os.close, folder)
        return folder

    def _tidy(self, path: str) -> None:
        """Folders that are left empty go with their last file, as with git."""
        parts = path.split("/")[:-1]
        # One that is not empty, or gone already, ends it.
        with suppress(OSError, _BlockedError):
            while parts:
                with ExitStack() as opened:
                    os.rmdir(parts[-1], dir_fd=self._opened(opened, parts[:-1], make=False))
                parts.pop()

    @contextmanager
    def _failing(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AllotmentError(
                f"{shown(self.top / path)} cannot be brought to what is committed",
                why=error.strerror or str(error),
                fix="check its owner, its mode and the disk",
            ) from error


def _holds(folder: int | None, name: str, data: bytes | None) -> bool:
    if folder is None:
        return data is None
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return data is None
    if data is None or not stat.S_ISREG(found.st_mode) or found.st_size != len(data):
        return False
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), "rb") as file:
        return file.read(len(data) + 1) == data


def _put(folder: int, name: str, before: bytes | None, after: bytes | None) -> None:
    """A new file in one step; where there was none, only if there is none still."""
    if after is None:
        _unlink(folder, name)
        return
    fresh = _fresh(name)
    _unlink(folder, fresh)
    mode = 0o666 if before is None else stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.write(after)
        file.flush()
        if before is not None:
            os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    if before is None:
        with suppress(FileExistsError):
            os.link(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    elif _holds(folder, name, before):
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)


def _fresh(name: str) -> str:
    """A hidden name that is no YAML file's: nobody reads it as part of a platform directory."""
    return f".{name}.allotment"


def _unlink(folder: int, name: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
