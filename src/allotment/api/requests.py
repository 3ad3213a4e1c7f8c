"""Routes of requests and grants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Query, Request, Response

from allotment.api.bodies import text_within, value_answer
from allotment.api.contract import MOST_NUMBER, JsonValue
from allotment.api.entity_tags import IF_MATCH
from allotment.api.routes import Routes
from allotment.api.simulating import SimulatedCall, SimulationPlaces
from allotment.api.sparse import PageLimit, list_answer
from allotment.api.visits import Asked, Change, Visit
from allotment.errors import UsageError
from allotment.model.access.permission import Permission
from allotment.model.jobs.written import SENT, read_value
from allotment.model.requests.balance import TeamBalance
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.ports.request_service import (
    LISTED,
    AskedMove,
    AskedRequest,
    GrantsPage,
    RequestsPage,
    ToldRequest,
)
from allotment.ports.requests import RequestFilter, RequestMark

_MOST_ASKED: Final = 64 << 10
"""Bytes of a request."""
_Moment = Annotated[int, Query(ge=0, le=MOST_NUMBER)]
S = TypeVar("S", RequestState, GrantState)
_ASKED: Final = JsonValue("asked", AskedRequest)
_MOVE: Final = JsonValue("move", AskedMove)
_REQUEST: Final = JsonValue("request", GrantRequest)
_TOLD: Final = JsonValue("told", ToldRequest)
_GRANT: Final = JsonValue("grant", TeamGrant)
_DECIDING: Final = frozenset({RequestAct.APPROVE, RequestAct.COUNTER, RequestAct.DENY})
_ANSWERING: Final = frozenset({RequestAct.ACCEPT, RequestAct.WITHDRAW})


@dataclass(frozen=True, slots=True)
class AskedEnd:
    """Why a grant is to end."""

    reason: str


@dataclass(frozen=True, slots=True)
class AskedSettling:
    """How a conflict is decided."""

    restore: bool


_SETTLING: Final = JsonValue("settling", AskedSettling)


def add_request_routes(routes: Routes) -> None:
    """What is asked for, decided and granted."""
    places = SimulationPlaces()
    _asking_routes(routes, places)
    _deciding_routes(routes, places)
    _grant_routes(routes)


def _asking_routes(routes: Routes, places: SimulationPlaces) -> None:
    @routes.add("GET", "/api/v1/requests", Permission.REQUESTS, gives=JsonValue("page", RequestsPage), sparse=True)
    def listed(
        asked: Asked,
        wanted: Annotated[RequestFilter, Depends(_filter)],
        limit: PageLimit = LISTED,
        after_id: str = "",
        after_at: _Moment = 0,
        fields: str = "",
    ) -> Response:
        after = RequestMark(after_at, after_id) if after_id else None
        return list_answer(asked.requests.requests(wanted, after=after, limit=limit), GrantRequest, fields)

    @routes.add("POST", "/api/v1/requests", Permission.ASK, takes=_ASKED, gives=_REQUEST, change=Change(_as_it_is))
    async def ask(request: Request, asked: Asked, wanted: Annotated[AskedRequest, Depends(_request)]) -> Response:
        def answer() -> Response:
            return value_answer("request", asked.requests.ask(wanted))

        return await places.simulating(request, SimulatedCall.ASK, asked.admitted.counts_as, answer)

    @routes.add("POST", "/api/v1/request-previews", Permission.ASK, takes=_ASKED, gives=_TOLD, change=Change(None))
    async def preview(request: Request, asked: Asked, wanted: Annotated[AskedRequest, Depends(_request)]) -> Response:
        def answer() -> Response:
            return value_answer("told", asked.requests.preview(wanted))

        return await places.simulating(request, SimulatedCall.LOOK, asked.admitted.counts_as, answer)

    @routes.add("GET", "/api/v1/requests/{reference}", Permission.REQUESTS, gives=_TOLD)
    async def show(request: Request, asked: Asked, reference: str) -> Response:
        def answer() -> Response:
            return value_answer("told", asked.requests.request(reference))

        kind = SimulatedCall.DECIDE if Permission.DECIDE in asked.admitted.rights.all else SimulatedCall.LOOK
        return await places.simulating(request, kind, asked.admitted.counts_as, answer)


def _deciding_routes(routes: Routes, places: SimulationPlaces) -> None:
    async def moved(request: Request, asked: Visit, reference: str, move: AskedMove) -> Response:
        def answer() -> Response:
            read = asked.condition.number(lambda: asked.requests.request(reference))
            if read is not None and move.revision is not None:
                raise UsageError(f"the revision is named twice, by {IF_MATCH} as well", fix="name it once")
            wanted = move if read is None else replace(move, revision=read)
            return value_answer("request", asked.requests.move(reference, wanted))

        return await places.simulating(request, SimulatedCall.DECIDE, asked.admitted.counts_as, answer)

    moving = partial(routes.add, "POST", takes=_MOVE, gives=_REQUEST, change=Change(_as_it_is, conditional=True))

    @moving("/api/v1/requests/{reference}/decision", Permission.DECIDE)
    async def decide(
        request: Request, asked: Asked, reference: str, move: Annotated[AskedMove, Depends(_move)]
    ) -> Response:
        _check(move, _DECIDING)
        return await moved(request, asked, reference, move)

    @moving("/api/v1/requests/{reference}/answer", Permission.ASK)
    async def answer(
        request: Request, asked: Asked, reference: str, move: Annotated[AskedMove, Depends(_move)]
    ) -> Response:
        _check(move, _ANSWERING)
        return await moved(request, asked, reference, move)


def _grant_routes(routes: Routes) -> None:
    @routes.add("GET", "/api/v1/grants", Permission.REQUESTS, gives=JsonValue("page", GrantsPage), sparse=True)
    def grants(
        asked: Asked, state: str = "", limit: PageLimit = LISTED, after_id: str = "", fields: str = ""
    ) -> Response:
        states = _states(GrantState, state)
        return list_answer(asked.requests.grants(states, after=after_id, limit=limit), TeamGrant, fields)

    @routes.add("GET", "/api/v1/grants/{reference}", Permission.REQUESTS, gives=_GRANT)
    def grant(asked: Asked, reference: str) -> Response:
        return value_answer("grant", asked.requests.grant(reference))

    @routes.add("GET", "/api/v1/balances", Permission.REQUESTS, gives=JsonValue("balances", tuple[TeamBalance, ...]))
    def balances(asked: Asked) -> Response:
        return value_answer("balances", asked.requests.balances())

    changing = partial(routes.add, "POST", gives=_GRANT, change=Change(_grant_as_it_is, conditional=True))

    @changing("/api/v1/grants/{reference}/end", Permission.ASK, takes=JsonValue("end", AskedEnd))
    def end(asked: Asked, reference: str, wanted: Annotated[AskedEnd, Depends(_end)]) -> Response:
        read = asked.condition.number(lambda: asked.requests.grant(reference))
        return value_answer("grant", asked.requests.end_grant(reference, wanted.reason, read=read))

    @changing("/api/v1/grants/{reference}/settling", Permission.DECIDE, takes=JsonValue("settling", AskedSettling))
    def settle(asked: Asked, reference: str, wanted: Annotated[AskedSettling, Depends(_settling)]) -> Response:
        read = asked.condition.number(lambda: asked.requests.grant(reference))
        return value_answer("grant", asked.requests.settle(reference, restore=wanted.restore, read=read))


def _as_it_is(visit: Visit, subject: str) -> Response:
    return value_answer("request", visit.requests.request(subject.removeprefix("request/")).request)


def _grant_as_it_is(visit: Visit, subject: str) -> Response:
    return value_answer("grant", visit.requests.grant(subject.removeprefix("grant/")))


def _check(move: AskedMove, acts: frozenset[RequestAct]) -> None:
    if move.act not in acts:
        known = ", ".join(sorted(each.value for each in acts))
        raise UsageError(f"{move.act.value} is not said here", fix=f"say one of: {known}")


def _filter(team: str = "", state: str = "", requester: str = "", route: str = "") -> RequestFilter:
    return RequestFilter(team, _states(RequestState, state), requester, route)


def _states(kind: type[S], words: str) -> frozenset[S]:
    try:
        return frozenset(kind(each) for each in words.split(",") if each)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise UsageError(f"there is no such state among {words}", fix=f"name some of: {known}") from None


async def _body(request: Request) -> str:
    return await text_within(request, "word about a request", _MOST_ASKED, "say less")


def _request(body: Annotated[str, Depends(_body)]) -> AskedRequest:
    return read_value("asked", AskedRequest, body, SENT)


def _move(body: Annotated[str, Depends(_body)]) -> AskedMove:
    return read_value("move", AskedMove, body, SENT)


def _end(body: Annotated[str, Depends(_body)]) -> AskedEnd:
    return read_value("end", AskedEnd, body, SENT)


def _settling(body: Annotated[str, Depends(_body)]) -> AskedSettling:
    return read_value("settling", AskedSettling, body, SENT)
