"""Packed code → a folder. What was packed may come from anybody: nothing of it leads out of the folder."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Final, Self

from allotment.adapters.local.packing import LONGEST_PATH, MOST_DEPTH, MOST_ENTRIES, stays_inside
from allotment.errors import InputError, quoted, shown

LARGEST_PACKED: Final = 1 << 30
"""Bytes that code may have where it is unpacked; a job file sets a limit of its own, far below, where it is packed."""
_LARGEST_HEADER: Final = 16 << 10
"""Bytes of one header of a long name; a path and what a link leads to have less than a third of it."""
_HEADERS: Final = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_MOST_SEARCH: Final = MOST_ENTRIES * 1200**2
"""Squares of the sizes of all these headers together: half a minute at most, and enough for only long names."""
_PART: Final = 1 << 20


def unpack(packed: Path, target: Path, most: int = LARGEST_PACKED) -> None:
    """Into a folder that is not there yet.

    Raises:
        InputError: it holds what must not be, or too much; what was unpacked by then lies there.
    """
    target.mkdir(mode=0o700)
    try:
        with tarfile.open(packed, mode="r:", encoding="utf-8", tarinfo=_members()) as archive:
            _Unpacking(archive, target, most).run()
    except (tarfile.TarError, ValueError, EOFError, OverflowError, RecursionError) as error:
        raise _refused(f"{shown(packed.name)} is no packed code", shown(error)) from error


def _members() -> type[tarfile.TarInfo]:
    """Entries of one archive; long headers are refused before they are read.

    Python 3.11 searches some for a time that grows with the square of their length (CVE-2024-6232).
    """
    left = _MOST_SEARCH

    class Member(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            """Of the 512 bytes that each entry begins with, and each of these headers."""
            nonlocal left
            member = super().frombuf(buf, encoding, errors)
            if member.type in _HEADERS:
                left -= member.size**2
                if left < 0 or not 0 <= member.size <= _LARGEST_HEADER:
                    raise _refused("the code cannot be unpacked", "names in it have longer headers than they may")
            return member

    return Member


class _Unpacking:
    """Files and folders first, links last: so nothing is ever written through a link."""

    def __init__(self, archive: tarfile.TarFile, target: Path, most: int) -> None:
        self._archive = archive
        self._target = target
        self._left = most
        self._folders = {""}
        self._seen: set[str] = set()
        self._links: list[tuple[str, str]] = []

    def run(self) -> None:
        for member in self._archive:
            if len(self._seen) >= MOST_ENTRIES:
                raise _refused("the code cannot be unpacked", f"it has more than {MOST_ENTRIES:,} entries")
            name = member.name
            self._check(name)
            self._seen.add(name)
            if member.isdir():
                (self._target / name).mkdir(mode=0o700)
                self._folders.add(name)
            elif member.isreg():
                self._file(member)
            elif member.issym() and stays_inside(name, member.linkname):
                self._links.append((name, member.linkname))
            else:
                raise _refused("the code cannot be unpacked", f"{quoted(name)} is none of its files, folders or links")
        for name, linkname in self._links:
            (self._target / name).symlink_to(linkname)

    def _check(self, name: str) -> None:
        parts = name.split("/")
        wrong = (
            "\0" in name
            or any(part in {"", ".", ".."} for part in parts)
            or len(parts) > MOST_DEPTH + 1
            or len(os.fsencode(name)) > LONGEST_PATH
        )
        if wrong or name in self._seen or "/".join(parts[:-1]) not in self._folders:
            raise _refused("the code cannot be unpacked", f"it must not hold {quoted(name)} at that place")

    def _file(self, member: tarfile.TarInfo) -> None:
        self._left -= member.size
        if self._left < 0 or member.size < 0 or member.sparse:
            raise _refused("the code cannot be unpacked", "it is larger than it may be")
        source = self._archive.extractfile(member)
        if source is None:
            raise _refused("the code cannot be unpacked", f"{quoted(member.name)} holds nothing")
        fd = os.open(
            self._target / member.name,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
            0o700 if member.mode & 0o100 else 0o600,
        )
        with os.fdopen(fd, "wb") as file, source:
            while part := source.read(_PART):
                file.write(part)
            if file.tell() != member.size:
                raise _refused("the code cannot be unpacked", f"{quoted(member.name)} is cut off")


def _refused(what: str, why: str) -> InputError:
    return InputError(what, why=why, fix="submit the job again from its folder")
