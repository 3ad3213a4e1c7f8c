"""What is written of a job in its folder: small JSON objects, each whole or not there."""

from __future__ import annotations

import os
import stat
from _json import encode_basestring_ascii as quoted  # json itself takes longer to import than this program to start

TYPE_CHECKING: Final = False
if TYPE_CHECKING:
    from typing import Final

LAUNCH: Final = "launch.json"
"""What was to run, by the server, before it is started. The environment is not in it."""
RUNNING: Final = "running.json"
"""That it runs, by its supervisor, before the job's first instruction. Who makes this file may run it: nobody else."""
STOP: Final = "stop.json"
"""How long its grace is, by whoever stops it."""
RESULT: Final = "result.json"
"""How it ended, by its supervisor."""
ERRORS: Final = "supervisor.err"
"""What a supervisor says when it fails itself."""
LOG: Final = "log"
"""Its output, where the launch names no file."""

RESERVED: Final = 4096
"""Bytes that are kept free for the result, so that a full disk cannot swallow an exit code."""


def as_json(record: dict[str, object]) -> bytes:
    """An object of texts, numbers, truth values, null, and lists and objects of them."""
    return _written(record).encode("ascii")


def _written(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(str(key))}:{_written(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_written, value)) + "]"
    return str(quoted(str(value)))


def write_all(fd: int, data: bytes) -> None:
    """Every byte of it, or an error."""
    while data:
        data = data[os.write(fd, data) :]


def new_file(folder: int, name: str, data: bytes) -> int:
    """A new file for the owner alone; its descriptor, open for writing."""
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        write_all(fd, data)
    except OSError:
        os.close(fd)
        os.unlink(name, dir_fd=folder)
        raise
    return fd


def claim(folder: int, record: dict[str, object]) -> bool:
    """Write `RUNNING` if it is not there; False where somebody else was first.

    Its name survives a loss of power. What it says may not: then nobody knows what ran, and it is not run again.
    """
    part = f"{RUNNING}.{os.getpid()}"
    fd = new_file(folder, part, as_json(record))
    try:
        os.link(part, RUNNING, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        return False
    finally:
        os.close(fd)
        os.unlink(part, dir_fd=folder)
    os.fsync(folder)
    return True


class ReservedResult:
    """Room on the disk for the result, taken before the job starts."""

    def __init__(self, folder: int) -> None:
        self._folder = folder
        self._name = f"{RESULT}.{os.getpid()}"
        self._fd = new_file(folder, self._name, b"")
        try:
            os.posix_fallocate(self._fd, 0, RESERVED)
        except OSError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Nothing ran: nothing is written."""
        os.close(self._fd)
        os.unlink(self._name, dir_fd=self._folder)

    def write(self, record: dict[str, object]) -> None:
        """Write the result in the room that was reserved, and show it under its name."""
        # Spaces after the object are JSON; cutting the file could need another block.
        data = as_json(record)
        os.lseek(self._fd, 0, os.SEEK_SET)
        write_all(self._fd, data.ljust(RESERVED))
        os.fsync(self._fd)
        os.rename(self._name, RESULT, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)

    def make_way(self) -> bool:
        """Undo what a job may have done to its folder to keep the result out; whether there was something to undo."""
        undone = False
        try:
            if os.fstat(self._folder).st_mode & 0o700 != 0o700:
                os.fchmod(self._folder, 0o700)
                undone = True
            if stat.S_ISDIR(os.stat(RESULT, dir_fd=self._folder, follow_symlinks=False).st_mode):
                os.rename(RESULT, f"{RESULT}.{os.urandom(8).hex()}", src_dir_fd=self._folder, dst_dir_fd=self._folder)
                undone = True
        except OSError:
            return undone
        return undone
