"""`allot import`."""

from __future__ import annotations

from pathlib import Path

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import cluster_flag, format_flag, global_flags, server_flags
from allotment.cli.shell.session import Session


@click.command("import", cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False))
@click.option("--name", help="Name of the platform; the folder's, or my-platform, by default.")
@click.option(
    "--purpose",
    type=click.Choice(["serving", "training", "development"]),
    default="training",
    show_default=True,
    help="What the cluster is for.",
)
@click.option("--dry-run", type=click.Choice(["client"]), help="client: show what would be written, write nothing.")
@cluster_flag
@server_flags
@format_flag
@global_flags
@click.pass_obj
def import_(session: Session, directory: str, *, name: str | None, purpose: str, dry_run: str | None) -> None:
    """Write a platform directory from a live cluster, and change nothing there.

    Namespaces with queues and quotas become teams, nodes become pools, bindings groups, priority classes the ladder.
    What a directory cannot say is listed in IMPORT.md beside it, with what taking over would change. Policies only
    warn in the namespaces that were found, and no network policy is declared there.
    """
    from allotment.cli.commands.declare.importing import carry_out

    carry_out(session, Path(directory), name=name, purpose=purpose, dry_run=dry_run is not None)
