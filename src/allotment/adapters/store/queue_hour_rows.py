"""Hours of queues in a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store.tables import QUEUE_HOURS
from allotment.ports.queue_hours import QuotaSpan
from allotment.ports.stored_jobs import kept_text

_PLACE: Final = ("platform", "cluster", "queue", "flavor", "resource")
_KEY: Final = (*_PLACE, "since")


def spans_of(connection: sa.Connection, platform: str, since: int, step: int) -> tuple[QuotaSpan, ...]:
    """Hours of a platform from a moment on, summed to stretches of `step`."""
    table = QUEUE_HOURS.c
    # Inside by its time, outside by the name of that: a database takes no two parameters for one expression.
    hours = (
        sa.select(*(table[each] for each in (*_PLACE, "looks", "used", "nominal", "most")))
        .add_columns((table.since // step * step).label("since"))
        .where(table.platform == platform, table.since >= since)
        .subquery()
    )
    key = [hours.c[each] for each in _KEY]
    sums = [sa.func.sum(hours.c[each]) for each in ("looks", "used", "nominal")]
    query = sa.select(*key, *sums, sa.func.max(hours.c.most)).group_by(*key).order_by(*key)
    return tuple(QuotaSpan(*row[:5], *(int(each) for each in row[5:])) for row in map(tuple, connection.execute(query)))


def keep(connection: sa.Connection, hours: Sequence[QuotaSpan]) -> None:
    """Each in the place of what was there."""
    if not hours:
        return
    rows = [_row(each) for each in hours]
    found = sa.and_(*(QUEUE_HOURS.c[each] == sa.bindparam(f"of_{each}") for each in _KEY))
    named = [{f"of_{each}": row[each] for each in _KEY} for row in rows]
    connection.execute(sa.delete(QUEUE_HOURS).where(found), named)
    connection.execute(sa.insert(QUEUE_HOURS), rows)


def _row(hour: QuotaSpan) -> Mapping[str, Any]:
    return {name: kept_text(value) if isinstance(value, str) else value for name, value in asdict(hour).items()}


def forget(connection: sa.Connection, before: int) -> int:
    """Those that began before a moment."""
    return connection.execute(sa.delete(QUEUE_HOURS).where(QUEUE_HOURS.c.since < before)).rowcount
