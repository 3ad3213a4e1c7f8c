"""`allot team`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, cluster_flag, global_flags, output_flags, platform_flag
from allotment.cli.shell.session import Session

_HERE: Final = "allotment.cli.commands.declare"

ENTRIES: Final = (
    CommandEntry("add", f"{_HERE}.team_edit:add", "Add a team to the directory; shows the diff.", ("create", "new")),
    CommandEntry("set", f"{_HERE}.team_set:set_", "Change guarantees, groups or words of a team; shows the diff."),
    CommandEntry("rename", f"{_HERE}.team_rename:rename", "Give a team another name; no cluster changes."),
    CommandEntry(
        "remove", f"{_HERE}.team_edit:remove", "Take a team off the clusters.", ("rm", "delete"), takes_away=True
    ),
    CommandEntry(
        "purge", f"{_HERE}.team_edit:purge", "Take teams out whose data need not be kept longer.", takes_away=True
    ),
    CommandEntry("list", f"{_HERE}.team:list_", "Teams with namespaces, isolation and guarantees.", ("ls", "get")),
    CommandEntry("isolation", f"{_HERE}.team:isolation", "Which level of isolation fits, and what each costs."),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def team() -> None:
    """Add, change, rename, remove and list teams; choose an isolation.

    All but listing edits the platform directory and shows the diff; `allot apply` brings it to the clusters.
    """


@click.command("list", cls=Command)
@platform_flag
@cluster_flag
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, output: OutputOptions) -> None:
    """Teams with namespaces, isolation and guaranteed devices; with --cluster those of one cluster.

    Labels for -l: team, isolation, cost-center, status (active, leaving), environment-NAME (true).
    """
    from allotment.cli.commands.declare.team_view import team_listing
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import named_cluster, platform_directory

    platform = load(session, platform_directory(session), quiet=True).platform
    name = session.value("cluster")
    show(session, output, team_listing(platform, named_cluster(platform, name).name if name else ""))


@click.command(cls=Command)
@click.option("--untrusted-code", is_flag=True, help="It runs code that its neighbours' must not share a kernel with.")
@click.option("--own-hardware", is_flag=True, help="It needs a device type or nodes for itself.")
@click.option("--own-definitions", is_flag=True, help="It brings its own custom resource definitions or webhooks.")
@click.option("--compliance", is_flag=True, help="It is under another compliance regime than its neighbours.")
@click.option("--regulated", is_flag=True, help="Its data are regulated: another account by law or contract.")
@click.option("--separate-bill", is_flag=True, help="Its bill must come from an account of its own.")
@output_flags
@global_flags
@click.pass_obj
def isolation(session: Session, /, output: OutputOptions, **needs: bool) -> None:
    """Which level of isolation fits a team: the weakest, and so cheapest, that meets what it needs.

    Shows boundary, cost and overhead of every level. The level goes into the team's field `isolation`.
    """
    from allotment.cli.commands.declare.team_view import advice_text, level_listing
    from allotment.cli.shell.output import show
    from allotment.operations.directory.isolation import Needs, advise

    advice = advise(Needs(**needs))
    show(session, output, level_listing(advice), human=lambda rows: advice_text(advice, rows))
