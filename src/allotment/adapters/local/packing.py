"""A folder of code → bytes: the same files make the same bytes, whoever packs them, whenever."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from allotment.adapters.local.ignoring import LeftReason, Patterns, Sieve, counted_above
from allotment.errors import AllotmentError, InputError, NoRoomError, NotFoundError, shown
from allotment.model.jobs.heavy import largest_parts, said_size
from allotment.model.jobs.job import CodeFolder
from allotment.ports.job_code import LeftBehind, PackedCode

MOST_ENTRIES: Final = 20_000
"""Files, folders and links that a job's code may have."""
MOST_DEPTH: Final = 64
"""Folders within folders."""
LONGEST_PATH: Final = 1024
"""Bytes of a path within the folder."""
_LARGEST_IGNORE_FILE: Final = 1 << 20
_GIT_IGNORE: Final = ".gitignore"
_PLAIN: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""How an ignore file is opened, so that neither a link nor a pipe is waited for."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What travels: its path in the folder, and what it is."""

    path: str
    kind: bytes
    size: int = 0
    target: str = ""
    executable: bool = False


class FolderPacker:
    """Implements `CodePacker`."""

    def __init__(self, own: Sequence[Path] = ()) -> None:
        """Args: own: folders that are Allotment's own: they never travel, wherever they lie."""
        self._own = own

    def pack(self, base: Path, folder: CodeFolder, checkpoints: str = "") -> PackedCode:
        """A folder, packed as a tar file."""
        place = base / folder.folder
        with _opened(base, folder.folder) as fd:
            sieve = _sieve(fd, folder.ignore_file, place)
            sieve.checkpoints = posixpath.normpath(checkpoints) if checkpoints else ""
            left: dict[LeftReason, list[str]] = {each: [] for each in LeftReason}
            entries = list(_entries(fd, sieve, place, frozenset(_identities(self._own)), left))
            _check_size(entries, folder, place, by_git=sieve.heeds_git)
            packed = _spool(place)
            try:
                with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as archive:
                    for each in entries:
                        _add(archive, fd, each, place)
                packed.seek(0)
            except OSError as error:
                packed.close()
                raise _not_packed(place, error) from error
            except BaseException:
                packed.close()
                raise
        told = (LeftReason.CREDENTIALS, LeftReason.GIT, LeftReason.CHECKPOINTS)
        return PackedCode(packed, LeftBehind(*(tuple(left[each]) for each in told)))


def _spool(place: Path) -> BinaryIO:
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise _not_packed(place, error) from error


def _not_packed(place: Path, error: OSError) -> AllotmentError:
    what, said = f"{shown(place)} could not be packed", error.strerror or str(error)
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return InputError(what, why=said, fix="try again")
    return NoRoomError(
        what, why=f"{shown(tempfile.gettempdir())}: {said}", fix="make room on that disk, or name another in TMPDIR"
    )


