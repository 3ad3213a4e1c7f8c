"""Folders that a job has written to are removed, whatever it has left in them: deep, shut, or still written to."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

_PASSES: Final = 5
"""Times that a folder is gone through: whoever still writes to it may be faster for ever."""


def remove_all(path: Path) -> None:
    """Remove a folder, or a link in its place; what cannot be removed stays. It never raises.

    Folders within folders are moved to the top one before they are emptied: so neither their depth nor the length of
    their paths matters.
    """
    with suppress(OSError):
        path.unlink()  # a link, or a file; a folder is none
        return
    try:
        top = opened_shut(str(path), None)
    except OSError:
        return
    try:
        for _ in range(_PASSES):
            _empty(top)
            with suppress(OSError):
                path.rmdir()
                return
    finally:
        os.close(top)


def remove_below(root: Path, inner: str) -> None:
    """Remove what lies at a path below a folder that is nobody else's; a link on the way there is not followed.

    A job can write to all folders but the first, and may have put a link in the place of any. It never raises.

    Args:
        root: trusted.
        inner: relative, without ``..``.
    """
    above, _, name = inner.rpartition("/")
    with suppress(OSError):
        folder = opened_below(root, above)
        try:
            remove_all(Path(f"/proc/self/fd/{folder}/{name}"))
        finally:
            os.close(folder)


def opened_below(root: Path, inner: str) -> int:
    """A folder below another, open, reached over no link.

    Raises:
        NotADirectoryError: something of the path is none, or a link.
        OSError: it is not there, or cannot be opened.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in filter(None, inner.split("/")):
        above = folder
        try:
            folder = os.open(part, flags, dir_fd=above)
        except PermissionError:
            folder = opened_shut(part, above)
        finally:
            os.close(above)
    return folder


def opened_shut(name: str, folder: int | None) -> int:
    """A folder, open, once its owner has been given all rights again; never what a link leads to."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    place = os.open(name, os.O_PATH | flags, dir_fd=folder)
    try:
        reached = f"/proc/self/fd/{place}"
        with suppress(OSError):
            os.chmod(reached, 0o700)  # noqa: PTH101 - of exactly the folder that is held
        return os.open(f"{reached}/.", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(place)


def _empty(top: int) -> None:
    mark = f".{secrets.token_hex(8)}-"
    waiting = _cleared(top, top, "", 0)
    moved = len(waiting)
    while waiting:
        name = waiting.pop()
        with suppress(OSError):
            folder = opened_shut(name, top)
            try:
                below = _cleared(folder, top, mark, moved)
            finally:
                os.close(folder)
            moved += len(below)
            waiting.extend(below)
            os.rmdir(name, dir_fd=top)


def _cleared(folder: int, top: int, mark: str, number: int) -> list[str]:
    """Remove what is no folder, and move folders to the top one; their names there."""
    found: list[str] = []
    for name in names_of(folder):
        try:
            os.unlink(name, dir_fd=folder)
            continue
        except OSError:
            if folder == top:
                found.append(name)
                continue
        with suppress(OSError):
            os.close(opened_shut(name, folder))  # it can be moved once it can be written to
        target = f"{mark}{number + len(found)}"
        with suppress(OSError):
            os.rename(name, target, src_dir_fd=folder, dst_dir_fd=top)
            found.append(target)
    return found


def names_of(folder: int) -> list[str]:
    """What stands in an open folder; nothing where it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError:
        return []
