"""Tokens in a database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from allotment.adapters.store.finding import maker_gone, no_token, token_taken
from allotment.adapters.store.rows import Row
from allotment.adapters.store.tables import TOKENS
from allotment.errors import InputError, quoted
from allotment.model.access.permission import Permission
from allotment.model.access.token import ApiToken
from allotment.ports.stored_jobs import kept_text


def token_of(connection: sa.Connection, token_id: str) -> ApiToken:
    """By its id.

    Raises:
        NotFoundError: there is none.
    """
    # An id holds nothing else, and no database takes a NUL.
    row = _row(connection, token_id) if token_id.isprintable() else None
    if row is None:
        raise no_token(token_id)
    return _from_row(row)


def tokens_of(connection: sa.Connection) -> tuple[ApiToken, ...]:
    """All, newest first."""
    query = sa.select(TOKENS).order_by(TOKENS.c.created.desc(), TOKENS.c.id.desc())
    return tuple(_from_row(dict(each)) for each in connection.execute(query).mappings())


def add(connection: sa.Connection, token: ApiToken, by_token: str = "") -> None:
    """A new one, as long as what let its maker in was not taken back."""
    maker = _row(connection, by_token) if by_token else None
    if maker is not None and maker["revoked"] is not None:
        raise maker_gone()
    if _row(connection, token.id) is not None:
        raise token_taken(token.id)
    connection.execute(sa.insert(TOKENS), _to_row(token))


def revoke(connection: sa.Connection, token_id: str, at: int) -> tuple[ApiToken, bool]:
    """Take it back, once: as it is now, and whether that is new."""
    token = token_of(connection, token_id)
    if token.revoked is not None:
        return token, False
    connection.execute(sa.update(TOKENS).where(TOKENS.c.id == token_id).values(revoked=at))
    return token_of(connection, token_id), True


def revoke_of(connection: sa.Connection, person_id: str, at: int) -> None:
    """Take back all that open in somebody's name."""
    his = sa.and_(TOKENS.c.person == person_id, TOKENS.c.revoked.is_(None))
    connection.execute(sa.update(TOKENS).where(his).values(revoked=at))


def used(connection: sa.Connection, token_id: str, at: int) -> None:
    """Note it."""
    connection.execute(sa.update(TOKENS).where(TOKENS.c.id == token_id).values(used=at))


def _row(connection: sa.Connection, token_id: str) -> Row | None:
    row = connection.execute(sa.select(TOKENS).where(TOKENS.c.id == token_id)).mappings().first()
    return None if row is None else dict(row)


def _to_row(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": kept_text(token.name),
        "permissions": ",".join(sorted(each.value for each in token.permissions)),
        "digest": token.digest,
        "by": kept_text(token.by),
        "created": token.created,
        "expires": token.expires,
        "used": token.used,
        "revoked": token.revoked,
        "person": token.person,
        "team": token.team,
        "session": token.session,
    }


def _from_row(row: Row) -> ApiToken:
    try:
        permissions = frozenset(map(Permission, filter(None, row["permissions"].split(","))))
    except ValueError as error:
        raise InputError(
            f"the token {quoted(row['id'])} cannot be read", why=str(error), fix="use the version that wrote it"
        ) from error
    return ApiToken(**{**row, "permissions": permissions, "session": bool(row["session"])})
