"""Writes the table of what Kubernetes cannot express into docs/running-on-kubernetes.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from allotment.jobs.kubernetes.losses import COMMON, OF_KIND

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "running-on-kubernetes.md"
START: Final = "<!-- written by tools/write_kubernetes_losses.py -->\n"


def table() -> str:
    """The rows of every kind, then those of one."""
    return "\n".join(("| kind | field | cannot | instead |", "|---|---|---|---|", *_rows())) + "\n"


def _rows() -> Iterator[str]:
    for name, losses in (("every", COMMON), *((kind.value, each) for kind, each in OF_KIND.items())):
        for loss in losses:
            yield f"| {name} | `{loss.field}` | {loss.what} | {loss.instead} |"


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text[: text.index(START) + len(START)] + "\n" + table(), encoding="utf-8")
