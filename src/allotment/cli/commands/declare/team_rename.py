"""`allot team rename`: another name for a team of the platform directory."""

from __future__ import annotations

import click

from allotment.cli.commands.declare.team_edit import after_edit, dry_run_flag
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags, names_of, platform_flag
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.argument("name", shell_complete=names_of("team"))
@click.argument("new_name", metavar="NEW-NAME")
@dry_run_flag
@platform_flag
@format_flag
@global_flags
@click.pass_obj
def rename(session: Session, name: str, new_name: str, *, dry_run: str | None) -> None:
    """Give a team another name, in its document and wherever the directory names it. Nothing in a cluster changes.

    Clusters go on knowing it by its `id`, which is written beside the name: namespaces, queues, nodes, labels and
    running work stay as they are, and so does the bill.
    """
    from allotment import wiring
    from allotment.cli.commands.declare.editing import finish
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory import teams

    directory = platform_directory(session)
    edit = teams.rename(wiring.directory(directory).read(), name, new_name)
    done = f"team {name} is {new_name} now, in {', '.join(sorted(edit.changes))}; in no cluster anything changes"
    finish(session, directory, edit, dry_run=dry_run is not None, done=done, steps=after_edit(directory, edit.clusters))
