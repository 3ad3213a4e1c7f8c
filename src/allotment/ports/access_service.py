"""What the faces ask of a server about who gets in: the same whether it is in this process, on this machine or afar."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from allotment.errors import OutdatedError, quoted
from allotment.model.access.person import Person
from allotment.model.access.rights import PersonRole
from allotment.model.access.token import ApiToken


@dataclass(frozen=True, slots=True)
class ToldToken:
    """A token, without anything that would open a door; times are milliseconds since the epoch.

    Attributes:
        permissions: such as ``read`` and ``submit``, sorted.
        used: None if never.
        revoked: None if it was not.
        team: as whose member it opens; empty where it is no team's.
        person: whether it opens in the name of a person who has signed in: who made it.
    """

    id: str
    name: str
    permissions: tuple[str, ...]
    by: str
    created: int
    expires: int
    used: int | None = None
    revoked: int | None = None
    team: str = ""
    person: bool = False


@dataclass(frozen=True, slots=True)
class TokenReceipt:
    """A new token.

    Attributes:
        text: what its holder keeps; nobody can tell it again.
    """

    token: ToldToken
    text: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, as the server sees him.

    Attributes:
        kind: ``local``, ``token``, ``person`` or ``service``.
        permissions: such as ``read`` and ``submit``, sorted.
        platform: name of the server's.
        version: of the server.
        token: that let him in; None where none was needed.
        roles: what he is, such as ``member of nlp``; empty for the server's own user.
        currency: of the platform's prices; empty where it is not told.
        only_in: those permissions that hold in some teams alone, with these, sorted; all others hold everywhere.
    """

    name: str
    kind: str
    permissions: tuple[str, ...]
    platform: str
    version: str
    token: ToldToken | None = None
    roles: tuple[str, ...] = ()
    currency: str = ""
    only_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToldPerson:
    """Somebody who has signed in; times are milliseconds since the epoch.

    Attributes:
        name: user name.
        roles: what his groups make of him, such as ``member of nlp``.
        suspended: when he was shut out; None while he is not.
    """

    id: str
    name: str
    email: str
    issuer: str
    groups: tuple[str, ...]
    roles: tuple[str, ...]
    first: int
    seen: int
    suspended: int | None = None


@dataclass(frozen=True, slots=True)
class TokensPage:
    """Some tokens, newest first.

    Attributes:
        next: id after which the next page begins; empty where there is none.
    """

    rows: tuple[ToldToken, ...]
    next: str


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some of those who have signed in, by user name."""

    rows: tuple[ToldPerson, ...]
    next: str


class AccessService(Protocol):
    """Everything may raise `StoreError`, and from afar `UnreachableError`, `NotSignedInError` and `ForbiddenError`."""

    def whoami(self) -> Visitor:
        """Who asks."""
        ...

    def make_token(self, name: str, permissions: tuple[str, ...], lasts: int, team: str = "") -> TokenReceipt:
        """Make one, in the name of whoever asks, or of a team.

        Args:
            name: what it is for.
            permissions: words of `Permission`.
            lasts: milliseconds.
            team: as whose member it opens; empty for whoever asks.

        Raises:
            UsageError: it would give what no token gives, has no name, or would last too long or not at all.
            NotFoundError: there is no such team, or not for him.
            ForbiddenError: it is not his to make.
        """
        ...

    def tokens(self) -> tuple[ToldToken, ...]:
        """Those that the caller may see, newest first."""
        ...

    def end_session(self) -> None:
        """Sign out; nothing where no session let him in."""
        ...

    def browser_code(self) -> str:
        """A code by which a browser of the server's own user comes in, once and within a minute.

        Raises:
            NotFoundError: no browser comes in.
        """
        ...

    def people(self) -> tuple[ToldPerson, ...]:
        """Everybody who has signed in, by user name."""
        ...

    def person(self, reference: str) -> ToldPerson:
        """Somebody by his user name, or id.

        Raises:
            NotFoundError: there is nobody of that name.
        """
        ...

    def shut_out(self, reference: str, *, out: bool, read: str = "") -> ToldPerson:
        """Shut somebody out, at once and with all his tokens, or let him in again.

        Args:
            reference: user name, or id.
            out: whether he is shut out.
            read: how the caller has seen him, as `state_of` has it; empty for however he is.

        Raises:
            NotFoundError: there is nobody of that name.
            OutdatedError: he is not as he was read.
            ConflictError: it would be the caller himself.
        """
        ...

    def token(self, reference: str) -> ToldToken:
        """One by its id, or by its name where one living token alone has it.

        Raises:
            NotFoundError: there is none.
            UsageError: several have that name.
        """
        ...

    def revoke_token(self, reference: str, *, read: str = "") -> ToldToken:
        """Take one back.

        Args:
            reference: its id, or its name where one living token alone has it.
            read: how the caller has seen it, as `state_of` has it; empty for however it is.

        Raises:
            NotFoundError: there is none.
            OutdatedError: it is not as it was read.
            UsageError: several have that name.
        """
        ...


def state_of(told: ToldToken | ToldPerson) -> str:
    """What changes with a token or a person, and not because somebody came: a word that stands for how it is."""
    still = replace(told, used=None) if isinstance(told, ToldToken) else replace(told, seen=0)
    return hashlib.sha256(repr(still).encode()).hexdigest()[:12]


def check_read(told: ToldToken | ToldPerson, read: str) -> None:
    """See that somebody, or a token, is as whoever asks has read it.

    Args:
        told: as it is.
        read: what `state_of` gave then; empty for however it is.

    Raises:
        OutdatedError: it has changed since.
    """
    if read and read != state_of(told):
        raise OutdatedError(f"{quoted(told.name)} has changed since you read it", fix="read it again, and decide anew")


def told(token: ApiToken) -> ToldToken:
    """A token, as everybody may see it who may see tokens."""
    return ToldToken(
        id=token.id,
        name=token.name,
        permissions=tuple(sorted(each.value for each in token.permissions)),
        by=token.by,
        created=token.created,
        expires=token.expires,
        used=token.used,
        revoked=token.revoked,
        team=token.team,
        person=bool(token.person),
    )


def told_person(person: Person, roles: Iterable[tuple[str, PersonRole]]) -> ToldPerson:
    """Somebody, as administrators see him.

    Args:
        person: who.
        roles: a team's name, or nothing for the platform, with what he is there.
    """
    return ToldPerson(
        id=person.id,
        name=person.name,
        email=person.email,
        issuer=person.issuer,
        groups=person.groups,
        roles=tuple(f"{role.value} of {team}" if team else role.value for team, role in roles),
        first=person.first,
        seen=person.seen,
        suspended=person.suspended,
    )
