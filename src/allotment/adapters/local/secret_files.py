"""Files of secrets: see `JobSecrets`. No link is followed below the folder, and what was looked at is what is read."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from allotment.adapters.local.own_root import around_of
from allotment.errors import InputError, shown

_PART: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}", re.ASCII)
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_READ: Final = stat.S_IRGRP | stat.S_IROTH
LONGEST_SECRET: Final = 64 << 10
"""Bytes of a value."""


class SecretFiles:
    """Implements `JobSecrets`: ``TEAM/NAME/KEY`` below a folder."""

    def __init__(self, root: Path) -> None:
        """Below a folder, which need not be there before a job asks for a secret."""
        self._root = root.absolute()

    def path(self, team: str, secret: str, key: str) -> str:
        """Where a value lies."""
        self._read(team, secret, key)
        return str(self._path(team, secret, key))

    def value(self, team: str, secret: str, key: str) -> str:
        """A value."""
        return self._read(team, secret, key).decode("utf-8", "surrogateescape").rstrip("\n")

    def _read(self, team: str, secret: str, key: str) -> bytes:
        with self._opened(team, secret, key) as file:
            data = os.pread(file, LONGEST_SECRET + 1, 0)
        if b"\0" in data or len(data) > LONGEST_SECRET:
            why = "it holds a NUL byte" if b"\0" in data else f"it has more than {LONGEST_SECRET >> 10} KiB"
            raise self._refused(team, secret, key, why, "let the program read it from a file")
        return data

    def _path(self, team: str, secret: str, key: str) -> Path:
        return self._root / team / secret / key

    @contextmanager
    def _opened(self, team: str, secret: str, key: str) -> Iterator[int]:
        if not all(_PART.fullmatch(each) for each in (team, secret, key)):
            why = "a team, a name and a key have letters, digits, dots, dashes and underscores"
            raise InputError("a secret is named by what is no name", why=why, fix="write it as NAME/KEY")
        path = self._path(team, secret, key)
        descriptors: list[int] = []
        try:
            if above := _exchangeable(self._root):
                folder, why = shown(above[0]), f"{shown(above[0])} {above[1]}, and so can what is in it"
                raise self._refused(team, secret, key, why, f"see that {folder} is yours, and chmod go-w {folder}")
            for part in (path.parents[2], path.parents[1], path.parents[0], path):
                kind = os.O_NONBLOCK if part is path else os.O_DIRECTORY
                at = descriptors[-1] if descriptors else None
                name = part.name if descriptors else part
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind
                descriptors.append(os.open(name, flags, dir_fd=at))
                if found := _wrong(os.fstat(descriptors[-1]), file=part is path):
                    why, fix = found
                    raise self._refused(team, secret, key, f"{shown(part)} {why}", f"{fix} {shown(part)}")
            yield descriptors[-1]
        except OSError as error:
            why = f"{shown(path)}: {error.strerror or error}"
            fix = "write its value into that file, which has to be a plain one of yours alone (chmod 600), and no link"
            if isinstance(error, FileNotFoundError):
                fix = _made_by(path)
            raise self._refused(team, secret, key, why, fix) from None
        finally:
            for each in descriptors:
                os.close(each)

    @staticmethod
    def _refused(team: str, secret: str, key: str, why: str, fix: str) -> InputError:
        return InputError(f"the secret {secret}/{key} of the team {team} cannot be used", why=why, fix=fix)


def _made_by(path: Path) -> str:
    """The two commands that make a secret's file."""
    folder, file = (shlex.quote(shown(each)) for each in (path.parent, path))
    return f"`install -d -m 700 {folder}`, then `( umask 077; cat > {file} )`, its value, Enter and Ctrl-D"


def _exchangeable(root: Path) -> tuple[Path, str] | None:
    """A folder above the root in which somebody else could put another one in its place, and why he could.

    Where only the owner of an entry can remove it (the sticky bit), nobody else can.

    Raises:
        OSError: one is not there.
    """
    for folder in around_of(root):
        found = folder.stat()
        if found.st_uid not in {0, os.geteuid()}:
            return folder, "can be changed by its owner, who is somebody else"
        if found.st_mode & _OTHERS_WRITE and not found.st_mode & stat.S_ISVTX:
            return folder, f"can be changed by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return None


def _wrong(found: os.stat_result, *, file: bool) -> tuple[str, str] | None:
    """What speaks against a file, or a folder on the way to one, and what helps."""
    if found.st_uid != os.geteuid():
        return "belongs to somebody else", "chown"
    if file and not stat.S_ISREG(found.st_mode):
        return "is no file", "replace"
    mode = stat.S_IMODE(found.st_mode)
    if mode & (_OTHERS_WRITE | (_OTHERS_READ if file else 0)):
        what = "can be read or changed by others" if file else "can be changed by others"
        return f"{what} (mode {mode:04o})", "chmod go-rwx"
    return None
