"""Routes of who gets in, and of what the server was declared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final, TypeVar

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Response

from allotment.api.bodies import JSON, STRANGERS_BODY_IN, text_within, value_answer
from allotment.api.browser_session import forgotten
from allotment.api.contract import JsonValue, Media
from allotment.api.routes import Routes
from allotment.api.sparse import PageLimit, list_answer
from allotment.api.visits import Asked, Change, Comer, Visit, anew, told_once
from allotment.model.access.permission import Permission
from allotment.model.jobs.written import SENT, read_value
from allotment.ports.access_service import PeoplePage, TokenReceipt, TokensPage, ToldPerson, ToldToken, Visitor
from allotment.ports.request_service import LISTED, MOST_LISTED_AT_ONCE
from allotment.ports.sign_in import SignInOffer

_NOTHING: Final = 204
_MOST_ASKED: Final = 64 << 10
"""Bytes of what is said of a token that is to be made."""
_SIGNING_IN: Final = 8
"""Sign-ins at once, a thread each: while the identity provider hangs, only who signs in waits for it."""
_FILES: Final = Media(JSON, {"type": "object", "additionalProperties": {"type": "string"}})
T = TypeVar("T", ToldToken, ToldPerson)
_GIVEN: Final = JsonValue("given", TokenReceipt)
_PERSON: Final = JsonValue("person", ToldPerson)
_TOKEN: Final = JsonValue("token", ToldToken)


@dataclass(frozen=True, slots=True)
class AskedToken:
    """A token that somebody asks for; see `AccessService.make_token`."""

    name: str
    permissions: tuple[str, ...]
    lasts: int
    team: str = ""


@dataclass(frozen=True, slots=True)
class AskedSignIn:
    """What somebody brings from his identity provider; see `SignIns.enter`."""

    token: str
    nonce: str
    host: str
    elsewhere: bool = False


def add_access_routes(routes: Routes) -> None:
    """Who asks; what is declared; tokens, which are made and taken back."""

    @routes.known("GET", "/api/v1/whoami", gives=JsonValue("visitor", Visitor))
    def whoami(asked: Asked) -> Response:
        return value_answer("visitor", asked.access.whoami())

    @routes.add(
        "GET",
        "/api/v1/platform",
        Permission.READ,
        gives=_FILES,
    )
    def declared(asked: Asked) -> Response:
        return Response(msgspec.json.encode(dict(asked.jobs.declared())), media_type=JSON)

    @routes.add("GET", "/api/v1/tokens", Permission.OWN_TOKENS, gives=JsonValue("page", TokensPage), sparse=True)
    def tokens(asked: Asked, limit: PageLimit = LISTED, after_id: str = "", fields: str = "") -> Response:
        return list_answer(TokensPage(*_page(asked.access.tokens(), limit, after_id)), ToldToken, fields)

    @routes.add("GET", "/api/v1/tokens/{reference}", Permission.OWN_TOKENS, gives=_TOKEN)
    def token(asked: Asked, reference: str) -> Response:
        return value_answer("token", asked.access.token(reference))

    @routes.add(
        "POST",
        "/api/v1/tokens",
        Permission.OWN_TOKENS,
        takes=JsonValue("wanted", AskedToken),
        gives=_GIVEN,
        change=Change(_taken_back, told_once),
    )
    def make(asked: Asked, wanted: Annotated[AskedToken, Depends(_wanted)]) -> Response:
        return value_answer(
            "given", asked.access.make_token(wanted.name, wanted.permissions, wanted.lasts, wanted.team)
        )

    @routes.add(
        "DELETE",
        "/api/v1/tokens/{reference}",
        Permission.OWN_TOKENS,
        gives=_TOKEN,
        change=Change(
            lambda visit, subject: value_answer("token", visit.access.token(subject.removeprefix("token/"))),
            conditional=True,
        ),
    )
    def revoke(asked: Asked, reference: str) -> Response:
        read = asked.condition.state(lambda: asked.access.token(reference))
        return value_answer("token", asked.access.revoke_token(reference, read=read))

    @routes.add("DELETE", "/api/v1/session", Permission.OWN_TOKENS, change=Change(anew))
    def sign_out(request: Request, asked: Asked) -> Response:
        asked.access.end_session()
        answer = Response(status_code=_NOTHING)
        for each in forgotten(request):
            answer.headers.append("Set-Cookie", each)
        return answer

    _people_routes(routes)


def _people_routes(routes: Routes) -> None:
    @routes.add("GET", "/api/v1/people", Permission.PEOPLE, gives=JsonValue("page", PeoplePage), sparse=True)
    def people(asked: Asked, limit: PageLimit = LISTED, after_id: str = "", fields: str = "") -> Response:
        return list_answer(PeoplePage(*_page(asked.access.people(), limit, after_id)), ToldPerson, fields)

    @routes.add("GET", "/api/v1/people/{reference}", Permission.PEOPLE, gives=_PERSON)
    def person(asked: Asked, reference: str) -> Response:
        return value_answer("person", asked.access.person(reference))

    def told(visit: Visit, subject: str) -> Response:
        return value_answer("person", visit.access.person(subject.removeprefix("person/")))

    changing = partial(
        routes.add, "POST", needs=Permission.PEOPLE, gives=_PERSON, change=Change(told, conditional=True)
    )

    @changing("/api/v1/people/{reference}/shut-out")
    def shut_out(asked: Asked, reference: str) -> Response:
        read = asked.condition.state(lambda: asked.access.person(reference))
        return value_answer("person", asked.access.shut_out(reference, out=True, read=read))

    @changing("/api/v1/people/{reference}/let-in")
    def let_in(asked: Asked, reference: str) -> Response:
        read = asked.condition.state(lambda: asked.access.person(reference))
        return value_answer("person", asked.access.shut_out(reference, out=False, read=read))


def _taken_back(visit: Visit, subject: str) -> None:
    """Nobody was told the secret of a token: it is worth nothing, and another is made."""
    visit.access.revoke_token(subject.removeprefix("token/"))


def _page(found: Sequence[T], limit: int, after_id: str) -> tuple[tuple[T, ...], str]:
    """Those after an id, and the id after which more come; neither tokens nor people are ever removed."""
    start = next((number for number, each in enumerate(found, 1) if each.id == after_id), 0) if after_id else 0
    rows = tuple(found[start : start + min(max(1, limit), MOST_LISTED_AT_ONCE)])
    return rows, rows[-1].id if found[start + len(rows) :] else ""


def add_sign_in_routes(routes: Routes) -> None:
    """How somebody gets in whom nobody knows yet."""
    signing = CapacityLimiter(_SIGNING_IN)

    @routes.open("GET", "/api/v1/sign-in", gives=JsonValue("offer", SignInOffer))
    def offer(stranger: Comer) -> Response:
        return value_answer("offer", stranger.sign_ins.offer())

    @routes.open("POST", "/api/v1/sign-in", takes=JsonValue("brought", AskedSignIn), gives=_GIVEN)
    async def enter(stranger: Comer, brought: Annotated[AskedSignIn, Depends(_brought)]) -> Response:
        session = await to_thread.run_sync(
            partial(stranger.enter, brought.token, brought.nonce, brought.host, elsewhere=brought.elsewhere),
            limiter=signing,
        )
        return await to_thread.run_sync(value_answer, "given", session, limiter=signing)


async def _brought(request: Request) -> AskedSignIn:
    fix = "have the identity provider tell of fewer groups"
    text = await text_within(request, "sign-in", _MOST_ASKED, fix, STRANGERS_BODY_IN)
    return read_value("brought", AskedSignIn, text, SENT)


async def _wanted(request: Request) -> AskedToken:
    text = await text_within(request, "word about a token", _MOST_ASKED, "say less")
    return read_value("wanted", AskedToken, text, SENT)
