"""What makes a folder of code large: the files, or the folders of them, that one would leave out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import shown

_MOST_NAMED: Final = 3
_NEARLY_ALL: Final = 0.9
"""Part of a folder's bytes that lies in one thing, so that this is named in its place."""
_UNITS: Final = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


@dataclass(slots=True)
class _Part:
    """A file or a folder, with its bytes and what it holds."""

    path: str
    size: int = 0
    inside: dict[str, _Part] = field(default_factory=dict)


def largest_parts(sizes: Iterable[tuple[str, int]]) -> str:
    """The largest files or folders, such as ``data/ (21.9 MiB), model.bin (3 MiB)``; empty where there are none.

    Args:
        sizes: path within the folder, with slashes, and bytes of each file.
    """
    top = _Part("")
    for path, size in sizes:
        at, top.size = top, top.size + size
        for name in path.split("/"):
            at = at.inside.setdefault(name, _Part(f"{at.path}/{name}" if at.path else name))
            at.size += size
    found = [_meant(each) for each in _by_size(top)[:_MOST_NAMED] if each.size]
    return ", ".join(f"{shown(each.path)}{'/' if each.inside else ''} ({said_size(each.size)})" for each in found)


def said_size(size: int) -> str:
    """Bytes as people say them: ``21.9 MiB``, ``512 bytes``."""
    for unit, many in _UNITS:
        if size >= many:
            return f"{size / many:.3g} {unit}" if size < 1000 * many else f"{size // many:,} {unit}"
    return f"{size:,} bytes"


def _meant(part: _Part) -> _Part:
    """What is large in it: further down, for as long as nearly all of it lies in one thing."""
    while part.inside and (largest := _by_size(part)[0]).size >= _NEARLY_ALL * part.size:
        part = largest
    return part


def _by_size(part: _Part) -> Sequence[_Part]:
    return sorted(part.inside.values(), key=lambda each: (-each.size, each.path))
