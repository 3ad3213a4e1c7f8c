"""Requests, and what was granted."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0007"
down_revision: Final = "0006"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "requests",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("team", _TEXT, nullable=False),
        sa.Column("requester", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("route", _TEXT, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("written", _TEXT, nullable=False),
    )
    op.create_index("requests_created", "requests", ["created", "id"])
    op.create_table(
        "grants",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("team", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("written", _TEXT, nullable=False),
    )
    op.create_index("grants_state", "grants", ["state"])
