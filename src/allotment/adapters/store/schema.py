"""The version of a store's tables: looked at each time it is opened, brought forward by who writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from allotment.errors import shown
from allotment.ports.store import SchemaError

HEAD: Final = "0011"
"""Version of the tables that this program works with; the last one in `migrations/versions`."""
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_VERSIONS: Final = sa.table("alembic_version", sa.column("version_num", sa.Text()))


def version_of(connection: sa.Connection) -> str:
    """The version of the tables that are there; empty where there are none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(sa.select(_VERSIONS.c.version_num)).scalar() or ""


def check_readable(version: str, place: str) -> None:
    """Refuse what this program cannot read as it stands.

    Raises:
        SchemaError: it is newer, or was not brought forward yet.
    """
    check_not_newer(version, place)
    if version != HEAD:
        raise SchemaError(
            f"{shown(place)} is of an older version",
            why=f"its tables have version {shown(version) or 'none'}, and this program works with {HEAD}",
            fix="start the server of this version once: it brings the store forward",
        )


def check_not_newer(version: str, place: str) -> None:
    """Refuse to go back.

    Raises:
        SchemaError: this program does not know that version.
    """
    # Versions are four digits, so text compares as numbers do.
    if version and not (version.isascii() and version.isdigit() and version <= HEAD):
        raise SchemaError(
            f"{shown(place)} was written by a newer version of Allotment",
            why=f"its tables have version {shown(version)}, and this program knows versions up to {HEAD}",
            fix="use the version that wrote it, or one that is newer still; there is no way back",
        )


def bring_forward(connection: sa.Connection, place: str) -> bool:
    """Make the tables, or bring them to this version, within the transaction that is on: all of it, or nothing.

    Returns:
        Whether there was anything to do.

    Raises:
        SchemaError: they are newer than this program.
    """
    version = version_of(connection)
    check_not_newer(version, place)
    if version == HEAD:
        return False
    # Alembic is imported by whoever needs it: the first start, and the first after an update.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    return True
