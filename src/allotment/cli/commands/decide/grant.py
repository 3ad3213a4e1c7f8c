"""`allot grant`: what was granted: list, end, and conflicts with what somebody wrote by hand."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.commands.decide.asking import REASON, currency_of
from allotment.cli.commands.run.serving import asked_server
from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, setting_flag
from allotment.cli.shell.session import Session

_HERE: Final = "allotment.cli.commands.decide.grant"

ENTRIES: Final = (
    CommandEntry("list", f"{_HERE}:list_", "What was granted, until when, and how it stands.", ("ls", "get")),
    CommandEntry("end", f"{_HERE}:end", "Give one back before its time.", ("revoke",), takes_away=True),
    CommandEntry("restore", f"{_HERE}:restore", "Of a conflict: what was agreed on comes back."),
    CommandEntry("keep", f"{_HERE}:keep", "Of a conflict: what somebody wrote by hand stands."),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def grant() -> None:
    """What was granted. Each grant of devices is a file of its own in the platform directory, `grants/ID.yaml`.

    When its time is over, the file goes, and the clusters are as before. Where somebody has edited or removed the file
    by hand, nothing is overwritten: the grant is in conflict until an administrator decides.
    """


@click.command("list", cls=Command)
@click.option("--all", "-a", "everything", is_flag=True, help="Those that are over, too.")
@setting_flag("server")
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, *, everything: bool, output: OutputOptions) -> None:
    """List the grants of your teams.

    Labels for -l: state, kind, team.
    """
    from allotment.cli.commands.decide.request_view import grants_listing
    from allotment.cli.shell.output import show
    from allotment.model.requests.grant import GrantState
    from allotment.ports.request_service import every_grant

    states = frozenset() if everything else frozenset(GrantState) - {GrantState.ENDED}
    found = tuple(every_grant(asked_server(session), states))
    show(session, output, grants_listing(found, currency_of(session)))


@click.command(cls=Command)
@click.argument("grant")
@REASON
@setting_flag("server")
@global_flags
@click.pass_obj
def end(session: Session, *, grant: str, reason: str) -> None:
    """End a GRANT now: its quota goes back, and nothing more is charged."""
    gone = asked_server(session).end_grant(grant.removeprefix("grant/"), reason)
    session.note(f"grant {gone.id} is {gone.state.value}")


@click.command(cls=Command)
@click.argument("grant")
@setting_flag("server")
@global_flags
@click.pass_obj
def restore(session: Session, *, grant: str) -> None:
    """Have what was agreed on take the place of what somebody did to the file of a GRANT."""
    after = asked_server(session).settle(grant.removeprefix("grant/"), restore=True)
    session.note(f"grant {after.id} is {after.state.value}")


@click.command(cls=Command)
@click.argument("grant")
@setting_flag("server")
@global_flags
@click.pass_obj
def keep(session: Session, *, grant: str) -> None:
    """Let what somebody did to the file of a GRANT stand: within what was approved it goes on so, else it ends here."""
    after = asked_server(session).settle(grant.removeprefix("grant/"), restore=False)
    session.note(f"grant {after.id} is {after.state.value}")
