"""Reading a platform directory for a command; its warnings go to standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allotment.cli.shell.failures import problem_lines, problem_parts
from allotment.cli.shell.session import Session
from allotment.errors import InputError

if TYPE_CHECKING:
    from allotment.spec.load import Loaded


def load(session: Session, directory: Path, *, strict: bool = False, quiet: bool = False) -> Loaded:
    """The platform of a directory.

    Args:
        session: where warnings are told.
        directory: the platform directory.
        strict: warnings are errors.
        quiet: do not tell warnings; for commands that tell them otherwise, or whose business is another.

    Raises:
        InvalidPlatformError: the directory has errors.
        InputError: it has warnings, and `strict` is on.
    """
    from allotment import wiring
    from allotment.operations.directory import loading
    from allotment.spec.problems import MOST_TOLD

    loaded = loading.load(wiring.directory(directory), wiring.clock().now().date())
    if loaded.warnings and not quiet and session.value("output") != "json":
        parts = [problem_parts(problem) for problem in loaded.warnings[:MOST_TOLD]]
        session.note("\n".join(problem_lines([(headline, fix) for headline, fix, _ in parts])))
        if len(loaded.warnings) > MOST_TOLD:
            session.note(f"{len(loaded.warnings):,} warnings; the first {MOST_TOLD:,} are told")
    if loaded.warnings and strict:
        number = len(loaded.warnings)
        raise InputError(
            f"the platform directory has {number} warning{'s' if number > 1 else ''}",
            why="--strict makes them errors",
            fix="correct them, or leave --strict out",
        )
    return loaded


def warning_documents(loaded: Loaded) -> Sequence[Mapping[str, Any]]:
    """The warnings as JSON."""
    return [problem_parts(problem)[2] for problem in loaded.warnings]
