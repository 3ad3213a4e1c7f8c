"""`allot team add`, `remove` and `purge`: edits of the platform directory."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from allotment.cli.commands.declare.guarantees import guarantee_flags
from allotment.cli.shell.calling import typed
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags, names_of, platform_flag, yes_flag
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError

dry_run_flag = click.option(
    "--dry-run", type=click.Choice(["client"]), help="client: show the diff, write nothing. A directory has no server."
)


@click.command(cls=Command)
@click.argument("name")
@guarantee_flags
@click.option(
    "--group",
    "--member",
    "groups",
    multiple=True,
    metavar="ID",
    help="The identity provider's group of its members; repeatable.",
)
@click.option("--owner", "owners", multiple=True, metavar="ID", help="The group of its owners; repeatable.")
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    shell_complete=names_of("cluster"),
    help="Where; may be repeated. By default the one cluster outside production that has room.  "
    "[env: ALLOTMENT_CLUSTER]",
)
@click.option("--cost-center", metavar="CODE", help="Cost centre of its bill.")
@dry_run_flag
@platform_flag
@format_flag
@global_flags
@click.pass_obj
def add(  # noqa: PLR0913 (a parameter for each flag)
    session: Session,
    name: str,
    *,
    accelerators: tuple[str, ...],
    cpu: str,
    memory: str,
    groups: tuple[str, ...],
    owners: tuple[str, ...],
    clusters: tuple[str, ...],
    cost_center: str | None,
    dry_run: str | None,
) -> None:
    """Add a team: writes one file of the platform directory and shows the diff.

    The result is checked as a whole before anything is written: names, capacity, references.
    """
    from allotment import wiring
    from allotment.cli.commands.declare.editing import finish
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory import teams
    from allotment.spec.asked import clusters_asked
    from allotment.spec.edit import TeamRequest

    directory = platform_directory(session)
    devices = teams.accelerators_of(accelerators)
    where = clusters_asked(clusters, devices, session.value("cluster"))
    request = TeamRequest(name, devices, cpu, memory, groups, where, cost_center, owners)
    edit = teams.add(wiring.directory(directory).read(), request)
    finish(
        session,
        directory,
        edit,
        dry_run=dry_run is not None,
        done=f"added team {name} in {', '.join(sorted(edit.changes))}",
        steps=after_edit(directory, edit.clusters),
    )


@click.command(cls=Command)
@click.argument("name", shell_complete=names_of("team"))
@click.option(
    "--keep-data-until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Last day its data are kept, such as 2027-01-31.",
)
@yes_flag("removing: the team's name need not be typed")
@dry_run_flag
@platform_flag
@format_flag
@global_flags
@click.pass_obj
def remove(session: Session, name: str, *, keep_data_until: dt.datetime, yes: bool, dry_run: str | None) -> None:
    """Take a team off the clusters: with the next apply its work ends and its access goes, guardrails last.

    Its data stay until the day has passed. Asks for the team's name to be typed.
    """
    from allotment import wiring
    from allotment.cli.commands.declare.editing import finish
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory import teams

    directory = platform_directory(session)
    today = wiring.clock().now().date()
    edit = teams.remove(wiring.directory(directory).read(), name, keep_data_until.date(), today)
    if dry_run is None and not yes:
        _require_typed(session, name)
    finish(
        session,
        directory,
        edit,
        dry_run=dry_run is not None,
        done=f"team {name} leaves; its data are kept until {keep_data_until.date()}",
        steps=after_edit(directory, edit.clusters),
    )


@click.command(cls=Command)
@dry_run_flag
@platform_flag
@format_flag
@global_flags
@click.pass_obj
def purge(session: Session, *, dry_run: str | None) -> None:
    """Take out of the directory the removed teams whose data need not be kept any longer.

    The next apply then deletes their namespaces; it asks for each by name.
    """
    from allotment import wiring
    from allotment.cli.commands.declare.editing import finish
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory import teams

    directory = platform_directory(session)
    edit = teams.purge(wiring.directory(directory).read(), wiring.clock().now().date())
    done = f"changed {', '.join(sorted(edit.changes))}" if edit.changes else "no team's data are due"
    steps = after_edit(directory, ()) if edit.changes else []
    finish(session, directory, edit, dry_run=dry_run is not None, done=done, steps=steps)


def _require_typed(session: Session, name: str) -> None:
    if not session.typed(f"Team {name} loses all access and all it runs. Type its name to go on", name, flag="--yes"):
        raise AllotmentError(f"team {name} stays", why="its name was not typed", fix="type it, or say --yes")


def after_edit(directory: Path, clusters: tuple[str, ...]) -> list[tuple[str, str]]:
    """What to type after an edit: check it, then see what it would change."""
    place = "" if directory == Path() else f" {typed(directory)}"
    cluster = f" --cluster {clusters[0]}" if clusters else ""
    steps = [(f"allot validate{place}", "quota against capacity"), (f"allot plan{place}{cluster}", "what would change")]
    if len(clusters) > 1:
        steps.append((f"allot drift{place}", f"the same for {', '.join(clusters)}"))
    return steps
