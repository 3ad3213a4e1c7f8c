"""`allot cluster`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_argument
from allotment.cli.shell.session import Session

_HERE: Final = "allotment.cli.commands.declare.cluster"
_SERVED: Final = "allotment.cli.commands.declare.cluster_connecting"

ENTRIES: Final = (
    CommandEntry("list", f"{_HERE}:list_", "Clusters with purpose, size and price.", ("ls", "get")),
    CommandEntry("pools", f"{_HERE}:pools", "Node pools of the clusters.", ("node-pools",)),
    CommandEntry("status", f"{_SERVED}:status", "How the clusters of the server do.", ()),
    CommandEntry("connect", f"{_SERVED}:connect", "Have the server reach one by a kubeconfig.", ()),
    CommandEntry("disconnect", f"{_SERVED}:disconnect", "Have it forget that.", (), takes_away=True),
    CommandEntry("rotate-key", f"{_SERVED}:rotate_key", "Seal the credentials of clusters anew.", ()),
    CommandEntry("role", f"{_SERVED}:role", "The roles that a server needs in one.", ()),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def cluster() -> None:
    """Clusters and their node pools, as the platform directory declares them, and as the server reaches them."""


@click.command("list", cls=Command)
@platform_argument
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, directory: str | None, output: OutputOptions) -> None:
    """Clusters with purpose, size and price.

    Labels for -l: name, purpose, environment, region, provider.
    """
    from allotment.cli.commands.declare.cluster_view import cluster_listing
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory.validating import summarize

    platform = load(session, platform_directory(session, directory), quiet=True).platform
    show(session, output, cluster_listing(platform, summarize(platform)))
    if platform.slurms:
        session.note(f"beside them, for `allot submit --on`: Slurm {', '.join(each.name for each in platform.slurms)}")


@click.command(cls=Command)
@platform_argument
@output_flags
@global_flags
@click.pass_obj
def pools(session: Session, directory: str | None, output: OutputOptions) -> None:
    """Node pools of the clusters.

    Labels for -l: cluster, pool, flavor, accelerator, capacity-type, dedicated-to.
    """
    from allotment.cli.commands.declare.cluster_view import pool_listing
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import platform_directory

    platform = load(session, platform_directory(session, directory), quiet=True).platform
    show(session, output, pool_listing(platform))
