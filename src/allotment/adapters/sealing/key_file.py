"""Where the keys lie: a file that nobody but the server's user may read, or a variable for containers."""

from __future__ import annotations

import base64
import binascii
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from allotment.adapters.sealing.aes import KEY_BYTES, AesSealing
from allotment.errors import AllotmentError, InputError, shown

VARIABLE: Final = "ALLOTMENT_KEY"
"""Keys in base64 with commas between them, the newest first."""
_MOST_BYTES: Final = 4096
_HOW: Final = f"{KEY_BYTES} random bytes in base64: head -c {KEY_BYTES} /dev/urandom | base64"


def sealing_of(path: Path, environment: Mapping[str, str]) -> AesSealing:
    """What seals for a server: with the keys of the variable, else with those of a file.

    Args:
        path: of the file; made with a key where there is none.
        environment: of the server.

    Raises:
        InputError: what is there is no key, or others may read it.
        AllotmentError: the file can be neither read nor made.
    """
    if text := environment.get(VARIABLE, ""):
        return AesSealing(_keys(text.split(","), VARIABLE), None)

    def keep(keys: Sequence[bytes]) -> None:
        try:
            _write(path, keys)
        except OSError as error:
            raise _unusable(path, error) from error

    try:
        text = _read(path)
        if text:
            return AesSealing(_keys(text.splitlines(), shown(path)), keep)
        keys = (os.urandom(KEY_BYTES),)
        keep(keys)
    except OSError as error:
        raise _unusable(path, error) from error
    return AesSealing(keys, keep)


def _unusable(path: Path, error: OSError) -> AllotmentError:
    return AllotmentError(
        f"{shown(path)} cannot be read or made",
        why=error.strerror or str(error),
        fix="check the disk, the file's owner and its mode",
    )


def _keys(texts: Sequence[str], where: str) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for each in filter(None, (one.strip() for one in texts)):
        try:
            found.append(base64.b64decode(each, validate=True))
        except (binascii.Error, ValueError):
            found.append(b"")
    if not found or any(len(each) != KEY_BYTES for each in found):
        # What stands there may be a key that lacks a character: it is not repeated.
        raise InputError(f"{where} holds no key", fix=f"write {_HOW}")
    return tuple(found)


def _read(path: Path) -> str:
    """What stands in the file; empty where there is none.

    Raises:
        InputError: others may read it, or it is another's.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid != os.geteuid():
            raise InputError(
                f"{shown(path)} may be read by others",
                why="whoever has it can open every credential that the store keeps",
                fix=f"chown it to the server's user, and: chmod 600 {shown(path)}",
            )
        return file.read(_MOST_BYTES).decode("ascii", "replace")


def _write(path: Path, keys: Sequence[bytes]) -> None:
    """All of them, there whole or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    data = "".join(f"{base64.b64encode(each).decode()}\n" for each in keys)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
