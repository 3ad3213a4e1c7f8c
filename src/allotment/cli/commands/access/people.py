"""`allot people`: list, shut-out, let-in."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, setting_flag
from allotment.cli.shell.session import Session

_HERE: Final = "allotment.cli.commands.access.people"

ENTRIES: Final = (
    CommandEntry("list", f"{_HERE}:list_", "Who has signed in, and what he is.", ("ls", "get")),
    CommandEntry("shut-out", f"{_HERE}:shut_out", "Let somebody in no more, at once.", ("suspend",), takes_away=True),
    CommandEntry("let-in", f"{_HERE}:let_in", "Let somebody in again.", ("restore",)),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def people() -> None:
    """Who signs in to a server with an identity provider (`allot up --oidc-issuer`).

    What somebody is follows from his groups at his last sign-in, and from the groups of the teams and of the platform
    in the platform directory. Administrators of the platform see all, and so does the user whose server it is.
    """


@click.command("list", cls=Command)
@setting_flag("server")
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, *, output: OutputOptions) -> None:
    """List everybody who has signed in, by user name.

    Labels for -l: state (in, out).
    """
    from allotment.cli.commands.access.people_view import people_listing
    from allotment.cli.commands.run.serving import asked_server
    from allotment.cli.shell.output import show

    show(session, output, people_listing(asked_server(session).people()))


@click.command("shut-out", cls=Command)
@click.argument("person")
@setting_flag("server")
@global_flags
@click.pass_obj
def shut_out(session: Session, person: str) -> None:
    """Let PERSON in no more: his sessions and tokens are over for good, and what he reads is cut off.

    That holds until `allot people let-in`, whatever his groups are. His jobs go on, and tokens of his teams that he has
    made are theirs: `allot token list -l by=PERSON` names those.
    """
    from allotment.cli.commands.run.serving import asked_server
    from allotment.errors import shown

    gone = asked_server(session).shut_out(person.removeprefix("person/"), out=True)
    session.note(f"{shown(gone.name)} is shut out; his jobs go on: `{session.call} ps -A -l owner={shown(gone.name)}`")


@click.command("let-in", cls=Command)
@click.argument("person")
@setting_flag("server")
@global_flags
@click.pass_obj
def let_in(session: Session, person: str) -> None:
    """Let PERSON in again: he signs in anew, and makes new tokens."""
    from allotment.cli.commands.run.serving import asked_server
    from allotment.errors import shown

    back = asked_server(session).shut_out(person.removeprefix("person/"), out=False)
    session.note(f"{shown(back.name)} is let in again, and has to sign in anew")
