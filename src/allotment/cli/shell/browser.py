"""Addresses that the user's browser is opened with, and where nobody looks at one, told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from allotment.cli.shell.session import Session
from allotment.errors import shown

if TYPE_CHECKING:
    from allotment.ports.job_server import AskedServer

BROWSER: Final = "browser"
"""Name of the thread that has opened one."""
_BEGUN: Final = 1.0
"""Seconds for a browser to be started."""
_SCREENS: Final = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
"""Variables of which one is there where a browser can be seen."""


def own_portal(listens: str, code: str) -> str:
    """The portal of this machine's server, for whoever it is."""
    return f"{listens}/#enter={code}"


def show_portal(session: Session, service: AskedServer, listens: str) -> None:
    """Show the portal of a server that was just started, where there is a browser; where it is, is told in any case.

    Args:
        session: of the command.
        service: the server of this machine.
        listens: where it listens.
    """
    if session.no_input:
        session.note(f"the portal: {shown(listens)}; `{session.call} open` shows it as you")
        return
    address = own_portal(listens, service.browser_code())
    said = f"the portal, as you, once and within a minute: {shown(address)}; later `{session.call} open`"
    open_page(session, address, said)


def open_page(session: Session, address: str, said: str) -> None:
    """Have the user's browser show an address, where somebody can look at one; it is told in any case.

    Args:
        session: of the command.
        address: what is shown.
        said: the sentence that tells it.
    """
    session.note(said)
    if session.no_input or not any(session.environment.get(each) for each in _SCREENS):
        return
    if session.environment.get("BROWSER"):
        import webbrowser
        from threading import Thread

        # Beside all else: what is named there may last until it is closed. It has begun before the command is over.
        opening = Thread(target=webbrowser.open, args=(address,), name=BROWSER, daemon=True)
        opening.start()
        opening.join(_BEGUN)
    else:
        click.launch(address)
