"""Read a platform directory, and write an edit back.

A platform directory may come from anybody's pull request, so nothing outside it is ever read or written: symbolic
links are refused rather than followed, and sizes are bounded before anything is read.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from allotment.errors import AllotmentError, InputError, NotFoundError
from allotment.model.source import DECLARES_PLATFORM, YAML_SUFFIXES, Changes, SourceTree, is_read
from allotment.spec.problems import InvalidPlatformError, Problem, Severity

MOST_FILES: Final = 20_000
MOST_FILE_BYTES: Final = 8 << 20
MOST_ENTRIES: Final = 50_000
"""Files and folders of a directory without a Platform document in its own files: a slip, such as ``/``."""
MOST_TREE_BYTES: Final = 64 << 20
"""1,000 teams on 20 clusters are 1,000 files of 6 KB; the bounds leave room for ten times that."""


def read_tree(path: Path | str) -> SourceTree:
    """Read every YAML file of a platform directory; hidden and oddly named ones as what is not part of it.

    Raises:
        NotFoundError: there is no such directory.
        InvalidPlatformError: a file is a link, too large, or no UTF-8 text; all such files are named.
        InputError: there are too many files, or so many of any kind that this is no platform directory.
    """
    root = Path(path)
    if not root.is_dir():
        raise NotFoundError(f"{root} is no directory", fix="name a platform directory, or make one: allot init DIR")
    files: dict[str, str] = {}
    left_out: dict[str, str] = {}
    problems: list[Problem] = []
    total = 0
    for file in _yaml_files(root, problems):
        relative = file.relative_to(root).as_posix()
        if len(files) + len(left_out) >= MOST_FILES or total > MOST_TREE_BYTES:
            limit = f"{MOST_FILES:,} YAML files or {MOST_TREE_BYTES >> 20} MiB"
            raise InputError(f"{root} holds more than {limit}", fix="name the platform directory itself")
        named = is_read(relative)
        # What is not part of the directory cannot make it invalid by what it holds.
        text = _read(file, relative, problems if named else [])
        if text is not None:
            (files if named else left_out)[relative] = text
            total += len(text)
    if problems:
        raise InvalidPlatformError(problems)
    return SourceTree(files, left_out)


def write_files(root: Path | str, changes: Changes) -> None:
    """Write an edit: each file atomically, so that a crash leaves the old text or the new one; on a full disk nothing.

    Raises:
        InputError: a path leads out of the directory, or through a symbolic link.
        AllotmentError: something cannot be written.
    """
    base = Path(root)
    try:
        base.mkdir(parents=True, exist_ok=True)
        _write_all([(_inside(base, relative), text) for relative, text in changes.items()])
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise AllotmentError(
            f"{base} cannot be written",
            why=f"{error.strerror or error}{'; nothing was changed' if full else ''}",
            fix="free some space on its disk" if full else "check the folder and its permissions",
        ) from error


def _write_all(targets: Sequence[tuple[Path, str | None]]) -> None:
    fresh = [
        (target, target.with_name(f".{target.name}.{secrets.token_hex(6)}"), text)
        for target, text in targets
        if text is not None
    ]
    try:
        # All that can fail for lack of room is done before the first file changes.
        for target, temporary, text in fresh:
            _write_new(target, temporary, text)
        for target, temporary, _ in fresh:
            temporary.replace(target)
        for gone in (target for target, text in targets if text is None):
            gone.unlink(missing_ok=True)
    finally:
        for _, temporary, _ in fresh:
            temporary.unlink(missing_ok=True)


def _yaml_files(root: Path, problems: list[Problem]) -> list[Path]:
    found: list[Path] = []
    entries = 0
    own = False
    for folder, folders, names in os.walk(root, followlinks=False):
        here = Path(folder)
        links = [name for name in sorted(folders) if (here / name).is_symlink() and not name.startswith(".")]
        problems.extend(_problem(here / name, root, "is a symbolic link to a folder") for name in links)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.lower().endswith(YAML_SUFFIXES):
                continue
            if not (here / name).is_symlink() and (here / name).is_file():
                found.append(here / name)
            elif is_read(name):
                problems.append(_problem(here / name, root, "is no regular file"))
        entries += len(folders) + len(names)
        # Read only where it matters: the files are read once more when the tree is.
        if entries > MOST_ENTRIES and not own:
            own = any(_declares_platform(file) for file in found if file.parent == root)
        if entries > MOST_ENTRIES and not own:
            raise InputError(
                f"{root} is no platform directory",
                why=f"its own YAML files hold no document of kind Platform, and {MOST_ENTRIES:,} files and folders "
                "under it are too many to look for one",
                fix="name the platform directory itself",
            )
    return found


def _declares_platform(file: Path) -> bool:
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            return DECLARES_PLATFORM.search(stream.read(MOST_FILE_BYTES)) is not None
    except OSError:
        return False


def _problem(file: Path, root: Path, what: str, fix: str = "put a copy in its place") -> Problem:
    return Problem(file.relative_to(root).as_posix(), 1, 1, "", what, fix, Severity.ERROR)


def _read(file: Path, relative: str, problems: list[Problem]) -> str | None:
    try:
        # O_NOFOLLOW closes the gap between looking at the file and opening it.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            raw = stream.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        problems.append(Problem(relative, 1, 1, "", what, "check its permissions", Severity.ERROR))
        return None
    if len(raw) > MOST_FILE_BYTES:
        what = f"is larger than {MOST_FILE_BYTES >> 20} MiB"
        problems.append(Problem(relative, 1, 1, "", what, "split it", Severity.ERROR))
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        what = f"byte 0x{raw[error.start]:02x} is no UTF-8"
        problems.append(Problem(relative, line, column, "", what, "save the file as UTF-8", Severity.ERROR))
        return None


def _inside(base: Path, relative: str) -> Path:
    """The target of a relative path, with no way out of the directory."""
    parts = relative.split("/")
    if any(part in {"", ".", ".."} or "\\" in part or "\0" in part for part in parts):
        raise InputError(f"{relative!r} is no path inside the directory", fix="use plain relative paths")
    target = base
    for part in parts:
        target /= part
        if target.is_symlink():
            raise InputError(f"{relative!r} leads through a symbolic link", fix="put a copy in its place")
    return target


def _write_new(target: Path, temporary: Path, text: str) -> None:
    """A file beside another, with the other's mode."""
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(text.encode("utf-8"))
        stream.flush()
        os.fsync(stream.fileno())
