"""The journal in a database: entries are numbered in the transaction of what has changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store.finding import page_size
from allotment.adapters.store.rows import LISTED_OF_IDS, listed_from_row
from allotment.adapters.store.tables import DERIVED, GRANTS, JOURNAL, REQUESTS
from allotment.errors import InputError
from allotment.model.jobs.written import read_value
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.journal import (
    MOST_CHANGES,
    ChangeKind,
    DerivedDocument,
    JournalEntry,
    JournalPage,
    NotedChange,
    SubjectChange,
    SubjectKind,
    once_each,
)

_AT_ONCE: Final = 500
"""Subjects that are asked for together."""


def present_ms() -> int:
    """The present moment by the machine's clock, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def append(connection: sa.Connection, noted: Sequence[NotedChange], now: int) -> None:
    """Number changes, after all that came before."""
    some = once_each(noted)
    if not some:
        return
    first = max(head_of(connection) + 1, now)
    rows = [
        {
            "number": number,
            "at": now,
            "kind": each.kind.value,
            "subject": each.id,
            "team": each.team,
            "change": each.change.value,
        }
        for number, each in enumerate(some, start=first)
    ]
    connection.execute(sa.insert(JOURNAL), rows)


def mark(connection: sa.Connection, now: int) -> int:
    """Give a number to nothing; which it is."""
    append(connection, [NotedChange(SubjectKind.JOURNAL, "", "", ChangeKind.CHANGED)], now)
    return head_of(connection)


def head_of(connection: sa.Connection) -> int:
    """The newest number."""
    return int(connection.execute(sa.select(sa.func.max(JOURNAL.c.number))).scalar() or 0)


def page_of(connection: sa.Connection, after: int, limit: int) -> JournalPage:
    """Changes after a number, of each subject the last one, with what it is; as of one moment."""
    size = page_size(limit, MOST_CHANGES)
    until = head_of(connection)
    row = connection.execute(sa.select(JOURNAL).where(JOURNAL.c.number == after)).mappings().first()
    if row is None:
        return JournalPage(known=False, changes=(), until=until)
    entry = _entry(dict(row))
    begin = SubjectChange(entry, _values(connection, [entry]).get((entry.kind, entry.id)))
    if after >= until:
        return JournalPage(known=True, changes=(), until=until, begin=begin)
    later = JOURNAL.alias("later")
    superseded = sa.exists().where(
        later.c.kind == JOURNAL.c.kind, later.c.subject == JOURNAL.c.subject, later.c.number > JOURNAL.c.number
    )
    query = sa.select(JOURNAL).where(JOURNAL.c.number > after, ~superseded).order_by(JOURNAL.c.number).limit(size + 1)
    found = [_entry(dict(each)) for each in connection.execute(query).mappings()]
    entries, more = found[:size], len(found) > size
    values = _values(connection, entries)
    changes = tuple(SubjectChange(each, values.get((each.kind, each.id))) for each in entries)
    return JournalPage(known=True, changes=changes, until=entries[-1].number if more else until, more=more, begin=begin)


def _entry(row: dict[str, Any]) -> JournalEntry:
    kind, change = SubjectKind(row["kind"]), ChangeKind(row["change"])
    return JournalEntry(row["number"], row["at"], kind, row["subject"], row["team"], change)


def _values(connection: sa.Connection, entries: Sequence[JournalEntry]) -> dict[tuple[SubjectKind, str], Any]:
    found: dict[tuple[SubjectKind, str], Any] = {}
    for start in range(0, len(entries), _AT_ONCE):
        some = entries[start : start + _AT_ONCE]
        for kind in {each.kind for each in some}:
            ids = [each.id for each in some if each.kind is kind and each.change is not ChangeKind.GONE]
            for id_, value in _of_kind(connection, kind, ids):
                found[kind, id_] = value
    return found


def _of_kind(connection: sa.Connection, kind: SubjectKind, ids: Sequence[str]) -> list[tuple[str, Any]]:
    """What cannot be read is left out: it hides no other, as in listings."""
    if not ids:
        return []
    found: list[tuple[str, Any]] = []
    if kind is SubjectKind.JOB:
        for row in connection.execute(LISTED_OF_IDS, {"ids": ids}).mappings():
            with suppress(ValueError):
                found.append((row["id"], listed_from_row(dict(row))))
    elif kind in (SubjectKind.REQUEST, SubjectKind.GRANT):
        table, type_ = (REQUESTS, GrantRequest) if kind is SubjectKind.REQUEST else (GRANTS, TeamGrant)
        for id_, written in connection.execute(sa.select(table.c.id, table.c.written).where(table.c.id.in_(ids))):
            with suppress(InputError):
                found.append((id_, read_value(kind.value, type_, written)))
    elif kind in (SubjectKind.QUEUE, SubjectKind.FINDING):
        query = sa.select(DERIVED).where(DERIVED.c.kind == kind.value, DERIVED.c.id.in_(ids))
        found += [(each["id"], _document(dict(each))) for each in connection.execute(query).mappings()]
    return found


def derived_of(connection: sa.Connection, kind: SubjectKind) -> tuple[DerivedDocument, ...]:
    """By id."""
    query = sa.select(DERIVED).where(DERIVED.c.kind == kind.value).order_by(DERIVED.c.id)
    return tuple(_document(dict(each)) for each in connection.execute(query).mappings())


def _document(row: dict[str, Any]) -> DerivedDocument:
    return DerivedDocument(SubjectKind(row["kind"]), row["id"], row["team"], row["digest"], row["written"])


def keep_derived(
    connection: sa.Connection, documents: Sequence[DerivedDocument], gone: Sequence[tuple[SubjectKind, str]]
) -> list[NotedChange]:
    """Each in the place of the one before; what has changed by that."""
    noted: list[NotedChange] = []
    for each in documents:
        own = sa.and_(DERIVED.c.kind == each.kind.value, DERIVED.c.id == each.id)
        before = connection.execute(sa.select(DERIVED.c.digest, DERIVED.c.team).where(own)).first()
        if before is not None and (before.digest, before.team) == (each.digest, each.team):
            continue
        row = {"kind": each.kind.value, "id": each.id, "team": each.team, "digest": each.digest}
        row["written"] = each.written
        if before is None:
            connection.execute(sa.insert(DERIVED), row)
        else:
            connection.execute(sa.update(DERIVED).where(own).values(row))
        change = ChangeKind.MADE if before is None else ChangeKind.CHANGED
        noted.append(NotedChange(each.kind, each.id, each.team, change))
    for kind, id_ in gone:
        own = sa.and_(DERIVED.c.kind == kind.value, DERIVED.c.id == id_)
        team = connection.execute(sa.select(DERIVED.c.team).where(own)).scalar()
        if team is not None:
            connection.execute(sa.delete(DERIVED).where(own))
            noted.append(NotedChange(kind, id_, team, ChangeKind.GONE))
    return noted


def prune(connection: sa.Connection, made_before: int, most: int) -> int:
    """All but the newest so many, and the newest one whatever its moment."""
    number = JOURNAL.c.number
    query = sa.select(number).order_by(number.desc()).offset(max(1, most) - 1).limit(1)
    first = connection.execute(query).scalar()
    head = head_of(connection)
    old = sa.and_(JOURNAL.c.at < made_before, number < head)
    if first is not None:
        old = sa.or_(old, number < first)
    return connection.execute(sa.delete(JOURNAL).where(old)).rowcount
