"""Files that a user names: read whole, written in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from allotment.errors import AllotmentError, InputError, NotFoundError


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a tree did: relative paths, sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class FolderEntries:
    """What stands in a folder, by name; what begins with a dot is left out.

    Attributes:
        files: regular files.
        others: links, folders, pipes, devices.
    """

    files: tuple[Path, ...]
    others: tuple[Path, ...]


SAVE_IT: Final = "save what it holds in a file, and name that"
"""What to do about something that can be read once only."""


def unread(path: Path, error: OSError, fix: str, *, platform: bool) -> AllotmentError:
    """What to say of a path that a user names, where a file was to be read.

    Args:
        path: as it was named.
        error: what the system says.
        fix: the next step, where another kind of thing is there.
        platform: it is a folder that declares a platform.
    """
    if isinstance(error, FileNotFoundError):
        if str(path) == "-":
            why = "standard input is not read: `-` is a file's name like any other"
            return NotFoundError("there is no file -", why=why, fix=SAVE_IT)
        return NotFoundError(f"there is no file {path}", fix="check the path")
    if isinstance(error, IsADirectoryError):
        return InputError(
            f"{path} is a {'platform directory' if platform else 'folder'}", why="a file is to be read there", fix=fix
        )
    return InputError(
        f"{path} cannot be read", why=error.strerror or str(error), fix="check the path and its permissions"
    )


class OpenFolder(Protocol):
    """A folder that was opened once: whatever is put in its place later, this one is read and written.

    Its files are named without a folder. No link in it is followed.
    """

    @property
    def path(self) -> Path:
        """As it was named, for messages."""
        ...

    def entries(self) -> FolderEntries:
        """What stands in it.

        Raises:
            InputError: it cannot be read.
        """
        ...

    def read_bytes(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            NotFoundError: there is no such file.
            InputError: it cannot be read, is no regular file, or is too large.
        """
        ...

    def at_stake(self, name: str, most: int) -> bytes | None:
        """The first `most` bytes of what writing there would replace; None if nothing stands there.

        Raises:
            InputError: it is no regular file, or cannot be read.
        """
        ...

    def write_bytes(self, name: str, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file in one step; a reader sees the old bytes or the new ones.

        Raises:
            InputError: something stands there that is no regular file.
            AllotmentError: it cannot be written, or something else stands in the folder's place.
        """
        ...


class FilesPort(Protocol):
    """The file system, as far as commands read and write what a user names."""

    def user_path(self, text: str) -> Path:
        """A path as settings hold it: ``~`` is the user's home, where there is such a user."""
        ...

    def holds_platform(self, directory: Path) -> bool:
        """Whether a folder's own YAML files declare a platform. A folder that cannot be read holds none."""
        ...

    def in_repository(self, directory: Path) -> bool:
        """Whether a folder lies in a working tree of git."""
        ...

    def read_text(self, path: Path) -> str:
        """The text of a file.

        Raises:
            NotFoundError: there is no such file.
            InputError: it cannot be read, is no regular file, is too large, or is no text.
        """
        ...

    def read_bytes(self, path: Path) -> bytes:
        """The bytes of a file.

        Raises:
            NotFoundError: there is no such file.
            InputError: it cannot be read, is no regular file, or is too large.
        """
        ...

    def at_stake(self, path: Path, most: int) -> bytes | None:
        """The first `most` bytes of what writing there would replace; None if nothing stands there, or it is stdout.

        Raises:
            InputError: it is no regular file, or cannot be read.
        """
        ...

    def same_file(self, one: Path, other: Path) -> bool:
        """Whether two paths lead to one file that is there."""
        ...

    def open_folder(self, path: Path, *, make: bool = False) -> OpenFolder:
        """A folder, made first where there is none and `make` is on; where it is a link, what that leads to now.

        Raises:
            NotFoundError: there is none, and `make` is off.
            InputError: it is no folder, or cannot be read.
            AllotmentError: it cannot be made.
        """
        ...

    def write_bytes(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file in one step; a reader sees the old bytes or the new ones. A pipe gets nothing.

        Raises:
            InputError: something stands there that is no regular file.
            AllotmentError: it cannot be written.
        """
        ...

    def write_text(self, path: Path, text: str, *, mode: int = 0o644) -> None:
        """Replace a file in one step; a reader sees the old text or the new one.

        Raises:
            AllotmentError: it cannot be written.
        """
        ...

    def read_tree(self, root: Path) -> Mapping[str, str]:
        """The files of an earlier `write_tree` that are still there; none where there was no earlier one.

        Raises:
            InputError: a path leaves the folder or passes through a symbolic link; a file is too large, or is no text.
        """
        ...

    def write_tree(self, root: Path, files: Mapping[str, str], *, force: bool = False) -> Written:
        """Make a folder hold these files; those of an earlier call that are gone now are removed, others left alone.

        Raises:
            ConflictError: a file stands there that we did not write, with another content, and `force` is off.
            InputError: a path leaves the folder, or passes through a symbolic link.
            AllotmentError: something cannot be written.
        """
        ...
