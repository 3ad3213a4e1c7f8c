"""Whether a folder is its user's own: who may write into it decides what a server runs, and who is answered by it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from allotment.errors import ConflictError, shown


def must_be_private(folder: Path, found: os.stat_result, user: int) -> None:
    """Refuse a folder that somebody else made, or that anybody else may write into.

    Args:
        folder: its path.
        found: what the system says of it.
        user: number of the user whose it has to be.

    Raises:
        ConflictError: it is not.
    """
    if found.st_uid != user:
        raise _refused(folder, f"it belongs to the user {found.st_uid}, who could replace what lies there")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _refused(folder, f"its mode {stat.S_IMODE(found.st_mode):o} lets others write into it")


def must_be_kept_from_strangers(folder: Path, found: os.stat_result, user: int) -> None:
    """Refuse a folder in which a stranger could replace what its user puts there.

    The system's own folders will do, and those that a group shares: who is in it was chosen.

    Args:
        folder: its path.
        found: what the system says of it.
        user: number of the user who puts something there.

    Raises:
        ConflictError: a stranger could.
    """
    if found.st_uid not in {user, 0}:
        raise _refused(folder, f"it belongs to the user {found.st_uid}, who could replace what lies there")
    # In a sticky folder, such as /tmp, nobody replaces what is another's.
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        raise _refused(folder, f"its mode {stat.S_IMODE(found.st_mode):o} lets everybody write into it")


def _refused(folder: Path, why: str) -> ConflictError:
    return ConflictError(
        f"{shown(folder)} is not kept from others",
        why=why,
        fix="look what lies there; move it away, or make it yours alone with chown and `chmod 700`",
    )
