"""What people were told, and how far it has come with each of them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0008"
down_revision: Final = "0007"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "deliveries",
        sa.Column("notice", _TEXT, primary_key=True),
        sa.Column("receiver", _TEXT, primary_key=True),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("trouble", _TEXT, nullable=False),
    )
    op.create_index("deliveries_at", "deliveries", ["at"])
    op.create_table(
        "told",
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
