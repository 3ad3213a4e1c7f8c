"""Writes the table of what Slurm cannot express into docs/running-on-slurm.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from allotment.jobs.slurm.losses import SLURM_LOSSES

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "running-on-slurm.md"
START: Final = "<!-- written by tools/write_slurm_losses.py -->\n"


def table() -> str:
    """A row a field."""
    rows = (f"| `{loss.field}` | {loss.what} | {loss.instead} |" for loss in SLURM_LOSSES)
    return "\n".join(("| field | cannot | instead |", "|---|---|---|", *rows)) + "\n"


if __name__ == "__main__":
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text[: text.index(START) + len(START)] + "\n" + table(), encoding="utf-8")
