"""Who asks a server for something."""

from __future__ import annotations

from dataclasses import dataclass, field
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
class KeyedCall:
    """A call that came with a key, so that it is done once, however often it is asked for.

    Attributes:
        id: stands for whose call it is and for its key; of neither it tells anything.
        asked: digest of what was asked for.
        whose: stands for who made it, and tells nothing of him.
    """

    id: str
    asked: str
    whose: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as it was found out, and not as somebody says of himself.

    Attributes:
        name: user name.
        whence: from where, such as ``unix socket``, ``command line``, or an address and the token that it came with.
        call: what he asks for now, where it came with a key.
    """

    name: str
    kind: CallerKind
    whence: str
    call: KeyedCall | None = field(default=None, compare=False, repr=False)
