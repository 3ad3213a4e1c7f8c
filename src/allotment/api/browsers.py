"""Routes by which somebody comes in with a browser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Response

from allotment.api.bodies import STRANGERS_BODY_IN, text_within, value_answer
from allotment.api.browser_session import attempt_of, called, forgotten, kept_attempt, kept_session, origin_of
from allotment.api.contract import JsonValue
from allotment.api.routes import Routes
from allotment.api.visits import Asked, Browser
from allotment.errors import UsageError
from allotment.model.access.permission import Permission
from allotment.model.jobs.written import SENT, read_value
from allotment.operations.access.browsing import BackFromProvider
from allotment.ports.access_service import ToldToken, told

CALLBACK: Final = "/sign-in/callback"
"""Where the identity provider sends browsers back: a page, which brings what stands in its address."""
_MOST_ASKED: Final = 16 << 10
_SIGNING_IN: Final = 8
"""Sign-ins at once, a thread each: while the identity provider hangs, only who signs in waits for it."""


@dataclass(frozen=True, slots=True)
class BrowserLeave:
    """A browser that goes to the identity provider.

    Attributes:
        bound: SHA-256, in hexadecimal digits, of the secret that the page keeps until it is back.
    """

    bound: str


@dataclass(frozen=True, slots=True)
class BrowserEntry:
    """By what somebody comes in.

    Attributes:
        code: of `allot open`; empty where he comes from the identity provider.
        query: of the address to which that has sent the browser, as it came.
        secret: of which `BrowserLeave.bound` was told.
    """

    code: str = ""
    query: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session of a browser.

    Attributes:
        key: half of what it shows; the page keeps it, and sends it as ``X-Allotment-Page``. The other half is a cookie.
    """

    session: ToldToken
    key: str


_ENTRY: Final = JsonValue("entry", BrowserEntry)
_LEAVE: Final = JsonValue("leave", BrowserLeave)
_SESSION: Final = JsonValue("session", BrowserSession)


def add_browser_routes(routes: Routes) -> None:
    """Codes, sessions, and the way to the identity provider and back."""
    # Whoever leaves waits for none of those who come back, for whom the provider is asked.
    leaving_now, signing = CapacityLimiter(_SIGNING_IN), CapacityLimiter(_SIGNING_IN)

    @routes.add("POST", "/api/v1/browser-codes", Permission.TOKENS, gives=JsonValue("code", str))
    def code(asked: Asked) -> Response:
        return value_answer("code", asked.access.browser_code())

    @routes.browser("POST", "/api/v1/browser-sign-in", takes=_LEAVE, gives=JsonValue("address", str))
    async def leave(request: Request, browser: Browser, leaving: Annotated[BrowserLeave, Depends(_leave)]) -> Response:
        begun = partial(browser.entrance.begin, _redirect(request), called(request), leaving.bound)
        address, kept = await to_thread.run_sync(begun, limiter=leaving_now)
        answer = value_answer("address", address)
        answer.headers.append("Set-Cookie", kept_attempt(request, kept))
        return answer

    @routes.browser("POST", "/api/v1/browser-session", takes=_ENTRY, gives=_SESSION)
    async def enter(request: Request, browser: Browser, entry: Annotated[BrowserEntry, Depends(_entry)]) -> Response:
        if bool(entry.code) == bool(entry.query):
            raise UsageError("somebody comes in by a code, or from the identity provider", fix="send one of the two")
        if entry.code:
            entering = partial(browser.enter, entry.code)
        else:
            back = BackFromProvider(entry.query, attempt_of(request), entry.secret, _redirect(request))
            entering = partial(browser.entrance.finish, back, called(request), browser.address)
        session = await to_thread.run_sync(entering, limiter=signing)
        cookie, key = kept_session(request, session.text)
        answer = value_answer("session", BrowserSession(told(session.token), key))
        for each in (*forgotten(request), cookie):
            answer.headers.append("Set-Cookie", each)
        return answer


def _redirect(request: Request) -> str:
    return f"{origin_of(request)}{CALLBACK}"


async def _leave(request: Request) -> BrowserLeave:
    text = await text_within(request, "sign-in", _MOST_ASKED, "send the digest alone", STRANGERS_BODY_IN)
    return read_value("leave", BrowserLeave, text, SENT)


async def _entry(request: Request) -> BrowserEntry:
    text = await text_within(request, "code", _MOST_ASKED, "send the code alone", STRANGERS_BODY_IN)
    return read_value("entry", BrowserEntry, text, SENT)
