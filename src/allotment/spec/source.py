"""The platform directory as text: what was read from disk, or what an edit would write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

YAML_SUFFIXES: Final = (".yaml", ".yml")

Changes = Mapping[str, str | None]
"""What an edit does to a directory: new text by relative path, or None where a file goes away."""


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Files of a platform directory.

    Attributes:
        files: text by relative path with ``/`` between the parts. Only YAML files matter to the loader.
    """

    files: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))

    def with_changes(self, changes: Changes) -> SourceTree:
        """The tree as it is after an edit."""
        files = dict(self.files)
        for path, text in changes.items():
            if text is None:
                files.pop(path, None)
            else:
                files[path] = text
        return SourceTree(files)
