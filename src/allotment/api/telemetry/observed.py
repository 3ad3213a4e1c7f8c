"""An application of which each request is counted, and told in the log where that is asked for.

Of a request is told what it was, how it went and what kind of caller had sent it: no path with its names, no query,
no header, no body.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from allotment.api.telemetry.meters import Meters
from allotment.api.telemetry.tracing import Spans, no_spans

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE: Final = "none"
_REQUEST_ID: Final = b"x-request-id"
_FAILED: Final = 500


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """What is told of a request.

    Attributes:
        id: that its answer names; empty where it has none.
        route: its template, such as ``/api/v1/jobs/{reference}``.
        seconds: until its answer had ended.
        caller: what kind of caller; empty where nobody was let in.
    """

    id: str
    method: str
    route: str
    status: int
    seconds: float
    caller: str


class Observed:
    """See the module; speaks ASGI."""

    def __init__(
        self,
        app: Any,
        meters: Meters,
        told: Callable[[AnsweredRequest], None] | None = None,
        spans: Spans = no_spans,
    ) -> None:
        """Nothing is asked yet.

        Args:
            app: that answers.
            meters: that are counted up.
            told: is told of each request once its answer has ended.
            spans: begins the span of a request.
        """
        self._app = app
        self._meters = meters
        self._told = told
        self._spans = spans

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        counted = _CountedRequest(scope, self._meters)
        with self._spans("request") as span:
            try:
                await self._app(scope, receive, counted.sending(send))
            finally:
                request = counted.end()
                if span is not None:
                    _describe(span, request)
                if self._told is not None:
                    self._told(request)


class _CountedRequest:
    """One request."""

    def __init__(self, scope: Any, meters: Meters) -> None:
        self._scope = scope
        self._meters = meters
        self._began = time.perf_counter()
        self._method = scope["method"] if scope["method"] in _METHODS else "other"
        self._route = _NO_ROUTE
        self._status = 0
        self._id = ""

    def sending(self, send: Any) -> Any:
        """What sends its answer."""

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start" and not self._status:
                self._begin(message["status"], message.get("headers", ()))
            await send(message)

        return sent

    def _begin(self, status: int, headers: Any) -> None:
        self._status = status
        self._route = _route_of(self._scope)
        self._id = next((value.decode("latin-1") for name, value in headers if name == _REQUEST_ID), "")
        self._meters.latency.labels(self._method, self._route).observe(time.perf_counter() - self._began)
        self._meters.answering.labels(self._route).inc()

    def end(self) -> AnsweredRequest:
        """Its answer has ended, or will never begin."""
        if self._status:
            self._meters.answering.labels(self._route).dec()
        status = self._status or _FAILED
        self._meters.requests.labels(self._method, self._route, str(status)).inc()
        seconds = time.perf_counter() - self._began
        return AnsweredRequest(self._id, self._method, self._route, status, seconds, _caller_of(self._scope))


def _describe(span: Any, request: AnsweredRequest) -> None:
    span.update_name(f"{request.method} {request.route}")
    span.set_attribute("http.request.method", request.method)
    span.set_attribute("http.route", request.route)
    span.set_attribute("http.response.status_code", request.status)


def _route_of(scope: Any) -> str:
    return str(getattr(scope.get("route"), "path", _NO_ROUTE))


def _caller_of(scope: Any) -> str:
    visit = scope.get("state", {}).get("visit")
    return "" if visit is None else str(visit.admitted.caller.kind.value)
