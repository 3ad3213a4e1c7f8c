"""What a kubelet and a Prometheus ask: ``/healthz``, ``/readyz`` and ``/metrics``.

Nobody is let in for it, nothing of anybody's is told, and there is no way from here to anything else.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from anyio import to_thread

from allotment.api.telemetry.meters import CONTENT_TYPE, Meters
from allotment.api.telemetry.standing import ServerStanding

_JSON: Final = "application/json"
PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
_GET: Final = frozenset({"GET", "HEAD"})


class Probes:
    """An application that speaks ASGI."""

    def __init__(self, standing: ServerStanding, meters: Meters, *, at_home: bool = False) -> None:
        """Nothing is asked yet.

        Args:
            standing: of the server.
            meters: of the server.
            at_home: whether the server's own user alone asks.
        """
        self._at_home = at_home
        self._standing = standing
        self._meters = meters

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        status, kind, body = await self._answer(scope["method"], scope["path"])
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, method: str, path: str) -> tuple[int, str, bytes]:
        if path not in PATHS:
            return 404, _JSON, _written({"known": sorted(PATHS)})
        if method not in _GET:
            return 405, _JSON, _written({"known": sorted(_GET)})
        if path == "/healthz":
            return 200, _JSON, _written({"alive": True})
        if path == "/readyz":
            return self._readiness()
        # The store is asked for the number of its trail.
        return 200, CONTENT_TYPE, await to_thread.run_sync(self._meters.text)

    def _readiness(self) -> tuple[int, str, bytes]:
        found = self._standing.readiness(at_home=self._at_home)
        told = {"ready": found.ready, "role": found.role.value, "parts": found.parts, "late": found.late}
        return (200 if found.ready else 503), _JSON, _written(told)


class BesideProbes:
    """An application with the probes beside it: for the socket that belongs to one user."""

    def __init__(self, app: Any, probes: Probes) -> None:
        """Nothing is asked yet.

        Args:
            app: that answers all else; speaks ASGI.
            probes: answers its paths.
        """
        self._app = app
        self._probes = probes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        asked = self._probes if scope["type"] == "http" and scope["path"] in PATHS else self._app
        await asked(scope, receive, send)


def _written(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"
