"""Folders and files that commands write: a rendered tree, a schema, a plan, a report."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from allotment.adapters.folders.open_folder import LARGEST_DATA, open_folder, unwritten
from allotment.adapters.folders.open_folder import write_new as _write_new
from allotment.errors import AllotmentError, ConflictError, InputError
from allotment.model.source import DECLARES_PLATFORM
from allotment.ports.files import SAVE_IT, Written, unread

INVENTORY: Final = ".allotment-tree"
"""Beside a rendered tree: the paths we wrote, one a line. The next render removes what it no longer writes."""

STAGING: Final = ".allotment-staging"
"""In a rendered tree while it is written: what a killed render leaves, the next one takes away."""

__all__ = [
    "at_stake",
    "holds_platform",
    "in_repository",
    "open_folder",
    "read_bytes",
    "read_text",
    "read_tree",
    "same_file",
    "user_path",
    "write_bytes",
    "write_text",
    "write_tree",
]  # what `FilesPort` has

_STANDARD_OUTPUT: Final = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})

_NO_PIPE: Final = "name a regular file, or /dev/stdout"

_LOOKED_AT: Final = 1 << 20
"""Bytes of a file that are searched for the platform's document."""

_LARGEST: Final = 256 << 20
"""Bytes of a file that is read: a plan of 1,000 teams has some 50 MB."""


def user_path(text: str) -> Path:
    """A path as settings hold it: ``~`` is the user's home, where there is such a user."""
    path = Path(text)
    if not text.startswith("~"):
        # A path forgets its "./", which is how one says that no user is meant.
        return path
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def holds_platform(directory: Path) -> bool:
    """Whether a folder's own YAML files declare a platform. A folder that cannot be read holds none."""
    try:
        for entry in sorted(directory.iterdir()):
            if entry.suffix in (".yaml", ".yml") and entry.is_file():
                with entry.open("rb") as stream:
                    if DECLARES_PLATFORM.search(stream.read(_LOOKED_AT)):
                        return True
    except OSError:
        return False
    return False


def in_repository(directory: Path) -> bool:
    """Whether a folder lies in a working tree of git."""
    place = directory.resolve()
    return any((folder / ".git").exists() for folder in (place, *place.parents))


def read_text(path: Path) -> str:
    """A file that a user names.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, is no regular file, is too large, or is no text.
    """
    raw = _read(path, _LARGEST)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text", why="it is not UTF-8", fix="name another file") from None


def read_bytes(path: Path) -> bytes:
    """The bytes of a file that a user names.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, is no regular file, or is too large.
    """
    return _read(path, LARGEST_DATA)


def at_stake(path: Path, most: int) -> bytes | None:
    """The first `most` bytes of what writing there would replace; None if nothing stands there, or it is stdout.

    Raises:
        InputError: it is no regular file, or cannot be read.
    """
    if str(path) in _STANDARD_OUTPUT or not os.path.lexists(path):
        return None
    try:
        with _opened(path, _NO_PIPE) as stream:
            return stream.read(most)
    except FileNotFoundError:
        # A link to nothing: the link is replaced.
        return None
    except OSError as error:
        raise unread(path, error, "name a file", platform=False) from error


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file that is there."""
    try:
        return one.samefile(other)
    except OSError:
        return False


@contextmanager
def _opened(path: Path, fix: str) -> Iterator[BinaryIO]:
    # A pipe would be waited for without end.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise InputError(f"{path} is no regular file", fix=fix)
        yield stream


def _read(path: Path, largest: int) -> bytes:
    try:
        with _opened(path, SAVE_IT) as stream:
            raw = stream.read(largest + 1)
    except OSError as error:
        raise unread(path, error, "name a file", platform=holds_platform(path)) from error
    if len(raw) > largest:
        raise InputError(f"{path} is larger than {largest >> 20:,} MiB", fix="name another file")
    return raw


def write_text(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file in one step; a reader sees the old text or the new one.

    Raises:
        AllotmentError: it cannot be written.
    """
    _write(path, text.encode("utf-8"), mode, pipes=True)


