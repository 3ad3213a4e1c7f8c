"""What a request from afar has to be before anything looks at it, and what every answer says to a browser.

A page that somebody opens in a browser can send requests to an address of this machine, and by a name of its own that
leads there (DNS rebinding) even read the answers. So the server answers to its own names alone, and to no pages but
its own: what a browser says of where a request comes from (``Origin``, ``Sec-Fetch-Site``) has to be this very server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from allotment.api.discretion import REQUEST_ID
from allotment.api.problems import FROM_A_PAGE, PROBLEM, TOO_LONG, WRONG_NAME, ProblemType, problem_body
from allotment.api.visits import SENDER
from allotment.errors import UsageError
from allotment.model.hosts import host_of
from allotment.operations.access.proxies import ProxyNetworks, is_proxy, sender_of

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LONGEST_PATH: Final = 8 << 10
"""Bytes of a path with its query."""
_SAID_TO_BROWSERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_OF_BROWSERS: Final = frozenset({b"referer", b"sec-fetch-site", b"sec-fetch-mode"})
"""Headers by which browsers say where a request comes from."""
_CALLS: Final = "/api/"
"""Beginning of the paths of calls."""
Headers = Sequence[tuple[bytes, bytes]]


class Hardened:
    """An application behind those checks; speaks ASGI."""

    def __init__(
        self, app: Any, names: Collection[str], new_id: Callable[[], str], proxies: ProxyNetworks = ()
    ) -> None:
        """Nothing is served yet.

        Args:
            app: that is behind it.
            names: of the server, lower case, without ports.
            new_id: makes ids of requests.
            proxies: that are believed when they say who has asked, and by which name.
        """
        self._proxies = proxies
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
        scope = {**scope, "state": {**scope.get("state", {}), REQUEST_ID: request_id.decode("ascii")}}

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                said = list(message.get("headers", ()))
                own = {name.lower() for name, _ in said}
                said += [each for each in _SAID_TO_BROWSERS if each[0] not in own]
                message = {**message, "headers": [*said, (b"x-request-id", request_id)]}
            await send(message)

        # What whoever asks says of himself is no state of ours; what a proxy of ours says of him is.
        peer = scope["client"][0] if scope.get("client") else ""
        by_proxy = is_proxy(peer, self._proxies)
        if by_proxy:
            forwarded = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
            scope = {**scope, "state": {**scope["state"], SENDER: sender_of(peer, forwarded, self._proxies)}}
            scope = _as_the_proxy_was_asked(scope)
        refusal = self._refusal(scope, scope["headers"])
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


def _as_the_proxy_was_asked(scope: Any) -> Any:
    """The request as it came to a proxy of ours: by the name and in the way that it says."""
    headers: Headers = scope["headers"]
    named = [value for name, value in headers if name == b"x-forwarded-host"]
    if named:
        kept = [each for each in headers if each[0] != b"host"]
        headers = [*kept, *((b"host", each) for each in named)]
    ways = [value.lower() for name, value in headers if name == b"x-forwarded-proto"]
    way = ways[0].decode("ascii") if len(ways) == 1 and ways[0] in {b"http", b"https"} else scope.get("scheme", "http")
    return {**scope, "headers": headers, "scheme": way}


def _is_own(scope: Any, headers: Headers, host: bytes) -> bool:
    """Whether no page of anybody else asks, as far as its browser says."""
    own = scope.get("scheme", "http").encode() + b"://" + host.lower()
    if any(value.lower() != own for name, value in headers if name == b"origin"):
        return False
    said = {name: value.lower() for name, value in headers if name in _OF_BROWSERS}
    begun = said.get(b"referer", own)
    here = begun == own or begun.startswith(own + b"/")
    if here and said.get(b"sec-fetch-site", b"none") in {b"none", b"same-origin"}:
        return True
    # A link leads here, or the identity provider sends somebody back: pages are there for that, calls are not.
    goes_here = scope["method"] == "GET" and said.get(b"sec-fetch-mode") == b"navigate"
    return goes_here and not scope["path"].startswith(_CALLS)
