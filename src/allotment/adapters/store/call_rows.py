"""Calls that came with a key, in a database."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from allotment.adapters.store.tables import CALLS
from allotment.model.access.caller import KeyedCall
from allotment.model.audit.act import AuditedAct
from allotment.ports.keyed_calls import AnsweredCall, KeptCall
from allotment.ports.stored_jobs import kept_text


def call_of(connection: sa.Connection, call_id: str) -> KeptCall | None:
    """By its id; None where there is none."""
    row = connection.execute(sa.select(CALLS).where(CALLS.c.id == call_id)).first()
    return None if row is None else KeptCall(KeyedCall(row.id, row.asked, row.whose), row.at, row.subject, row.answer)


def calls_of(connection: sa.Connection, whose: str, since: int) -> int:
    """How many of somebody are kept, done since a moment."""
    counted = sa.select(sa.func.count()).select_from(CALLS).where(CALLS.c.whose == whose, CALLS.c.at >= since)
    return int(connection.execute(counted).scalar_one())


def done(connection: sa.Connection, acts: Iterable[AuditedAct]) -> None:
    """Keep that the calls of some acts were done; of several acts of one call, the last says to what."""
    for each in acts:
        if each.call is not None:
            _put(connection, KeptCall(each.call, each.at, kept_text(each.subject)))


def keep_answer(connection: sa.Connection, answered: AnsweredCall) -> None:
    """Beside what it was done to, where that is kept already."""
    call, kept = answered.call, CALLS.c
    same = sa.update(CALLS).where(kept.id == call.id, kept.asked == call.asked, kept.whose == call.whose)
    if connection.execute(same.values(at=answered.at, answer=answered.answer)).rowcount != 1:
        _put(connection, KeptCall(call, answered.at, "", answered.answer))


def forget(connection: sa.Connection, before: int) -> int:
    """Those that were done before a moment."""
    return connection.execute(sa.delete(CALLS).where(CALLS.c.at < before)).rowcount


def _put(connection: sa.Connection, kept: KeptCall) -> None:
    row = {
        "id": kept.call.id,
        "asked": kept.call.asked,
        "whose": kept.call.whose,
        "at": kept.at,
        "subject": kept.subject,
        "answer": kept.answer,
    }
    if connection.execute(sa.update(CALLS).where(CALLS.c.id == kept.call.id).values(row)).rowcount != 1:
        connection.execute(sa.insert(CALLS), row)
