"""A platform directory on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from allotment.adapters.files.tree import read_tree, write_files
from allotment.model.source import Changes, SourceTree


@dataclass(frozen=True, slots=True)
class FolderDirectory:
    """A folder as a `DirectoryPort`.

    Attributes:
        root: the folder.
        revision_of: asks the folder's repository for commit and cleanliness.
    """

    root: Path
    revision_of: Callable[[Path], tuple[str, bool]]

    def read(self) -> SourceTree:
        """Every YAML file."""
        return read_tree(self.root)

    def present(self) -> SourceTree:
        """Every YAML file, and none where there is nothing."""
        return read_tree(self.root) if self.root.exists() else SourceTree({})

    def write(self, changes: Changes) -> None:
        """Write an edit."""
        write_files(self.root, changes)

    def revision(self) -> tuple[str, bool]:
        """Commit, and whether the folder differs from it."""
        return self.revision_of(self.root)
