"""Folders of jobs on this machine, and the shelf of packed code; ids and names are checked before they become paths."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from allotment.adapters.local.packing import FolderPacker
from allotment.adapters.local.removing import names_of, opened_below, remove_all, remove_below
from allotment.adapters.local.unpacking import LARGEST_PACKED, unpack
from allotment.errors import AllotmentError, InputError, NoRoomError, NotFoundError, quoted, shown
from allotment.ports.job_processes import check_id

__all__ = ["FolderPacker", "FolderShelf", "LocalJobFolders"]

_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")
_REFERENCE: Final = re.compile(r"[0-9a-f]{64}")
CODE_ENDING: Final = ".tar"
_PART: Final = 1 << 20
_PART_OF_CODE: Final = ".code-"
"""How the name begins of a working copy that is not whole yet."""


class LocalJobFolders:
    """Implements `JobFolders`.

    ``work/JOB/ATTEMPT/`` holds ``code/`` and ``scratch/VOLUME/`` of an attempt; ``checkpoints/JOB/`` and
    ``claims/NAME/`` stay.
    """

    def __init__(self, root: Path, ready: Callable[[Path], None] = lambda _: None) -> None:
        """Below a folder, which is made where it is not there.

        Args:
            root: the folder.
            ready: is called with it before anything is made in it; raises where nothing should be.
        """
        self._root = root.absolute()
        self._ready = ready

    def working_copy(self, job_id: str, attempt: int, packed: str) -> str:
        """A fresh copy of a job's code."""
        attempt_folder = self._attempt(job_id, attempt)
        self._ready(self._root)
        copy = attempt_folder / "code"
        with _told(f"the working copy of {job_id}", self._root):
            if copy.is_dir():
                return str(copy)
            _make(attempt_folder)
            if not packed:
                return str(_make(copy))
            # It is shown under its name once it is whole: a server may be killed while it unpacks.
            part = attempt_folder / f"{_PART_OF_CODE}{secrets.token_hex(4)}"
            try:
                unpack(Path(packed), part)
                part.rename(copy)
            except (OSError, AllotmentError):
                remove_all(part)
                raise
        return str(copy)

    def checkpoint(self, job_id: str) -> str:
        """Where a job's checkpoints lie."""
        check_id(job_id)
        return self._made(self._root / "checkpoints" / job_id)

    def hand_on(self, job_id: str, new_id: str) -> bool:
        """Make the checkpoints of a job those of another."""
        check_id(job_id)
        check_id(new_id)
        before, after = (self._root / "checkpoints" / each for each in (job_id, new_id))
        with _told(f"the folder {shown(after)}", after):
            if _holds_any(after):
                return True
            if not _holds_any(before):
                return False
            before.rename(after)
        return True

    def claim(self, name: str) -> str:
        """The folder that stands for a claim."""
        return self._made(self._root / "claims" / _checked(name))

    def scratch(self, job_id: str, attempt: int, volume: str) -> str:
        """A volume of an attempt."""
        return self._made(self._attempt(job_id, attempt) / "scratch" / _checked(volume))

    def link(self, folder: str, inner: str, target: str) -> None:
        """Make a path in a working copy lead to another folder."""
        place = Path(folder) / inner
        with _told(f"the folder of checkpoints {shown(inner)}", place):
            if ".." in place.parts or (place.is_symlink() and place.readlink() == Path(target)):
                return
            if place.exists() or place.is_symlink():
                raise InputError(
                    f"the code has a folder {shown(inner)} of its own, where checkpoints are to lie",
                    fix="name another folder as the checkpoint's, or leave that one out of the code (.allotignore)",
                )
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)

    def clear(self, job_id: str, last: int) -> None:
        """Remove scratch, and working copies but that of the last attempt."""
        check_id(job_id)
        try:
            folder = opened_below(self._root, f"work/{job_id}")
        except OSError:
            return
        try:
            attempts = names_of(folder)
        finally:
            os.close(folder)
        for each in attempts:
            inner = f"work/{job_id}/{each}"
            if each != str(last):
                remove_below(self._root, inner)
                continue
            remove_below(self._root, f"{inner}/scratch")
            for part in self._parts(inner):
                remove_below(self._root, f"{inner}/{part}")

    def _parts(self, attempt: str) -> list[str]:
        """What was being unpacked when a server ended."""
        try:
            folder = opened_below(self._root, attempt)
        except OSError:
            return []
        try:
            return [each for each in names_of(folder) if each.startswith(_PART_OF_CODE)]
        finally:
            os.close(folder)

    def _attempt(self, job_id: str, attempt: int) -> Path:
        check_id(job_id)
        return self._root / "work" / job_id / f"{attempt:d}"

    def _made(self, path: Path) -> str:
        self._ready(self._root)
        with _told(f"the folder {shown(path)}", path):
            return str(_make(path))


class FolderShelf:
    """Implements `CodeShelf`: a file for each packed folder, named by the SHA-256 of what it holds."""

    def __init__(self, root: Path, most: int = LARGEST_PACKED) -> None:
        """In a folder, which is made where it is not there.

        Args:
            root: the folder.
            most: bytes of one packed folder.
        """
        self._root = root.absolute()
        self._most = most

    def put(self, packed: BinaryIO) -> str:
        """Keep it."""
        part = self._root / f".{secrets.token_hex(8)}"
        digest, size = hashlib.sha256(), 0
        with _told("the packed code", self._root):
            _make(self._root)
            try:
                with part.open("xb") as file:
                    while data := packed.read(_PART):
                        size += len(data)
                        if size > self._most:
                            raise InputError(
                                f"the packed code has more than {self._most:,} bytes",
                                why="code travels with the job; data lie in a volume",
                                fix="name what is not code in the ignore file",
                            )
                        digest.update(data)
                        file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self._root / f"{digest.hexdigest()}{CODE_ENDING}")
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        return digest.hexdigest()

    def path(self, reference: str) -> str:
        """Where it lies."""
        path = self._root / f"{reference}{CODE_ENDING}"
        if not _REFERENCE.fullmatch(reference) or not path.is_file():
            raise NotFoundError(
                f"there is no packed code {quoted(reference)}",
                why="it was never handed over, or the server's folder was emptied",
                fix="submit the job again from its folder",
            )
        return str(path)

    def reference(self, path: str) -> str:
        """The reference of what lies there."""
        found = Path(path).name.removesuffix(CODE_ENDING)
        self.path(found)
        return found


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{quoted(name)} cannot name a folder",
            why="it becomes one on this machine",
            fix="use letters, digits, dots and hyphens",
        )
    return name


def _holds_any(folder: Path) -> bool:
    """Whether it is a folder, and no link to one, with anything in it."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    with os.scandir(folder) as found:
        return any(found)


def _make(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextmanager
def _told(what: str, where: Path) -> Iterator[None]:
    """Say what could not be made, and where: an error of a file that is open has no name."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        kind = NoRoomError if full else AllotmentError
        raise kind(
            f"{what} could not be made",
            why=f"{shown(error.filename or where)}: {error.strerror}",
            fix="make room on that disk, then try again" if full else "see to that path, then try again",
        ) from error
