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
_IDS: Final = "ids"
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
    # Of one alone the database is not asked with a list, for which each statement is written anew.
    question, asked = (_OF_ONE, ids[0]) if len(ids) == 1 else (_OF_MANY, list(ids))
    for kind, job, number, *values in connection.execute(question, {_IDS: asked}).all():
        _, numbers, texts = _TABLES[kind]
        row = dict(zip((*numbers, *texts), values, strict=True))
        found[job][kind].append({"job": job, "number": number, **row})
    return found


def _of_table(kind: int, *, many: bool) -> sa.Select[Any]:
    table, numbers, texts = _TABLES[kind]
    return sa.select(
        sa.literal_column(str(kind), sa.Integer).label("kind"),
        table.c.job,
        table.c.number,
        *(_column(table, name, TIME).label(f"number_{place}") for place, name in enumerate(numbers)),
        *(_column(table, name, TEXT).label(f"text_{place}") for place, name in enumerate(texts)),
    ).where(table.c.job.in_(sa.bindparam(_IDS, expanding=True)) if many else table.c.job == sa.bindparam(_IDS))


def _column(table: sa.Table, name: str, kind: Any) -> sa.ColumnElement[Any]:
    return sa.cast(sa.null(), kind) if name in (_NO_NUMBER, _NO_TEXT) else table.c[name]


def _question(*, many: bool) -> sa.CompoundSelect[Any]:
    every = [_of_table(place, many=many) for place in range(len(_TABLES))]
    return sa.union_all(*every).order_by("job", "kind", "number")


_OF_ONE: Final = _question(many=False)
_OF_MANY: Final = _question(many=True)
"""Put together once: that takes as long as to ask them."""
