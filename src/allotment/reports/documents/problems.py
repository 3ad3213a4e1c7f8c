"""What went wrong, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from allotment.reports.documents.form import versioned

if TYPE_CHECKING:
    from allotment.spec.problems import Problem


def error_document(
    exit_code: int, *, reason: str, what: str, why: str, fix: str, problems: Sequence[Mapping[str, Any]] = ()
) -> Mapping[str, Any]:
    """A failure; `reason`: what the exit code means, `problems`: of an invalid platform directory, one by one."""
    document = {"kind": "Error", "exitCode": exit_code, "reason": reason, "what": what, "why": why, "fix": fix}
    return versioned({**document, "problems": problems} if problems else document)


def problem_document(problem: Problem) -> dict[str, Any]:
    """A problem of the platform directory."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": str(problem.severity),
        "field": problem.field,
        "what": problem.what,
        "fix": problem.fix,
    }
