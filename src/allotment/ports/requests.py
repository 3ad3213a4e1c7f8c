"""Requests and grants as a store keeps them: beside the audit trail, and so in the transaction of its entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from allotment.errors import ConflictError, OutdatedError
from allotment.model.audit.act import AuditedAct
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState

MOST_REQUESTS: Final = 1000
"""Requests of one page."""


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests are meant; what is empty does not matter.

    Attributes:
        states: any of them.
        requester: user name.
        route: that decides now.
        within: of these teams alone; None for all.
        platform: name of it; those of before names were kept are anybody's.
    """

    team: str = ""
    states: frozenset[RequestState] = frozenset()
    requester: str = ""
    route: str = ""
    within: frozenset[str] | None = None
    platform: str = ""


@dataclass(frozen=True, slots=True)
class RequestMark:
    """The last request of a page: the next one begins after it.

    Attributes:
        at: milliseconds since the epoch: when it was submitted, or is due where they come in that order.
    """

    at: int
    id: str


class StaleRequestError(ConflictError):
    """A move was decided on a request, or a grant, that has changed since."""

    def __init__(self, what: str, decided_on: int, present: int) -> None:
        super().__init__(
            f"{what} has changed meanwhile",
            why=f"revision {decided_on} was looked at, and it is at {present}",
            fix="read it again, and decide anew",
        )


def check_read(what: str, id_: str, revision: int, read: int | None) -> None:
    """See that a request, or a grant, is as somebody has read it.

    Args:
        what: ``request`` or ``grant``.
        id_: of it.
        revision: that it is at.
        read: revision that he has seen; None for whichever it is at.

    Raises:
        OutdatedError: it has changed since.
    """
    if read is not None and read != revision:
        raise OutdatedError(
            f"{what} {id_} has changed since you read it",
            why=f"you read revision {read}, and it is at {revision}",
            fix=f"read it again: `allot {f'request show {id_}' if what == 'request' else 'grant list'}`",
        )


class RequestsReader(Protocol):
    """What can be asked. Everything may raise `StoreError` and `UnreachableError`."""

    def request(self, request_id: str) -> GrantRequest:
        """One by its id.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def requests(
        self, wanted: RequestFilter, limit: int = MOST_REQUESTS, *, after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """Those that are meant, newest first; so many at most, from those after a mark on."""
        ...

    def due_requests(
        self, until: int, limit: int = MOST_REQUESTS, *, platform: str = "", after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """Those that are not over and due at a moment, longest due first; as `requests` besides."""
        ...

    def grant(self, grant_id: str) -> TeamGrant:
        """One by its id.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def grants(
        self,
        states: frozenset[GrantState] = frozenset(),
        *,
        within: frozenset[str] | None = None,
        platform: str = "",
        after: str = "",
        limit: int | None = None,
    ) -> tuple[TeamGrant, ...]:
        """Those that stand so, by id; all where no state is named.

        Args:
            states: any of them.
            within: of these teams alone; None for all.
            platform: as of `RequestFilter`.
            after: those after this id alone.
            limit: so many at most; None for no bound.
        """
        ...


class RequestsStore(RequestsReader, Protocol):
    """What the one process that writes may do besides. What is kept in one call is kept whole or not at all.

    A request or grant of revision 1 is new; one of a later revision takes the place of the revision before.
    """

    def keep_requests(
        self, requests: Sequence[GrantRequest], grants: Sequence[TeamGrant] = (), audited: Sequence[AuditedAct] = ()
    ) -> None:
        """Keep requests and grants as they are now.

        Raises:
            ConflictError: an id is taken.
            StaleRequestError: one has changed since it was looked at.
            InputError: one cannot be kept as it is.
        """
        ...
