"""How a browser keeps a session: one half as a cookie, which no script reads, the other by the page, in a header.

The cookie alone is worth nothing, so that neither a page of another site nor another user's server on the same host,
to which browsers send it as well, can act with it.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from allotment.errors import ForbiddenError
from allotment.model.access.person import SESSION_HOURS
from allotment.model.access.token import halves_of
from allotment.model.hosts import host_of

PAGE_KEY: Final = "x-allotment-page"
"""Header with the half that the page keeps."""
_ATTEMPT: Final = 15 * 60
"""Seconds that a browser keeps a sign-in that it has begun."""


def browser_token(request: Request) -> str:
    """The token that a browser shows; empty where it shows none.

    Raises:
        ForbiddenError: it would change something, and does not say which page asks.
    """
    cookie, key = request.cookies.get(_name(request), ""), request.headers.get(PAGE_KEY, "")
    if not cookie or not key:
        return ""
    # Whose page it is that says so was seen before (`hardening`).
    if request.method not in {"GET", "HEAD"} and "origin" not in request.headers:
        raise ForbiddenError("a browser has to say which page asks", why="it sent no Origin", fix="use another browser")
    return cookie + key


def kept_session(request: Request, text: str) -> tuple[str, str]:
    """How a browser is given a session.

    Args:
        request: of the browser.
        text: the session's.

    Returns:
        What is set as a cookie, and the half that the page keeps.
    """
    cookie, key = halves_of(text)
    return _cookie(request, _name(request), cookie, SESSION_HOURS * 3600), key


def kept_attempt(request: Request, kept: str) -> str:
    """What is set as a cookie of a sign-in that has begun; the page that is back brings it along."""
    return _cookie(request, _attempt_name(request), kept, _ATTEMPT)


def attempt_of(request: Request) -> str:
    """What the browser has kept of a sign-in; empty for nothing."""
    return request.cookies.get(_attempt_name(request), "")


def forgotten(request: Request) -> list[str]:
    """What is set so that a browser keeps nothing any more."""
    names = (_name(request), _attempt_name(request))
    return [_cookie(request, each, "", 0) for each in names if each in request.cookies]


def origin_of(request: Request) -> str:
    """Of this server, as the browser calls it."""
    return f"{_scheme(request)}://{request.headers['host'].lower()}"


def called(request: Request) -> str:
    """The name by which the browser calls this server."""
    return host_of(request.headers["host"].encode("latin-1"))


def _scheme(request: Request) -> str:
    return str(request.scope.get("scheme", "http"))


def _name(request: Request) -> str:
    # Cookies of a host are those of all its ports: several servers of one machine would take each other's.
    port = request.headers.get("host", "").rpartition(":")[2]
    port = port if port.isdigit() else "0"
    return f"{'__Host-' if _scheme(request) == 'https' else ''}allotment-{port}"


def _attempt_name(request: Request) -> str:
    return f"{_name(request)}-attempt"


def _cookie(request: Request, name: str, value: str, seconds: int) -> str:
    secure = "; Secure" if _scheme(request) == "https" else ""
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"
