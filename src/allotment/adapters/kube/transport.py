"""Sending: time limits, and patience with a server that is busy or restarting."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Final

import httpx2 as httpx
import stamina

from allotment.adapters.kube import bounded
from allotment.adapters.kube.answers import body_of, is_field_conflict
from allotment.adapters.kube.requests import Request
from allotment.errors import UnreachableError, shown
from allotment.ports.kube import UnendingError

TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
"""Seconds. A page of large objects from a busy server takes a while; a connection does not."""

LONGEST_RETRY_AFTER: Final = 30.0

# stamina tells its logger of every retry; without a handler Python would print them on the user's terminal.
logging.getLogger("stamina").addHandler(logging.NullHandler())

_BUSY: Final = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """How much is borne of a server.

    A request is tried again at most `attempts` times within `seconds`. An answer, a page of a list too, may take
    `answer_seconds` from the question to its last byte, and may have `answer_bytes`, unpacked. All pages of a list may
    be waited for `list_seconds`, and may have `list_bytes` together.
    """

    attempts: int = 6
    seconds: float = 40.0
    first_wait: float = 0.2
    longest_wait: float = 3.0
    jitter: float = 0.3
    answer_seconds: float = 300.0
    answer_bytes: int = 256 << 20
    list_seconds: float = 600.0
    list_bytes: int = 2 << 30


class _BusyError(Exception):
    """The server answered, but asks for another try."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


def send(client: httpx.Client, request: Request, patience: Patience) -> httpx.Response:
    """Send until there is an answer that another try would not change.

    Raises:
        UnreachableError: no answer in time.
        UnendingError: an answer without end. A busy server's last answer is returned, not raised.
    """
    hook = _repeat if request.repeatable else _repeat_unsent
    try:
        for attempt in stamina.retry_context(
            on=hook,
            attempts=patience.attempts,
            timeout=patience.seconds,
            wait_initial=patience.first_wait,
            wait_max=patience.longest_wait,
            wait_jitter=patience.jitter,
        ):
            with attempt:
                return _send_once(client, request, patience)
    except _BusyError as busy:
        return busy.response
    except httpx.InvalidURL:
        raise UnreachableError(
            f"{client.base_url} cannot be asked for {shown(request.about)}",
            why="the server gave what no address can hold",
            fix="look whether a proxy stands in between; this is no answer that Kubernetes gives",
        ) from None
    except httpx.RequestError as error:
        raise UnreachableError(
            f"{client.base_url} does not answer",
            why=reason_of(error),
            fix="check the network, the VPN and that the cluster runs",
        ) from None
    raise AssertionError("retry_context ends by return or raise")  # pragma: no cover


_REASONS: Final = (
    (httpx.LocalProtocolError, "what was to be sent is not HTTP"),
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.TimeoutException, "no answer in time"),
    (httpx.ConnectError, "no connection"),
    (httpx.ProxyError, "the proxy refuses"),
    (httpx.NetworkError, "the connection was lost"),
)
"""For errors that say nothing themselves."""


def reason_of(error: httpx.RequestError) -> str:
    """Why an exchange failed, in words without anything that was to be sent."""
    # What could not be sent may be a header, and in it a credential.
    said = "" if isinstance(error, httpx.LocalProtocolError) else shown(_ERRNO.sub("", str(error).strip()))
    return said or next((words for kind, words in _REASONS if isinstance(error, kind)), "the exchange broke off")


_ERRNO: Final = re.compile(r"^\[Errno -?\d+\] ")


def _send_once(client: httpx.Client, request: Request, patience: Patience) -> httpx.Response:
    asked = client.build_request(
        request.method,
        request.path,
        params=list(request.params),
        # As kubectl sends them: names of people and groups may be any text.
        headers=[(name.encode(), value.encode()) for name, value in request.headers],
        content=request.content,
    )
    try:
        response = bounded.exchange(client, asked, patience.answer_seconds, patience.answer_bytes)
    except bounded.EndlessAnswerError as endless:
        raise UnendingError(
            f"{client.base_url} does not come to an end with {shown(request.about)}",
            why=str(endless),
            fix="look whether a proxy stands in between; this is no answer that Kubernetes gives",
        ) from None
    if response.status_code in _BUSY or (not request.pinned and _is_write_race(response)):
        raise _BusyError(response)
    return response


def _is_write_race(response: httpx.Response) -> bool:
    """A 409 because another writer was faster; apply simply tries again."""
    if response.status_code != httpx.codes.CONFLICT or response.request.method != "PATCH":
        return False
    status = body_of(response)
    return status.get("reason") == "Conflict" and not is_field_conflict(status)


def _repeat(error: Exception) -> bool | float:
    if isinstance(error, _BusyError):
        return _asked_wait(error.response)
    return isinstance(error, httpx.TransportError)


def _repeat_unsent(error: Exception) -> bool | float:
    """A write that must not happen twice is repeated only where the server cannot have acted on it."""
    if isinstance(error, _BusyError):
        return _asked_wait(error.response) if error.response.status_code == httpx.codes.TOO_MANY_REQUESTS else False
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _asked_wait(response: httpx.Response) -> bool | float:
    """The server's own Retry-After in seconds, or True for the usual back-off."""
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_RETRY_AFTER) if text.isdecimal() else True
