"""Edits of the platform directory: shown as a diff, then written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from allotment.cli.commands.change.diffs import diff_text, next_steps
from allotment.cli.shell.failures import problem_lines, problem_parts
from allotment.cli.shell.output import write_document
from allotment.cli.shell.session import Session
from allotment.reports.documents.edit import edit_document

if TYPE_CHECKING:
    from allotment.operations.directory.teams import Edit


def finish(
    session: Session, directory: Path, edit: Edit, *, dry_run: bool, done: str, steps: list[tuple[str, str]]
) -> None:
    """Write an edit unless it is a dry run, and show its diff.

    Args:
        session: where it is shown.
        directory: the platform directory.
        edit: what to write.
        dry_run: only show.
        done: one line on what happened.
        steps: what to type next.
    """
    from allotment import wiring

    if not dry_run:
        wiring.directory(directory).write(edit.changes)
    form = session.value("output")
    warnings = [problem_parts(problem) for problem in edit.warnings]
    if form in ("json", "yaml"):
        write_document(session, form, edit_document(edit, [each[2] for each in warnings], dry_run=dry_run))
        return
    if form == "name":
        session.out("\n".join(sorted(edit.changes)))
    elif edit.diff:
        session.out(diff_text(edit.diff))
    if warnings:
        session.note("\n".join(problem_lines([(headline, fix) for headline, fix, _ in warnings])))
    session.note(f"dry run (client): nothing was written to {directory}" if dry_run else done)
    if steps and not dry_run:
        session.note(f"\n{next_steps(steps, session.call)}")
