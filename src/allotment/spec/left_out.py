"""Files that look like part of the platform directory and are not read.

They are said, because the next plan would take away what they declare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from allotment.model.source import SourceTree
from allotment.spec import documents
from allotment.spec.patterns import matches
from allotment.spec.problems import Issue, Source
from allotment.spec.schema import KINDS

_ELSE: Final = "move it away, or name the files to read in `include`, in the document of kind Platform"


def left_out(tree: SourceTree, patterns: Sequence[str] | None) -> Iterator[Issue]:
    """An error for each file that only its name keeps out: ``nlp.YAML``, and a hidden one that declares something.

    Args:
        tree: the directory.
        patterns: of `include`; a file that they would not name under its right name is nobody's business. None for all.
    """
    for path, text in sorted(tree.left_out.items()):
        folder, _, name = path.rpartition("/")
        right = _right_name(name)
        would_be = f"{folder}/{right}" if folder else right
        if patterns is not None and not any(matches(would_be, pattern) for pattern in patterns):
            continue
        what = _what(path, name, text)
        if what:
            yield Issue(Source(path, 0), (), what, f"rename it to {right}; if it is not the platform's, {_ELSE}")


def _right_name(name: str) -> str:
    stem, dot, suffix = name.lstrip(".").rpartition(".")
    return f"{stem}{dot}{suffix.lower()}"


def _what(path: str, name: str, text: str) -> str:
    """What is wrong with it; empty for a hidden file of somebody else's, such as a linter's settings."""
    if not name.startswith("."):
        return "is not read: names of files end in .yaml or .yml, in small letters"
    declared = (document.data for document in documents.parse(path, text).documents)
    kinds = [data.get("kind") for data in declared if isinstance(data, dict)]
    ours = next((kind for kind in kinds if isinstance(kind, str) and kind in KINDS), None)
    return f"is not read, because hidden files are not; it declares a {ours}" if ours else ""
