"""Objects to YAML text: deterministic, and read alike by every YAML version.

Our own emitter because the bytes must not change with a library's release, and because the readers differ: kubectl
and kustomize follow YAML 1.1 in places (``yes``, ``0o17``, ``1_000``), others 1.2. So a string is written bare only
when no reader could take it for anything else; everything else is double-quoted or a literal block.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

# No digit, sign or dot in front, no colon, no space: then only the words below are ambiguous.
_BARE: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*", re.ASCII)
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_ESCAPES: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NEEDS_ESCAPE: Final = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
# A literal block keeps its text only if no line ends in a blank and no line has anything a reader would fold away.
_BLOCK_BREAKER: Final = re.compile(r"[ \t](\n|\Z)|[^\n\x20-\x7e\xa1-\u1fff\u2030-\ud7ff]")


def to_yaml(value: Mapping[str, Any]) -> str:
    """One document, ending in a newline; keys in the order in which the object was built."""
    return "\n".join(_mapping(value, "")) + "\n"


def to_documents(values: Iterable[Mapping[str, Any]]) -> str:
    """Several documents, separated by ``---``."""
    return "---\n".join(to_yaml(value) for value in values)


def _mapping(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    if not value:
        yield f"{indent}{{}}"
    for key, item in value.items():
        yield from _entry(f"{indent}{_key(key)}:", item, indent)


def _sequence(value: Sequence[Any], indent: str) -> Iterator[str]:
    for item in value:
        if isinstance(item, (dict, list)) and item:
            # The first line of the nested block moves up behind the dash.
            lines = _block(item, f"{indent}  ")
            yield f"{indent}- {next(lines)[len(indent) + 2 :]}"
            yield from lines
        else:
            yield from _entry(f"{indent}-", item, indent)


def _block(value: Any, indent: str) -> Iterator[str]:
    return _mapping(value, indent) if isinstance(value, dict) else _sequence(value, indent)


def _entry(head: str, item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, dict) and item:
        yield head
        yield from _mapping(item, f"{indent}  ")
    elif isinstance(item, list) and item:
        yield head
        yield from _sequence(item, indent)
    elif isinstance(item, str) and _is_block(item):
        style = "|" if item.endswith("\n") else "|-"
        yield f"{head} {style}"
        yield from (f"{indent}  {line}" if line else "" for line in item.removesuffix("\n").split("\n"))
    else:
        yield f"{head} {_scalar(item)}"


def _is_block(text: str) -> bool:
    return "\n" in text[:-1] and text[0] not in " \n" and not text.endswith("\n\n") and not _BLOCK_BREAKER.search(text)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value == {}:
        return "{}"
    if value == []:
        return "[]"
    raise TypeError(f"{type(value).__name__} has no place in a Kubernetes object; quantities are strings")


def _string(text: str) -> str:
    if _BARE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # Policies are full of quotes: those two by the fast way, and first, for what follows writes backslashes.
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_NEEDS_ESCAPE.sub(_escaped, quoted)}"'


_key: Final = functools.lru_cache(maxsize=1024)(_string)
"""The same few names are the keys of all objects."""


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return _ESCAPES.get(character) or f"\\u{ord(character):04x}"
