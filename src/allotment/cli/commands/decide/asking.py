"""What commands of requests share: the server that is asked, and options that say what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from allotment.cli.shell.session import Session
from allotment.errors import UsageError

if TYPE_CHECKING:
    from allotment.ports.request_service import OtherTerms


def currency_of(session: Session) -> str:
    """Of the server's platform; empty where it cannot be told."""
    from allotment.cli.commands.run.serving import asked_server
    from allotment.errors import AllotmentError

    try:
        return asked_server(session).whoami().currency
    except AllotmentError:
        return ""


def lasting(text: str | None) -> int | None:
    """Milliseconds of a duration such as ``72h``; None where none is given."""
    from allotment.scenarios.times import milliseconds

    return None if text is None else milliseconds(text)


def beginning(text: str | None) -> int | None:
    """A moment such as ``2026-12-01T09:00:00Z``; None for now.

    Raises:
        UsageError: it is no moment.
    """
    from allotment.model.moments import moment

    if text is None:
        return None
    try:
        return moment(text)
    except ValueError:
        raise UsageError(
            f"{text} is no moment", why="one has a day, a time and a zone", fix="write it such as 2026-12-01T09:00:00Z"
        ) from None


def other_terms(
    gpus: int | None, accelerator: str | None, clusters: tuple[str, ...], lasts: str | None
) -> OtherTerms | None:
    """What is to be different from the terms on the table; None where nothing is."""
    from allotment.ports.request_service import OtherTerms

    if gpus is None and accelerator is None and not clusters and lasts is None:
        return None
    return OtherTerms(gpus, accelerator, clusters or None, lasting(lasts))


KEY: Final = click.option(
    "--key", metavar="TEXT", default="", help="What you ask for again with the same key is asked for once."
)
REASON: Final = click.option("--reason", "-m", default="", metavar="TEXT", help="Why; it is kept with the decision.")
