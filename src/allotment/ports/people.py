"""People as a store keeps them: who has signed in, and whether he may still come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from allotment.errors import InputError, quoted
from allotment.model.access.person import Person
from allotment.model.audit.act import AuditedAct
from allotment.ports.stored_jobs import kept_text


class PeopleReader(Protocol):
    """What can be asked. Everything may raise `StoreError` and `UnreachableError`."""

    def person(self, person_id: str) -> Person:
        """Somebody by his id.

        Raises:
            NotFoundError: there is nobody.
        """
        ...

    def people(self) -> tuple[Person, ...]:
        """Everybody, by user name."""
        ...

    def person_of(self, issuer: str, subject: str) -> Person | None:
        """Who it is that a provider calls so; None where he never came."""
        ...


class PeopleStore(PeopleReader, Protocol):
    """What the one process that writes may do besides."""

    def keep_person(self, person: Person, audited: Sequence[AuditedAct] = ()) -> None:
        """Keep somebody, new or as he is now; he is known by his id.

        Raises:
            ConflictError: somebody else has his user name, or is who he is.
        """
        ...


def kept_person(person: Person) -> Person:
    """A person with such text as every store can keep; what makes him who he is has to be such.

    Raises:
        InputError: it is not.
    """
    for each in (person.issuer, person.subject, person.name):
        if not each or kept_text(each) != each or not each.isprintable():
            raise InputError(f"{quoted(ascii(each))} cannot be kept", why="it holds what is no text, or is too long")
    groups = tuple(sorted(kept_text(each) for each in person.groups))
    return replace(person, email=kept_text(person.email), groups=groups)
