"""Who asks a server for something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CallerKind(Enum):
    """What kind of somebody; the text is what is kept."""

    LOCAL = "local"
    """A user of this machine, whom its file system let in."""
    BEARER = "token"
    """Whoever has a token, in the name of the user whose server it is."""
    PERSON = "person"
    """Somebody whom an identity provider knows."""
    SERVICE = "service"
    """A program with a token of a team."""
    ALLOTMENT = "allotment"
    """A server, by itself."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as it was found out, and not as somebody says of himself.

    Attributes:
        name: user name.
        whence: from where, such as ``unix socket``, ``command line``, or an address and the token that it came with.
    """

    name: str
    kind: CallerKind
    whence: str
