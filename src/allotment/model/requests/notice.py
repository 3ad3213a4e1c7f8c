"""Notices: what people are told of requests, grants and quotas without having asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum


class NoticeKind(Enum):
    """What it is about; the text is what receivers read."""

    GRANT_HOURS = "grant-hours"
    """Device-hours of a grant."""
    GRANT_TIME = "grant-time"
    """Time of a grant, its end included."""
    GRANT_CONFLICT = "grant-conflict"
    GRANT_TROUBLE = "grant-trouble"
    """It can be neither given nor taken back."""
    GRANTS_ENDING = "grants-ending"
    """All grants of a team that end soon, in one."""
    GUARANTEE_LENT = "guarantee-lent"
    """Something is taken of a team's guarantee for others, or is back."""
    QUOTA = "quota"
    REQUEST_WAITING = "request-waiting"
    REQUEST_DECIDED = "request-decided"


class NoticeSeverity(Enum):
    """How much it matters that somebody reads it soon; the text is what receivers read."""

    INFO = "info"
    WARNING = "warning"
    URGENT = "urgent"


class AudienceKind(Enum):
    """What an audience is; the text is what receivers read."""

    TEAM = "team"
    """Whom the team has named to be asked."""
    ROUTE = "route"
    """Who decides on that route; of ``team-owners`` the owners of the notice's team."""
    PERSON = "person"
    """By user name."""
    PLATFORM = "platform"
    """The platform's engineers; it has no name."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom something is told."""

    kind: AudienceKind
    name: str = ""


class Measure(Enum):
    """What is counted; the text is what receivers read, and names the unit."""

    DEVICES = "devices"
    DEVICE_SECONDS = "device-seconds"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Delta:
    """How far something is from where it could be.

    Attributes:
        value: as it is: used, passed, given.
        of: what it is part of, or what was asked for; None where there is no such number.
    """

    measure: Measure
    value: int
    of: int | None = None


@dataclass(frozen=True, slots=True)
class ToldKey:
    """What is remembered once a notice was told.

    Attributes:
        grant: id of the grant that remembers it (`Grant.told`); empty where it is remembered apart.
        key: never told twice.
    """

    grant: str
    key: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people are told.

    Attributes:
        key: makes it the same notice whenever it is made anew, even if its numbers have gone on meanwhile.
        team: whose it is.
        to: each is told; somebody who is in several is told once.
        subject: one line.
        lines: a sentence each, without markup; foreign words in them stand in quotation marks.
        deltas: the numbers of it, for programs.
        settles: what does not have to be told any more after it.
    """

    key: str
    kind: NoticeKind
    severity: NoticeSeverity
    team: str
    to: tuple[Audience, ...]
    subject: str
    lines: tuple[str, ...]
    deltas: tuple[Delta, ...]
    settles: tuple[ToldKey, ...]

    @property
    def id(self) -> str:
        """Of its key: 32 hexadecimal digits, fit for headers and Message-IDs."""
        return hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
