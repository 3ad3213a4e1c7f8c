"""`allot cluster`."""

from __future__ import annotations

import click

from allotment.cli.lazy import Command, Entry, LazyGroup
from allotment.cli.options import OutputOptions, global_flags, output_flags, platform_argument
from allotment.cli.session import Session

ENTRIES = (
    Entry("list", "allotment.cli.commands.cluster:list_", "Clusters with purpose, size and price.", ("ls", "get")),
    Entry("pools", "allotment.cli.commands.cluster:pools", "Node pools of the clusters.", ("node-pools",)),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def cluster() -> None:
    """List clusters and their node pools, as the platform directory declares them."""


@click.command("list", cls=Command)
@platform_argument
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, directory: str | None, output: OutputOptions) -> None:
    """Clusters with purpose, size and price.

    Labels for -l: name, purpose, environment, region, provider.
    """
    from allotment import wiring  # noqa: PLC0415 (start-up time)
    from allotment.cli.loading import load  # noqa: PLC0415
    from allotment.cli.output import show  # noqa: PLC0415
    from allotment.cli.places import platform_directory  # noqa: PLC0415
    from allotment.cli.views.clusters import cluster_listing  # noqa: PLC0415

    platform = load(session, platform_directory(session, directory), quiet=True).platform
    show(session, output, cluster_listing(platform, wiring.summarize(platform)))


@click.command(cls=Command)
@platform_argument
@output_flags
@global_flags
@click.pass_obj
def pools(session: Session, directory: str | None, output: OutputOptions) -> None:
    """Node pools of the clusters.

    Labels for -l: cluster, pool, flavor, accelerator, capacity-type, dedicated-to.
    """
    from allotment.cli.loading import load  # noqa: PLC0415 (start-up time)
    from allotment.cli.output import show  # noqa: PLC0415
    from allotment.cli.places import platform_directory  # noqa: PLC0415
    from allotment.cli.views.clusters import pool_listing  # noqa: PLC0415

    platform = load(session, platform_directory(session, directory), quiet=True).platform
    show(session, output, pool_listing(platform))
