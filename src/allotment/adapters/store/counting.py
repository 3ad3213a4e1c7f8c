"""What a database of jobs is and holds, in figures."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from allotment.adapters.store.schema import HEAD, version_of
from allotment.adapters.store.tables import DEVICE_TIMES, JOBS, TIME
from allotment.model.jobs.run import JobState
from allotment.ports.store import StoreStatus

_STATES: Final = frozenset(each.value for each in JobState)


def summed_cost(dialect: str) -> sa.ColumnElement[int]:
    """The sum of what jobs cost, as their rows have it; rows that hold something else count for nothing.

    Args:
        dialect: of the database.
    """
    used = JOBS.c.used
    if dialect == "sqlite":
        # It fails on text that is no JSON where it is read, and its casts make numbers of text.
        return sa.func.sum(sa.case((sa.func.json_valid(used) == 1, sa.func.json_extract(used, "$.use.cost"))))
    return sa.func.sum(sa.cast(sa.cast(used, sa.JSON)["use", "cost"].as_string(), TIME))


def counted(connection: sa.Connection, *, place: str, engine: str, size: int, writer: str) -> StoreStatus:
    """The status of a store; of one whose tables have another version, without what stands in them.

    Args:
        connection: to its database.
        place: path or address, without a password.
        engine: name and version of the database.
        size: bytes.
        writer: who writes; empty where nobody does.
    """
    version = version_of(connection)
    bare = StoreStatus(place=place, engine=engine, schema=version, known=HEAD, size=size, writer=writer)
    if version != HEAD:
        return bare
    by_state = connection.execute(sa.select(JOBS.c.state, sa.func.count()).group_by(JOBS.c.state)).all()
    return StoreStatus(
        place=place,
        engine=engine,
        schema=version,
        known=HEAD,
        size=size,
        jobs={JobState(state): count for state, count in by_state if state in _STATES},
        intervals=connection.execute(sa.select(sa.func.count()).select_from(DEVICE_TIMES)).scalar_one(),
        oldest=connection.execute(sa.select(sa.func.min(JOBS.c.submitted))).scalar(),
        writer=writer,
    )
