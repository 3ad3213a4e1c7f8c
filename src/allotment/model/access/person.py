"""A person whom an identity provider knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STALE_AFTER: Final = 30
"""Days after the last sign-in from which on a person's own tokens are worth nothing: who has left signs in no more."""
SESSION_HOURS: Final = 12
"""Hours after which a person signs in anew: only then it is known in which groups he is."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has signed in; times are milliseconds since the epoch.

    Attributes:
        id: that the store knows him by, ten letters and digits.
        issuer: of the provider; with `subject` it is who he is, whatever he is called.
        subject: the provider's own name for him.
        name: user name: unique, and never that of anybody else again.
        email: for display; empty where there is none.
        groups: of the last sign-in, sorted.
        first: when he came first.
        seen: when he signed in last.
        suspended: when he was shut out; None while he is not.
    """

    id: str
    issuer: str
    subject: str
    name: str
    email: str
    groups: tuple[str, ...]
    first: int
    seen: int
    suspended: int | None = None

    def why_not(self, now: int) -> str:
        """Why nobody lets him in, in a sentence; empty where he is let in."""
        if self.suspended is not None:
            return "he was shut out"
        return f"he has not signed in for {STALE_AFTER} days" if now - self.seen > STALE_AFTER * 86_400_000 else ""
