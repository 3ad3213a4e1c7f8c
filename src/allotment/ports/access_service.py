"""What the faces ask of a server about who gets in: the same whether it is in this process, on this machine or afar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from allotment.model.access.token import ApiToken


@dataclass(frozen=True, slots=True)
class ToldToken:
    """A token, without anything that would open a door; times are milliseconds since the epoch.

    Attributes:
        permissions: words of `Permission`, sorted.
        used: None if never.
        revoked: None if it was not.
    """

    id: str
    name: str
    permissions: tuple[str, ...]
    by: str
    created: int
    expires: int
    used: int | None = None
    revoked: int | None = None


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
        kind: a word of `CallerKind`.
        permissions: words of `Permission`, sorted.
        platform: name of the server's.
        version: of the server.
        token: that let him in; None where none was needed.
    """

    name: str
    kind: str
    permissions: tuple[str, ...]
    platform: str
    version: str
    token: ToldToken | None = None


class AccessService(Protocol):
    """Everything may raise `StoreError`, and from afar `UnreachableError`, `NotSignedInError` and `ForbiddenError`."""

    def whoami(self) -> Visitor:
        """Who asks."""
        ...

    def make_token(self, name: str, permissions: tuple[str, ...], lasts: int) -> TokenReceipt:
        """Make one.

        Args:
            name: what it is for.
            permissions: words of `Permission`.
            lasts: milliseconds.

        Raises:
            UsageError: it would give what no token gives, has no name, or would last too long or not at all.
        """
        ...

    def tokens(self) -> tuple[ToldToken, ...]:
        """All of them, newest first."""
        ...

    def revoke_token(self, reference: str) -> ToldToken:
        """Take one back.

        Args:
            reference: its id, or its name where one living token alone has it.

        Raises:
            NotFoundError: there is none.
            UsageError: several have that name.
        """
        ...


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
    )
