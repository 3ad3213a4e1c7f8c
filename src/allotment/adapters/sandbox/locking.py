"""One at a time, across processes: advisory file locks that a crash releases by itself."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from allotment.errors import ConflictError


@contextmanager
def exclusive(
    path: Path, *, wait_seconds: float, what: str, waiting: Callable[[float], None] | None = None
) -> Iterator[None]:
    """Hold the lock file `path`, waiting for another holder at most `wait_seconds`.

    The kernel drops the lock when its holder dies, so a lock is never stale. The file may be removed by the
    holder: a waiter notices that its file is no longer the one on disk and starts again.

    Args:
        path: lock file; made when missing, holds the holder's process id.
        wait_seconds: how long to wait before giving up.
        what: what is locked, for the error.
        waiting: told about once a second how long we have waited.

    Raises:
        ConflictError: somebody else held it for all that time.
    """
    started = time.monotonic()
    descriptor = _try(path)
    while descriptor is None:
        waited = time.monotonic() - started
        if waited >= wait_seconds:
            raise ConflictError(
                f"another command is working on {what}",
                why=f"process {_holder(path)} holds {path}",
                fix="wait until it has ended, or end it, and try again",
            )
        if waiting is not None:
            waiting(waited)
        time.sleep(min(0.2, wait_seconds))
        descriptor = _try(path)
    try:
        yield
    finally:
        os.close(descriptor)


def _try(path: Path) -> int | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino != path.stat().st_ino:
            os.close(descriptor)
            return _try(path)
    except (BlockingIOError, FileNotFoundError):
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip() or "unknown"
    except OSError:
        return "unknown"
