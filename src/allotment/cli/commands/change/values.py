"""Values of fields on one line: short enough to be read, and never cut so that two that differ look alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final

from allotment.errors import shown
from allotment.plan.difference import ABSENT

_LONGEST: Final = 100
_AROUND: Final = 20
"""Characters shown on both sides of what differs, where values are too long to be shown whole."""

_MANY: Final = 8
"""Items of a list that are named; of more the rest is counted."""


def shown_value(value: Any) -> str:
    """A field's value on one line, not too long; ``(absent)`` where there is none."""
    return _folded(_whole(value))


def shown_values(one: Any, other: Any) -> tuple[str, str]:
    """Two values of a field, each on one line and not too long; of long ones what differs, with a little around it."""
    first, second = _told_apart(one, other)
    if max(len(first), len(second)) <= _LONGEST:
        return first, second
    head = _alike(first, second)
    tail = min(_alike(first[::-1], second[::-1]), len(first) - head, len(second) - head)
    return _excerpt(first, head, len(first) - tail), _excerpt(second, head, len(second) - tail)


def list_difference(old: Any, new: Any) -> str:
    """What a list, or a text that lists something, loses and gains; empty where that is not the whole difference."""
    before, after = _items(old), _items(new)
    if before is None or after is None or (len(before) < 2 and len(after) < 2):
        return ""
    lost = [item for item in before if item not in after]
    gained = [item for item in after if item not in before]
    if not lost and not gained:
        return ""
    replaced = {_key(item): item for item in lost if "=" in item}
    parts = [f"- {item}" for item in lost if _key(item) not in {_key(each) for each in gained}]
    for item in gained:
        was = replaced.get(_key(item)) if "=" in item else None
        parts.append(f"+ {item}" if was is None else f"{_key(item)} {_value(was)} -> {_value(item)}")
    more = f", … {len(parts) - _MANY} more" if len(parts) > _MANY else ""
    return ", ".join(_folded(shown(part)) for part in parts[:_MANY]) + more


def _items(value: Any) -> Sequence[str] | None:
    """The items of a list of names or subjects, or of a text with an item a line or commas between; else None."""
    if value is ABSENT:
        return ()
    if isinstance(value, str):
        return value.split("\n" if "\n" in value else ",")
    if isinstance(value, list):
        names = [_subject(item) if isinstance(item, dict) else item for item in value]
        texts = [name for name in names if isinstance(name, str) and name]
        return texts if len(texts) == len(names) else None
    return None


def _subject(item: dict[str, Any]) -> str:
    """Whom a binding names: a group by its name alone, as the directory does; empty for what is no subject."""
    match item:
        case {"kind": "Group", "name": str(name)}:
            return name
        case {"kind": "User", "name": str(name)}:
            return f"user {name}"
        case {"kind": "ServiceAccount", "name": str(name)}:
            return f"service account {item.get('namespace', '')}/{name}"
        case _:
            return ""


def _key(item: str) -> str:
    return item.partition("=")[0]


def _value(item: str) -> str:
    return item.partition("=")[2]


def _whole(value: Any) -> str:
    if value is ABSENT:
        return "(absent)"
    return shown(value) if isinstance(value, str) and value else _quoted(value)


def _quoted(value: Any) -> str:
    return shown(json.dumps(value, ensure_ascii=False, default=str))


def _told_apart(one: Any, other: Any) -> tuple[str, str]:
    first, second = _whole(one), _whole(other)
    if one != other and first.split() == second.split():
        # "1" and 1, or a blank more: only quotes show that.
        return _quoted(one), _quoted(other)
    return first, second


def _alike(first: str, second: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _excerpt(text: str, start: int, end: int) -> str:
    start, end = max(0, start - _AROUND), min(len(text), end + _AROUND)
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f"{before}{_folded(text[start:end], _LONGEST - len(before) - len(after))}{after}"


def _folded(text: str, room: int = _LONGEST) -> str:
    """A text with its middle left out where it is too long."""
    half = (room - 1) // 2
    return text if len(text) <= room else f"{text[:half]}…{text[-half:]}"
