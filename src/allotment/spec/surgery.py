"""Small cuts in YAML text that leave every other byte as it is, comments included.

Line-based on the parser's own positions: dumping a parsed file again would lose what people wrote between the lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import yaml

from allotment.errors import InputError
from allotment.spec import documents
from allotment.spec.problems import Path, dotted


def append_field(file: str, text: str, index: int, block: str) -> str:
    """Add a top-level field, given as YAML lines, at the end of a document.

    Raises:
        InputError: the document is not written in block style.
    """
    lines = text.splitlines(keepends=True)
    root = documents.positions(file, text, {index})[index].get((), (0, 0))
    if root[1] != 0 or lines[root[0]].startswith("{"):
        raise by_hand(file, "the document is not written one field a line")
    end = content_end(lines, _starts(text)[index + 1] if index + 1 < len(_starts(text)) else len(lines))
    if end and not lines[end - 1].endswith("\n"):
        lines[end - 1] += "\n"
    return "".join([*lines[:end], block, *lines[end:]])


def append_item(file: str, text: str, index: int, field: str, value: str) -> str:
    """Add a plain value at the end of a top-level list, which is made where it is missing.

    Raises:
        InputError: the list is written in a way that cannot be added to safely.
    """
    where = documents.positions(file, text, (index,))[index]
    if (field,) not in where:
        return append_field(file, text, index, f"{field}: [{value}]\n")
    lines = text.splitlines(keepends=True)
    line, column = where[field,]
    last = max(
        (path for path in where if len(path) == _ITEM and path[0] == field), key=lambda path: path[1], default=None
    )
    if last is None:
        head, bracket, rest = lines[line].partition("[]")
        if not bracket:
            raise by_hand(file, f"{field} is not written as a list")
        lines[line] = f"{head}[{value}]{rest}"
        return "".join(lines)
    line, column = where[last]
    before, item = lines[line][:column], lines[line][column:]
    if before.strip() == "-":
        ending = "" if lines[line].endswith("\n") else "\n"
        lines[line] += f"{ending}{before}{value}\n"
    elif (end := _LAST_IN_BRACKETS.match(item)) is not None:
        lines[line] = f"{before}{end[1]}, {value}{item[end.end(1) :]}"
    else:
        raise by_hand(file, f"{field} is not written in one of the usual ways")
    return "".join(lines)


_ITEM: Final = 2
_LAST_IN_BRACKETS: Final = re.compile(r"""([^\s,\]\["']+|"[^"]*"|'[^']*')\s*,?\s*\]""")


def replace_value(file: str, text: str, index: int, path: Path, value: str) -> str:
    """Put another plain value behind a key that stands with its value on one line.

    Raises:
        InputError: the value is not on the key's line.
    """
    lines = text.splitlines(keepends=True)
    line, column = documents.positions(file, text, {index})[index][path]
    key, colon, rest = lines[line][column:].partition(":")
    old = rest.split("#")[0].strip().rstrip("}, ")
    if not colon or not old:
        raise by_hand(file, f"{dotted(path)} is not written on one line")
    lines[line] = f"{lines[line][:column]}{key}:{rest.replace(old, value, 1)}"
    return "".join(lines)


def replace_scalar(file: str, text: str, index: int, path: Path, value: str) -> str:
    """Put another plain value in the place of one, whatever else stands on its line.

    Raises:
        InputError: the value is an alias, has an anchor, or does not stand behind its key.
    """
    lines = text.splitlines(keepends=True)
    line, column = documents.positions(file, text, {index})[index][path]
    found = _BEHIND_KEY.match(lines[line], column)
    # At the margin a comma or brace is part of the value: no mapping in braces is open there.
    if found is None or (column == 0 and lines[line][found.end(1) :].lstrip().startswith((",", "}"))):
        raise by_hand(file, f"{dotted(path)} is not written behind its key")
    lines[line] = f"{lines[line][: found.start(1)]}{value}{lines[line][found.end(1) :]}"
    return "".join(lines)


def scalar_at(file: str, text: str, index: int, path: Path) -> str:
    """The plain value of a field as it is written behind its key.

    Raises:
        InputError: the value is an alias, has an anchor, or does not stand behind its key.
    """
    line, column = documents.positions(file, text, {index})[index][path]
    found = _BEHIND_KEY.match(text.splitlines(keepends=True)[line], column)
    if found is None:
        raise by_hand(file, f"{dotted(path)} is not written behind its key")
    return found[1]


def replace_key(file: str, text: str, index: int, path: Path, key: str) -> str:
    """Give a field of a mapping another key, wherever its value stands.

    Raises:
        InputError: the key is an alias, or written over several lines.
    """
    lines = text.splitlines(keepends=True)
    line, column = documents.positions(file, text, {index})[index][path]
    found = _KEY.match(lines[line], column)
    if found is None or found[1].strip("\"'") != path[-1]:
        raise by_hand(file, f"{dotted(path)} is not written as a plain key")
    lines[line] = f"{lines[line][:column]}{key}{lines[line][found.end(1) :]}"
    return "".join(lines)


_KEY: Final = re.compile(r"""([\w.-]+|"[^"]*"|'[^']*')\s*:(?=\s)""")


def insert_below(file: str, text: str, index: int, field: str, block: str) -> str:
    """Add top-level lines right below a field that takes one line.

    Raises:
        InputError: the field is not written behind its key at the margin.
    """
    lines = text.splitlines(keepends=True)
    line, column = documents.positions(file, text, {index})[index][field,]
    found = _BEHIND_KEY.match(lines[line], column)
    rest = "" if found is None else lines[line][found.end(1) :].strip()
    if found is None or column != 0 or (rest and not rest.startswith("#")):
        raise by_hand(file, "the document is not written one field a line")
    if not lines[line].endswith("\n"):
        lines[line] += "\n"
    return "".join([*lines[: line + 1], block, *lines[line + 1 :]])


_BEHIND_KEY: Final = re.compile(
    r"""(?:[\w.-]+|"[^"]*"|'[^']*')\s*:\s+([\w.+-]+(?: +[\w.+-]+)*|"[^"]*"|'[^']*')(?=\s*(?:,|\}|$|\s#))"""
)


def remove_field(file: str, text: str, index: int, path: Path) -> str:
    """Remove a field with its value, and mappings around it that would be left empty.

    Raises:
        InputError: the field is not written in block style.
    """
    where = documents.positions(file, text, {index})[index]
    while len(path) > 1 and not any(other[:-1] == path[:-1] and other != path for other in where if other):
        path = path[:-1]
    lines = text.splitlines(keepends=True)
    first, column = where[path]
    if lines[first][:column].strip():
        raise by_hand(file, f"{dotted(path)} shares its line with other fields")
    return _without(lines, path, first, where, _starts(text))


def _without(
    lines: list[str], path: Path, first: int, where: Mapping[Path, documents.Position], starts: list[int]
) -> str:
    """The text without a value: from its first line to the next value that is not inside it, or the next document."""
    following = [line for other, (line, _column) in where.items() if other[: len(path)] != path and line > first]
    end = content_end(lines, min([*following, *(line for line in starts if line > first), len(lines)]))
    return "".join(lines[:first] + lines[end:])


def remove_item(file: str, text: str, index: int, path: Path) -> str:
    """Remove an item of a list, and the list where it is the only one.

    Raises:
        InputError: the list is not written with an item a line.
    """
    where = documents.positions(file, text, {index})[index]
    size = len(path)
    if not any(len(other) == size and other[:-1] == path[:-1] and other != path for other in where):
        return remove_field(file, text, index, path[:-1])
    lines = text.splitlines(keepends=True)
    first, column = where[path]
    if lines[first][:column].strip() != "-":
        raise by_hand(file, f"{dotted(path)} does not begin a line")
    return _without(lines, path, first, where, _starts(text))


def remove_document(text: str, index: int) -> str | None:
    """Remove one document of a file; None where it was the only one."""
    starts = _starts(text)
    if len(starts) == 1:
        return None
    lines = text.splitlines(keepends=True)
    end = starts[index + 1] if index + 1 < len(starts) else len(lines)
    first = 0 if index == 0 else starts[index]
    return "".join(lines[:first] + lines[end:])


def _starts(text: str) -> list[int]:
    """First line of each document that is not empty: its ``---``, or its content where it has none."""
    found: list[int] = []
    start = 0
    empty = True
    for event in yaml.parse(text, Loader=yaml.CBaseLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            start, empty = event.start_mark.line if event.start_mark is not None else 0, True
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent, yaml.AliasEvent)):
            empty = False
        elif isinstance(event, yaml.ScalarEvent):
            empty = empty and event.value == ""
        elif isinstance(event, yaml.DocumentEndEvent) and not empty:
            found.append(start)
    return found


def content_end(lines: list[str], end: int) -> int:
    """The line after the last one with content; comments below it belong to what follows."""
    while end > 0 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def by_hand(file: str, why: str) -> InputError:
    """The error for text that no cut can be made in safely."""
    return InputError(f"{file} cannot be edited without disturbing it", why=why, fix="make this change by hand")
