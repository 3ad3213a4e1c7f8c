"""What a request from afar has to be before anything looks at it, and what every answer says to a browser.

A page that somebody opens in a browser can send requests to an address of this machine, and by a name of its own that
leads there (DNS rebinding) even read the answers. So the server answers to its own names alone, and to no pages but
its own: what a browser says of where a request comes from (``Origin``, ``Sec-Fetch-Site``) has to be this very server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from allotment.api.problems import FROM_A_PAGE, PROBLEM, TOO_LONG, WRONG_NAME, ProblemType, problem_body
from allotment.errors import UsageError
from allotment.model.hosts import host_of

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_LONGEST_PATH: Final = 8 << 10
"""Bytes of a path with its query."""
_SAID_TO_BROWSERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_CALLS: Final = "/api/"
"""Beginning of the paths of calls."""
Headers = Sequence[tuple[bytes, bytes]]


class Hardened:
    """An application behind those checks; speaks ASGI."""

    def __init__(self, app: Any, names: Collection[str], new_id: Callable[[], str]) -> None:
        """Nothing is served yet.

        Args:
            app: that is behind it.
            names: of the server, lower case, without ports.
            new_id: makes ids of requests.
        """
        self._app = app
        self._names = frozenset(names)
        self._new_id = new_id

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: Headers = scope["headers"]
        given = [value for name, value in headers if name == b"x-request-id"]
        sound = len(given) == 1 and _REQUEST_ID.fullmatch(given[0])
        request_id = given[0] if sound else self._new_id().encode("ascii")

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                said = list(message.get("headers", ()))
                own = {name.lower() for name, _ in said}
                said += [each for each in _SAID_TO_BROWSERS if each[0] not in own]
                message = {**message, "headers": [*said, (b"x-request-id", request_id)]}
            await send(message)

        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, sent)
            return
        kind, what, fix = refusal
        body = problem_body(kind, kind.status, UsageError(what, fix=fix))
        await sent(
            {"type": "http.response.start", "status": kind.status, "headers": [(b"content-type", PROBLEM.encode())]}
        )
        await sent({"type": "http.response.body", "body": body})

    def _refusal(self, scope: Any, headers: Headers) -> tuple[ProblemType, str, str] | None:
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or host_of(hosts[0]) not in self._names:
            names = ", ".join(sorted(self._names))
            return (
                WRONG_NAME,
                "this server has another name",
                f"call it by one of its names ({names}), or start it with --hosts",
            )
        if not _is_own(scope, headers, hosts[0]):
            return FROM_A_PAGE, "this server answers no pages but its own", "use the command line, or a program"
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string", b"")) > _LONGEST_PATH:
            return TOO_LONG, f"an address of more than {_LONGEST_PATH} bytes", "ask for less at once"
        return None


def _is_own(scope: Any, headers: Headers, host: bytes) -> bool:
    """Whether no page of anybody else asks, as far as its browser says."""
    origins = [value for name, value in headers if name == b"origin"]
    own = scope.get("scheme", "http").encode() + b"://" + host.lower()
    if any(each.lower() != own for each in origins):
        return False
    said = {name: value for name, value in headers if name.startswith(b"sec-fetch-")}
    if said.get(b"sec-fetch-site", b"none") in {b"none", b"same-origin"}:
        return True
    # A link leads here, or the identity provider sends somebody back: pages are there for that, calls are not.
    goes_here = scope["method"] == "GET" and said.get(b"sec-fetch-mode") == b"navigate"
    return goes_here and not scope["path"].startswith(_CALLS)
