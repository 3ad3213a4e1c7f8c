"""A platform directory in memory; tests hold it to what a folder does."""

from __future__ import annotations

from allotment.errors import NotFoundError
from allotment.model.source import Changes, SourceTree


class MemoryDirectory:
    """A `DirectoryPort` without a disk, of a repository that stands at one commit.

    Args:
        tree: what it holds; None: it is not there yet.
        commit: empty for none.
    """

    def __init__(self, tree: SourceTree | None = None, commit: str = "") -> None:
        self._tree = tree
        self._committed = tree
        self._commit = commit

    def read(self) -> SourceTree:
        """Every file.

        Raises:
            NotFoundError: it is not there yet.
        """
        if self._tree is None:
            raise NotFoundError("there is no such directory")
        return self._tree

    def present(self) -> SourceTree:
        """Every file, and none where there is nothing."""
        return self._tree or SourceTree({})

    def write(self, changes: Changes) -> None:
        """Write an edit."""
        self._tree = self.present().with_changes(changes)

    def revision(self) -> tuple[str, bool]:
        """Commit, and whether anything was written since."""
        return self._commit, bool(self._commit) and self._tree != self._committed
