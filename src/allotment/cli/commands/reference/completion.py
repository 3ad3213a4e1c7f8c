"""`allot completion SHELL`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import global_flags
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@global_flags
@click.pass_obj
def completion(session: Session, shell: str) -> None:
    """Print the script that teaches a shell to complete `allot`, with the names of your clusters and teams.

    The names come from the platform directory: --platform, ALLOTMENT_PLATFORM, the configuration file, or the
    current directory.
    """
    from allotment.cli.shell.completion import script_for

    session.out(script_for(shell).rstrip("\n"))
