"""`allot login`, `whoami`, `logout`: a server elsewhere."""

from __future__ import annotations

import sys

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import NotSignedInError, UsageError, shown


@click.command(cls=Command)
@click.argument("address")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@global_flags
@click.pass_obj
def login(session: Session, address: str, *, token_stdin: bool) -> None:
    """Sign in to the server at ADDRESS, such as https://gpu1.acme.example:7433, which is asked from then on.

    The token is made on its machine with `allot token create`. It is asked there whether it is worth anything, and
    kept in a file that is yours alone; `allot logout` forgets it. For machines, ALLOTMENT_TOKEN holds a token and
    ALLOTMENT_SERVER the address.
    """
    from allotment import wiring
    from allotment.cli.commands.access.token_view import visitor_text
    from allotment.operations.directory.settings import keep
    from allotment.wiring import running

    address = address.rstrip("/")
    token = _token(session, address, from_input=token_stdin)
    visitor = running.remote_server(address, token).whoami()
    running.credentials(session.environment).keep(address, token)
    keep(session.settings_file, wiring.files(), session.file_settings, "server", address)
    session.out(visitor_text(visitor, address))
    session.note(f"it is the server that is asked from now on; `{session.call} logout` ends that")


def _token(session: Session, address: str, *, from_input: bool) -> str:
    if from_input:
        text = sys.stdin.read(1 << 12).strip()
    elif session.no_input:
        raise UsageError(
            "this needs a token", why="there is no terminal to ask on", fix="give it to standard input: --token-stdin"
        )
    else:
        text = click.prompt(f"token for {shown(address)}", default="", show_default=False, hide_input=True, err=True)
    if not text.strip():
        raise UsageError("no token was given", fix="`allot token create NAME` on the server's machine makes one")
    return str(text).strip()


@click.command(cls=Command)
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def whoami(session: Session) -> None:
    """Say who you are for the server that is asked, and what you may there."""
    from allotment.cli.commands.access.token_view import visitor_text
    from allotment.cli.commands.run.serving import remote
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.access import visitor_document
    from allotment.wiring import running

    address = session.value("server")
    service = remote(session, address) if address else running.own_registry(session.environment)
    visitor, form = service.whoami(), session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, visitor_document(visitor, address))
    else:
        session.out(visitor_text(visitor, address or "this machine"))


@click.command(cls=Command)
@click.argument("address", required=False)
@global_flags
@click.pass_obj
def logout(session: Session, address: str | None) -> None:
    """Forget the token for the server at ADDRESS, or for the one that is asked: this machine's is asked again.

    The token stays worth what it was: `allot token revoke` on the server's machine ends that.
    """
    from allotment.operations.directory.settings import forget
    from allotment.wiring import running

    address = (address or session.value("server")).rstrip("/")
    if not address:
        raise NotSignedInError("not signed in anywhere", fix="name the address of a server")
    known = running.credentials(session.environment).forget(address)
    if session.file_settings.get("server") == address:
        forget(session.settings_file, session.file_settings, "server")
    session.note(f"signed out from {shown(address)}" if known else f"there was no token for {shown(address)}")
