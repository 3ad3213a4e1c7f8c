"""People who have signed in, and in whose name a token opens."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; tokens that are there open in the name of the server's user, as they did."""
    op.create_table(
        "people",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("issuer", _TEXT, nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False, unique=True),
        sa.Column("email", _TEXT, nullable=False),
        sa.Column("groups", _TEXT, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("suspended", sa.BigInteger()),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.add_column("tokens", sa.Column("person", _TEXT, nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("team", _TEXT, nullable=False, server_default=""))
    op.add_column("tokens", sa.Column("session", sa.Boolean(), nullable=False, server_default=sa.false()))
