"""`allot open`: the portal in the browser."""

from __future__ import annotations

import click

from allotment.cli.shell.browser import open_page, own_portal
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import global_flags, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import shown


@click.command("open", cls=Command)
@setting_flag("server")
@global_flags
@click.pass_obj
def open_portal(session: Session) -> None:
    """Open the portal in your browser.

    That of this machine's server opens as you: the address has a code in it that counts once, and for a minute. The
    server has to listen on an address for it, as it does by itself. At a server elsewhere, the one of
    `allot login`, you sign in with your browser. Where nobody is there to look, the address is printed alone.
    """
    from allotment.cli.commands.run.serving import asked_server
    from allotment.errors import NotFoundError

    address = session.value("server").rstrip("/")
    if not address:
        server = asked_server(session)
        listens = server.status().listens
        if not listens:
            raise NotFoundError(
                "the server has no portal for browsers",
                why="it listens on its socket alone",
                fix=f"`{session.call} down`, then `{session.call} up`",
            )
        address = own_portal(listens, server.browser_code())
    if session.no_input:
        session.out(shown(address))
        return
    open_page(session, address, f"the portal: {shown(address)}")
