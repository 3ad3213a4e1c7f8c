"""Write the generated half of docs/platform-directory.md, tables drawn from the schema. Takes no arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from allotment.spec.schema import KINDS, json_schema
from allotment.spec.schema.scalars import X_TYPE

_SUFFIXES: Final = ("Spec", "Document")


DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "platform-directory.md"

START: Final = "<!-- generated from the schema: tools/write_platform_reference.py -->\n"
"""Everything below this line of the document is `reference()`."""


def reference() -> str:
    """Markdown: a table for each kind, each followed by the tables of the mappings inside it."""
    definitions: Mapping[str, Any] = json_schema()["$defs"]
    drawn: set[str] = set()
    blocks: list[str] = []
    for kind, model in KINDS.items():
        blocks += tables(model.__name__, f"## {kind}", definitions, drawn)
    return "\n".join(blocks)


def tables(name: str, heading: str, definitions: Mapping[str, Any], drawn: set[str]) -> Iterator[str]:
    """The table of a mapping's fields, followed by those of the mappings inside it, each once."""
    if name in drawn:
        return
    drawn.add(name)
    definition = definitions[name]
    yield f"{heading}\n\n{definition['description']}\n"
    yield "| field | type and unit | default | meaning and reason |\n|---|---|---|---|"
    required = definition.get("required", [])
    inner: list[str] = []
    for field, schema in definition["properties"].items():
        words, found = _type(schema)
        inner += found
        default = "required" if field in required else _default(schema)
        # Pydantic leaves a description out where it equals the one of the mapping it refers to.
        meaning = schema.get("description") or " ".join(definitions[other]["description"] for other in found)
        yield f"| `{field}` | {words} | {default} | {meaning} |".replace("\n", " ")
    yield ""
    for other in inner:
        yield from tables(other, f"### {_title(other)}", definitions, drawn)


def _type(schema: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Type in words, and the definitions it refers to."""
    if X_TYPE in schema:
        return str(schema[X_TYPE]), []
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{_title(name)}](#{_title(name).lower()})", [name]
    if "anyOf" in schema:
        options = [_type(option) for option in schema["anyOf"] if option.get("type") != "null"]
        return " or ".join(words for words, _found in options), [name for _words, found in options for name in found]
    if "const" in schema:
        return f"`{schema['const']}`", []
    if "enum" in schema:
        return ", ".join(schema["enum"]), []
    kind = schema.get("type")
    if kind == "array":
        words, found = _type(schema["items"])
        return f"list of {words}", found
    if kind == "object":
        values = schema.get("additionalProperties") or next(iter(schema["patternProperties"].values()))
        words, found = _type(values)
        return f"mapping to {words}", found
    return "a single value" if isinstance(kind, list) else str(kind), []


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    if default is None or default in ([], "", {}):
        return "→"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{default}`" if isinstance(default, (str, int)) else f"`{json.dumps(default)}`"


def _title(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text[: text.index(START) + len(START)] + "\n" + reference(), encoding="utf-8")
