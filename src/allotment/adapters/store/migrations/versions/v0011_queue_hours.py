"""How quotas of queues were used, hour by hour."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0011"
down_revision: Final = "0010"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "queue_hours",
        *(sa.Column(name, _TEXT, primary_key=True) for name in ("platform", "cluster", "queue", "flavor", "resource")),
        sa.Column("since", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("used", "nominal", "most")),
    )
    op.create_index("queue_hours_since", "queue_hours", ["since"])
