"""The platform directory as text: what was read from disk, or what an edit would write."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

YAML_SUFFIXES: Final = (".yaml", ".yml")


DECLARES_PLATFORM: Final = re.compile(rb"^kind:\s*[\"']?Platform[\"']?\s*(#.*)?$", re.MULTILINE)
"""A document of kind Platform in a file's bytes, whether or not the file can be read to its end."""


def is_read(path: str) -> bool:
    """Whether a file belongs to a platform directory by its name: YAML, and not hidden."""
    name = path.rpartition("/")[2]
    return name.endswith(YAML_SUFFIXES) and not name.startswith(".")


Changes = Mapping[str, str | None]
"""What an edit does to a directory: new text by relative path, or None where a file goes away."""


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Files of a platform directory.

    Attributes:
        files: text by relative path with ``/`` between the parts. Only YAML files matter to the loader.
        left_out: YAML that is not part of the directory because of its name; looked at only to say so.
    """

    files: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", MappingProxyType(dict(self.files)))
        object.__setattr__(self, "left_out", MappingProxyType(dict(self.left_out)))

    @property
    def digest(self) -> str:
        """SHA-256 of paths and texts, in hexadecimal; the same on every machine."""
        digest = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            for part in (path, content):
                encoded = part.encode()
                digest.update(f"{len(encoded)}:".encode() + encoded)
        return digest.hexdigest()

    def with_changes(self, changes: Changes) -> SourceTree:
        """The tree as it is after an edit."""
        files = dict(self.files)
        for path, text in changes.items():
            if text is None:
                files.pop(path, None)
            else:
                files[path] = text
        return SourceTree(files, self.left_out)
