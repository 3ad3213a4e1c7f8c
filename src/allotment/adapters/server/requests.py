"""Requests and grants of a server elsewhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from allotment.adapters.server.asking import AskedOverHttp
from allotment.model.requests.balance import TeamBalance
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct
from allotment.ports.job_service import words_of
from allotment.ports.request_service import LISTED, AskedMove, AskedRequest, GrantsPage, RequestsPage, ToldRequest
from allotment.ports.requests import RequestFilter, RequestMark


class RequestsThere(AskedOverHttp):
    """`ports.request_service.RequestService`, over HTTP."""

    def ask(self, asked: AskedRequest) -> GrantRequest:
        """Submit a request."""
        return self._told("POST", "/api/v1/requests", "request", GrantRequest, "asked", asked)

    def preview(self, asked: AskedRequest) -> ToldRequest:
        """What would become of a request; nothing is kept."""
        return self._told("POST", "/api/v1/request-previews", "told", ToldRequest, "asked", asked)

    def requests(self, wanted: RequestFilter, *, after: RequestMark | None = None, limit: int = LISTED) -> RequestsPage:
        """Those that are meant, newest first."""
        query: dict[str, Any] = {
            "team": wanted.team,
            "state": words_of(wanted.states),
            "requester": wanted.requester,
            "route": wanted.route,
            "limit": limit,
        }
        if after is not None:
            query |= {"after_id": after.id, "after_at": after.at}
        return self._ask("GET", f"/api/v1/requests?{urlencode(query)}", "page", RequestsPage)

    def request(self, request_id: str) -> ToldRequest:
        """One by its id."""
        return self._ask("GET", _request(request_id), "told", ToldRequest)

    def move(self, request_id: str, move: AskedMove) -> GrantRequest:
        """Decide on one, accept an offer, or withdraw."""
        own = move.act in {RequestAct.ACCEPT, RequestAct.WITHDRAW}
        path = f"{_request(request_id)}/{'answer' if own else 'decision'}"
        return self._told("POST", path, "request", GrantRequest, "move", move)

    def grants(
        self, states: frozenset[GrantState] = frozenset(), *, after: str = "", limit: int = LISTED
    ) -> GrantsPage:
        """Those that the caller may see, by id."""
        query = urlencode({"state": words_of(states), "limit": limit, "after_id": after})
        return self._ask("GET", f"/api/v1/grants?{query}", "page", GrantsPage)

    def grant(self, grant_id: str) -> TeamGrant:
        """One by its id."""
        return self._ask("GET", f"/api/v1/grants/{quote(grant_id, safe='')}", "grant", TeamGrant)

    def balances(self) -> tuple[TeamBalance, ...]:
        """How far teams are with their month."""
        return self._ask("GET", "/api/v1/balances", "balances", tuple[TeamBalance, ...])

    def end_grant(self, grant_id: str, reason: str, *, read: int | None = None) -> TeamGrant:
        """Take one back before its time."""
        path = f"/api/v1/grants/{quote(grant_id, safe='')}/end"
        return self._told("POST", path, "grant", TeamGrant, "end", {"reason": reason}, read=read)

    def settle(self, grant_id: str, *, restore: bool, read: int | None = None) -> TeamGrant:
        """Decide a conflict."""
        path = f"/api/v1/grants/{quote(grant_id, safe='')}/settling"
        return self._told("POST", path, "grant", TeamGrant, "settling", {"restore": restore}, read=read)


def _request(request_id: str) -> str:
    return f"/api/v1/requests/{quote(request_id.removeprefix('request/'), safe='')}"
