"""`allot request team` and `allot request leave`: that a team comes, and that one goes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import click

from allotment.cli.commands.decide.sending import ask
from allotment.cli.commands.declare.guarantees import guarantee_flags
from allotment.cli.commands.run.serving import asked_server
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags, setting_flag
from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.model.requests.team import NewTeam

_MILLION: Final = 1_000_000
NEEDS: Final = ("untrusted-code", "own-hardware", "own-definitions", "compliance", "regulated", "separate-bill")
"""Values of `model.requests.team.IsolationNeed`, which is imported only where a team is asked for."""


@click.command(cls=Command)
@click.argument("name")
@click.option("--owner", "owners", multiple=True, metavar="ID", help="The group of its owners; repeatable.")
@click.option(
    "--member",
    "--group",
    "members",
    multiple=True,
    metavar="ID",
    help="The identity provider's group of its members; repeatable.",
)
@click.option(
    "--on",
    "clusters",
    multiple=True,
    metavar="CLUSTER",
    help="Where; may be repeated. By default the one cluster outside production that has room.",
)
@guarantee_flags
@click.option("--cost-center", default="", metavar="CODE", help="Cost centre of its bill.")
@click.option(
    "--budget", type=click.IntRange(0, 1_000_000_000), metavar="MONEY", help="A month's, spent without asking."
)
@click.option(
    "--needs",
    multiple=True,
    type=click.Choice(NEEDS),
    help="What it needs of its boundary, as `allot team isolation` has it; repeatable.",
)
@click.option("--why", required=True, metavar="TEXT", help="What it is needed for.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of it.")
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def team(session: Session, /, *, name: str, why: str, dry_run: bool, **words: Any) -> None:
    """Ask for a team called NAME: a file of the platform directory, and all that it declares in clusters.

    What is to be made is shown as a diff. Once it is approved it is committed, applied and proved, step by step;
    `allot request show` says how far that is. Then its people sign in, and their first job runs.
    """
    from allotment.model.requests.terms import RequestKind, WorkloadType
    from allotment.ports.request_service import AskedRequest

    wanted = AskedRequest(RequestKind.TEAM, name, WorkloadType.TRAINING, why, new_team=_new_team(**words))
    ask(session, asked_server(session), wanted, dry_run=dry_run)


def _new_team(*, accelerators: tuple[str, ...], budget: int | None, needs: tuple[str, ...], **words: Any) -> NewTeam:
    from allotment.model.requests.team import IsolationNeed, NewTeam
    from allotment.operations.directory.teams import accelerators_of

    devices = tuple(accelerators_of(accelerators).items())
    spent, needed = None if budget is None else budget * _MILLION, tuple(map(IsolationNeed, needs))
    return NewTeam(accelerators=devices, budget=spent, needs=needed, **words)


@click.command(cls=Command)
@click.argument("team")
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Last day its data are kept, such as 2027-01-31.",
)
@click.option("--confirm", required=True, metavar="TEAM", help="The team's name once more, typed.")
@click.option("--why", required=True, metavar="TEXT", help="Why it leaves.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of it.")
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def leave(session: Session, *, team: str, until: dt.datetime, confirm: str, why: str, dry_run: bool) -> None:
    """Ask that a TEAM leaves: its work ends, its people get in no more, its data are deleted after a day.

    Once it is approved its requests, grants, jobs and tokens end, its workloads are drained, access is closed and
    guardrails go last; `allot request show` says how far that is.
    """
    from allotment.model.requests.terms import RequestKind, WorkloadType
    from allotment.ports.request_service import AskedRequest

    wanted = AskedRequest(
        RequestKind.LEAVE,
        team,
        WorkloadType.TRAINING,
        why,
        subject=confirm,
        keep_data_until=until.date().isoformat(),
    )
    ask(session, asked_server(session), wanted, dry_run=dry_run)
