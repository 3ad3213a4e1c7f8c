"""What the pages for people promise, read off them: examples with who submits them, templates, words of refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

Body = dict[str, Any]
DOCS: Final = Path(__file__).parents[3] / "docs"
POLICIES: Final = (DOCS / "policies.md").read_text(encoding="utf-8")
FOR_TEAM_MEMBERS: Final = (DOCS / "for-team-members.md").read_text(encoding="utf-8")

MEMBER: Final = "a member of nlp"
OWNER: Final = "an owner of nlp"
NEEDS_FILLING_IN: Final = "shortest"
"""Name of the one template that leaves to the cluster what has only one right answer."""

_SECTION: Final = re.compile(r"^## (?P<title>[a-z-]+)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE: Final = re.compile(
    r"^(?P<verdict>Refused|Admitted) for (?P<who>[^,\n]+?)(?:, with “(?P<says>[^”]+)”)?:\n\n```yaml\n(?P<yaml>.*?)```",
    re.MULTILINE | re.DOTALL,
)
_TEMPLATE: Final = re.compile(r"^#{2,3} (?P<title>[^\n]+)$|^```yaml\n(?P<yaml>.*?)^```", re.MULTILINE | re.DOTALL)
_REFUSALS: Final = "## What a refusal means\n"


@dataclass(frozen=True)
class Example:
    """One fenced block of YAML.

    Attributes:
        name: the policy's section, or the template's own name.
        who: submits it, in the page's words.
        says: what the refusal has to say; empty for what is admitted.
    """

    name: str
    who: str
    says: str
    bodies: tuple[Body, ...]

    def __str__(self) -> str:
        return f"{self.name}-{'refused' if self.says else 'admitted'}"


def policy_examples() -> Iterator[Example]:
    """Of each section of docs/policies.md, in its order; objects in namespaces are called by their section."""
    for section in _SECTION.finditer(POLICIES):
        for found in _EXAMPLE.finditer(section["text"]):
            if (found["verdict"] == "Refused") is not bool(found["says"]):
                raise AssertionError(f"{section['title']}: a refusal quotes its words, and nothing else does")
            (body,) = _bodies(found["yaml"])
            if "namespace" in body["metadata"]:
                body["metadata"]["name"] = section["title"]
            yield Example(section["title"], found["who"], found["says"] or "", (body,))


def templates() -> Iterator[Example]:
    """All YAML of docs/for-team-members.md; it stands without a namespace, because people choose theirs once."""
    title = ""
    for found in _TEMPLATE.finditer(FOR_TEAM_MEMBERS):
        if found["title"]:
            title = found["title"]
            continue
        bodies = _bodies(found["yaml"])
        for body in bodies:
            body["metadata"]["namespace"] = "nlp"
        yield Example(bodies[-1]["metadata"]["name"], OWNER if "(owners)" in title else MEMBER, "", bodies)


def refusal_words() -> list[str]:
    """What the table of refusals quotes, in its order."""
    table = FOR_TEAM_MEMBERS.partition(_REFUSALS)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (“[^|]*) \|", table, re.MULTILINE)
    return [words for row in rows for words in re.findall(r"“([^”]+)”", row)]


def _bodies(text: str) -> tuple[Body, ...]:
    return tuple(yaml.safe_load_all(text))
