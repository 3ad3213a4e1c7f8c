"""Which commit a folder is at, as git says, and whether its YAML is as it was committed, as we see ourselves.

`git status` would compare whole files as well, and for that run filters that the repository's configuration names: the
folder may be somebody else's.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from allotment.model.source import YAML_SUFFIXES

_TIMEOUT: Final = 10.0
"""Seconds; a repository that takes longer is told nothing about."""
_MOST_FILES: Final = 20_000
_MOST_FILE_BYTES: Final = 8 << 20
"""Of a platform directory nothing larger is read (`adapters/files`): it counts as changed."""
_SHA1: Final = 40
"""Digits of a name of Git's older form."""


def revision(directory: Path) -> tuple[str, bool]:
    """The commit of the repository that a folder lies in, and whether the folder's YAML differs from it.

    Empty and False where there is no repository, no commit, or no git.
    """
    commit = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return "", False
    return commit.strip(), _differs(directory, commit.strip())


def _differs(directory: Path, commit: str) -> bool:
    # Paths are relative to the folder, and of what is below it.
    listed = _git(directory, "ls-tree", "-r", "-z", commit)
    committed = dict(_committed(listed))
    for number, path in enumerate(_yaml_files(directory)):
        if number >= _MOST_FILES or committed.pop(path, None) != _blob(directory / path, len(commit)):
            return True
    return bool(committed)


def _committed(listed: str) -> Iterator[tuple[str, str]]:
    """Names of contents by path."""
    for record in filter(None, listed.split("\0")):
        about, _, path = record.partition("\t")
        folders = path.split("/")[:-1]
        if path.lower().endswith(YAML_SUFFIXES) and not any(each.startswith(".") for each in folders):
            yield path, about.split()[2]


def _yaml_files(directory: Path) -> Iterator[str]:
    """What counts as a file of a platform directory, by the same rule."""
    for folder, folders, names in os.walk(directory, followlinks=False):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(YAML_SUFFIXES):
                yield (Path(folder) / name).relative_to(directory).as_posix()


def _blob(file: Path, digits: int) -> str | None:
    """The name that Git has for a file's content as it stands; None where it is no file that is read."""
    try:
        about = os.lstat(file)
        if stat.S_ISLNK(about.st_mode):
            data = os.fsencode(file.readlink())
        elif stat.S_ISREG(about.st_mode) and about.st_size <= _MOST_FILE_BYTES:
            with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
                data = stream.read(_MOST_FILE_BYTES)
        else:
            return None
    except OSError:
        return None
    named = b"blob %d\0" % len(data) + data
    if digits == _SHA1:
        return hashlib.sha1(named, usedforsecurity=False).hexdigest()
    return hashlib.sha256(named).hexdigest()


def _git(directory: Path, *arguments: str) -> str:
    # None of the programs that the repository's configuration names is run, nor is anything fetched.
    safe = (
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "--no-optional-locks",
        "--no-replace-objects",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *safe, "-C", str(directory), *arguments],
            capture_output=True, timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL,
            env={**kept, "GIT_ALLOW_PROTOCOL": "", "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.fsdecode(done.stdout) if done.returncode == 0 else ""
