"""The audit trail in a database: rows ↔ entries, added within the transaction of what the acts have changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store.finding import page_size
from allotment.adapters.store.rows import Row
from allotment.adapters.store.tables import AUDIT
from allotment.model.audit.act import AuditedAct
from allotment.model.audit.chain import BEFORE_ALL, AuditEntry, ChainHead, DamagedEntry, chained
from allotment.ports.audit import MOST_AUDITED, AuditFilter, AuditPage, kept_act
from allotment.ports.store import StoreError

_TEXTS: Final = ("who", "kind", "whence", "verb", "outcome", "subject", "name", "team", "why")
_BY_NUMBER: Final = AUDIT.c.number
_NUMBERED: Final = sa.and_(_BY_NUMBER > 0, _BY_NUMBER < 1 << 62)
"""What SQLite lets somebody write into the column besides, such as text, is greater than any number."""


def append(connection: sa.Connection, acts: Sequence[AuditedAct], known: ChainHead | None) -> ChainHead:
    """Add acts after the newest entry; how far the trail goes then.

    Args:
        connection: within whose transaction.
        acts: what was done; one at least.
        known: how far it goes, as whoever writes alone knows; None where he has written nothing yet.

    Raises:
        StoreError: it does not go so far, or does not keep what is written: somebody else has changed the database, or
            has it changed by itself. Nothing is kept then, nor done.
    """
    head = head_of(connection)
    if known is not None and head != known:
        raise _tampered(f"its newest entry was {known.number}, and is {head.number} or another one now")
    entries = list(chained(head, map(kept_act, acts)))
    before = _from(connection, head.number)
    connection.execute(sa.insert(AUDIT), [_to_row(each) for each in entries])
    # What a trigger or a rule takes out again would be missing for good, and no number would.
    if _from(connection, head.number) != [*before, *entries]:
        raise _tampered("it does not keep what is written")
    return entries[-1].head


def _from(connection: sa.Connection, number: int) -> list[AuditEntry | DamagedEntry]:
    return _read(connection, sa.select(AUDIT).where(_NUMBERED, number <= _BY_NUMBER).order_by(_BY_NUMBER))


def _read(connection: sa.Connection, query: sa.Select[Any]) -> list[AuditEntry | DamagedEntry]:
    """Entries of rows; where one holds what is no text, each is read by itself, so that it hides no other."""
    try:
        return [_from_row(dict(each)) for each in connection.execute(query).mappings()]
    except (sa.exc.OperationalError, UnicodeDecodeError):
        numbers = connection.execute(query.with_only_columns(_BY_NUMBER)).scalars().all()
        return [_alone(connection, each) for each in numbers]


def _alone(connection: sa.Connection, number: int) -> AuditEntry | DamagedEntry:
    try:
        row = connection.execute(sa.select(AUDIT).where(AUDIT.c.number == number)).mappings().one()
    except (sa.exc.OperationalError, UnicodeDecodeError):
        return DamagedEntry(number, "a field of it is no text")
    return _from_row(dict(row))


def _tampered(why: str) -> StoreError:
    return StoreError(
        "the audit trail was changed by somebody else: nothing is done that could not be kept",
        why=why,
        fix="see who else writes into the store (`allot audit verify --heads FILE`), then start the server anew",
    )


def head_of(connection: sa.Connection) -> ChainHead:
    """How far the trail goes."""
    query = sa.select(AUDIT.c.number, AUDIT.c.digest).where(_NUMBERED).order_by(_BY_NUMBER.desc()).limit(1)
    row = connection.execute(query).first()
    return BEFORE_ALL if row is None else ChainHead(row.number, row.digest)


def must_be_there(connection: sa.Connection) -> None:
    """See that there is a trail at all.

    Raises:
        StoreError: somebody has taken it away as a whole.
    """
    if not sa.inspect(connection).has_table(AUDIT.name):
        raise StoreError(
            "the store has no audit trail",
            why="its table is gone: somebody else has changed the database",
            fix="take a backup of before: `allot store restore`",
        )


def page_of(connection: sa.Connection, wanted: AuditFilter, before: int | None, limit: int) -> AuditPage:
    """Entries, newest first."""
    size = page_size(limit, MOST_AUDITED)
    query = sa.select(AUDIT).where(_NUMBERED, *_conditions(wanted)).order_by(_BY_NUMBER.desc()).limit(size + 1)
    if before is not None:
        query = query.where(before > _BY_NUMBER)
    found = _read(connection, query)
    return AuditPage(tuple(found[:size]), found[size - 1].number if found[size:] else None)


def after(connection: sa.Connection, number: int, until: int) -> Sequence[AuditEntry | DamagedEntry]:
    """The next entries after a number, up to another one."""
    between = _NUMBERED, number < _BY_NUMBER, until >= _BY_NUMBER
    query = sa.select(AUDIT).where(*between).order_by(_BY_NUMBER).limit(MOST_AUDITED)
    return _read(connection, query)


def unnumbered(connection: sa.Connection) -> int:
    """Rows that somebody has written there and that have no number of an entry."""
    query = sa.select(sa.func.count()).select_from(AUDIT).where(sa.not_(_NUMBERED))
    return int(connection.execute(query).scalar_one())


def _conditions(wanted: AuditFilter) -> Iterator[sa.ColumnElement[bool]]:
    table = AUDIT.c
    for column, value in ((table.who, wanted.who), (table.team, wanted.team), (table.outcome, wanted.outcome)):
        if value:
            yield column == value
    if wanted.verb:
        # A verb is letters and a dot; all that begins with `job.` stands before `job/`.
        whole = sa.and_(table.verb >= f"{wanted.verb}.", table.verb < f"{wanted.verb}/")
        yield sa.or_(table.verb == wanted.verb, whole)
    if wanted.about:
        yield sa.or_(table.subject == wanted.about, table.name == wanted.about)
    if wanted.since is not None:
        yield table.at >= wanted.since
    if wanted.until is not None:
        yield table.at < wanted.until


def _to_row(entry: AuditEntry) -> dict[str, Any]:
    act = entry.act
    return {
        "number": entry.number,
        "at": act.at,
        **{name: getattr(act, name) for name in _TEXTS},
        "details": _written(act.details),
        "previous": entry.previous,
        "digest": entry.digest,
    }


def _from_row(row: Row) -> AuditEntry | DamagedEntry:
    number, at = row["number"], row["at"]
    texts = {name: row[name] for name in _TEXTS}
    if not isinstance(at, int) or not all(isinstance(each, str) for each in texts.values()):
        return DamagedEntry(number, "a field of it is of another kind than was written")
    try:
        details = tuple((str(name), str(value)) for name, value in json.loads(row["details"]))
    except (ValueError, TypeError, RecursionError):
        return DamagedEntry(number, "its details are none")
    if _written(details) != row["details"]:
        return DamagedEntry(number, "its details are not as they were written")
    return AuditEntry(
        number, AuditedAct(at=at, details=details, call=None, **texts), str(row["previous"]), str(row["digest"])
    )


def _written(details: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(details, ensure_ascii=False, separators=(",", ":"))
