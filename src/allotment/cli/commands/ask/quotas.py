"""`allot quotas`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from allotment.cli.commands.ask.source_options import SourceOptions, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag
from allotment.cli.shell.session import Session
from allotment.errors import CHANGES, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from allotment.accounting.quota_use import QuotaUse
    from allotment.operations.ask.quotas import QuotasAnswer


@click.command(cls=Command)
@click.option(
    "--recorded",
    metavar="DIR",
    type=click.Path(),
    help="Snapshots of `allot snapshot record`: also when each limit is reached at their pace.",
)
@click.option("--all", "everything", is_flag=True, help="Limits of which nothing is used, too.")
@click.option("--exit-code", is_flag=True, help="End with 2 if a limit is used to 80 percent or more; 1 is an error.")
@platform_flag
@source_flags
@output_flags
@global_flags
@click.pass_obj
def quotas(
    session: Session,
    *,
    recorded: str | None,
    everything: bool,
    exit_code: bool,
    source: SourceOptions,
    output: OutputOptions,
) -> int:
    """How much of each limit is used: of namespaces, queues and teams, the fullest first.

    From 60 percent on: file an increase. From 80: warning. From 95: one job from the stop. From 100: nothing is left.
    The limit of a queue is its nominal quota and what it can borrow at most; that of a team is the sum over its
    namespaces. With -n only the limits of that namespace are told.

    Labels for -l: layer (namespace, queue, team), resource, alarm (none, increase, warning, stop).
    """
    from allotment.accounting.quota_use import QuotaAlarm
    from allotment.cli.commands.ask.quotas_view import quotas_listing, quotas_text
    from allotment.cli.shell.output import show
    from allotment.cli.shell.selector import named_by
    from allotment.errors import shown
    from allotment.operations.ask.quotas import narrowed
    from allotment.reports.documents.quotas import quotas_document

    found = narrowed(_answer(session, recorded, source), source.namespace, everything=everything)
    by_layer = "layer" in named_by(output.selector)

    def human(rows: Sequence[QuotaUse]) -> str:
        return quotas_text(found, rows, session.table_width, headers=not output.no_headers, by_layer=by_layer)

    show(session, output, quotas_listing(found), human=human, whole=lambda rows: quotas_document(found, rows))
    for remark in found.remarks:
        session.note(shown(remark))
    return CHANGES if exit_code and found.worst >= QuotaAlarm.WARNING else 0


def _answer(session: Session, recorded: str | None, source: SourceOptions) -> QuotasAnswer:
    from allotment import wiring
    from allotment.operations.ask.places import check_place
    from allotment.operations.ask.quotas import quotas_of, quotas_over
    from allotment.operations.ask.recorded import recording

    teams = _teams(session)
    if recorded is None:
        return quotas_of(snapshot_of(session, source), teams)
    if source.given:
        raise UsageError(
            f"--recorded and {source.given} name two things to ask: a time and a moment", fix="leave one of them out"
        )
    past = recording(wiring.files(), recorded)
    check_place(past.last(), source.namespace)
    return quotas_over(past, teams)


def _teams(session: Session) -> Mapping[str, str] | None:
    from allotment.cli.commands.ask.known_platform import platform_if_any

    platform = platform_if_any(session)
    return None if platform is None else {team.id: team.name for team in platform.teams}
