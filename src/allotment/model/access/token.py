"""Tokens of an API: a name for who looks them up, and a secret of which only a digest is kept.

The secret is 256 random bits, so that its digest needs neither salt nor a slow function: nobody can try them all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from allotment.model.access.permission import Permission

SECRET_BYTES: Final = 32
"""Random bytes of a secret."""
ID_BYTES: Final = 5
"""Random bytes of an id, which is no secret."""
LONGEST_LIFE: Final = 366
"""Days after which a token is over at the latest."""
_DOMAIN: Final = b"allotment token 1\0"
_FORM: Final = re.compile(r"allot_([a-z2-7]{8})_([A-Za-z0-9_-]{43})")
_FIRST_HALF: Final = 36
"""Characters of a token that a browser keeps as a cookie: 22 of the secret, 132 bits; the page keeps 21, 126 bits."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What is known of a token; times are milliseconds since the epoch.

    Attributes:
        id: that it is named by, eight letters and digits.
        name: what it is for, as its maker calls it.
        permissions: all that it gives.
        digest: of its secret, 64 hexadecimal digits.
        by: user name of who made it.
        expires: from when on it is worth nothing.
        used: when it was used last, to the minute; None if never.
        revoked: when it was taken back; None if it was not.
        person: id of the person in whose name it opens; empty where it is no person's.
        team: name of the team as whose member it opens; empty where it is no team's. Where it is neither, it opens in
            the name of the user whose server it is.
        session: whether it came of signing in, and not of somebody making a token.
    """

    id: str
    name: str
    permissions: frozenset[Permission]
    digest: str = field(repr=False)
    by: str
    created: int
    expires: int
    used: int | None = None
    revoked: int | None = None
    person: str = ""
    team: str = ""
    session: bool = False

    @property
    def of_owner(self) -> bool:
        """Whether it is a session of the user whose server it is, in a browser of his."""
        return self.session and not (self.person or self.team)

    def why_not(self, now: int) -> str:
        """Why it is worth nothing, in a sentence; empty where it is worth something."""
        if self.revoked is not None:
            return "it was revoked"
        return "its time is over" if now >= self.expires else ""

    def opens(self, secret: str) -> bool:
        """Whether a secret is its own; how long that takes tells nothing."""
        return hmac.compare_digest(self.digest, digest_of(secret))


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(_DOMAIN + secret.encode("utf-8", "surrogatepass")).hexdigest()


def token_id(random: bytes) -> str:
    """An id of `ID_BYTES` random bytes."""
    return base64.b32encode(random).decode("ascii").lower()


def secret_of(random: bytes) -> str:
    """A secret of `SECRET_BYTES` random bytes."""
    return base64.urlsafe_b64encode(random).decode("ascii").rstrip("=")


def token_text(id_: str, secret: str) -> str:
    """What its holder keeps. It begins so that whoever scans files for lost secrets finds it."""
    return f"allot_{id_}_{secret}"


def parts_of(text: str) -> tuple[str, str] | None:
    """Id and secret of what a holder sends; None where it has not the form of a token."""
    found = _FORM.fullmatch(text)
    return None if found is None else (found[1], found[2])


def halves_of(text: str) -> tuple[str, str]:
    """A token as a browser keeps it: one half as a cookie, which no script reads, the other by the page.

    Cookies of a host go to all its ports, so to the servers of other users of this machine; what a page keeps goes to
    none but its own. Neither half tells of the other, and each alone is worth nothing.
    """
    return text[:_FIRST_HALF], text[_FIRST_HALF:]
