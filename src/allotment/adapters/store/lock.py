"""One writer at a time on this machine: a locked file beside the store, which the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from allotment.errors import quoted, veiled
from allotment.ports.store import StoreInUseError

_LONGEST: Final = 400
"""Bytes that a holder says of itself."""


def in_use(place: str, holder: str) -> StoreInUseError:
    """Somebody else writes."""
    fix = "use that one, or end it first; two would start the same jobs twice"
    why = f"it is {quoted(holder)}" if holder else "it holds the store's lock"
    whole = StoreInUseError(f"another server writes into {place}", why=why, fix=fix)
    return veiled(whole, StoreInUseError("another server writes into the store", fix=fix))


def led_since(place: str) -> StoreInUseError:
    """Somebody else has written since we did."""
    why, fix = (
        "the line to the store was lost, and with it the lock",
        "start this one again: it reads anew what stands there",
    )
    whole = StoreInUseError(f"another server has written into {place} since this one did", why=why, fix=fix)
    return veiled(
        whole, StoreInUseError("another server has written into the store since this one did", why=why, fix=fix)
    )


@contextmanager
def only_writer(path: Path, place: str, who: str) -> Iterator[None]:
    """Hold the lock; whoever tries meanwhile is told who holds it.

    Raises:
        StoreInUseError: somebody else holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise in_use(place, _said(descriptor)) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{who} (process {os.getpid()})".encode(errors="replace")[:_LONGEST], 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def writer_of(path: Path) -> str:
    """Who holds the lock; empty where nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _said(descriptor) or "another process"
    finally:
        os.close(descriptor)
    return ""


def _said(descriptor: int) -> str:
    return os.pread(descriptor, _LONGEST, 0).decode(errors="replace")
