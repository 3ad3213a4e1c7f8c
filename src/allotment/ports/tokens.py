"""Tokens as a store keeps them: beside the jobs, and so in the transaction of the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from allotment.model.access.token import ApiToken
from allotment.model.audit.act import AuditedAct


class TokenReader(Protocol):
    """What can be asked. Everything may raise `StoreError` and `UnreachableError`."""

    def token(self, token_id: str) -> ApiToken:
        """A token by its id, whether or not it is worth anything.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def tokens(self) -> tuple[ApiToken, ...]:
        """All of them, newest first."""
        ...


class TokenStore(TokenReader, Protocol):
    """What the one process that writes may do besides."""

    def add_token(self, token: ApiToken, audited: Sequence[AuditedAct] = (), *, by_token: str = "") -> None:
        """Keep a new one, with who has made it.

        Args:
            token: the new one.
            audited: who has made it.
            by_token: id of the one that let its maker in; empty where he needed none.

        Raises:
            ConflictError: the id is taken.
            NotSignedInError: what let its maker in was taken back meanwhile.
        """
        ...

    def revoke_token(self, token_id: str, at: int, audited: Sequence[AuditedAct] = ()) -> ApiToken:
        """Take one back; one that was taken back before stays as it is, and nothing is kept of it.

        Args:
            token_id: of which.
            at: milliseconds since the epoch.
            audited: who has taken it back.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def token_used(self, token_id: str, at: int) -> None:
        """Note that it was used then; nothing where there is none."""
        ...
