"""One at a time in a repository: a locked file, which the kernel frees when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from allotment.errors import AllotmentError, TimedOutError

_PATIENCE: Final = 120.0
_STEP: Final = 0.02
"""Seconds that the others have, and between two looks."""


@contextmanager
def held(path: Path, place: str) -> Iterator[None]:
    """Hold a lock.

    Args:
        path: of the file.
        place: what is held, for people.

    Raises:
        TimedOutError: somebody else holds it all the time.
        AllotmentError: there can be no such file.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AllotmentError(
            f"{place} cannot be written", why=error.strerror or str(error), fix="check its owner and mode"
        ) from error
    try:
        _wait(descriptor, place)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, place: str) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimedOutError(
                    f"somebody else works on {place} for more than {_PATIENCE:g} s",
                    fix="see which other process of Allotment uses it, and end it",
                ) from None
            time.sleep(_STEP)
        else:
            return
