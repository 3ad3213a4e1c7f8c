"""A store in a file of this machine: SQLite with a write-ahead log, durable at each commit, one writer, many readers.

The SQLite that Python brings may be one whose write-ahead log can be damaged (3.7.0 to 3.51.2), so a wheel brings a
current one; without it, Python's own is taken only if it is recent enough.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

from allotment.adapters.store.counting import counted
from allotment.adapters.store.failures import failure, told
from allotment.adapters.store.journal_rows import present_ms
from allotment.adapters.store.lock import only_writer, writer_of
from allotment.adapters.store.reading import SqlReader
from allotment.adapters.store.schema import bring_forward, check_not_newer, check_readable, version_of
from allotment.adapters.store.writing import SqlStore
from allotment.errors import AllotmentError, ConflictError, InputError, NotFoundError, UsageError, quoted, shown
from allotment.ports.private_folders import must_be_kept_from_strangers
from allotment.ports.store import StoreError, StoreStatus

SOUND: Final = (3, 51, 3)
"""The first SQLite whose write-ahead log is sound."""
_OURS: Final = 0x414C4C54
"""``ALLT``, in the file's header: no other program's database is taken for a store."""
_MARK: Final = "PRAGMA application_id = 1095519316"
_PATIENCE: Final = 10.0
"""Seconds that another program may hold the file."""
_READERS: Final = 5
"""Connections that are kept for reading."""


def driver() -> Any:
    """The module that speaks to SQLite.

    Raises:
        StoreError: there is none that is sound.
    """
    try:
        import pysqlite3.dbapi2 as found  # noqa: PLC0415 (absent where there is no wheel)
    except ImportError:
        import sqlite3 as found  # noqa: PLC0415
    if found.sqlite_version_info < SOUND:
        raise StoreError(
            f"SQLite {found.sqlite_version} is too old to keep jobs",
            why=f"before {'.'.join(map(str, SOUND))} its write-ahead log can be damaged",
            fix="install the Python package pysqlite3, or keep the store in PostgreSQL",
        )
    return found


class SqlitePlace:
    """A store at a path, whether or not there is one yet.

    Args:
        path: of the file.
        patience: seconds that another program may hold it.
        now: milliseconds since the epoch, for the journal.
    """

    def __init__(self, path: Path, *, patience: float = _PATIENCE, now: Callable[[], int] = present_ms) -> None:
        self._now = now
        self.path = path.absolute()
        self._patience = patience

    @property
    def shown(self) -> str:
        """Its path."""
        return shown(self.path)

    @property
    def _lock(self) -> Path:
        return self.path.with_name(f"{self.path.name}.lock")

    @contextmanager
    def reader(self) -> Iterator[SqlReader]:
        """See the port."""
        self._must_be_there()
        with self._opened("BEGIN", _for_reading) as engine:
            with told(self.shown), engine.begin() as connection:
                check_readable(version_of(connection), self.shown)
            yield SqlReader(engine, self.shown)

    @contextmanager
    def writer(self, who: str) -> Iterator[SqlStore]:
        """See the port."""
        with self._locked(who):
            self._make_file()
            with (
                self._opened("BEGIN IMMEDIATE", _for_writing) as engine,
                self._opened("BEGIN", _for_reading) as reading,
                told(self.shown),
                engine.connect() as connection,
            ):
                with connection.begin():
                    self.path.chmod(0o600)
                    if bring_forward(connection, self.shown):
                        connection.exec_driver_sql(_MARK)
                yield SqlStore(reading, self.shown, lambda: connection, self._now)

    def led_by(self) -> str:
        """See the port."""
        return writer_of(self._lock)

    def supplant(self) -> str:
        """Its lock is the kernel's."""
        raise UsageError(
            f"no server stands by for {self.shown}",
            why="it is a file of one machine, whose lock goes when its holder ends",
            fix="keep jobs in PostgreSQL, and name it with --store postgresql://USER@HOST/DATABASE",
        )

    def status(self) -> StoreStatus:
        """See the port."""
        self._must_be_there()
        with self._opened("BEGIN", _for_reading) as engine, told(self.shown), engine.begin() as connection:
            return counted(
                connection,
                place=self.shown,
                engine=f"SQLite {driver().sqlite_version}",
                size=sum(each.stat().st_size for each in (self.path, self._log) if each.exists()),
                writer=writer_of(self._lock),
            )

    def backup(self, file: Path) -> int:
        """See the port."""
        self._must_be_there()
        self.status()
        return _copied(self.path, file.absolute())

    def restore(self, file: Path) -> StoreStatus:
        """See the port."""
        backup = SqlitePlace(file)
        if not backup.path.exists():
            raise NotFoundError(f"there is no file {backup.shown}", fix="check the path")
        _check_sound(backup)
        with self._locked("allot store restore"):
            for each in (self.path, self._log):
                if each.exists():
                    raise ConflictError(
                        f"{shown(each)} is there already",
                        why="a backup never replaces a store",
                        fix="move the store away first, with all files whose names begin like its own",
                    )
            _copied(backup.path, self.path)
        return self.status()

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")

    def _must_be_there(self) -> None:
        try:
            there = self.path.exists()
        except OSError as error:
            raise _of_system(self.shown, error) from error
        if not there:
            raise NotFoundError(
                f"there is no store at {self.shown}",
                why="no job was ever submitted there",
                fix="start the server, which makes one, or name another place with --store",
            )

    @contextmanager
    def _locked(self, who: str) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            must_be_kept_from_strangers(self.path.parent, self.path.parent.stat(), os.geteuid())
            held = only_writer(self._lock, self.shown, who)
            held.__enter__()
        except OSError as error:
            raise _of_system(self.shown, error) from error
        try:
            yield
        finally:
            held.__exit__(None, None, None)

    def _make_file(self) -> None:
        """An empty file for its owner alone; SQLite gives its mode to the files beside it."""
        try:
            if not self.path.exists() and self._log.exists():
                raise ConflictError(
                    f"{shown(self._log)} is there without its store",
                    why="a new store would be damaged by it",
                    fix=f"put {self.shown} back, or move both away",
                )
            if self.path.is_symlink():
                raise StoreError(
                    f"{self.shown} is a link",
                    why="who opens it by its own name would not see that it is written to",
                    fix="name the file that it leads to",
                )
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            raise _of_system(self.shown, error) from error

    @contextmanager
    def _opened(self, begin: str, prepare: Any) -> Iterator[sa.Engine]:
        sqlite = driver()

        def connect() -> Any:
            # No transaction is begun behind our back: a change begins with the right to write, so that what it is
            # decided on cannot change before it is written.
            connection = sqlite.connect(
                f"{self.path.as_uri()}?mode=rw",
                uri=True,
                timeout=self._patience,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                prepare(connection, self.shown)
            except BaseException:
                connection.close()
                raise
            return connection

        engine = sa.create_engine(
            "sqlite+pysqlite://", module=sqlite, creator=connect, poolclass=sa.pool.QueuePool, pool_size=_READERS
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        try:
            yield engine
        finally:
            engine.dispose()


def _for_reading(connection: Any, place: str) -> None:
    _must_be_ours(connection, place, new=False)
    connection.execute("PRAGMA query_only = ON")


def _for_writing(connection: Any, place: str) -> None:
    _must_be_ours(connection, place, new=True)
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreError(
            f"{place} cannot keep a write-ahead log",
            why=f"SQLite uses {quoted(mode)} there, as on some network file systems",
            fix="keep it on a disk of this machine, or in PostgreSQL",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _must_be_ours(connection: Any, place: str, *, new: bool) -> None:
    """Refuse another program's database before anything in it is touched; an empty one may become ours."""
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (own_ways,) = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type IN ('trigger', 'view')").fetchone()
    if mark == _OURS and own_ways:
        raise StoreError(
            f"{place} was changed by somebody else: it has triggers or views, which no store has",
            why="with them it does by itself what nobody asked for, and can hide it",
            fix="look at them (sqlite3: .schema), and take a backup of before: `allot store restore`",
        )
    empty = mark == 0 and objects == 0
    if mark == _OURS or (new and empty):
        return
    raise StoreError(
        f"{place} is no store: another file stands in its place",
        why="it is empty" if empty else "it is a database of another program",
        fix="move that file away, or name another place with --store",
    )


def _check_sound(backup: SqlitePlace) -> None:
    """Refuse a backup that is none, is damaged, or is newer than this program."""
    sqlite = driver()
    try:
        with closing(sqlite.connect(f"{backup.path.as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)) as connection:
            (mark,) = connection.execute("PRAGMA application_id").fetchone()
            if mark != _OURS:
                raise InputError(f"{backup.shown} is no backup of a store", fix="check the path")
            found = [each for (each,) in connection.execute("PRAGMA integrity_check(3)") if each != "ok"]
            found += [
                f"a row of {each[0]} belongs to no job" for each in connection.execute("PRAGMA foreign_key_check")
            ]
            version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite.DatabaseError as error:
        raise InputError(
            f"{backup.shown} is no backup of a store, or is damaged", why=quoted(error), fix="take another one"
        ) from error
    if found:
        raise InputError(f"{backup.shown} is damaged", why=quoted(found[0]), fix="take another backup")
    check_not_newer(version[0] if version else "", backup.shown)


def _copied(source: Path, target: Path) -> int:
    """A copy of what a database holds at one moment, whole or not at all; its bytes.

    Raises:
        ConflictError: there is such a file already.
        StoreError: it cannot be read or written.
    """
    sqlite = driver()
    place = shown(target)
    try:
        # Whoever comes first has the name; the copy takes its place when it is whole and on the disk.
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise ConflictError(
            f"{place} is there already", why="a backup never replaces a file", fix="name a file that is not there yet"
        ) from None
    except OSError as error:
        raise _of_system(place, error) from error
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name[:100]}.", dir=target.parent) as folder:
            part = Path(folder) / "part"
            with closing(sqlite.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE)) as connection:
                connection.execute("VACUUM INTO ?", [str(part)])
            part.chmod(0o600)
            _flush(part)
            size = part.stat().st_size
            part.replace(target)
        _flush(target.parent)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _of_system(place, error) from error
        if isinstance(error, sqlite.Error):
            raise failure(place, error) from error
        raise
    return size


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _of_system(place: str, error: OSError) -> AllotmentError:
    return StoreError(
        f"{place} cannot be opened or written",
        why=error.strerror or str(error),
        fix="check the folder's owner and mode, and the room on the disk",
    )
