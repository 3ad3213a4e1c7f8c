"""Pages beside an answer: ``--report``."""

from __future__ import annotations

from pathlib import Path

from allotment import wiring
from allotment.cli.shell.session import Session


def write_report(session: Session, file: str, page: str) -> None:
    """Write a page and say where it is."""
    wiring.files().write_text(Path(file), page)
    session.note(f"report in {file}")
