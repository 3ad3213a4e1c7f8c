"""Causes of waiting as JSON: a line of their list, and a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from allotment.diagnose.finding import CauseEntry


def causes_document(entries: Iterable[CauseEntry]) -> Mapping[str, Any]:
    """Causes, as `allot causes` lists them."""
    return {"kind": "CauseList", "items": [{"kind": "Cause", **cause_document(each)} for each in entries]}


def cause_document(entry: CauseEntry) -> Mapping[str, Any]:
    """A cause."""
    return {"code": entry.code, "id": entry.id, "layer": entry.layer, "title": entry.title}


def cause_page_document(entry: CauseEntry, page: str) -> Mapping[str, Any]:
    """A cause with its page, in Markdown."""
    return {"kind": "Cause", **cause_document(entry), "page": page}
