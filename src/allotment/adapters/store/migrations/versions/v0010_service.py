"""Credentials of clusters, the journal of changes, calls that were made with a key, and who leads."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _credentials()
    _journal()
    _calls()
    _leader()


def _credentials() -> None:
    """Sealed under a key that lies elsewhere."""
    op.create_table(
        "cluster_credentials",
        sa.Column("platform", _TEXT, primary_key=True),
        sa.Column("cluster", _TEXT, primary_key=True),
        sa.Column("sealed", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", _TEXT, nullable=False),
    )


def _journal() -> None:
    """Of what changed before nothing is told. A first entry is there, from which one can read on."""
    journal = op.create_table(
        "journal",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in ("kind", "subject", "team", "change")),
    )
    op.create_index("journal_subject", "journal", ["kind", "subject", "number"])
    op.create_index("journal_at", "journal", ["at"])
    first = {"number": 1, "at": 0, "kind": "journal", "subject": "", "team": "", "change": "made"}
    op.bulk_insert(journal, [first])
    op.create_table(
        "derived",
        sa.Column("kind", _TEXT, primary_key=True),
        sa.Column("id", _TEXT, primary_key=True),
        *(sa.Column(name, _TEXT, nullable=False) for name in ("team", "digest", "written")),
    )


def _calls() -> None:
    """That came with a key. And jobs are counted by an index."""
    op.create_table(
        "calls",
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("asked", _TEXT, nullable=False),
        sa.Column("whose", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", _TEXT, nullable=False),
        sa.Column("answer", _TEXT, nullable=False),
    )
    op.create_index("calls_at", "calls", ["at"])
    op.create_index("calls_of", "calls", ["whose", "at"])
    op.create_index("jobs_counted", "jobs", ["parent", "team", "state", "backend", "owner", "name", "submitted"])


def _leader() -> None:
    """Of several servers that share a store, which one leads, and since which election: nobody has been elected yet."""
    op.create_table(
        "leader",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("term", sa.BigInteger, nullable=False),
        sa.Column("who", _TEXT, nullable=False),
        sa.Column("session", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )
