"""What a database says, in the words of our error tree.

A driver's words, and where a store lies, are for the log and the server's own user: they stand within the error, which
itself tells anybody no more than that the store does not answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import exc

from allotment.errors import AllotmentError, TimedOutError, UnreachableError, quoted_message, shown, veiled
from allotment.ports.store import StoreError

_KEPT: Final = "nothing of this was kept, and nothing that was kept before is lost"
# SQLite's result codes: the lowest byte is the kind.
_CODES: Final = {
    8: ("is read-only", "make the file and its folder writable for this user"),
    10: ("cannot be read or written by the system", "see whether the disk is full, and what the system's log says"),
    11: ("is damaged", "move it away, and restore a backup with `allot store restore FILE`"),
    13: ("cannot be written: the disk is full", "make room on it"),
    14: ("cannot be opened", "check the folder's owner and mode, and that the file is no folder"),
    23: ("cannot be opened: access is denied", "make the file and its folder readable and writable for this user"),
    26: ("is no store: another file stands in its place", "move that file away, or name another place with --store"),
}
_BUSY: Final = frozenset({5, 6})
_NO_ROOM_FOR_INDEX: Final = 10 | 19 << 8
"""The file beside the log could not grow: the system gives no other reason for that than a full disk."""
_FULL_DISK: Final = "53100"
_READ_ONLY: Final = frozenset({"25006"})
_NO_RIGHT: Final = "42501"


@contextmanager
def told(place: str) -> Iterator[None]:
    """Whatever the database raises within, as one of ours.

    Args:
        place: of the store, without a password.

    Raises:
        StoreError, TimedOutError, UnreachableError: what was wrong.
    """
    try:
        yield
    except exc.DBAPIError as error:
        raise failure(place, error.orig, lost=error.connection_invalidated) from error
    except exc.TimeoutError as error:
        many = f"{shown(place)} is asked by too many at once"
        raise _for_anybody(TimedOutError(many, why="no connection came free in time", fix="try again")) from error
    except exc.SQLAlchemyError as error:
        what = f"{shown(place)}: the store fails"
        raise _for_anybody(StoreError(what, why=quoted_message(str(error)), fix="report it")) from error


def failure(place: str, error: Any, *, lost: bool = False) -> AllotmentError:
    """What to say of an error of a database's driver.

    Args:
        place: of the store.
        error: as the driver raised it.
        lost: the connection is gone.
    """
    return _for_anybody(_whole(place, error, lost=lost))


def _for_anybody(whole: AllotmentError) -> AllotmentError:
    """What anybody may be told of it."""
    what = "the store fails" if isinstance(whole, StoreError) else "the store does not answer"
    fix = "ask again in a while; on the server's machine `allot up` says what is wrong"
    return veiled(whole, type(whole)(what, fix=fix))


def _whole(place: str, error: Any, *, lost: bool) -> AllotmentError:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _of_file(place, code, str(error))
    state = getattr(error, "sqlstate", None) or ""
    why = quoted_message(str(error))
    if state == _FULL_DISK:
        return StoreError(f"{shown(place)} cannot be written: its disk is full", why=_KEPT, fix="make room on it")
    if state in _READ_ONLY:
        return StoreError(f"{shown(place)} is read-only", why=why, fix="name the server that takes writes")
    if state == _NO_RIGHT:
        return StoreError(f"{shown(place)} may not be used so", why=why, fix="give its user the rights on the database")
    if lost or state.startswith(("08", "57P")) or not state:
        return UnreachableError(
            f"{shown(place)} does not answer", why=why, fix="see whether it runs, and check user, password and database"
        )
    return StoreError(f"{shown(place)}: the store fails", why=why, fix="report it with these words")


def _of_file(place: str, code: int, said: str) -> AllotmentError:
    if code & 0xFF in _BUSY:
        return TimedOutError(
            f"{shown(place)} is locked by another program",
            why=f"it did not let go of it in time; {_KEPT}",
            fix="end what holds it, such as a database browser, and try again",
        )
    what, fix = _CODES.get(13 if code == _NO_ROOM_FOR_INDEX else code & 0xFF, ("fails", "report it with these words"))
    return StoreError(f"{shown(place)} {what}", why=f"SQLite says {quoted_message(said)}; {_KEPT}", fix=fix)
