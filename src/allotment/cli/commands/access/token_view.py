"""Tokens: a row each; who one is for a server."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.errors import shown
from allotment.model.moments import written
from allotment.ports.access_service import ToldToken, Visitor
from allotment.reports.documents.access import token_document


def token_listing(tokens: Sequence[ToldToken], now: int) -> Listing[ToldToken]:
    """A row a token, newest first.

    Args:
        tokens: the rows.
        now: milliseconds since the epoch.
    """

    def state(row: ToldToken) -> str:
        if row.revoked is not None:
            return "revoked"
        return "expired" if now >= row.expires else "valid"

    return Listing(
        kind="Token",
        rows=tokens,
        columns=(
            Column("ID", lambda row: shown(row.id), keep=2),
            Column("NAME", lambda row: shown(row.name), keep=3),
            Column("GIVES", lambda row: shown(", ".join(row.permissions)), keep=1, fold=" "),
            Column("STATE", state, keep=2),
            Column("EXPIRES", lambda row: written(row.expires)),
            Column("LAST-USED", lambda row: "never" if row.used is None else written(row.used)),
            Column("FOR", lambda row: f"team {shown(row.team)}" if row.team else shown(row.by) if row.person else ""),
            Column("BY", lambda row: shown(row.by), wide=True),
            Column("CREATED", lambda row: written(row.created), wide=True),
        ),
        name=lambda row: f"token/{row.id}",
        document=lambda row: {**token_document(row), "state": state(row)},
        labels=lambda row: {"state": state(row), "by": row.by},
        nothing="no tokens; `allot token create NAME` makes one",
    )


def visitor_text(visitor: Visitor, address: str) -> str:
    """Who one is for a server, and what one may there."""
    lines = [f"{shown(visitor.name)} at {shown(address)}, the server of platform {shown(visitor.platform)}"]
    if visitor.roles:
        lines.append(f"  is: {shown(', '.join(visitor.roles))}")
    lines.append(f"  may: {shown(', '.join(visitor.permissions))}")
    if visitor.token is not None:
        known = f"{shown(visitor.token.id)} ({shown(visitor.token.name)})"
        lines.append(f"  by the token {known}, until {written(visitor.token.expires)}")
    return "\n".join(lines)
