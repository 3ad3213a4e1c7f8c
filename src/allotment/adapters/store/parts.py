"""What belongs to jobs beside their own rows, asked for in one question: each one is a call to the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from allotment.adapters.store.tables import ATTEMPTS, EVENTS, MOVES, TEXT, TIME, WAITS

_NO_NUMBER: Final = ""
_NO_TEXT: Final = "-"
"""In the place of a column that a table has none of."""
_TABLES: Final = (
    (MOVES, ("at", "attempt"), ("state", "cause", "said")),
    (ATTEMPTS, ("started", "ended"), ("places", "result", "measured")),
    (EVENTS, ("at", _NO_NUMBER), ("kind", "said", _NO_TEXT)),
    (WAITS, ("since", "until"), ("code", "cause", "said")),
)
"""Each table with its numbers and its texts: they come in the same columns."""
Part = Mapping[str, Any]
"""A row of such a table, by the names of its columns."""


class PartsOfJob(NamedTuple):
    """Of one job, each kind by its number."""

    moves: list[Part]
    attempts: list[Part]
    events: list[Part]
    waits: list[Part]


def parts_of(connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, PartsOfJob]:
    """By job, of all that were asked for.

    Args:
        connection: of a transaction, so that all of it is of one moment.
        ids: of jobs; not too many for one question.
    """
    found = {each: PartsOfJob([], [], [], []) for each in ids}
    every = [_of_table(place, ids) for place in range(len(_TABLES))]
    query = sa.union_all(*every).order_by("job", "kind", "number")
    for kind, job, number, *values in connection.execute(query):
        _, numbers, texts = _TABLES[kind]
        row = dict(zip((*numbers, *texts), values, strict=True))
        found[job][kind].append({"job": job, "number": number, **row})
    return found


def _of_table(kind: int, ids: Sequence[str]) -> sa.Select[Any]:
    table, numbers, texts = _TABLES[kind]
    return sa.select(
        sa.literal_column(str(kind), sa.Integer).label("kind"),
        table.c.job,
        table.c.number,
        *(_column(table, name, TIME).label(f"number_{place}") for place, name in enumerate(numbers)),
        *(_column(table, name, TEXT).label(f"text_{place}") for place, name in enumerate(texts)),
    ).where(table.c.job.in_(ids))


def _column(table: sa.Table, name: str, kind: Any) -> sa.ColumnElement[Any]:
    return sa.cast(sa.null(), kind) if name in (_NO_NUMBER, _NO_TEXT) else table.c[name]