def write_bytes(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """The same with bytes, and never into a pipe or a device but standard output, whenever it was put there.

    Raises:
        InputError: something stands there that is no regular file.
        AllotmentError: it cannot be written.
    """
    _write(path, data, mode, pipes=False)


def _write(path: Path, data: bytes, mode: int, *, pipes: bool) -> None:
    try:
        if str(path) in _STANDARD_OUTPUT:
            # Where it is a file, that one is continued: the name in /dev must not be replaced.
            with os.fdopen(os.dup(1), "wb") as stream:
                stream.write(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise InputError(f"{path} is a folder", why="a file is to be written there", fix="name a file")
        if pipes and path.exists() and not path.is_file():
            # A pipe or a device, such as /dev/null: it is written to, never replaced.
            path.write_bytes(data)
            return
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        try:
            _write_new(temporary, data, mode)
            # Nothing is opened there: what is put in place after this look is replaced, and gets nothing.
            if not pipes and path.exists() and not path.is_file():
                raise InputError(f"{path} is no regular file", fix=_NO_PIPE)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise unwritten(path, error) from error


def read_tree(root: Path) -> Mapping[str, str]:
    """The files of an earlier `write_tree` that are still there; none where there was no earlier one.

    Raises:
        InputError: a path leaves the folder or passes through a symbolic link; a file is too large, or is no text.
    """
    found = {}
    for path in sorted(_inventory(root)):
        _refuse_escape(root, path)
        if (root / path).is_file():
            found[path] = read_text(root / path)
    return found


def write_tree(root: Path, files: Mapping[str, str], *, force: bool = False) -> Written:
    """Make a folder hold these files; files of an earlier call that are gone now are removed, others are left alone.

    Everything is written beside the tree first and only then put in its place, so that a full disk changes nothing.
    The inventory is put in place before files are removed and after they are added, so that a run that was killed can
    be repeated: nothing of ours is forgotten.

    Raises:
        ConflictError: a file stands there that we did not write, with another content, and `force` is off.
        InputError: a path leaves the folder, or passes through a symbolic link.
        AllotmentError: something cannot be written.
    """
    for path in files:
        _refuse_escape(root, path)
    ours = _inventory(root)
    added, changed, unchanged = _compare(root, files)
    foreign = [path for path in changed if path not in ours]
    if foreign and not force:
        raise ConflictError(
            f"{root / foreign[0]} was not written by Allotment",
            why=f"{len(foreign)} such files stand where the tree would be written",
            fix="choose another folder, or overwrite them with --force",
        )
    removed = sorted(path for path in ours if path not in files and (root / path).is_file())
    for path in removed:
        _refuse_escape(root, path)
    fresh = {path: files[path] for path in (*added, *changed)}
    with _staged(root, {**fresh, INVENTORY: _inventory_text({*ours, *files}), _AFTERWARDS: _inventory_text(files)}):
        for path in (INVENTORY, *fresh):
            _publish(root, path, path)
        for path in removed:
            _remove(root, path)
        _publish(root, _AFTERWARDS, INVENTORY)
    return Written(tuple(added), tuple(changed), tuple(removed), unchanged)


_AFTERWARDS: Final = f"{INVENTORY}-afterwards"


@contextmanager
def _staged(root: Path, texts: Mapping[str, str]) -> Iterator[None]:
    """The texts in a folder inside the tree, on the same disk; gone afterwards, whatever happens."""
    staging = root / STAGING
    made = [folder for folder in (root, *root.parents) if not folder.exists()]
    try:
        root.mkdir(parents=True, exist_ok=True)
        _discard(staging)
        for path, text in texts.items():
            made += [folder for folder in _folders_between(root, root / path) if not folder.exists()]
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            _write_new(staging / path, text.encode("utf-8"))
    except OSError as error:
        _discard(staging)
        for folder in sorted(made, key=lambda each: len(each.parts), reverse=True):
            _remove_empty(folder)
        raise unwritten(root, error) from error
    try:
        yield
    finally:
        _discard(staging)


def _folders_between(root: Path, target: Path) -> list[Path]:
    return [folder for folder in target.parents if folder != root and folder.is_relative_to(root)]


def _discard(staging: Path) -> None:
    if staging.is_symlink():
        staging.unlink()
    elif staging.exists():
        shutil.rmtree(staging)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def _publish(root: Path, staged: str, path: str) -> None:
    try:
        (root / STAGING / staged).replace(root / path)
    except OSError as error:
        raise AllotmentError(
            f"{root / path} cannot be written",
            why=error.strerror or str(error),
            fix="check what stands there, and render again",
        ) from error


def _compare(root: Path, files: Mapping[str, str]) -> tuple[list[str], list[str], int]:
    added, changed, unchanged = [], [], 0
    for path, text in sorted(files.items()):
        try:
            present: bytes | None = (root / path).read_bytes()
        except FileNotFoundError:
            present = None
        except OSError as error:
            raise AllotmentError(
                f"{root / path} cannot be read", why=error.strerror or str(error), fix="check what stands there"
            ) from error
        if present is None:
            added.append(path)
        elif present == text.encode("utf-8"):
            unchanged += 1
        else:
            changed.append(path)
    return added, changed, unchanged


def _refuse_escape(root: Path, path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise InputError(f"{path!r} would be written outside of {root}", fix="choose another name")
    current = root
    for part in parts:
        current = current / part
        if current.is_symlink():
            raise InputError(
                f"{current} is a symbolic link", why="a tree is never written through one", fix=f"remove {current}"
            )


def _inventory(root: Path) -> frozenset[str]:
    try:
        text = (root / INVENTORY).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _inventory_text(paths: Iterable[str]) -> str:
    head = "# Files that `allot render` wrote here; it removes those that it no longer writes.\n"
    return head + "".join(f"{path}\n" for path in sorted(paths))


def _remove(root: Path, path: str) -> None:
    target = root / path
    try:
        target.unlink(missing_ok=True)
        for parent in target.parents:
            if parent == root or any(parent.iterdir()):
                break
            parent.rmdir()
    except OSError as error:
        raise AllotmentError(
            f"{target} cannot be removed", why=error.strerror or str(error), fix="check the folder's permissions"
        ) from error
