"""Jobs that have members: sweeps with their trials, schedules with their runs."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the columns; what is there already is a member of nothing."""
    op.add_column("jobs", sa.Column("parent", _TEXT, nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("number", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("metric", sa.Double(), nullable=True))
    op.add_column("jobs", sa.Column("reported", _TEXT, nullable=True))
    op.add_column("jobs", sa.Column("standing", _TEXT, nullable=True))
    op.create_index("jobs_of_parent", "jobs", ["parent", "submitted", "id"])
