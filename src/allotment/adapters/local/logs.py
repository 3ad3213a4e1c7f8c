"""Logs of jobs, read while they are written and rotated."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from allotment.adapters.local.supervisor.log_files import older
from allotment.ports.job_processes import LogPart

_TRIES: Final = 10
"""Times that a log may be rotated while it is opened."""
_MOST_FILES: Final = 32
"""Files of a log that are opened at once: more than are ever kept. A job can make as many of such names as it likes."""


def read_log(path: Path, start: int | None, most: int) -> LogPart:
    """A part of a log, see `JobProcesses.log`; nothing of one that is not there yet."""
    try:
        # Not over a link: a job may have put one in the place of its folder, to a file of that name elsewhere.
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return LogPart(0, b"")
    held: list[tuple[int, int]] = []
    try:
        held = _opened(folder, path.name)
        if not held:
            return LogPart(0, b"")
        last, fd = held[-1]
        end = last + os.fstat(fd).st_size
        begin = max(end - most, held[0][0]) if start is None else min(max(start, held[0][0]), end)
        return LogPart(*_joined(held, begin, most))
    finally:
        for _, fd in held:
            os.close(fd)
        os.close(folder)


def _opened(folder: int, name: str) -> list[tuple[int, int]]:
    """The files of a log, each with how many bytes came before it, oldest first; none of them is opened twice."""
    for _ in range(_TRIES):
        before = _newest(folder, name)
        with ExitStack() as closing:
            try:
                held = []
                for _, each in (*before, (0, name)):
                    held.append(_open(each, folder))
                    closing.callback(os.close, held[-1])
                if _newest(folder, name) == before:
                    ends = [0, *(end for end, _ in before)]
                    opened = [
                        (max(ends[number + 1] - os.fstat(fd).st_size, 0) if number < len(before) else ends[-1], fd)
                        for number, fd in enumerate(held)
                    ]
                    closing.pop_all()
                    return opened
            except FileNotFoundError:
                if not before and not _newest(folder, name):
                    return []
    return []


def _newest(folder: int, name: str) -> list[tuple[int, str]]:
    return older(os.listdir(folder), name)[-_MOST_FILES:]


def _open(name: str, folder: int) -> int:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link that a job has put there is no log
            raise FileNotFoundError from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError
    return fd


def _joined(held: list[tuple[int, int]], begin: int, most: int) -> tuple[int, bytes]:
    """From `begin` on, over the ends of files; where a file was given up for want of room, from what comes next."""
    data = b""
    start = begin
    for before, fd in held:
        at = start + len(data)
        if at < before:
            if data:
                break
            start = at = before
        data += os.pread(fd, most - len(data), at - before) if most > len(data) else b""
    return start, data
