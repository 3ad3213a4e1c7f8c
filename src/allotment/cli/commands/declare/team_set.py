"""`allot team set`: other guarantees, groups, cost centre or display name for a team of the platform directory."""

from __future__ import annotations

import click

from allotment.cli.commands.declare.guarantees import accelerators_flag
from allotment.cli.commands.declare.team_edit import after_edit, dry_run_flag
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags, names_of, platform_flag
from allotment.cli.shell.session import Session


@click.command("set", cls=Command)
@click.argument("name", shell_complete=names_of("team"))
@accelerators_flag
@click.option(
    "--borrowing",
    multiple=True,
    metavar="[CLUSTER/]NAME=N",
    help="The most of it that may be borrowed beyond that; none for no bound. May be repeated.",
)
@click.option(
    "--lending",
    multiple=True,
    metavar="[CLUSTER/]NAME=N",
    help="The most of it that others may borrow; none for all of it. May be repeated.",
)
@click.option("--cpu", metavar="QUANTITY", help="Guaranteed CPU.")
@click.option("--memory", metavar="QUANTITY", help="Guaranteed memory.")
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    shell_complete=names_of("cluster"),
    help="Where; may be repeated. By default the one cluster that the team is in.  [env: ALLOTMENT_CLUSTER]",
)
@click.option(
    "--group",
    "--member",
    "groups",
    multiple=True,
    metavar="ID",
    help="The identity provider's group of its members; repeatable. Those named, and no others.",
)
@click.option(
    "--owner", "owners", multiple=True, metavar="ID", help="The group of its owners; repeatable. These, and no others."
)
@click.option("--cost-center", metavar="CODE", help="Cost centre of its bill.")
@click.option(
    "--display-name", metavar="TEXT", help="Its name for people. Namespaces, queues and work stay as they are."
)
@dry_run_flag
@platform_flag
@format_flag
@global_flags
@click.pass_obj
def set_(  # noqa: PLR0913 (a parameter for each flag)
    session: Session,
    name: str,
    *,
    accelerators: tuple[str, ...],
    borrowing: tuple[str, ...],
    lending: tuple[str, ...],
    cpu: str | None,
    memory: str | None,
    clusters: tuple[str, ...],
    groups: tuple[str, ...],
    owners: tuple[str, ...],
    cost_center: str | None,
    display_name: str | None,
    dry_run: str | None,
) -> None:
    """Change what a team is guaranteed, who is in it, its cost centre or display name: comments and all else stay.

    What is not named stays as it is. The result is checked as a whole before anything is written.
    """
    from allotment import wiring
    from allotment.cli.commands.declare.editing import finish
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.directory import teams
    from allotment.spec.amounts import AmountsRequest
    from allotment.spec.asked import clusters_asked

    directory = platform_directory(session)
    devices = teams.accelerators_of(accelerators)
    most, lent = teams.limits_of("--borrowing", borrowing), teams.limits_of("--lending", lending)
    where = clusters_asked(clusters, {**devices, **most, **lent}, session.value("cluster"))
    request = AmountsRequest(name, cpu, memory, devices, most, lent, where, cost_center, display_name, groups, owners)
    edit = teams.set_amounts(wiring.directory(directory).read(), request)
    done = f"changed {', '.join(sorted(edit.changes))}" if edit.changes else f"team {name} has all this already"
    steps = after_edit(directory, where or edit.clusters) if edit.changes else []
    finish(session, directory, edit, dry_run=dry_run is not None, done=done, steps=steps)
