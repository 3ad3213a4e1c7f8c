"""Calls that came with a key; and jobs are counted by an index."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "calls",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("asked", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("answer", _TEXT, nullable=False),
    )
    op.create_index("calls_at", "calls", ["at"])
    op.create_index("jobs_counted", "jobs", ["parent", "team", "state", "backend", "owner", "name", "submitted"])
