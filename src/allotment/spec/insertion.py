"""Values that a document does not have yet, put where they belong; every other byte stays as it is.

The parser's own nodes say where a mapping begins and ends, in either style.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import yaml

from allotment.spec.problems import Path, dotted
from allotment.spec.surgery import by_hand, content_end
from allotment.spec.writing import quoted

_STEP: Final = "  "


def insert_value(file: str, text: str, index: int, path: Path, value: str) -> str:
    """Add a field with a plain value, and the mappings around it that are missing, at the end of the nearest one.

    Raises:
        InputError: that mapping is used by an alias, or is written in a way that cannot be added to.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    found, rest = _nearest(file, text, index, path)
    lines = text.splitlines(keepends=True)
    if not isinstance(found, yaml.MappingNode):
        raise by_hand(file, f"{dotted(path[: len(path) - len(rest)])} is not written as a mapping")
    last = found.value[-1][1] if found.value else None
    if found.flow_style:
        field = f"{rest[0]}: {_braced(rest[1:], value)}"
        mark = found.start_mark if last is None else last.end_mark
        line = lines[mark.line]
        before, column = ("", line.index("{", mark.column) + 1) if last is None else (", ", mark.column)
        lines[mark.line] = f"{line[:column]}{before}{field}{line[column:]}"
    else:
        column = found.value[0][0].start_mark.column
        at = _end(lines, found.value[-1][1])
        lines[at:at] = _indented(rest, value, " " * column)
    return "".join(lines)


def set_list(file: str, text: str, index: int, path: Path, items: Sequence[str]) -> str:
    """Make a list of plain texts hold just these, in place; lines of items that stay keep their comments.

    Raises:
        InputError: the list is used by an alias, or is written in a way that cannot be changed.
    """
    found, rest = _nearest(file, text, index, path)
    if rest:
        return insert_value(file, text, index, path, _bracketed(items))
    if not isinstance(found, yaml.SequenceNode) or any(not isinstance(item, yaml.ScalarNode) for item in found.value):
        raise by_hand(file, f"{dotted(path)} is not written as a list of plain values")
    lines = text.splitlines(keepends=True)
    start, end = found.start_mark, found.end_mark
    line = lines[start.line]
    if line[start.column] not in "[-" or (found.flow_style and start.line != end.line):
        raise by_hand(file, f"{dotted(path)} has an anchor, or is written over several lines")
    if found.flow_style:
        lines[start.line] = f"{line[: start.column]}{_bracketed(items)}{line[end.column :]}"
        return "".join(lines)
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    known = {item.value for item in found.value}
    at = _end(lines, found)
    lines[at:at] = [f"{' ' * start.column}- {quoted(item)}\n" for item in items if item not in known]
    stops = [*(item.start_mark.line for item in found.value[1:]), at]
    for item, stop in reversed(list(zip(found.value, stops, strict=True))):
        if item.value not in items:
            del lines[item.start_mark.line : content_end(lines, stop)]
    return "".join(lines)


def _nearest(file: str, text: str, index: int, path: Path) -> tuple[yaml.Node, Path]:
    """The innermost value on the way that the document has, and what is left of the way from there."""
    node = list(_documents(text))[index]
    for depth, step in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            return node, path[depth:]
        inner = next(((key, value) for key, value in node.value if key.value == step), None)
        if inner is None:
            return node, path[depth:]
        key, node = inner
        if node.start_mark.index < key.end_mark.index:
            raise by_hand(file, f"{dotted(path[: depth + 1])} stands elsewhere and is used here by an alias")
    return node, ()


def _documents(text: str) -> Iterator[yaml.Node]:
    """The documents that are not empty."""
    for node in yaml.compose_all(text, Loader=yaml.CBaseLoader):
        if not (isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null")):
            yield node


def _end(lines: list[str], node: yaml.Node) -> int:
    """The line behind a value; of what is written in block style the parser says where the next thing begins."""
    end: int = node.end_mark.line
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        return content_end(lines, end)
    return end + 1 if node.end_mark.column else content_end(lines, end)


def _indented(path: Path, value: str, space: str) -> Iterator[str]:
    for depth, step in enumerate(path):
        behind = f" {value}" if depth == len(path) - 1 else ""
        yield f"{space}{_STEP * depth}{step}:{behind}\n"


def _braced(path: Path, value: str) -> str:
    return value if not path else f"{{{path[0]}: {_braced(path[1:], value)}}}"


def _bracketed(items: Sequence[str]) -> str:
    return f"[{', '.join(quoted(item) for item in items)}]"
