"""What was granted, and what the platform directory says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from allotment.model.requests.terms import QuotaShare, RequestKind, TakenShare, Terms
from allotment.model.requests.timeline import TimelineStep


class GrantState(Enum):
    """Where a grant stands; the text is what is kept. `requests.granting` has the table of moves."""

    DUE = "due"
    """It begins later."""
    GIVING = "giving"
    """Its change of the platform directory is being made and applied."""
    ACTIVE = "active"
    TAKING_BACK = "taking-back"
    """Its change is being undone."""
    ENDED = "ended"
    CONFLICT = "conflict"
    """Somebody changed by hand what it stands for: people decide."""


@dataclass(frozen=True, slots=True)
class TeamGrant:
    """A grant; what it gives stands in a file of its own in the platform directory while it is given.

    Attributes:
        id: that of its request.
        team: who has it.
        kind: what it is.
        subject: as of the request's wish.
        requester: user name of who asked for it.
        terms: as they stand now, extensions included.
        approved: the most that was ever approved, in the order of approvals: what is given lies within one of them.
        state: where it stands.
        revision: counts changes, from 1.
        written: digest of the file as we wrote it last; empty where none is written.
        commit: of the last change, as Git names it; empty for none.
        trouble: why it is not as it should be, in a sentence; empty where it is.
        told: what its people were told already, such as ``hours:80``.
        platform: as of its request.
        by_hand: whether its file, or that there is none, is left as somebody made it by hand while that is applied.
        settled_by: user name of who decided on a conflict, while that is carried out; empty otherwise.
        decided: of each of `approved`, whether somebody decided on it; of what is not in it nobody is known to have.
        given_by: id of the request that gave its present terms; empty for its own.
        restores: commit whose edit by hand gives way to what was agreed on, while that is done; empty otherwise.
        timeline: what was done for it, in the order of the steps; of what is one commit and an apply, nothing.
        size: bytes of a volume; 0 for every other kind.
        clusters: in which a namespace, a volume or a notebook is; empty for every other kind.
        made: what was made of it that is no part of the platform directory, such as ``job/jk3f…``; empty for nothing.
    """

    id: str
    team: str
    kind: RequestKind
    subject: str
    requester: str
    terms: Terms
    approved: tuple[Terms, ...]
    state: GrantState
    revision: int
    written: str
    commit: str
    trouble: str
    told: tuple[str, ...]
    platform: str = ""
    by_hand: bool = False
    settled_by: str = ""
    decided: tuple[bool, ...] = ()
    given_by: str = ""
    restores: str = ""
    timeline: tuple[TimelineStep, ...] = ()
    size: int = 0
    clusters: tuple[str, ...] = ()
    made: str = ""


@dataclass(frozen=True, slots=True)
class GrantedNamespace:
    """A namespace that a team has for a time.

    Attributes:
        clusters: where; empty for all that the team is in.
    """

    name: str
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GrantedVolume:
    """A volume claim that a team has for a time, in its first namespace.

    Attributes:
        size: bytes.
        clusters: where; empty for all that the team is in.
    """

    name: str
    size: int
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredGrant:
    """A document of kind Grant of the platform directory: what a team has beyond its own for a time.

    What it gives counts as the team's guarantee as long as the document is there: who removes the file ends it.

    Attributes:
        name: the request's id, or a name that somebody gave by hand.
        team: who has it; its name.
        since: milliseconds since the epoch.
        until: the same; None for good.
        shares: what is given.
        taken: of whom.
        reason: foreign text.
        namespaces: that the team has besides.
        volumes: the same.
    """

    name: str
    team: str
    since: int
    until: int | None
    shares: tuple[QuotaShare, ...]
    taken: tuple[TakenShare, ...]
    reason: str
    namespaces: tuple[GrantedNamespace, ...] = ()
    volumes: tuple[GrantedVolume, ...] = ()
