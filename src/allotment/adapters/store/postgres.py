"""A store in PostgreSQL, through psycopg 3. The writer's lock is the server's own: it ends with the session."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from sqlalchemy import exc

from allotment.adapters.store.counting import counted
from allotment.adapters.store.failures import told
from allotment.adapters.store.journal_rows import present_ms
from allotment.adapters.store.leading import elected, end_silent_session, give_sign_of_life, leader_of, term_of
from allotment.adapters.store.lock import in_use, led_since
from allotment.adapters.store.reading import SqlReader
from allotment.adapters.store.schema import bring_forward, check_readable, version_of
from allotment.adapters.store.writing import SqlStore
from allotment.errors import NotFoundError, UsageError, shown
from allotment.ports.store import StoreStatus

_LOCK: Final = {"one": 0x414C4C54, "two": 1}
"""Key of the advisory lock: ``ALLT``, and the writer."""
_TAKE: Final = sa.text("SELECT pg_try_advisory_lock(:one, :two)")
_HOLDER: Final = sa.text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.classid = :one AND l.objid = :two AND l.granted"
    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_SIZE: Final = sa.text("SELECT pg_database_size(current_database())")
# Of a writer whose machine is gone, the server hears nothing: it asks, and frees the lock within half a minute. So does
# the writer ask of a server.
_ASKS: Final = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=25000"
)
_ALIVE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
_USED: Final = "used"
_RESTED: Final = 1.0
"""Seconds for which a connection is taken to be as it was."""
_LONGEST_NAME: Final = 63
"""Bytes of an application's name."""


class PostgresPlace:
    """A store in a database of a PostgreSQL server.

    Args:
        address: ``postgresql://USER@HOST:PORT/DATABASE``; a password comes from ~/.pgpass or PGPASSWORD.
        now: milliseconds since the epoch, for the journal.

    Raises:
        UsageError: it is no such address, or holds a password.
    """

    def __init__(self, address: str, *, now: Callable[[], int] = present_ms) -> None:
        self._now = now
        try:
            url = sa.make_url(address)
        except (exc.ArgumentError, ValueError):
            url = None
        if url is None or url.drivername not in {"postgresql", "postgresql+psycopg"}:
            raise UsageError(
                "the store is neither a path nor an address of PostgreSQL",
                why="an address begins with postgresql://",
                fix="write postgresql://USER@HOST:PORT/DATABASE, or a path",
            )
        if url.password is not None or "password" in url.query:
            raise UsageError(
                "the address of the store holds a password",
                why="settings are shown, and other users see the arguments of programs",
                fix="leave it out, and put it into ~/.pgpass or PGPASSWORD",
            )
        own = url.query.get("options", "")
        self._options = f"{_ASKS} {own if isinstance(own, str) else ' '.join(own)}".strip()
        self._url = url.set(drivername="postgresql+psycopg")

    @property
    def shown(self) -> str:
        """Its address without parameters."""
        bare = self._url.set(drivername="postgresql").difference_update_query(self._url.query)
        return shown(bare.render_as_string())

    @property
    def _plain_address(self) -> str:
        """As PostgreSQL's own programs take it; no password is in it."""
        return shown(self._url.set(drivername="postgresql").render_as_string())

    @contextmanager
    def reader(self) -> Iterator[SqlReader]:
        """See the port."""
        with self._opened("allotment, reading") as engine:
            with told(self.shown), engine.begin() as connection:
                check_readable(self._version(connection), self.shown)
            yield SqlReader(engine, self.shown)

    @contextmanager
    def writer(self, who: str) -> Iterator[SqlStore]:
        """See the port."""
        # What is written is decided on what stands there now, not on what stood there when the transaction began.
        with self._opened(who, isolation_level="READ COMMITTED", pool_size=1) as engine:
            session = _LockedSession(engine, self.shown, who)
            with self._opened(f"{who}, reading") as reading, told(self.shown):
                try:
                    session.lead()
                    yield SqlStore(reading, self.shown, session.connection, self._now, give_sign_of_life)
                finally:
                    session.close()

    def led_by(self) -> str:
        """See the port."""
        with self._opened("allotment, standing by") as engine, told(self.shown), engine.begin() as connection:
            return leader_of(connection, _LOCK)

    def supplant(self) -> str:
        """See the port."""
        with self._opened("allotment, standing by") as engine, told(self.shown), engine.begin() as connection:
            return end_silent_session(connection, _LOCK)

    def status(self) -> StoreStatus:
        """See the port."""
        with self._opened("allotment, looking") as engine, told(self.shown), engine.begin() as connection:
            self._version(connection)
            return counted(
                connection,
                place=self.shown,
                engine=f"PostgreSQL {'.'.join(map(str, connection.dialect.server_version_info or ()))}",
                size=connection.execute(_SIZE).scalar_one(),
                writer=connection.execute(_HOLDER, _LOCK).scalar() or "",
            )

    def backup(self, file: Path) -> int:
        """PostgreSQL's own tool does it."""
        dump = ("pg_dump", "--format=custom", f"--file={file}", f"--dbname={self._plain_address}")
        raise UsageError(
            "a store in PostgreSQL is backed up with PostgreSQL's own tool",
            fix=f"{shlex.join(dump)}; it may run while the server does",
        )

    def restore(self, file: Path) -> StoreStatus:
        """PostgreSQL's own tool does it."""
        put_back = ("pg_restore", "--exit-on-error", f"--dbname={self._plain_address}", f"{file}")
        raise UsageError(
            "a store in PostgreSQL is restored with PostgreSQL's own tool",
            fix=f"end the server, then, into an empty database: {shlex.join(put_back)}",
        )

    def _version(self, connection: sa.Connection) -> str:
        version = version_of(connection)
        if not version:
            raise NotFoundError(
                f"there is no store in {self.shown}",
                why="no job was ever submitted there",
                fix="start the server, which makes one, or name another place with --store",
            )
        return version

    @contextmanager
    def _opened(self, who: str, *, isolation_level: Any = "REPEATABLE READ", pool_size: int = 5) -> Iterator[sa.Engine]:
        name = who.encode("ascii", errors="replace")[:_LONGEST_NAME].decode()
        engine = sa.create_engine(
            self._url,
            isolation_level=isolation_level,
            pool_size=pool_size,
            connect_args={**_ALIVE, "options": self._options, "application_name": name},
        )
        sa.event.listen(engine, "checkin", _put_back)
        sa.event.listen(engine, "checkout", partial(_taken, engine.dialect))
        try:
            yield engine
        finally:
            engine.dispose()


