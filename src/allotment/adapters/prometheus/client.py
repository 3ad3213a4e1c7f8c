"""`MetricsPort` over HTTP: a Prometheus, or what speaks its language (Thanos, Mimir, VictoriaMetrics).

Answers are bounded in size and time. No redirect is followed: what is asked goes to the address that the user gave.
"""

from __future__ import annotations

import math
import queue
import re
import threading
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final, Self

import httpx2 as httpx
import msgspec

from allotment.adapters.prometheus import queries
from allotment.errors import AllotmentError, ForbiddenError, NotSignedInError, UnreachableError, UsageError, shown
from allotment.model.decoding import decoded_as
from allotment.model.hosts import is_on_this_machine
from allotment.ports.metrics import Gauge, MeasuredMoment, MeasuredSeries, TimeSteps, TooMuchMeasuredError

MOST_BYTES: Final = 16 << 20
"""Of an answer, unpacked; in memory it is ten times that."""
MOST_SECONDS: Final = 60.0
"""Of an answer, from the question to its last byte."""
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
_TRIES: Final = 2
"""A connection that was closed meanwhile is no answer: questions are asked once more."""


class _Result(msgspec.Struct, frozen=True, gc=False):
    metric: dict[str, str]
    values: list[tuple[float, str]] | None = None
    value: tuple[float, str] | None = None


class _Data(msgspec.Struct, frozen=True, gc=False):
    result: list[_Result] = []


class _Reply(msgspec.Struct, frozen=True, gc=False):
    status: str = ""
    data: _Data = _Data()
    error: str = ""


def connect_metrics(url: str, http_transport: httpx.BaseTransport | None = None) -> PrometheusClient:
    """A client for a server; nothing is sent yet.

    Raises:
        UsageError: the address is none.
    """
    try:
        address = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise _no_address() from None
    if address.scheme not in {"http", "https"} or not address.host:
        raise _no_address()
    bare = address.copy_with(username="", password="", query=None, fragment=None)
    http = httpx.Client(
        base_url=bare,
        auth=(address.username, address.password) if address.username else None,
        timeout=_TIMEOUT,
        follow_redirects=False,
        transport=http_transport,
        trust_env=not is_on_this_machine(address.host),
        headers={"User-Agent": "allotment", "Accept": "application/json"},
    )
    return PrometheusClient(http, str(bare).rstrip("/"))


def _no_address() -> UsageError:
    # The address is not repeated: it may hold a password.
    return UsageError("--prometheus is no address of a Prometheus", fix="write it like http://prometheus.example:9090")


