"""`allot version`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@output_flags
@global_flags
@click.pass_obj
def version(session: Session, output: OutputOptions) -> None:
    """Versions of Allotment, of Python, and of the libraries it stands on."""
    from allotment.cli.commands.reference.version_view import installed, versions_listing
    from allotment.cli.shell.output import show

    show(session, output, versions_listing(installed()))
