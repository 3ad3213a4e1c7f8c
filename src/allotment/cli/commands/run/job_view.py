"""`job check`: jobs that were checked, and what the lint says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from allotment.cli.shell.failures import problem_lines, problem_parts
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.model.quantity import format_bytes, format_cpu
from allotment.reports.documents.job_files import checked_job_document
from allotment.spec.jobs.lint import LintWarning
from allotment.spec.jobs.load import JobDocument
from allotment.spec.problems import MOST_TOLD


def checked_listing(found: Sequence[JobDocument], warnings: Sequence[LintWarning]) -> Listing[JobDocument]:
    """A row a job, in the order of the files."""
    numbers = Counter((each.problem.file, each.job) for each in warnings)
    return Listing(
        kind="CheckedJob",
        rows=found,
        columns=(
            Column("JOB", lambda row: row.job.name, keep=2),
            Column("TYPE", lambda row: row.job.type.value),
            Column("TEAM", lambda row: row.job.team),
            Column("PRIORITY", lambda row: row.job.priority, keep=1),
            Column("REPLICAS", lambda row: row.job.replicas),
            Column("ACCELERATORS", _devices),
            Column("CPU", lambda row: format_cpu(row.job.needs.cpu), keep=1),
            Column("MEMORY", lambda row: format_bytes(row.job.needs.memory), keep=1),
            Column("WARNINGS", lambda row: numbers[row.source.file, row.job.name]),
            Column("FILE", lambda row: row.source.file, wide=True),
        ),
        name=lambda row: row.job.name,
        document=checked_job_document,
        labels=lambda row: {"job": row.job.name, "team": row.job.team, "type": row.job.type.value},
    )


def _devices(row: JobDocument) -> str:
    """Of one replica."""
    wish = row.job.needs.accelerators
    return "none" if wish is None else f"{wish.count} {' or '.join(wish.classes)}"


def warning_notes(warnings: Sequence[LintWarning]) -> list[str]:
    """Each warning with its place, its word and its fix."""
    told = [(*problem_parts(each.problem)[:2], each.word) for each in warnings[:MOST_TOLD]]
    lines = problem_lines([(f"{headline} [{word}]", fix) for headline, fix, word in told])
    if len(warnings) > MOST_TOLD:
        lines.append(f"{len(warnings):,} warnings; the first {MOST_TOLD:,} are told")
    return lines
