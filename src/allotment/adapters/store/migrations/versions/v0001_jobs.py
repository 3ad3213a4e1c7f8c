"""Jobs with their moves, attempts, events and waits; devices' time."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TIME: Final = sa.BigInteger()


def _text(name: str, *, key: bool = False, absent: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=absent)


def _time(name: str, *, key: bool = False, absent: bool = False) -> sa.Column[int]:
    return sa.Column(name, _TIME, primary_key=key, nullable=absent, autoincrement=False)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), primary_key=key, nullable=False, autoincrement=False)


def _of_job() -> tuple[sa.Column[str], sa.Column[int]]:
    return sa.Column("job", _TEXT, sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True), _number(
        "number", key=True
    )


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "jobs",
        _text("id", key=True),
        _number("version"),
        *(_text(name) for name in ("name", "team", "project", "owner", "backend", "native", "priority")),
        _number("devices"),
        _text("accelerator"),
        _text("state"),
        _number("attempt"),
        _time("submitted"),
        _time("started", absent=True),
        _time("ended", absent=True),
        *(_text(name) for name in ("cause", "said", "code", "supersedes", "asked")),
        _text("used", absent=True),
    )
    op.create_index("jobs_newest", "jobs", ["submitted", "id"])
    op.create_index("jobs_of_team", "jobs", ["team", "submitted", "id"])
    op.create_index("jobs_of_owner", "jobs", ["owner", "submitted", "id"])
    op.create_index("jobs_in_state", "jobs", ["state", "submitted", "id"])
    op.create_index("jobs_named", "jobs", ["name", "submitted", "id"])
    op.create_index("jobs_ended", "jobs", ["ended"])
    op.create_table("moves", *_of_job(), _time("at"), _text("state"), _text("cause"), _number("attempt"), _text("said"))
    op.create_table(
        "attempts",
        *_of_job(),
        _time("started", absent=True),
        _time("ended", absent=True),
        _text("places"),
        _text("result", absent=True),
    )
    op.create_table("events", *_of_job(), _time("at"), _text("kind"), _text("said"))
    op.create_table(
        "waits",
        *_of_job(),
        _time("since"),
        _time("until", absent=True),
        *(_text(name) for name in ("code", "cause", "said")),
    )
    op.create_table(
        "device_times",
        *(_text(name, key=True) for name in ("backend", "node", "device")),
        _time("start", key=True),
        _time("until", absent=True),
        *(_text(name) for name in ("cause", "job", "team", "owner", "project", "queue", "resource", "model")),
        _time("price", absent=True),
    )
    op.create_index("device_times_until", "device_times", ["until"])
