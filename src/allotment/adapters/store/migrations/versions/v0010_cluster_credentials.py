"""Credentials of clusters, sealed under a key that lies elsewhere."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "cluster_credentials",
        sa.Column("platform", _TEXT, primary_key=True),
        sa.Column("cluster", _TEXT, primary_key=True),
        sa.Column("sealed", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", _TEXT, nullable=False),
    )
