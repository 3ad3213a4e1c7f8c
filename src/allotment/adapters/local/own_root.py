"""The folder below which a user's jobs live on storage that others use, too: made for him alone, and looked at."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from allotment.errors import AllotmentError, ConflictError, shown
from allotment.ports.private_folders import must_be_kept_from_strangers, must_be_private


def around_of(root: Path) -> tuple[Path, ...]:
    """Folders above one in which somebody could put another one in its place, wherever a link to it leads."""
    above = root.parent
    real = above.resolve()
    return tuple(dict.fromkeys((above.parent, real.parent, real)))


def made_own_root(root: Path) -> None:
    """Make it if it is not there, and see that nobody else can put anything into it, or something in its place.

    Args:
        root: absolute; the folder above it is one that all users share.

    Raises:
        ConflictError: somebody else could.
        AllotmentError: it cannot be made.
    """
    above = root.parent
    try:
        above.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=0o700, exist_ok=True)
        found = root.lstat()
        around = [(each, each.stat()) for each in around_of(root)]
    except OSError as error:
        refused = error.errno in {errno.EACCES, errno.EPERM}
        raise AllotmentError(
            f"{shown(root)}, where your jobs live, could not be made",
            why=f"{shown(error.filename or root)}: {error.strerror}",
            fix=f"ask whoever runs the cluster to let everybody make a folder there: `chmod 1777 {shown(above)}`"
            if refused
            else "see to that path, which all nodes have to see",
        ) from error
    for folder, about in around:
        must_be_kept_from_strangers(folder, about, os.geteuid())
    if not stat.S_ISDIR(found.st_mode):
        raise ConflictError(
            f"{shown(root)} is no folder",
            why="your jobs would live where it leads" if stat.S_ISLNK(found.st_mode) else "your jobs are to live there",
            fix="look what lies there, and move it away",
        )
    must_be_private(root, found, os.geteuid())