class PrometheusClient:
    """One server. Close it, or use it as a context manager."""

    def __init__(self, http: httpx.Client, place: str) -> None:
        """Over a client that knows the address; `place` is how it is shown."""
        self._http = http
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def place(self) -> str:
        """The address."""
        return self._place

    def means(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredSeries, ...]:
        """The mean of each series in each stretch."""
        step = steps.seconds * 1000
        found = self._ask(
            "query_range",
            {
                "query": queries.means(gauge, steps.seconds),
                "start": _seconds(steps.since + step),
                "end": _seconds(steps.until),
                "step": str(steps.seconds),
            },
        )
        return tuple(_series(each, steps) for each in found)

    def last_at_least(self, gauge: Gauge, least: float, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The last stretch that was so high."""
        return self._moments(queries.last_at_least(gauge, least, steps.seconds, steps.count), steps)

    def first(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The first stretch with a sample."""
        return self._moments(queries.first(gauge, steps.seconds, steps.count), steps)

    def _moments(self, query: str, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        found = self._ask("query", {"query": query, "time": _seconds(steps.until)})
        return tuple(
            MeasuredMoment(each.metric, round(1000 * value))
            for each in found
            # The ends of stretches lie at whole multiples of their length, so the first may begin before.
            if each.value is not None
            and steps.since / 1000 - steps.seconds <= (value := _number(each.value[1])) <= steps.until / 1000
        )

    def _ask(self, what: str, params: Mapping[str, str]) -> list[_Result]:
        for left in reversed(range(_TRIES)):
            try:
                return self._in_time(what, params)
            except httpx.RequestError as error:
                if left and not isinstance(error, httpx.TimeoutException):
                    continue
                raise self._silent(shown(error) or type(error).__name__) from None
        raise AssertionError("the last try ends by return or raise")  # pragma: no cover

    def _in_time(self, what: str, params: Mapping[str, str]) -> list[_Result]:
        """The answer, its head included, or an end: a server that sends a byte now and then never times out."""
        done: queue.SimpleQueue[list[_Result] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                done.put(self._asked(what, params))
            except Exception as error:  # noqa: BLE001 (raised where it is waited for)
                done.put(error)

        threading.Thread(target=ask, name="metrics", daemon=True).start()
        try:
            found = done.get(timeout=MOST_SECONDS + 1)
        except queue.Empty:
            raise self._late() from None
        if isinstance(found, Exception):
            raise found
        return found

    def _late(self) -> UnreachableError:
        return self._silent(f"the answer was not complete after {MOST_SECONDS:g} s")

    def _asked(self, what: str, params: Mapping[str, str]) -> list[_Result]:
        limits = {"timeout": f"{MOST_SECONDS / 2:g}s"}
        with self._http.stream("GET", f"api/v1/{what}", params={**params, **limits}) as response:
            content = b"".join(self._bounded(response))
        try:
            reply = decoded_as(content, _Reply)
        except (msgspec.DecodeError, RecursionError):
            reply = None
        if response.is_success and reply is not None and reply.status == "success":
            return reply.data.result
        raise self._refusal(response, reply)

    def _bounded(self, response: httpx.Response) -> Iterator[bytes]:
        size, began = 0, time.monotonic()
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > MOST_BYTES:
                raise TooMuchMeasuredError(
                    f"{self._place} answers with more than {MOST_BYTES >> 20} MiB", fix="ask about a shorter time"
                )
            if time.monotonic() - began > MOST_SECONDS:
                raise self._late()
            yield chunk

    def _silent(self, why: str) -> UnreachableError:
        return UnreachableError(
            f"{self._place} does not answer", why=why, fix="check the address given with --prometheus, and the network"
        )

    def _refusal(self, response: httpx.Response, reply: _Reply | None) -> AllotmentError:
        code = response.status_code
        said = shown(reply.error)[:500] if reply is not None else ""
        if response.is_redirect:
            return AllotmentError(
                f"{self._place} sends elsewhere",
                why="no redirect is followed: what is asked goes to the address that was given alone",
                fix="give the address that it leads to with --prometheus, if you trust it",
            )
        if code == HTTPStatus.UNAUTHORIZED:
            return NotSignedInError(f"{self._place} wants credentials", fix="give an address that may be asked")
        if code == HTTPStatus.FORBIDDEN:
            return ForbiddenError(f"{self._place} does not allow the question", why=said)
        if "too many samples" in said or "exceeded maximum resolution" in said:
            return TooMuchMeasuredError(f"{self._place} refuses so large a question", why=said)
        if code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._silent(said or f"HTTP {code}")
        if reply is None:
            return UnreachableError(
                f"{self._place} does not answer as a Prometheus",
                why=f"HTTP {code}",
                fix="check the address given with --prometheus: the part before /api/v1 is wanted",
            )
        return AllotmentError(f"{self._place} refuses the question", why=said or f"HTTP {code}")


def _series(found: _Result, steps: TimeSteps) -> MeasuredSeries:
    kept: dict[int, float] = {}
    for at, text in found.values or ():
        place = (at - steps.since / 1000) / steps.seconds - 1
        value = _number(text)
        if -0.5 <= place < steps.count and math.isfinite(value) and (number := round(place)) < steps.count:
            kept[number] = value
    return MeasuredSeries(found.metric, tuple(kept), tuple(kept.values()))


def _number(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"
