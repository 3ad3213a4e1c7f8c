"""CEL (Common Expression Language) text from values: literals are quoted here and nowhere else.

Names come from the platform directory, so a quote or a backslash in one must stay text and never become code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

_NOT_ITSELF: Final = re.compile(r"[^ !#-\[\]-~]")
"""What is no printable ASCII, or ends or escapes a literal."""


class Expr(str):
    """CEL source, as opposed to a text that is still to be quoted."""

    __slots__ = ()


def quote(text: str) -> Expr:
    """A CEL string literal, in printable ASCII."""
    return Expr(f'"{_NOT_ITSELF.sub(_escaped, text)}"')


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char in {'"', "\\"}:
        return f"\\{char}"
    # Four digits reach the basic plane only; CEL knows no surrogate pairs.
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08x}"


def string_list(values: Iterable[str]) -> Expr:
    """A CEL list of strings, in the given order."""
    return Expr(f"[{', '.join(quote(value) for value in values)}]")


def string_map(values: Mapping[str, str]) -> Expr:
    """A CEL map of strings, sorted by key."""
    return Expr(f"{{{', '.join(f'{quote(key)}: {quote(values[key])}' for key in sorted(values))}}}")


def list_map(values: Mapping[str, Sequence[str]]) -> Expr:
    """A CEL map from string to list of strings, sorted by key."""
    entries = ", ".join(f"{quote(key)}: {string_list(values[key])}" for key in sorted(values))
    return Expr(f"{{{entries}}}")


def sentence(*parts: str) -> Expr:
    """A string built at evaluation: plain parts are quoted, `Expr` parts are evaluated."""
    return Expr(" + ".join(part if isinstance(part, Expr) else quote(part) for part in parts))


def label(labels: str, key: str) -> Expr:
    """The value of a label in a CEL map of labels; empty where it is not set."""
    return Expr(f'{labels}[?{quote(key)}].orValue("")')


def comma_separated(annotation: str) -> Expr:
    """The items of a comma-separated annotation of the request's namespace; a list of one empty text if absent."""
    value = f'namespaceObject.metadata.?annotations[?{quote(annotation)}].orValue("")'
    return Expr(f'{value}.split(",").map(item, item.trim())')


def first_few(names: str) -> Expr:
    """CEL: the first two of a list of names, which has one at least, and how many more there are.

    What controllers are refused becomes an event, of which the API server takes 1,024 bytes: a longer one is lost.
    """
    second = '(size(few) == 1 ? "" : (size(few) == 2 ? " and " : ", ") + string(few[1]))'
    more = '(size(few) > 2 ? " and " + string(size(few) - 2) + " more" : "")'
    return Expr(f"[{names}].map(few, string(few[0]) + {second} + {more})[0]")
