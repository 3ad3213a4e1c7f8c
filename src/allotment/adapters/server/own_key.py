"""A secret of the server's own, made once: what it signs, it knows again after a restart."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from allotment.errors import AllotmentError, shown

_BYTES: Final = 32


def own_key(path: Path) -> bytes:
    """The key in a file of the server's own folder; made where there is none, or what is there is none.

    Raises:
        AllotmentError: it can be neither read nor made.
    """
    try:
        found = _read(path)
        return found if len(found) == _BYTES else _made(path)
    except OSError as error:
        raise AllotmentError(
            f"{shown(path)} cannot be read or made",
            why=error.strerror or str(error),
            fix="check the disk, the file's owner and its mode",
        ) from error


def _read(path: Path) -> bytes:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            return file.read(_BYTES + 1)
    except FileNotFoundError:
        return b""


def _made(path: Path) -> bytes:
    """A new one, which is there whole or not at all; where another server of the folder was faster, its."""
    key, new = secrets.token_bytes(_BYTES), path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(OSError):
            os.link(new, path)
            return key
        found = _read(path)
        if len(found) == _BYTES:
            return found
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return key
