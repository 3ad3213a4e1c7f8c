"""Descriptions of an OpenAPI document's schemas, for people who do not write Python.

msgspec takes the docstrings of classes. What they say of single attributes goes to the properties here, what they refer
to in our own modules goes away, and what Python calls None is null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

_ATTRIBUTES: Final = re.compile(r"\n\s*Attributes:\s*\n")
_ATTRIBUTE: Final = re.compile(r"^\s*([A-Za-z_0-9]+): (.*)$")
_OURS: Final = r"`{1,2}\.?(?:[a-z_]+\.)*_?[A-Z][a-z]\w*(?:\.\w+)*(?:\(\))?`{1,2}|`[a-z_]+\.[a-z_.]+`"
"""Names of our classes and modules, which nobody can look up outside of the program."""
_REFERENCES: Final = (
    re.compile(rf"\s*\((?:see|as of|of|as) (?:{_OURS})\)"),
    re.compile(rf"[;,:]? ?[Ss]ee (?:the )?(?:{_OURS})(?: and (?:{_OURS}))?(?=[.;,)]|$)"),
    re.compile(rf"\s*(?:{_OURS}) has the table of moves\."),
    re.compile(rf"[;,]? as (?:of )?(?:{_OURS}) (?:has|says|tells) it(?=[.;,)]|$)"),
)
_TICKS: Final = re.compile(r"``([^`]*)``")


def describe(components: dict[str, Any]) -> None:
    """Put the descriptions of schemas right, in place."""
    for schema in components.values():
        text = schema.get("description")
        if not isinstance(text, str):
            continue
        head, rest = _split(text)
        if words := plain(head):
            schema["description"] = words
        else:
            del schema["description"]
        properties = schema.get("properties", {})
        for name, said in _attributes(rest):
            if name in properties and (words := plain(said)):
                properties[name] = {**properties[name], "description": words}


def plain(text: str) -> str:
    """A docstring's sentence without references to our own names."""
    said = " ".join(text.split())
    for each in _REFERENCES:
        said = each.sub("", said)
    said = re.sub(r"\bNone\b", "null", _TICKS.sub(r"`\1`", said))
    return said.strip()


def _split(text: str) -> tuple[str, str]:
    """What a class is, and what its attributes are."""
    found = _ATTRIBUTES.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.end() :])


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    """Name and words of each; what goes on is indented further."""
    name, said, depth = "", list[str](), 0
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        found = _ATTRIBUTE.match(line)
        if found and (not name or indent <= depth):
            if name:
                yield name, " ".join(said)
            name, said, depth = found[1], [found[2]], indent
        elif line.strip():
            said.append(line.strip())
    if name:
        yield name, " ".join(said)
