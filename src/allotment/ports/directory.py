"""One platform directory: its files as text, and the state that its repository is in."""

from __future__ import annotations

from typing import Protocol

from allotment.model.source import Changes, SourceTree


class DirectoryPort(Protocol):
    """One platform directory, which may still have to be made."""

    def read(self) -> SourceTree:
        """Every YAML file.

        Raises:
            NotFoundError: there is no such directory.
            InvalidPlatformError: a file is a link, too large, or no UTF-8 text; all such files are named.
            InputError: there are too many files, or so many of any kind that this is no platform directory.
        """
        ...

    def present(self) -> SourceTree:
        """What stands where a directory is to be made: nothing, if there is no such place yet.

        Raises:
            AllotmentError: as `read`, of a place that is there.
        """
        ...

    def write(self, changes: Changes) -> None:
        """Write an edit, each file in one step; on a full disk nothing.

        Raises:
            InputError: a path leads out of the directory, or through a symbolic link.
            AllotmentError: something cannot be written.
        """
        ...

    def revision(self) -> tuple[str, bool]:
        """The commit that the directory is at, and whether it differs from that; empty and False outside of one."""
        ...