def _put_back(_driver: Any, record: Any) -> None:
    record.info[_USED] = time.monotonic()


def _taken(dialect: sa.Dialect, driver: Any, record: Any, _proxy: Any) -> None:
    """See that a connection still leads somewhere before it is asked, where it has rested: each time is a call more.

    Raises:
        DisconnectionError: it does not; SQLAlchemy then takes another.
    """
    if time.monotonic() - record.info.get(_USED, -math.inf) < _RESTED:
        return
    try:
        dialect.do_ping(driver)
    except psycopg.Error as error:
        raise exc.DisconnectionError from error


class _LockedSession:
    """The connection that holds the lock; where it was lost, another one, which has to win the lock first.

    Whoever leads after somebody else has led in between has an old picture of the store: he may not write any more.
    """

    def __init__(self, engine: sa.Engine, place: str, who: str) -> None:
        self._engine = engine
        self._place = place
        self._who = who
        self._held: sa.Connection | None = None
        self._term = 0

    def lead(self) -> None:
        """Begin to: the store is brought forward by who leads, and by nobody else.

        Raises:
            StoreInUseError: somebody else holds the lock.
            SchemaError: the store is newer than this program.
        """
        connection = self.connection()
        with connection.begin():
            bring_forward(connection, self._place)
            self._term = elected(connection, self._who)

    def connection(self) -> sa.Connection:
        """The connection.

        Raises:
            StoreInUseError: somebody else holds the lock, or has held it since we did.
        """
        if self._held is not None and not self._held.closed and not self._held.invalidated:
            return self._held
        self.close()
        connection = self._engine.connect()
        try:
            with connection.begin():
                won = connection.execute(_TAKE, _LOCK).scalar()
                holder = "" if won else connection.execute(_HOLDER, _LOCK).scalar() or ""
                others = bool(won and self._term and term_of(connection) != self._term)
        except BaseException:
            _end_session(connection)
            raise
        if not won or others:
            _end_session(connection)
            raise led_since(self._place) if others else in_use(self._place, holder)
        self._held = connection
        return connection

    def close(self) -> None:
        """Let go of it; the lock goes with the session."""
        if self._held is not None:
            _end_session(self._held)
            self._held = None


def _end_session(connection: sa.Connection) -> None:
    """End it: one that went back to the pool would keep the lock."""
    connection.invalidate()
    connection.close()
