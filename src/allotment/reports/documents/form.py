"""What all documents share: the version, plain values, and how a time is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from allotment.model.moments import rfc3339

API_VERSION: Final = "allotment.dev/v1"
"""Version of every JSON and YAML document that `allot` writes; `apiVersion` in it."""


def versioned(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with our apiVersion in front, and plain values in it."""
    found: dict[str, Any] = plain({"apiVersion": API_VERSION, **document})
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it: mappings, lists, text, numbers; aware times in UTC RFC 3339."""
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case dt.datetime():
            return rfc3339(value)
        case dt.date():
            return value.isoformat()
        case bool() | int() | float() | None:
            return value
        case str():
            # A str subclass (StrEnum) would become a tagged object in YAML.
            return str(value)
        case frozenset() | set():
            return sorted(plain(item) for item in value)
        case Sequence():
            return [plain(item) for item in value]
        case _:
            return str(value)


def seconds(ms: float) -> float:
    """Milliseconds as JSON and csv have durations: seconds."""
    return round(ms / 1000, 3)
