"""A field of the directory, explained; a cause of waiting, with its page."""

from __future__ import annotations

import json
import re
from textwrap import wrap
from typing import Any, Final

import click

from allotment.diagnose.finding import CauseEntry
from allotment.spec.explaining import Field, FieldExplanation

_HEADING: Final = re.compile(r"#{1,3} (?P<text>.+)")


def text(found: FieldExplanation, width: int) -> str:
    """The field, then what stands below it with one paragraph each."""
    lines = _about(found.field, width) if found.field.path else [found.field.description]
    if found.children:
        lines += ["", click.style("KINDS" if not found.field.path else "FIELDS", bold=True)]
    for child in found.children:
        required = click.style("  required", fg="yellow") if child.required else ""
        lines.append(f"  {click.style(child.name, bold=True)}  <{child.type}>{required}")
        lines += wrap(_with_default(child), width, initial_indent="    ", subsequent_indent="    ")
    if found.children:
        example = next((child for child in found.children if child.path), found.children[0])
        lines += ["", f"Ask on with the field's path, for example: allot explain {example.path}"]
    return "\n".join(lines)


def page_text(entry: CauseEntry, page: str) -> str:
    """A cause's page: its headings without the marks of Markdown, all else as it is written, to be copied."""
    lines = []
    for line in page.splitlines():
        heading = _HEADING.match(line)
        lines.append(line if heading is None else click.style(heading["text"], bold=True))
    return "\n".join([f"{entry.code} · {entry.layer}", *lines])


def _about(field: Field, width: int) -> list[str]:
    lines = [f"{click.style('FIELD', bold=True)}    {field.path}", f"{click.style('TYPE', bold=True)}     {field.type}"]
    if field.choices:
        lines.append(f"{click.style('VALUES', bold=True)}   {', '.join(field.choices)}")
    if field.has_default:
        lines.append(f"{click.style('DEFAULT', bold=True)}  {_value(field.default)}")
    elif field.required:
        lines.append(f"{click.style('DEFAULT', bold=True)}  none: the field is required")
    return [*lines, "", *wrap(field.description, width)]


def _with_default(field: Field) -> str:
    default = "" if not field.has_default or field.default in (None, "", [], {}) else f" [{_value(field.default)}]"
    return field.description + default


def _value(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
