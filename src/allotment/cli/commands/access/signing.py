"""`allot login`, `whoami`, `logout`: a server elsewhere."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from allotment.cli.shell.browser import open_page
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, ForbiddenError, NotFoundError, NotSignedInError, UsageError, shown

if TYPE_CHECKING:
    from allotment.ports.identity import DevicePrompt


@click.command(cls=Command)
@click.argument("address")
@click.option("--token-stdin", is_flag=True, help="Read a token from standard input.")
@click.option("--device", is_flag=True, help="Sign in on another device, such as a telephone.")
@setting_flag("ca", metavar="FILE")
@setting_flag("oidc-ca", metavar="FILE")
@global_flags
@click.pass_obj
def login(session: Session, address: str, *, token_stdin: bool, device: bool) -> None:
    """Sign in to the server at ADDRESS, such as https://gpu1.acme.example:7433, which is asked from then on.

    Where it knows an identity provider, you sign in there with your browser, or with --device on another device, and
    are let in for 12 hours as what your groups are here. Sign in where you trust the server that you name: it says
    which provider it is, and with --device whoever runs it can get in as you at other servers of that provider.

    Elsewhere a token is asked for, which is made on the server's machine with `allot token create`. It is asked there
    whether it is worth anything, and kept in a file that is yours alone; `allot logout` forgets it. For machines,
    ALLOTMENT_TOKEN holds a token and ALLOTMENT_SERVER the address.
    """
    from allotment import wiring
    from allotment.cli.commands.access.token_view import visitor_text
    from allotment.operations.directory.settings import keep
    from allotment.wiring import running

    address = address.rstrip("/")
    ca = session.value("ca")
    authority = str(wiring.files().user_path(ca).absolute()) if ca else ""
    token = _read_token() if token_stdin else _signed_in(session, address, authority, device=device)
    visitor = running.remote_server(address, token, authority).whoami()
    running.credentials(session.environment).keep(address, token, authority)
    keep(session.settings_file, wiring.files(), session.file_settings, "server", address)
    session.out(visitor_text(visitor, address))
    session.note(f"it is the server that is asked from now on; `{session.call} logout` ends that")


def _signed_in(session: Session, address: str, its_authority: str, *, device: bool) -> str:
    """What an identity provider's word is worth there; a token that is typed, where the server knows no provider."""
    import os

    from allotment import wiring
    from allotment.model.hosts import is_on_this_machine
    from allotment.operations.access.coming_in import SignInDoor, by_browser, by_device
    from allotment.ports.identity import ProviderSettings
    from allotment.wiring import running

    service = running.sign_in_service(address, its_authority)
    try:
        offer = service.offer()
    except NotFoundError:
        return _asked_token(session, address)
    authority, host = session.value("oidc-ca"), running.host_of(address)
    door = SignInDoor(service, offer, host)
    with running.browser_listener() as listener:
        settings = ProviderSettings(
            offer.issuer,
            offer.client,
            redirects=frozenset({listener.redirect}),
            scopes=offer.scopes,
            authority=wiring.files().user_path(authority) if authority else None,
            plain_on_loopback=is_on_this_machine(host),
        )
        with running.identity_provider(settings) as provider:
            if device:
                shows = partial(_show_code, session, address)
                return by_device(door, provider, shows, wiring.clock(), os.urandom).text
            opens = partial(_open_page, session)
            return by_browser(door, provider, listener, opens, wiring.clock(), os.urandom).text


def _open_page(session: Session, address: str) -> None:
    open_page(session, address, f"sign in with your browser: {shown(address)}")


def _show_code(session: Session, address: str, prompt: DevicePrompt) -> None:
    session.note(
        f"open {shown(prompt.whole_address or prompt.address)} and type {shown(prompt.user_code)} if you trust "
        f"{shown(address)}: whoever runs it can get in as you at other servers of the same provider"
    )


def _asked_token(session: Session, address: str) -> str:
    if session.no_input:
        raise UsageError(
            "this needs a token", why="there is no terminal to ask on", fix="give it to standard input: --token-stdin"
        )
    text = click.prompt(f"token for {shown(address)}", default="", show_default=False, hide_input=True, err=True)
    return _given(text)


def _read_token() -> str:
    return _given(sys.stdin.read(1 << 12))


def _given(text: str) -> str:
    if not text.strip():
        raise UsageError("no token was given", fix="`allot token create NAME` on the server's machine makes one")
    return text.strip()


@click.command(cls=Command)
@setting_flag("server")
@format_flag
@global_flags
@click.pass_obj
def whoami(session: Session) -> None:
    """Say who you are for the server that is asked, and what you may there."""
    from allotment.cli.commands.access.token_view import visitor_text
    from allotment.cli.commands.run.serving import asked_server
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.access import visitor_document

    address = session.value("server")
    visitor, form = asked_server(session).whoami(), session.value("output")
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

    A session that `allot login` has begun is over. Another token stays worth what it was: `allot token revoke` ends
    that.
    """
    from allotment.operations.directory.settings import forget
    from allotment.wiring import running

    address = (address or session.value("server")).rstrip("/")
    if not address:
        raise NotSignedInError("not signed in anywhere", fix="name the address of a server")
    kept = running.credentials(session.environment)
    token = kept.token(address)
    if token:
        _end_session(session, address, token, kept.authority(address))
    known = kept.forget(address)
    if session.file_settings.get("server") == address:
        forget(session.settings_file, session.file_settings, "server")
    session.note(f"signed out from {shown(address)}" if known else f"there was no token for {shown(address)}")


def _end_session(session: Session, address: str, token: str, authority: str) -> None:
    """Signing out succeeds where nobody answers, too: what is left is over by itself."""
    from allotment.wiring import running

    try:
        running.remote_server(address, token, authority).end_session()
    except ForbiddenError:
        pass  # no session: it stays worth what it was
    except AllotmentError as error:
        session.note(f"the server was not told: {shown(error.what)}; a session there is over by itself")
