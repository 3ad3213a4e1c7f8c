"""Who leads, of servers that share a PostgreSQL: terms of elections, and signs of life, all in the database's time.

The lock says who writes. Two things it does not say: whether somebody else has led since a server lost its line, in
which case what that server has in mind is old; and whether a server that holds the lock still does anything.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from allotment.adapters.store.tables import LEADER

_ROW: Final = 1
SILENT_MS: Final = 10_000
"""Milliseconds without a sign of life after which a leader is taken to hang: some times `BEAT_SECONDS`."""
_NOW: Final = sa.text("(extract(epoch FROM clock_timestamp()) * 1000)::bigint")
_SESSION: Final = sa.text("pg_backend_pid()")
_LEADER: Final = sa.text(
    "SELECT f.who FROM leader f JOIN pg_locks l ON l.pid = f.session AND l.locktype = 'advisory' AND l.granted"
    " WHERE l.classid = :one AND l.objid = :two"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_END_SILENT: Final = sa.text(
    "SELECT f.who, pg_terminate_backend(a.pid, 2000) FROM leader f"
    " JOIN pg_locks l ON l.pid = f.session AND l.locktype = 'advisory' AND l.granted"
    " JOIN pg_stat_activity a ON a.pid = l.pid AND a.state <> 'active'"
    " WHERE l.classid = :one AND l.objid = :two"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (extract(epoch FROM clock_timestamp()) * 1000)::bigint - f.seen > :silent"
)


def elected(connection: sa.Connection, who: str) -> int:
    """Begin a term; whoever calls this holds the lock. Its number."""
    term = term_of(connection)
    values = {"who": who, "session": _SESSION, "seen": _NOW, "term": term + 1}
    if term:
        connection.execute(sa.update(LEADER).values(values))
    else:
        connection.execute(sa.insert(LEADER).values(id=_ROW, **values))
    return term + 1


def term_of(connection: sa.Connection) -> int:
    """Number of the last term; 0 before the first."""
    return connection.execute(sa.select(LEADER.c.term)).scalar() or 0


def give_sign_of_life(connection: sa.Connection) -> None:
    """Of the session that holds the lock."""
    connection.execute(sa.update(LEADER).values(session=_SESSION, seen=_NOW))


def end_silent_session(connection: sa.Connection, lock: dict[str, int]) -> str:
    """End the session that holds the lock where its server gives no sign of life; whose it was, empty where it does.

    A server of a version that gives none is never taken to hang.
    """
    # Nothing is said of a store that no server of this version has led yet.
    if not sa.inspect(connection).has_table(LEADER.name):
        return ""
    found = connection.execute(_END_SILENT, {**lock, "silent": SILENT_MS}).first()
    return "" if found is None else str(found[0])


def leader_of(connection: sa.Connection, lock: dict[str, int]) -> str:
    """What the server that holds the lock told of itself; empty where none does that tells it."""
    if not sa.inspect(connection).has_table(LEADER.name):
        return ""
    found = connection.execute(_LEADER, lock).first()
    return "" if found is None else str(found[0])
