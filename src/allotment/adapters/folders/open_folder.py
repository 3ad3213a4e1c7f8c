"""A folder that is opened once and then read and written relative to what was opened, wherever its path leads later."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import weakref
from pathlib import Path
from typing import Final

from allotment.errors import AllotmentError, InputError, NotFoundError
from allotment.ports.files import FolderEntries, unread

LARGEST_DATA: Final = 1 << 30
"""Bytes of a file that is no text: the snapshot of 5,000 nodes has some 10 MB, what kubectl prints of them 300."""

_FIX: Final = "look at what stands there, or name another folder"


class OpenedFolder:
    """See `OpenFolder` in `ports/files.py`."""

    def __init__(self, path: Path, fd: int) -> None:
        """Of a descriptor, which is closed with the last reference to this."""
        self.path = path
        self._fd = fd
        weakref.finalize(self, os.close, fd)

    def entries(self) -> FolderEntries:
        """What stands in it."""
        try:
            with os.scandir(self._fd) as entries:
                found = sorted(
                    (each.name, each.is_file(follow_symlinks=False))
                    for each in entries
                    if not each.name.startswith(".")
                )
        except OSError as error:
            raise _unlisted(self.path, error) from error
        return FolderEntries(
            tuple(self.path / name for name, regular in found if regular),
            tuple(self.path / name for name, regular in found if not regular),
        )

    def read_bytes(self, name: str) -> bytes:
        """A file of it."""
        raw = self._read(name, LARGEST_DATA + 1)
        if raw is None:
            raise NotFoundError(f"there is no file {self.path / name}", fix="check the path")
        if len(raw) > LARGEST_DATA:
            raise InputError(f"{self.path / name} is larger than {LARGEST_DATA >> 20:,} MiB", fix="name another file")
        return raw

    def at_stake(self, name: str, most: int) -> bytes | None:
        """The first bytes of what writing would replace."""
        return self._read(name, most)

    def write_bytes(self, name: str, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file of it in one step."""
        self._check_place()
        temporary = f".{name}.{secrets.token_hex(6)}"
        try:
            try:
                write_new(temporary, data, mode, folder=self._fd)
                self._check_regular(name)
                os.replace(temporary, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
            except (OSError, InputError):
                self._discard(temporary)
                raise
        except OSError as error:
            raise unwritten(self.path / name, error) from error

    def _discard(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._fd)
        except OSError:
            return

    def _check_regular(self, name: str) -> None:
        try:
            found = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{self.path / name} is no regular file", fix=_FIX)

    def _check_place(self) -> None:
        """That whoever looks at the path later finds what is written now."""
        try:
            there = self.path.stat()
        except OSError:
            there = None
        if there is None or not os.path.samestat(there, os.fstat(self._fd)):
            raise AllotmentError(
                f"{self.path} is no longer the folder that was written to",
                why="it was moved, or something else was put in its place",
                fix="look at what stands there, and begin again",
            )

    def _read(self, name: str, most: int) -> bytes | None:
        # A pipe would be waited for without end.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(name, flags, dir_fd=self._fd), "rb") as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise InputError(f"{self.path / name} is no regular file", fix=_FIX)
                return stream.read(most)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise InputError(f"{self.path / name} is no regular file", fix=_FIX) from error
            raise unread(self.path / name, error, "name a file", platform=False) from error


def open_folder(path: Path, *, make: bool = False) -> OpenedFolder:
    """A folder that a user names; where it is a link, what that leads to now.

    Raises:
        NotFoundError: there is none, and `make` is off.
        InputError: it is no folder, or cannot be read.
        AllotmentError: it cannot be made.
    """
    if make:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritten(path, error) from error
    try:
        return OpenedFolder(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except FileNotFoundError:
        raise NotFoundError(f"there is no folder {path}", fix="check the path") from None
    except OSError as error:
        raise _unlisted(path, error) from error


def _unlisted(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read", why=error.strerror or str(error), fix="name a folder that can be read")


def write_new(path: str | Path, data: bytes, mode: int = 0o644, *, folder: int | None = None) -> None:
    """Write a file that is not there yet; `folder` is the descriptor that a relative path is of."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, mode, dir_fd=folder), "wb") as stream:
        stream.write(data)
        os.fchmod(stream.fileno(), mode)


def unwritten(path: Path, error: OSError) -> AllotmentError:
    """What to say of a file that could not be written."""
    what, why = f"{path} cannot be written", error.strerror or str(error)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return AllotmentError(what, why=why, fix="check the folder and its permissions")
    disk = _disk_of(path)
    return AllotmentError(
        what,
        why=f"{why} on the disk at {disk}; nothing was changed",
        fix=f"free some space on {disk}, or write to another disk",
    )


def _disk_of(path: Path) -> Path:
    """Where the file system is mounted that a path lies on, or would lie on."""
    place = path.absolute()
    while not place.is_mount() and place != place.parent:
        place = place.parent
    return place
