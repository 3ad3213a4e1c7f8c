"""`allot job`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag, team_flag
from allotment.cli.shell.session import Session
from allotment.errors import InputError, UsageError, shown
from allotment.model.grammar import count

if TYPE_CHECKING:
    from allotment.model.source import SourceTree

_HERE: Final = "allotment.cli.commands.run.job"
_STDIN: Final = "-"
_STDIN_NAME: Final = "standard input"
_MOST_STDIN: Final = 16 << 20
"""Bytes that are read of standard input; a file's bound is the reader's."""

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
    word of its own, which docs/job-file.md explains. - is standard input. -o json has each job with all its defaults.

    Labels for -l: job, team, type.
    """
    from allotment import wiring
    from allotment.cli.commands.run.job_view import checked_listing, warning_notes
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import platform_directory
    from allotment.reports.documents.job_files import job_check_document
    from allotment.spec.jobs.lint import lint_files
    from allotment.spec.jobs.load import load_jobs

    now = wiring.clock().now()
    texts = _texts(files)
    platform = load(session, platform_directory(session), quiet=True).platform
    found = load_jobs(texts, platform, now, session.value("team"))
    warnings = lint_files(texts, found, platform, now)
    if warnings and output.format != "json":
        session.note("\n".join(warning_notes(warnings)))
    show(
        session,
        output,
        checked_listing(found, warnings),
        whole=lambda rows: job_check_document(rows, warnings),
    )
    if strict and warnings:
        raise InputError(
            f"there {'is' if len(warnings) == 1 else 'are'} {count(len(warnings), 'warning')}",
            why="--strict makes them errors",
            fix="correct them, or leave --strict out",
        )


def _texts(names: tuple[str, ...]) -> SourceTree:
    """The files by the names that messages have for them."""
    from allotment import wiring
    from allotment.model.source import SourceTree

    files = wiring.files()
    texts: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if name == _STDIN:
            texts[_STDIN_NAME] = _standard_input()
        else:
            texts[name] = files.read_text(files.user_path(name))
    return SourceTree(texts)


def _standard_input() -> str:
    data = sys.stdin.buffer.read(_MOST_STDIN + 1)
    if len(data) > _MOST_STDIN:
        raise UsageError(f"standard input holds more than {shown(_MOST_STDIN >> 20)} MiB", fix="a job file is some KiB")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InputError("standard input is no text in UTF-8", fix="send it a job file") from None
