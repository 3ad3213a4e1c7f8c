"""`allot token`: create, list, revoke."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, format_flag, global_flags, output_flags, setting_flag
from allotment.cli.shell.session import Session

_HERE: Final = "allotment.cli.commands.access.token"

ENTRIES: Final = (
    CommandEntry("create", f"{_HERE}:create", "Make a token for this machine's server.", ("new", "add")),
    CommandEntry("list", f"{_HERE}:list_", "Tokens, what they give, when they were used last.", ("ls", "get")),
    CommandEntry("revoke", f"{_HERE}:revoke", "Take one back, at once.", ("rm", "delete"), takes_away=True),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def token() -> None:
    """Who gets into a server over the network (`allot up --listen`), besides those who sign in.

    On the server's own machine its user makes tokens: whoever has one acts in that user's name. Whoever has signed in
    (`allot login`) makes some that act in his own name, and an owner of a team some that act as a member of it, for
    machines. A token makes no token.
    """


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "--gives",
    default="read,submit,stop",
    show_default=True,
    metavar="WORDS",
    help="What it gives: some of read, submit, stop, audit.",
)
@setting_flag("team", metavar="NAME")
@setting_flag("server")
@click.option(
    "--expires", default="90d", show_default=True, metavar="TIME", help="When it is over; 366 days at the latest."
)
@format_flag
@global_flags
@click.pass_obj
def create(session: Session, name: str, *, gives: str, expires: str) -> None:
    """Make a token called NAME and print it, once: nobody can tell it again.

    A name says what it is for, such as ci or laptop. Only a digest of the token is kept. One that gives submit runs
    programs as you, and is to be kept like an SSH key; with --team it acts as a member of that team, and of no other.
    """
    from allotment.cli.commands.run.serving import asked_server
    from allotment.cli.shell.output import write_document
    from allotment.model.moments import written
    from allotment.reports.documents.access import given_document
    from allotment.scenarios.times import milliseconds

    team = session.flags.get("team") or ""
    given = asked_server(session).make_token(name, tuple(gives.split(",")), milliseconds(expires), team)
    form = session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, given_document(given.token, given.text))
        return
    session.out(given.text)
    session.note(
        f"token {given.token.id} gives {', '.join(given.token.permissions)} until {written(given.token.expires)}; "
        "keep it: it is not told again. Where it is used: `allot login ADDRESS --token-stdin`"
    )


@click.command("list", cls=Command)
@setting_flag("server")
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, *, output: OutputOptions) -> None:
    """List the tokens that you may see, newest first, those that are over or revoked included.

    Labels for -l: state (valid, expired, revoked), by.
    """
    from allotment import wiring
    from allotment.cli.commands.access.token_view import token_listing
    from allotment.cli.commands.run.serving import asked_server
    from allotment.cli.shell.output import show
    from allotment.ports.clock import epoch_ms

    now = epoch_ms(wiring.clock())
    show(session, output, token_listing(asked_server(session).tokens(), now))


@click.command(cls=Command)
@click.argument("token")
@setting_flag("server")
@global_flags
@click.pass_obj
def revoke(session: Session, token: str) -> None:
    """Take a TOKEN back, by its id or by its name: it opens nothing from then on, and what it reads is cut off."""
    from allotment.cli.commands.run.serving import asked_server
    from allotment.errors import shown

    gone = asked_server(session).revoke_token(token.removeprefix("token/"))
    session.note(f"token {gone.id} ({shown(gone.name)}) is revoked")
