"""Use case: the store of jobs is looked at, saved and put back."""

from __future__ import annotations

from pathlib import Path

from allotment.ports.store import StorePlace, StoreStatus


def looked_at(place: StorePlace) -> StoreStatus:
    """What the store is and holds.

    Raises:
        NotFoundError: there is none.
        StoreError: it cannot be read.
    """
    return place.status()


def saved(place: StorePlace, file: Path) -> int:
    """Write all that it holds into a new file, while the server runs; its bytes.

    Raises:
        NotFoundError: there is no store.
        ConflictError: the file is there already.
        StoreError: one of the two cannot be read or written.
        UsageError: PostgreSQL has tools of its own for that.
    """
    return place.backup(file)


def put_back(place: StorePlace, file: Path) -> StoreStatus:
    """Make a store of a backup, where there is none; what it holds.

    Raises:
        NotFoundError: there is no such file.
        InputError: it is no backup, or is damaged.
        SchemaError: it is newer than this program.
        ConflictError: there is a store already.
        UsageError: PostgreSQL has tools of its own for that.
    """
    return place.restore(file)
