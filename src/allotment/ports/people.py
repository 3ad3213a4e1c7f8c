"""People as a store keeps them: who has signed in, and whether he may still come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from allotment.errors import InputError, NotSignedInError, quoted
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
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

    def signed_in(self, person: Person, session: ApiToken, audited: Sequence[AuditedAct] = ()) -> None:
        """Keep that somebody has signed in, with the session that he has of it; he is known by his id.

        Of somebody who is there already, only what a sign-in tells is kept: e-mail address, groups, and when it was.

        Raises:
            ShutOutError: he was shut out, however long ago; nothing is kept.
            ConflictError: somebody else has his user name, is who he is, or has such a session.
        """
        ...

    def shut_out(self, person_id: str, at: int, audited: Sequence[AuditedAct] = ()) -> Person:
        """Shut somebody out, and take back for good all that opens in his name; nothing where he was shut out before.

        Raises:
            NotFoundError: there is nobody.
        """
        ...

    def let_in(self, person_id: str, audited: Sequence[AuditedAct] = ()) -> Person:
        """Have somebody be shut out no more; nothing where he is not.

        Raises:
            NotFoundError: there is nobody.
        """
        ...


class ShutOutError(NotSignedInError):
    """Somebody comes who is let in no more."""

    def __init__(self) -> None:
        super().__init__(
            "not signed in",
            why="an administrator of the platform has shut you out",
            fix="ask one of them to let you in again",
        )


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
