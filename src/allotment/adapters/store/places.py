"""Which store a user means: a path, or the address of a PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from allotment.ports.store import StorePlace


def default_path() -> Path:
    """Where jobs of this user are kept: below XDG_STATE_HOME, application `allotment`."""
    return platformdirs.user_state_path("allotment") / "store" / "store.db"


def place_of(named: str) -> StorePlace:
    """The store at a path or an address; nothing is opened yet.

    Args:
        named: as the user named it; empty for the usual place.

    Raises:
        UsageError: it is neither.
    """
    # A database's driver takes half a second to import: only what is used is.
    if "://" in named:
        from allotment.adapters.store.postgres import PostgresPlace  # noqa: PLC0415

        return PostgresPlace(named)
    from allotment.adapters.store.sqlite import SqlitePlace  # noqa: PLC0415

    return SqlitePlace(Path(named).expanduser() if named else default_path())
