"""YAML text of values, for files that we write: plain where that is read as text by everybody, else quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._@/-]*")
# YAML takes some of these for line ends, which it folds; the last two it does not take; nobody sees the others.
_UNSEEN: Final = re.compile("[\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\ufeff\ufffe\uffff]")
_NOT_PLAIN: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_QUANTITY: Final = re.compile(r"\d+(m|h|s|d|[KMGTPE]i?)?")


def quoted(text: str) -> str:
    """A text as YAML that every reader takes for text."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN:
        return text
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def block(value: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """A mapping in block style, a line at a time; what is None or empty is left out."""
    space = " " * indent
    for key, item in value.items():
        if _is_empty(item):
            continue
        if isinstance(item, Mapping):
            yield f"{space}{quoted(key)}:"
            yield from block(item, indent + 2)
        elif _is_list(item) and any(isinstance(each, Mapping) for each in item):
            yield f"{space}{quoted(key)}:"
            for each in item:
                first, *rest = block(each, indent + 4)
                yield f"{space}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{space}{quoted(key)}: {_scalar(item)}"


def _is_empty(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_empty(item) for item in value.values())
    return value is None or (_is_list(value) and not value)


def _scalar(value: Any) -> str:
    if _is_list(value):
        return f"[{', '.join(_scalar(each) for each in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    # An amount such as 64Gi or 4h is text to every reader, and is written bare by everybody.
    return str(value) if _QUANTITY.fullmatch(value) and not value.isdigit() else quoted(str(value))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
