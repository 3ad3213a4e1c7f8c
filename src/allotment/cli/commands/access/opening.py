"""`allot open`: the portal in the browser, and addresses that a browser is opened with."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import global_flags, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import shown

BROWSER: Final = "browser"
"""Name of the thread that has opened one."""


@click.command("open", cls=Command)
@setting_flag("server")
@global_flags
@click.pass_obj
def open_portal(session: Session) -> None:
    """Open the portal in your browser.

    That of this machine's server opens as you: the address has a code in it that counts once, and for a minute. The
    server has to listen on an address for it (`allot up --listen 127.0.0.1:0`). At a server elsewhere, the one of
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
                fix=f"`{session.call} down`, then `{session.call} up --listen 127.0.0.1:0`",
            )
        address = f"{listens}/#enter={server.browser_code()}"
    if session.no_input:
        session.out(shown(address))
        return
    open_page(session, address, f"the portal: {shown(address)}")


def open_page(session: Session, address: str, said: str) -> None:
    """Have the user's browser show an address, unless nobody is there to look; it is told in any case.

    Args:
        session: of the command.
        address: what is shown.
        said: the sentence that tells it.
    """
    session.note(said)
    if session.no_input:
        return
    if session.environment.get("BROWSER"):
        import webbrowser
        from threading import Thread

        # Beside all else: what is named there may last until it is closed.
        Thread(target=webbrowser.open, args=(address,), name=BROWSER, daemon=True).start()
    else:
        click.launch(address)
