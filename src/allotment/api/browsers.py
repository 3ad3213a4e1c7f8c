"""Routes by which somebody comes in with a browser."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Request, Response

from allotment.api.bodies import STRANGERS_BODY_IN, text_within, value_answer
from allotment.api.browser_session import attempt_of, called, forgotten, kept_attempt, kept_session, origin_of
from allotment.api.contract import JsonValue, Media
from allotment.api.problems import type_of
from allotment.api.routes import Routes
from allotment.api.visits import Asked, Browser
from allotment.errors import AllotmentError
from allotment.model.access.permission import Permission
from allotment.model.jobs.written import SENT, read_value
from allotment.ports.access_service import ToldToken, told

SIGN_IN: Final = "/sign-in"
CALLBACK: Final = "/sign-in/callback"
"""Where the identity provider sends browsers back."""
_MOST_ASKED: Final = 4 << 10
_SEE_OTHER: Final = 303
_SIGNING_IN: Final = 8
"""Sign-ins at once, a thread each: while the identity provider hangs, only who signs in waits for it."""
_HTML: Final = "text/html; charset=utf-8"
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Not signed in · Allotment</title>
<h1>{what}</h1>
<p>{why}</p>
<p>{fix}</p>
<p><a href="{again}">Sign in again</a></p>
</html>
"""


@dataclass(frozen=True, slots=True)
class BrowserEntry:
    """By what somebody comes in who has opened the browser on the server's machine."""

    code: str


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session of a browser.

    Attributes:
        key: half of what it shows; the page keeps it, and sends it as ``X-Allotment-Page``. The other half is a cookie.
    """

    session: ToldToken
    key: str


_ENTRY: Final = JsonValue("entry", BrowserEntry)
_SESSION: Final = JsonValue("session", BrowserSession)


def add_browser_routes(routes: Routes) -> None:
    """Codes, sessions, and the way to the identity provider and back."""
    signing = CapacityLimiter(_SIGNING_IN)

    @routes.add("POST", "/api/v1/browser-codes", Permission.TOKENS, gives=JsonValue("code", str))
    def code(asked: Asked) -> Response:
        return value_answer("code", asked.access.browser_code())

    @routes.browser("POST", "/api/v1/browser-session", takes=_ENTRY, gives=_SESSION)
    async def enter(request: Request, browser: Browser, entry: Annotated[BrowserEntry, Depends(_entry)]) -> Response:
        session = await to_thread.run_sync(browser.entrance.enter, entry.code, browser.address, limiter=signing)
        cookie, key = kept_session(request, session.text)
        answer = value_answer("session", BrowserSession(told(session.token), key))
        answer.headers.append("Set-Cookie", cookie)
        return answer

    @routes.browser("GET", SIGN_IN, gives=Media("text/html"))
    async def leave(request: Request, browser: Browser) -> Response:
        redirect = f"{origin_of(request)}{CALLBACK}"
        try:
            begun = partial(browser.entrance.begin, redirect, called(request))
            there, kept = await to_thread.run_sync(begun, limiter=signing)
        except AllotmentError as error:
            return _told(error)
        return Response(status_code=_SEE_OTHER, headers={"Location": there, "Set-Cookie": kept_attempt(request, kept)})

    @routes.browser("GET", CALLBACK, gives=Media("text/html"))
    async def back(request: Request, browser: Browser) -> Response:
        redirect, query = f"{origin_of(request)}{CALLBACK}", request.scope["query_string"].decode("latin-1")
        finished = partial(
            browser.entrance.finish, query, attempt_of(request), redirect, called(request), browser.address
        )
        try:
            session = await to_thread.run_sync(finished, limiter=signing)
        except AllotmentError as error:
            return _forgetting(request, _told(error))
        cookie, key = kept_session(request, session.text)
        # What stands after the # goes to no server and into no log; the page takes it out of the address.
        answer = _forgetting(request, Response(status_code=_SEE_OTHER, headers={"Location": f"/#key={key}"}))
        answer.headers.append("Set-Cookie", cookie)
        return answer


def _told(error: AllotmentError) -> Response:
    words = {name: html.escape(text) for name, text in (("what", error.what), ("why", error.why), ("fix", error.fix))}
    return Response(_PAGE.format(**words, again=SIGN_IN), type_of(error).status, media_type=_HTML)


def _forgetting(request: Request, answer: Response) -> Response:
    for each in forgotten(request):
        answer.headers.append("Set-Cookie", each)
    return answer


async def _entry(request: Request) -> BrowserEntry:
    text = await text_within(request, "code", _MOST_ASKED, "send the code alone", STRANGERS_BODY_IN)
    return read_value("entry", BrowserEntry, text, SENT)
