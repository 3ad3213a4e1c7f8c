"""What a server tells whoever follows what changes there, as it travels: a value under the name of its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from allotment.model.access.permission import Permission
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.journal import ChangeKind, SubjectKind
from allotment.ports.stored_jobs import JobRow

BEGIN: Final = "begin"
RESET: Final = "reset"
END: Final = "end"
HEARTBEAT: Final = 5.0
"""Seconds of silence after which a server shows that it is there."""
WATCHED: Final[Mapping[SubjectKind, Permission]] = MappingProxyType(
    {
        SubjectKind.JOB: Permission.READ,
        SubjectKind.REQUEST: Permission.REQUESTS,
        SubjectKind.GRANT: Permission.REQUESTS,
        SubjectKind.QUEUE: Permission.READ,
        SubjectKind.FINDING: Permission.READ,
    }
)
"""What can be followed, and what that needs."""


@dataclass(frozen=True, slots=True)
class StreamBegin:
    """From here on nothing is missing: whoever lists now, and follows from there, has all.

    Attributes:
        number: up to which nothing is told.
    """

    number: int


@dataclass(frozen=True, slots=True)
class StreamReset:
    """What came before may be missing: whoever follows reads anew, and goes on from here.

    Attributes:
        number: up to which nothing is told.
        why: in a sentence.
    """

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class JobTold:
    """A job as it is since a change.

    Attributes:
        at: of the change, milliseconds since the epoch.
        now: its row of the listing; None where it is gone.
    """

    id: str
    change: ChangeKind
    at: int
    now: JobRow | None


@dataclass(frozen=True, slots=True)
class RequestTold:
    """A request as it is since a change; see `JobTold`. What is not to be seen any more is gone, too."""

    id: str
    change: ChangeKind
    at: int
    now: GrantRequest | None


@dataclass(frozen=True, slots=True)
class GrantTold:
    """A grant as it is since a change; see `RequestTold`."""

    id: str
    change: ChangeKind
    at: int
    now: TeamGrant | None


@dataclass(frozen=True, slots=True)
class DocumentTold:
    """What was worked out of clusters, as it is since a change; see `JobTold`.

    Attributes:
        now: JSON.
    """

    id: str
    change: ChangeKind
    at: int
    now: Any


TELLS: Final[Mapping[SubjectKind, type[JobTold | RequestTold | GrantTold | DocumentTold]]] = MappingProxyType(
    {
        SubjectKind.JOB: JobTold,
        SubjectKind.REQUEST: RequestTold,
        SubjectKind.GRANT: GrantTold,
        SubjectKind.QUEUE: DocumentTold,
        SubjectKind.FINDING: DocumentTold,
    }
)
"""What is told of each kind."""
ToldSubject = JobTold | RequestTold | GrantTold | DocumentTold


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """One event of a stream.

    Attributes:
        number: of its change; whoever comes back with it goes on after it.
        kind: of what it tells; None of a beginning and a reset.
    """

    number: int
    kind: SubjectKind | None
    told: StreamBegin | StreamReset | ToldSubject


class EventService(Protocol):
    """Everything may raise `UnreachableError`, `NotSignedInError` and `ForbiddenError`."""

    def events(
        self, kinds: frozenset[SubjectKind], *, team: str = "", after: int | None = None
    ) -> Iterator[ToldEvent | None]:
        """What changes, as long as it is read; a stream that is cut is gone on with by itself.

        It begins with `StreamBegin`, or `StreamReset`. None comes where nothing did for a while.

        Args:
            kinds: which subjects; at least one.
            team: the only one whose subjects are meant; empty for all that the caller sees.
            after: the number to go on after; None to begin now.

        Raises:
            UsageError: nothing of that can be followed.
        """
        ...
