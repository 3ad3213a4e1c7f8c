"""Requests and grants of one platform: a store may hold those of several, of which this server knows nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from allotment.errors import NotFoundError, quoted
from allotment.model.access.person import Person
from allotment.model.audit.act import AuditedAct
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.operations.decide.room import DecisionStore
from allotment.ports.requests import MOST_REQUESTS, RequestFilter, RequestMark
from allotment.ports.store import JobFilter, JobsPage, PageMark


class PlatformRequests:
    """A store as one platform has it; see `RequestsStore`."""

    def __init__(self, store: DecisionStore, platform: Callable[[], str]) -> None:
        """Of a platform.

        Args:
            store: that may hold others' as well.
            platform: name of it.
        """
        self._store = store
        self._platform = platform

    def request(self, request_id: str) -> GrantRequest:
        """One by its id."""
        found = self._store.request(request_id)
        self._check_ours("request", found)
        return found

    def requests(
        self, wanted: RequestFilter, limit: int = MOST_REQUESTS, *, after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """Those that are meant, newest first."""
        return self._store.requests(replace(wanted, platform=self._platform()), limit, after=after)

    def due_requests(
        self, until: int, limit: int = MOST_REQUESTS, *, platform: str = "", after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """Those that are due, longest due first."""
        return self._store.due_requests(until, limit, platform=platform or self._platform(), after=after)

    def grant(self, grant_id: str) -> TeamGrant:
        """One by its id."""
        found = self._store.grant(grant_id)
        self._check_ours("grant", found)
        return found

    def grants(
        self,
        states: frozenset[GrantState] = frozenset(),
        *,
        within: frozenset[str] | None = None,
        platform: str = "",
        after: str = "",
        limit: int | None = None,
    ) -> tuple[TeamGrant, ...]:
        """Those that stand so, by id."""
        named = platform or self._platform()
        return self._store.grants(states, within=within, platform=named, after=after, limit=limit)

    def keep_requests(
        self, requests: Sequence[GrantRequest], grants: Sequence[TeamGrant] = (), audited: Sequence[AuditedAct] = ()
    ) -> None:
        """Keep them as this platform's."""
        name = self._platform()
        self._store.keep_requests(
            [replace(each, platform=name) for each in requests],
            [replace(each, platform=name) for each in grants],
            audited,
        )

    def people(self) -> tuple[Person, ...]:
        """Everybody: people are the server's."""
        return self._store.people()

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first: they are the server's."""
        return self._store.page(wanted, after=after, limit=limit)

    def _check_ours(self, what: str, found: GrantRequest | TeamGrant) -> None:
        if found.platform not in ("", self._platform()):
            raise NotFoundError(f"there is no {what} {quoted(found.id)}", fix="`allot requests` lists them")
