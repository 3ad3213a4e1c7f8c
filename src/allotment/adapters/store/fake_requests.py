"""Requests and grants in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from allotment.adapters.store.fake_part import MemoryPart
from allotment.adapters.store.finding import no_request, page_size, request_taken
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.written import write_value
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.journal import ChangeKind, NotedChange, SubjectKind
from allotment.ports.requests import MOST_REQUESTS, RequestFilter, RequestMark, StaleRequestError
from allotment.ports.stored_jobs import kept_text


class MemoryRequests(MemoryPart):
    """A part of `MemoryStore`, which keeps acts."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__()
        self._requests: dict[str, GrantRequest] = {}
        self._grants: dict[str, TeamGrant] = {}

    def request(self, request_id: str) -> GrantRequest:
        """See the port."""
        if request_id not in self._requests:
            raise no_request("request", request_id)
        return self._requests[request_id]

    def requests(
        self, wanted: RequestFilter, limit: int = MOST_REQUESTS, *, after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """See the port."""
        found = [each for each in self._requests.values() if _is_wanted(each, wanted)]
        found.sort(key=lambda each: (each.created, each.id), reverse=True)
        if after is not None:
            found = [each for each in found if (each.created, each.id) < (after.at, after.id)]
        return tuple(found[: page_size(limit, MOST_REQUESTS)])

    def due_requests(
        self, until: int, limit: int = MOST_REQUESTS, *, platform: str = "", after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """See the port."""
        found = sorted(
            (each.due, each.id)
            for each in self._requests.values()
            if each.due is not None and each.due <= until and not each.state.over and _is_of(each, platform)
        )
        if after is not None:
            found = [each for each in found if each > (after.at, after.id)]
        return tuple(self._requests[id_] for _, id_ in found[: page_size(limit, MOST_REQUESTS)])

    def grant(self, grant_id: str) -> TeamGrant:
        """See the port."""
        if grant_id not in self._grants:
            raise no_request("grant", grant_id)
        return self._grants[grant_id]

    def grants(
        self,
        states: frozenset[GrantState] = frozenset(),
        *,
        within: frozenset[str] | None = None,
        platform: str = "",
        after: str = "",
        limit: int | None = None,
    ) -> tuple[TeamGrant, ...]:
        """See the port."""
        found = (
            each
            for id_, each in sorted(self._grants.items())
            if (not states or each.state in states)
            and (within is None or each.team in within)
            and _is_of(each, platform)
            and id_ > after
        )
        return tuple(islice(found, limit))

    def keep_requests(
        self, requests: Sequence[GrantRequest], grants: Sequence[TeamGrant] = (), audited: Sequence[AuditedAct] = ()
    ) -> None:
        """See the port."""
        for request in requests:
            write_value("request", request)  # what cannot be written cannot be kept
            _check_revision("request", request.id, request.revision, self._requests.get(request.id))
        for grant in grants:
            write_value("grant", grant)
            _check_revision("grant", grant.id, grant.revision, self._grants.get(grant.id))
        self._requests |= {each.id: each for each in requests}
        self._grants |= {each.id: each for each in grants}
        self.audit(audited)
        noted = [NotedChange(SubjectKind.REQUEST, each.id, each.wish.team, _of_revision(each)) for each in requests]
        noted += [NotedChange(SubjectKind.GRANT, each.id, each.team, _of_revision(each)) for each in grants]
        self.note_all(noted)


def _of_revision(what: GrantRequest | TeamGrant) -> ChangeKind:
    return ChangeKind.MADE if what.revision == 1 else ChangeKind.CHANGED


def _is_wanted(request: GrantRequest, wanted: RequestFilter) -> bool:
    return (
        kept_text(wanted.team) in ("", kept_text(request.wish.team))
        and kept_text(wanted.requester) in ("", kept_text(request.requester))
        and kept_text(wanted.route) in ("", kept_text(request.route))
        and (not wanted.states or request.state in wanted.states)
        and (wanted.within is None or request.wish.team in wanted.within)
        and _is_of(request, wanted.platform)
    )


def _is_of(what: GrantRequest | TeamGrant, platform: str) -> bool:
    return not platform or kept_text(what.platform) in ("", kept_text(platform))


def _check_revision(what: str, id_: str, revision: int, present: GrantRequest | TeamGrant | None) -> None:
    if revision == 1:
        if present is not None:
            raise request_taken(what, id_)
    elif present is None:
        raise no_request(what, id_)
    elif present.revision != revision - 1:
        raise StaleRequestError(f"{what} {id_}", revision - 1, present.revision)
