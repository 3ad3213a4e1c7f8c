"""A token for a forge in a file of its own, read anew each time: whoever replaces it need not start anything again."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from allotment.errors import ForbiddenError, InputError, shown

_LONGEST: Final = 4096
"""Bytes; a longer file is no token's."""
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")


def token_in(path: Path) -> Callable[[], str]:
    """What gives the token of a file; nothing is read yet.

    It raises `InputError` where the file cannot be read or holds no token, and `ForbiddenError` where others can read
    it. A link is followed: where secrets are mounted, files are links.
    """

    def token() -> str:
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                _check(path, os.fstat(file.fileno()))
                raw = file.read(_LONGEST + 1)
        except OSError as error:
            raise _unread(path, error.strerror or str(error)) from error
        text = raw.decode("ascii", "replace").strip()
        if len(raw) > _LONGEST or not _TOKEN.fullmatch(text):
            raise _unread(path, "it holds no token: one word, on one line")
        return text

    return token


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _unread(path, "it is no regular file")
    if found.st_mode & stat.S_IRWXO or found.st_mode & stat.S_IWGRP:
        raise ForbiddenError(
            f"{shown(path)} can be read or changed by others",
            why="whoever has the token can do at the forge what Allotment can",
            fix=f"chmod 600 {shown(path)}; and revoke the token, if others may have seen it",
        )


def _unread(path: Path, why: str) -> InputError:
    return InputError(f"the token in {shown(path)} cannot be read", why=why, fix="write the forge's token into it")
