"""`allot balance`: budgets of the month and grants, used beside time passed."""

from __future__ import annotations

import click

from allotment.cli.commands.decide.asking import currency_of
from allotment.cli.commands.run.serving import asked_server
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, setting_flag
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.option("--team", default="", metavar="NAME", help="Of this team alone.")
@setting_flag("server")
@output_flags
@global_flags
@click.pass_obj
def balance(session: Session, *, team: str, output: OutputOptions) -> None:
    """What your teams have spent this month, what is left of their budgets, and the pace of their grants.

    JOBS is what jobs cost that were submitted this month, GRANTED the part of grants that lies in it. Jobs on granted
    devices are in both: less is left than there is, and never more.

    Labels for -l: team.
    """
    from allotment.cli.commands.decide.balance_view import balances_listing, balances_text
    from allotment.cli.shell.output import show
    from allotment.errors import NotFoundError, quoted
    from allotment.ports.clock import epoch_ms
    from allotment.wiring import clock

    found = asked_server(session).balances()
    if team:
        found = tuple(each for each in found if each.team == team)
        if not found:
            raise NotFoundError(f"there is no team {quoted(team)} of yours", fix="`allot whoami` names yours")
    currency, now = currency_of(session), epoch_ms(clock())
    show(
        session,
        output,
        balances_listing(found, currency, now),
        human=lambda rows: balances_text(rows, currency, now, width=session.table_width, headers=not output.no_headers),
    )
