"""The server's own folder: made for its user alone, and looked at before anything in it is believed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from allotment.errors import AllotmentError, ConflictError, shown
from allotment.ports.private_folders import must_be_kept_from_strangers, must_be_private


def made_own(folder: Path) -> Path:
    """The folder, made if it is not there yet.

    Raises:
        ConflictError: it belongs to somebody else, or others may write into it.
        AllotmentError: it cannot be made.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        above, found = folder.parent.stat(), folder.stat()
    except OSError as error:
        raise AllotmentError(
            f"{shown(folder)} cannot be made",
            why=error.strerror or str(error),
            fix="check the folder above it and its permissions, or name another one with XDG_STATE_HOME",
        ) from error
    must_be_kept_from_strangers(folder.parent, above, os.geteuid())
    must_be_private(folder, found, os.geteuid())
    return folder


def made_afresh(folder: Path) -> Path:
    """The folder, made anew: what an earlier one has left there is gone.

    Raises:
        ConflictError: it belongs to somebody else, is a link, or others may write into it.
        AllotmentError: it cannot be made, or what is there cannot be removed.
    """
    made_own(folder)
    if folder.is_symlink():
        raise ConflictError(f"{shown(folder)} is a link", why="what it leads to would be removed", fix="move it away")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise AllotmentError(
            f"{shown(folder)} cannot be removed", why=error.strerror or str(error), fix="remove it"
        ) from error
    return made_own(folder)


def opened_log(path: Path) -> int:
    """A descriptor that appends to a file of that folder; the file is made if it is not there yet.

    Raises:
        ConflictError: no file lies there, but a link.
        AllotmentError: it cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise ConflictError(
                f"{shown(path)} is a link", why="the server's log would go where it leads", fix="move it away"
            ) from error
        raise AllotmentError(
            f"{shown(path)} cannot be written", why=error.strerror or str(error), fix="check its owner and its mode"
        ) from error
