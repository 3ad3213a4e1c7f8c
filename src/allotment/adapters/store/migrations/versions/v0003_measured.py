"""What was measured of an attempt's devices."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the column; of what is over already nothing was measured."""
    op.add_column("attempts", sa.Column("measured", _TEXT, nullable=True))
