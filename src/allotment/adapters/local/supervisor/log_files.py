"""The log of a job: bytes as they come, in a few files of bounded size, of which the newest are kept.

The newest is ``NAME``; older ones are ``NAME.END``, where END says in 20 digits how many bytes there were at its end.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING: Final = False
if TYPE_CHECKING:
    from typing import Final

DIGITS: Final = 20
_OPEN: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def older(names: list[str], log: str) -> list[tuple[int, str]]:
    """Of the names in a folder the older files of a log, by their end."""
    prefix = f"{log}."
    ends = ((name, name[len(prefix) :]) for name in names if name.startswith(prefix))
    return sorted((int(end), name) for name, end in ends if len(end) == DIGITS and end.isascii() and end.isdigit())


def gap(lost: int, why: str) -> bytes:
    """The line that stands where bytes are missing."""
    return f"[allotment: {lost:,} byte{'' if lost == 1 else 's'} of output missing here: {why}]\n".encode()


class RotatedLog:
    """Writes a log; where bytes of it are missing, a line of its own says so.

    Attributes:
        lost: bytes that could not be written.
    """

    def __init__(self, path: str, most: int, files: int) -> None:
        """Of files with `most` bytes each at most."""
        folder, _, self._name = path.rpartition("/")
        self._folder = os.open(folder or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._most = most
        self._files = files
        self.lost = 0
        self._missing = 0
        self._why = ""
        self._in_line = False
        self._open()
        self._in_line = self._size > 0

    def _open(self) -> None:
        fd = os.open(self._name, _OPEN, 0o600, dir_fd=self._folder)
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "it is no file")
        self._fd = fd
        self._size = seen.st_size

    def write(self, data: bytes) -> None:
        """Add bytes; what cannot be written is counted and dropped: a job never waits for a disk that is full."""
        try:
            if self._size and self._size + len(data) > self._most:
                self._rotate()
            if self._missing:
                self._tell_gap()
        except OSError as error:
            self._lose(len(data), error)
            return
        self._add(data)

    def _add(self, data: bytes) -> None:
        while data:
            try:
                written = os.write(self._fd, data)
            except OSError as error:
                try:
                    # The newest lines say why a job failed; older ones make room for them.
                    room = error.errno in {errno.ENOSPC, errno.EDQUOT} and self._make_room()
                except OSError:
                    room = False
                if not room:
                    self._lose(len(data), error)
                    return
            else:
                self._in_line = data[:written][-1:] != b"\n"
                data = data[written:]
                self._size += written

    def _lose(self, many: int, error: OSError) -> None:
        self.lost += many
        self._missing += many
        self._why = os.strerror(error.errno) if error.errno else "it could not be written"

    def _tell_gap(self) -> None:
        """Say how many bytes are missing before more are added: the whole line, or nothing of it."""
        line = gap(self._missing, self._why)
        if self._in_line:
            line = b"\n" + line
        written = os.write(self._fd, line)
        if written < len(line):
            os.ftruncate(self._fd, self._size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written
        self._missing, self._in_line = 0, False

    def _rotate(self) -> None:
        before = older(os.listdir(self._folder), self._name)
        end = (before[-1][0] if before else 0) + self._size
        aside = f"{self._name}.{end:0{DIGITS}d}"
        os.rename(self._name, aside, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        full = self._fd
        try:
            self._open()
        except OSError:
            os.rename(aside, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            raise
        os.close(full)
        for _, name in before[: max(0, len(before) + 2 - self._files)]:
            os.unlink(name, dir_fd=self._folder)

    def _make_room(self) -> bool:
        """Give up what older files hold; whether that was anything. The newest name stays: it says where we are."""
        before = older(os.listdir(self._folder), self._name)
        for _, name in before[:-1]:
            os.unlink(name, dir_fd=self._folder)
        if not before:
            return False
        fd = os.open(before[-1][1], os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        try:
            held = os.fstat(fd).st_size
            os.ftruncate(fd, 0)
        finally:
            os.close(fd)
        return held > 0
