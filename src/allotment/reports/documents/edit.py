"""Edits of the platform directory as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from allotment.operations.directory.teams import Edit


def edit_document(edit: Edit, warnings: Sequence[Mapping[str, Any]], *, dry_run: bool) -> Mapping[str, Any]:
    """An edit, written or not; `warnings`: about the directory as it is then."""
    return {
        "kind": "Edit",
        "dryRun": dry_run,
        "written": sorted(path for path, text in edit.changes.items() if text is not None),
        "removed": sorted(path for path, text in edit.changes.items() if text is None),
        "diff": edit.diff,
        "warnings": list(warnings),
    }


def start_document(paths: Iterable[str]) -> Mapping[str, Any]:
    """A directory that was begun; all of it is new, so that there is no diff."""
    return {"kind": "Edit", "dryRun": False, "written": sorted(paths), "removed": [], "warnings": []}
