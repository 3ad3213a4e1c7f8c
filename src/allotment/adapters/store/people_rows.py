"""People in a database."""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store.finding import no_person, person_taken
from allotment.adapters.store.rows import Row
from allotment.adapters.store.tables import PEOPLE
from allotment.errors import InputError, quoted
from allotment.model.access.person import Person
from allotment.ports.people import ShutOutError, kept_person

_TOLD: Final = frozenset({"email", "groups", "seen"})
"""Columns that a sign-in tells of."""


def person_of_id(connection: sa.Connection, person_id: str) -> Person:
    """By the id.

    Raises:
        NotFoundError: there is nobody.
    """
    found = _one(connection, PEOPLE.c.id == person_id) if person_id.isprintable() else None
    if found is None:
        raise no_person(person_id)
    return found


def person_of(connection: sa.Connection, issuer: str, subject: str) -> Person | None:
    """By what a provider calls him."""
    if not (issuer.isprintable() and subject.isprintable()):
        return None
    return _one(connection, sa.and_(PEOPLE.c.issuer == issuer, PEOPLE.c.subject == subject))


def people_of(connection: sa.Connection) -> tuple[Person, ...]:
    """Everybody, by user name."""
    rows = connection.execute(sa.select(PEOPLE).order_by(PEOPLE.c.name)).mappings()
    return tuple(_from_row(dict(each)) for each in rows)


def signed_in(connection: sa.Connection, person: Person) -> None:
    """Somebody new, or what a sign-in tells of somebody who is there: whether he was shut out is not its business.

    Raises:
        ShutOutError: he was.
        ConflictError: somebody else is called so, or is who he is.
    """
    row = kept_person(person)
    others = sa.select(PEOPLE.c.id).where(
        PEOPLE.c.id != row.id,
        sa.or_(PEOPLE.c.name == row.name, sa.and_(PEOPLE.c.issuer == row.issuer, PEOPLE.c.subject == row.subject)),
    )
    if connection.execute(others).first() is not None:
        raise person_taken(row.name)
    if _one(connection, PEOPLE.c.id == row.id) is None:
        connection.execute(sa.insert(PEOPLE), _to_row(row))
        return
    told = {name: value for name, value in _to_row(row).items() if name in _TOLD}
    still_in = sa.and_(PEOPLE.c.id == row.id, PEOPLE.c.suspended.is_(None))
    if connection.execute(sa.update(PEOPLE).where(still_in).values(told)).rowcount != 1:
        raise ShutOutError


def suspend(connection: sa.Connection, person_id: str, at: int | None) -> tuple[Person, bool]:
    """Shut somebody out, or let him in where no time is given: as he is now, and whether that is new."""
    person = person_of_id(connection, person_id)
    if (person.suspended is None) == (at is None):
        return person, False
    connection.execute(sa.update(PEOPLE).where(PEOPLE.c.id == person_id).values(suspended=at))
    return person_of_id(connection, person_id), True


def _one(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Person | None:
    row = connection.execute(sa.select(PEOPLE).where(condition)).mappings().first()
    return None if row is None else _from_row(dict(row))


def _to_row(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "issuer": person.issuer,
        "subject": person.subject,
        "name": person.name,
        "email": person.email,
        "groups": json.dumps(person.groups),
        "first": person.first,
        "seen": person.seen,
        "suspended": person.suspended,
    }


def _from_row(row: Row) -> Person:
    try:
        groups = tuple(str(each) for each in json.loads(row["groups"]))
    except ValueError as error:
        raise InputError(
            f"what is kept of {quoted(row['name'])} cannot be read", why=str(error), fix="restore a backup"
        ) from error
    return Person(**{**row, "groups": groups})