@contextmanager
def _opened(base: Path, inner: str) -> Iterator[int]:
    """A folder below another, reached over no link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    try:
        fd = os.open(base, flags)
        for part in Path(inner).parts:
            above = fd
            try:
                if part == "..":
                    raise NotADirectoryError("it is above the job file")
                fd = os.open(part, flags | os.O_NOFOLLOW, dir_fd=above)
            finally:
                os.close(above)
    except OSError as error:
        raise NotFoundError(
            f"there is no folder {shown(base / inner)} to pack",
            why=error.strerror or str(error),
            fix="name a folder beside the job file or below it, not a link to one",
        ) from error
    try:
        yield fd
    finally:
        os.close(fd)


def _sieve(folder: int, name: str, place: Path) -> Sieve:
    """What stays behind: by the ignore file, or by .gitignore where there is none; without a name neither counts."""
    lines = _lines(partial(os.open, name, _PLAIN, dir_fd=folder), place / name) if name else []
    try:
        return Sieve.of(lines, git=lines is None, above=_above(place) if lines is None else ())
    except ValueError as error:
        raise InputError(
            f"{shown(place / name)} has a pattern that cannot be", why=shown(error), fix="see gitignore(5)"
        ) from error


def _above(place: Path) -> Sequence[tuple[str, Patterns]]:
    """What the repository that a folder lies in ignores; nothing where it is none's, or is one's root."""
    real = place.resolve()
    root = next((each for each in (real, *real.parents) if os.access(each / ".git", os.F_OK)), real)
    way = real.relative_to(root).parts
    files = {}
    for depth in range(len(way)):
        path = root.joinpath(*way[:depth]) / _GIT_IGNORE
        if lines := _git_lines(partial(os.open, path, _PLAIN), path):
            files[depth] = lines
    return counted_above(way, files)


def _git_lines(opened: Callable[[], int], place: Path) -> Sequence[str]:
    """Lines of a .gitignore; a link is none, as for git."""
    return [] if place.is_symlink() else _lines(opened, place) or []


def _lines(opened: Callable[[], int], place: Path) -> list[str] | None:
    """Lines of an ignore file; None where there is none."""
    try:
        with os.fdopen(opened(), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "it is no plain file")
            text = file.read(_LARGEST_IGNORE_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            f"{shown(place)} cannot be read", why=error.strerror or str(error), fix="make it a plain file"
        ) from error
    if len(text) > _LARGEST_IGNORE_FILE:
        raise InputError(f"{shown(place)} is larger than 1 MiB", fix="write patterns, not every file")
    return [line.removesuffix("\r") for line in text.decode("utf-8-sig", "surrogateescape").split("\n")]


def _identities(folders: Sequence[Path]) -> Iterator[tuple[int, int]]:
    """Device and number of each folder that is there: it has one, whatever path leads to it."""
    for each in folders:
        try:
            found = each.stat()
        except OSError:
            continue
        yield found.st_dev, found.st_ino


def _entries(
    folder: int, sieve: Sieve, place: Path, own: frozenset[tuple[int, int]], left: dict[LeftReason, list[str]]
) -> Iterator[_Entry]:
    """All that travels, in order, folders before what they hold; what does not is added to what is left.

    A socket does not: nobody would listen at its copy.
    """
    count = 0
    waiting: list[tuple[str, int]] = [("", 0)]
    while waiting:
        inner, depth = waiting.pop()
        below: list[tuple[str, int]] = []
        names = _names(folder, inner, place)
        if sieve.git and _GIT_IGNORE in names:
            _heed(sieve, folder, inner, place)
        for name in names:
            path = f"{inner}/{name}" if inner else name
            seen = _seen(folder, path, place)
            is_folder = stat.S_ISDIR(seen.st_mode)
            if stat.S_ISSOCK(seen.st_mode) or (is_folder and (seen.st_dev, seen.st_ino) in own):
                continue
            reason = sieve.reason(path, is_folder=is_folder)
            if reason is LeftReason.CHECKPOINTS and not _names(folder, path, place):
                continue
            if reason is not None:
                left[reason].append(f"{path}/" if is_folder else path)
                continue
            count += 1
            _check_place(path, count, depth, place)
            yield _entry(folder, path, seen, place)
            if is_folder:
                below.append((path, depth + 1))
        waiting.extend(reversed(below))


def _heed(sieve: Sieve, folder: int, inner: str, place: Path) -> None:
    path = f"{inner}/{_GIT_IGNORE}" if inner else _GIT_IGNORE
    if lines := _git_lines(partial(_reached, folder, path, os.O_NONBLOCK), place / path):
        sieve.heed(inner, lines)


def _seen(folder: int, path: str, place: Path) -> os.stat_result:
    try:
        return os.stat(path, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError as error:
        raise _changed(place / path) from error
    except OSError as error:
        raise _unreadable(place / path, error) from error


def _target(folder: int, path: str, place: Path) -> str:
    try:
        return os.readlink(path, dir_fd=folder)
    except OSError as error:
        raise _changed(place / path) from error


def _names(folder: int, inner: str, place: Path) -> list[str]:
    try:
        fd = _reached(folder, inner, os.O_DIRECTORY)
    except OSError as error:
        raise _unreadable(place / inner, error) from error
    try:
        with os.scandir(fd) as found:
            return sorted((each.name for each in found), key=os.fsencode)
    finally:
        os.close(fd)


def _reached(folder: int, path: str, flags: int) -> int:
    """A descriptor of what lies in the folder, reached over no link, even if somebody puts one there meanwhile."""
    always = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    *above, name = path.split("/") if path else ["."]
    fd = folder
    try:
        for part in above:
            deeper = os.open(part, always | os.O_DIRECTORY, dir_fd=fd)
            if fd != folder:
                os.close(fd)
            fd = deeper
        return os.open(name, always | flags, dir_fd=fd)
    finally:
        if fd != folder:
            os.close(fd)


def _check_place(path: str, count: int, depth: int, place: Path) -> None:
    if count > MOST_ENTRIES:
        raise InputError(
            f"{shown(place)} holds more than {MOST_ENTRIES:,} files, folders and links",
            why="code travels with the job; data lie in a volume",
            fix="name what is not code in the ignore file",
        )
    if depth > MOST_DEPTH or len(os.fsencode(path)) > LONGEST_PATH:
        raise InputError(
            f"{shown(place / path[:LONGEST_PATH])} lies too deep",
            why=f"a path may have {LONGEST_PATH:,} bytes and {MOST_DEPTH} folders",
            fix="name it in the ignore file",
        )


def _entry(folder: int, path: str, seen: os.stat_result, place: Path) -> _Entry:
    if stat.S_ISDIR(seen.st_mode):
        return _Entry(path, tarfile.DIRTYPE)
    if stat.S_ISREG(seen.st_mode):
        return _Entry(path, tarfile.REGTYPE, seen.st_size, executable=bool(seen.st_mode & stat.S_IXUSR))
    if stat.S_ISLNK(seen.st_mode):
        target = _target(folder, path, place)
        if stays_inside(path, target):
            return _Entry(path, tarfile.SYMTYPE, target=target)
        raise InputError(
            f"the link {shown(place / path)} leaves the folder",
            why=f"it leads to {shown(target)}, which does not travel with the job",
            fix="copy what it leads to, or name the link in the ignore file",
        )
    raise InputError(
        f"{shown(place / path)} is no file, folder or link",
        why="pipes and devices cannot travel",
        fix="name it in the ignore file",
    )


def stays_inside(path: str, target: str) -> bool:
    """Whether a link leads to a place in the folder, whatever other links there are.

    ``..`` is allowed at the front alone: after a name it could lead up from where another link leads to.
    """
    if not target or target.startswith("/") or "\0" in target:
        return False
    parts = [part for part in target.split("/") if part not in {"", "."}]
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return ".." not in parts[up:] and up <= path.count("/")


def _check_size(entries: list[_Entry], folder: CodeFolder, place: Path, *, by_git: bool) -> None:
    total = sum(each.size for each in entries)
    if total <= folder.most:
        return
    has, most = said_size(total), said_size(folder.most)
    if has == most:
        has, most = f"{total:,} bytes", f"{int(folder.most):,}"
    raise InputError(
        f"{shown(place)} has {has} of code; {most} may be packed",
        why=f"the largest are {largest_parts((each.path, each.size) for each in entries)}",
        fix=f"{_left_out(folder.ignore_file, by_git=by_git)}, or raise `code.most` of a job file",
    )


def _left_out(ignore_file: str, *, by_git: bool) -> str:
    """How what is no code stays behind."""
    if by_git:
        return f"name what is not code in .gitignore, or in {shown(ignore_file)}, which counts in its place"
    if not ignore_file:
        return "name what is not code in an ignore file (`code.ignoreFile`)"
    return f"name what is not code in {shown(ignore_file)} of that folder, one a line as in .gitignore"


def _add(archive: tarfile.TarFile, folder: int, entry: _Entry, place: Path) -> None:
    info = tarfile.TarInfo(entry.path)
    info.type, info.size, info.linkname = entry.kind, entry.size, entry.target
    info.mode = 0o755 if entry.kind == tarfile.DIRTYPE or entry.executable else 0o644
    if entry.kind != tarfile.REGTYPE:
        archive.addfile(info)
        return
    fd = _reached(folder, entry.path, os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise _changed(place / entry.path)
        try:
            archive.addfile(info, file)
        except OSError as error:
            if error.errno is None:  # tarfile's own word for a file that has become shorter
                raise _changed(place / entry.path) from error
            raise


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{shown(path)} cannot be read",
        why=error.strerror or str(error),
        fix="give yourself the right to read it, or name it in the ignore file",
    )


def _changed(path: Path) -> InputError:
    return InputError(f"{shown(path)} changed while it was packed", fix="submit again when nothing writes to it")
