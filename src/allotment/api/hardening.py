"""What a request from afar has to be before anything looks at it, and what every answer says to a browser.

A page that somebody opens in a browser can send requests to an address of this machine, and by a name of its own that
leads there (DNS rebinding) even read the answers. So the server answers to its own names alone, and to no page's
requests: nothing of it is made for browsers yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from allotment.api.doors import SENDER
from allotment.api.problems import FROM_A_PAGE, PROBLEM, TOO_LONG, WRONG_NAME, ProblemType, problem_body
from allotment.errors import UsageError
from allotment.operations.access.proxies import ProxyNetworks, is_proxy, sender_of

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
_OF_PAGES: Final = frozenset({b"origin", b"referer", b"sec-fetch-site"})
"""Headers that browsers send, and programs do not."""
_TYPED: Final = (b"sec-fetch-site", b"none")
"""What a browser says where no page, but a person has asked."""
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

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {
                    **message,
                    "headers": [*message.get("headers", ()), *_SAID_TO_BROWSERS, (b"x-request-id", request_id)],
                }
            await send(message)

        # What whoever asks says of himself is no state of ours; what a proxy of ours says of him is.
        peer = scope["client"][0] if scope.get("client") else ""
        by_proxy = is_proxy(peer, self._proxies)
        if by_proxy:
            forwarded = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
            scope = {**scope, "state": {**scope.get("state", {}), SENDER: sender_of(peer, forwarded, self._proxies)}}
        refusal = self._refusal(scope, headers, by_proxy=by_proxy)
        if refusal is None:
            await self._app(scope, receive, sent)
            return
        kind, what, fix = refusal
        body = problem_body(kind, kind.status, UsageError(what, fix=fix))
        await sent(
            {"type": "http.response.start", "status": kind.status, "headers": [(b"content-type", PROBLEM.encode())]}
        )
        await sent({"type": "http.response.body", "body": body})

    def _refusal(self, scope: Any, headers: Headers, *, by_proxy: bool) -> tuple[ProblemType, str, str] | None:
        hosts = [value for name, value in headers if name == b"host"]
        named = [value for name, value in headers if name == b"x-forwarded-host"]
        hosts = named if by_proxy and named else hosts
        if len(hosts) != 1 or host_of(hosts[0]) not in self._names:
            names = ", ".join(sorted(self._names))
            return (
                WRONG_NAME,
                "this server has another name",
                f"call it by one of its names ({names}), or start it with --hosts",
            )
        if any(name in _OF_PAGES and (name, value) != _TYPED for name, value in headers):
            return FROM_A_PAGE, "this server answers no page of a browser", "use the command line, or a program"
        if len(scope.get("raw_path") or b"") + len(scope.get("query_string", b"")) > _LONGEST_PATH:
            return TOO_LONG, f"an address of more than {_LONGEST_PATH} bytes", "ask for less at once"
        return None


def host_of(header: bytes) -> str:
    """The name in a Host header, lower case and without its port; empty where it is none."""
    try:
        text = header.decode("ascii").lower()
    except UnicodeDecodeError:
        return ""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::[0-9]{1,5})?", text)
    return "" if found is None else found[1].strip("[]")
