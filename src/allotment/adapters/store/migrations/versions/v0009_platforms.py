"""Requests and grants know their platform, and what is due of requests is found by its time."""

from __future__ import annotations

import json
from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0009"
down_revision: Final = "0008"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_REQUESTS: Final = sa.table(
    "requests", sa.column("id", _TEXT), sa.column("written", _TEXT), sa.column("due", sa.BigInteger())
)


def upgrade() -> None:
    """Make the columns; of what is there already nobody knows the platform, and when it is due is written in it."""
    for table in ("requests", "grants"):
        op.add_column(table, sa.Column("platform", _TEXT, nullable=False, server_default=""))
    op.add_column("requests", sa.Column("due", sa.BigInteger(), nullable=True))
    connection = op.get_bind()
    for id_, written in connection.execute(sa.select(_REQUESTS.c.id, _REQUESTS.c.written)).all():
        due = _due(written)
        if due is not None:
            connection.execute(sa.update(_REQUESTS).where(_REQUESTS.c.id == id_).values(due=due))
    op.create_index("requests_due", "requests", ["due", "id"])
    op.create_index("requests_in_state", "requests", ["state", "created", "id"])


def _due(written: str) -> int | None:
    """Of one that is damaged nothing is known: whoever reads it says so."""
    try:
        due = json.loads(written)["request"]["due"]
    except (ValueError, LookupError, TypeError):
        return None
    return due if type(due) is int else None
