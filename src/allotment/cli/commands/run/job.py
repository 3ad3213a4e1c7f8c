"""`allot job`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag, team_flag
from allotment.cli.shell.session import Session
from allotment.errors import InputError
from allotment.model.grammar import count

_HERE: Final = "allotment.cli.commands.run.job"

ENTRIES: Final = (
    CommandEntry("check", f"{_HERE}:check", "Check job files against the platform, and warn of traps.", ("validate",)),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def job() -> None:
    """Job files: what is run, with what, and what becomes of it when it is displaced."""


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--strict", is_flag=True, help="Warnings fail too (exit code 1).")
@team_flag
@platform_flag
@output_flags
@global_flags
@click.pass_obj
def check(session: Session, files: tuple[str, ...], *, strict: bool, output: OutputOptions) -> None:
    """Check job files against the platform directory, and warn of what goes wrong; nothing is submitted.

    Every problem is told as file:line:column, field, what is wrong and what to do (exit code 1); every warning has a
    word of its own, which docs/job-file.md explains. Without a platform directory it is that of the server, where it
    runs. - is standard input. -o json has each job with all its defaults. The scripts that files name have to be there,
    as for `allot submit`; of what comes by standard input nobody knows yet where it will lie.

    Labels for -l: job, team, type.
    """
    from allotment import wiring
    from allotment.cli.commands.run.job_view import checked_listing, warning_notes
    from allotment.cli.commands.run.reading import job_texts, loaded_jobs, tell_of_awaited
    from allotment.cli.commands.run.serving import known_platform
    from allotment.cli.shell.output import show
    from allotment.model.source import SourceTree
    from allotment.reports.documents.job_files import job_check_document
    from allotment.spec.jobs.lint import lint_files

    now = wiring.clock().now()
    texts = job_texts(files)
    platform = known_platform(session)
    found = loaded_jobs(session, platform, texts, piped=False)
    warnings = lint_files(SourceTree(texts.texts), found, platform, now)
    if warnings and output.format != "json":
        session.note("\n".join(warning_notes(warnings)))
    show(
        session,
        output,
        checked_listing(found, warnings),
        whole=lambda rows: job_check_document(rows, warnings),
    )
    tell_of_awaited(session, found, "allot submit --dry-run=server")
    if strict and warnings:
        raise InputError(
            f"there {'is' if len(warnings) == 1 else 'are'} {count(len(warnings), 'warning')}",
            why="--strict makes them errors",
            fix="correct them, or leave --strict out",
        )
