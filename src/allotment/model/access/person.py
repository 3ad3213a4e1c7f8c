"""A person whom an identity provider knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STALE_AFTER: Final = 30
"""Days after the last sign-in from which on a person's own tokens are worth nothing: who has left signs in no more."""
SESSION_HOURS: Final = 12
"""Hours after which a person signs in anew: only then it is known in which groups he is."""
SHUT_OUT: Final = "he was shut out"
"""Why somebody is let in no more whom an administrator has shut out."""
BY_SUBJECT: Final = "oidc:"
"""How user names begin that are made of the provider's own name for somebody: no e-mail address has a colon there."""


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

    @property
    def address(self) -> str:
        """His user name where it is an e-mail address that the provider has checked, for which alone he is somebody.

        Empty where it is made of the provider's own name for him: some let people choose that.
        """
        host = self.issuer.partition("//")[2].partition("/")[0].partition(":")[0]
        # So they were made once, without anything before them.
        unchecked = self.name == f"{self.subject}@{host}" and self.name != self.email.lower()
        return "" if unchecked or self.name.startswith(BY_SUBJECT) else self.name

    def why_not(self, now: int) -> str:
        """Why nobody lets him in, in a sentence; empty where he is let in."""
        if self.suspended is not None:
            return SHUT_OUT
        return f"he has not signed in for {STALE_AFTER} days" if now - self.seen > STALE_AFTER * 86_400_000 else ""
