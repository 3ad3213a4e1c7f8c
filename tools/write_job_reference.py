"""Write the generated half of docs/job-file.md: templates, warnings, fields. Takes no arguments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from allotment.spec.jobs.lint import RULES
from allotment.spec.jobs.schema import JobFileSpec, job_json_schema
from allotment.spec.jobs.templating import templates
from tools.write_platform_reference import tables

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "job-file.md"

START: Final = "<!-- generated: tools/write_job_reference.py -->\n"
"""Everything below this line of the document is `reference()`."""


def reference() -> str:
    """Markdown: a table of the templates, one of the warnings, and one for each mapping of a job file."""
    blocks = ["## Templates", "", "\n".join(_templates()), "", "## Warnings", "", "\n".join(_warnings()), ""]
    blocks += tables(JobFileSpec.__name__, "## Fields", job_json_schema()["$defs"], set())
    return "\n".join(blocks)


def _templates() -> Iterator[str]:
    yield "| template | for | parameters |\n|---|---|---|"
    for each in templates():
        names = ", ".join(f"`{parameter.name}`" for parameter in each.parameters)
        yield f"| `{each.name}` | {each.summary} | {names} |"


def _warnings() -> Iterator[str]:
    yield "| word | what | why it hurts |\n|---|---|---|"
    for rule in RULES:
        yield f"| `{rule.word}` | {rule.title} | {rule.reason} |"


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text[: text.index(START) + len(START)] + "\n" + reference(), encoding="utf-8")
