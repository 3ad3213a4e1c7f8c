"""`allot validate`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_argument
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@platform_argument
@click.option("--strict", is_flag=True, help="Warnings fail too (exit code 1).")
@output_flags
@global_flags
@click.pass_obj
def validate(session: Session, directory: str | None, *, strict: bool, output: OutputOptions) -> None:
    """Check a platform directory and sum it up.

    Prints clusters, quota against capacity, and the monthly price; or every problem as file:line:column, field, what
    is wrong and what to do (exit code 1).
    """
    from allotment.cli.commands.declare.validate_view import quota_listing, summary_text
    from allotment.cli.shell.loading import load, warning_documents
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory.validating import summarize
    from allotment.reports.documents.summary import summary_document

    loaded = load(session, platform_directory(session, directory), strict=strict)
    summary = summarize(loaded.platform)
    show(
        session,
        output,
        quota_listing(summary),
        human=lambda rows: summary_text(summary, rows, session.table_width),
        whole=lambda rows: summary_document(summary, rows, warning_documents(loaded)),
    )
