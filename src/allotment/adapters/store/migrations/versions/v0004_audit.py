"""The audit trail."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; of what was done before nobody has kept who did it."""
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(
            sa.Column(name, _TEXT, nullable=False)
            for name in (
                "who",
                "kind",
                "whence",
                "verb",
                "outcome",
                "subject",
                "name",
                "team",
                "why",
                "details",
                "previous",
                "digest",
            )
        ),
    )
    op.create_index("audit_at", "audit", ["at"])
    op.create_index("audit_who", "audit", ["who", "number"])
    op.create_index("audit_subject", "audit", ["subject", "number"])
