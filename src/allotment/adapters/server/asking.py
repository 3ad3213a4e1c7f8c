"""Asking a server: build the request, send it, read the answer.

Through the socket of this machine's own server, or to a server elsewhere with a token.
"""

from __future__ import annotations

import http.client
import secrets
import ssl
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from allotment import errors
from allotment.adapters.server.ways import KNOCK_AGAIN, WayToServer, untrusted
from allotment.errors import AllotmentError, TooOftenError, UnreachableError, shown
from allotment.model.decoding import decoded_as
from allotment.model.jobs.written import ANSWERED, read_value, write_value
from allotment.ports.job_service import (
    RefusedSubmission,
    SilentServerError,
    StandingByError,
    error_of,
)

T = TypeVar("T")
PATIENCE: Final = 30.0
"""Seconds for an answer; a log that is followed may be silent for as long as it likes."""
_ANSWER_IN: Final = 300.0
"""Seconds that an answer may take to come, once it has begun."""
_MOST_ANSWER: Final = 512 << 20
"""Bytes of an answer."""
_LISTED: Final = {
    "/api/v1/requests": "allot requests --all",
    "/api/v1/grants": "allot grant list --all",
    "/api/v1/tokens": "allot token list",
    "/api/v1/people": "allot people list",
    "/api/v1/clusters": "allot cluster status",
    "/api/v1/audit": "allot audit search",
}
"""By how an address begins, what tells whether something was done; of all else the list of jobs does."""
_OK: Final = 300
_NOT_FOUND: Final = 404
_TOO_OFTEN: Final = 429
_LONGEST_WAIT: Final = 30.0
"""Seconds that a server which is asked too often may have us wait."""
_NEXT_LEADER: Final = 30.0
"""Seconds within which one of several servers takes the lead over, or something is wrong."""
_ASK_AGAIN: Final = 0.5
"""Seconds between two tries to find it."""
_ASKED_AGAIN: Final = 2
"""Times that it is asked again where nobody answered."""
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class AskedOverHttp:
    """A server, wherever it is: what its parts ask by."""

    def __init__(self, way: WayToServer) -> None:
        """Nothing is sent yet.

        Args:
            way: how it is reached.
        """
        self._way = way

    def _told(
        self,
        verb: str,
        path: str,
        kind: str,
        type_: type[T],
        sent: str,
        value: object,
        read: int | None = None,
    ) -> T:
        """Send a value, and read another."""
        return self._ask(verb, path, kind, type_, body=write_value(sent, value).encode(), read=read)

    def _ask(
        self,
        verb: str,
        path: str,
        kind: str,
        type_: type[T],
        body: bytes | BinaryIO | None = None,
        *,
        read: int | str | None = None,
        once: bool = False,
    ) -> T:
        """Ask, and ask again where nobody answered: by its key a call is done once all the same.

        Args:
            verb: such as ``GET``.
            path: with its query.
            kind: under which name the answer stands.
            type_: of the answer.
            body: that is sent.
            read: how the subject has to be; None for however it is.
            once: whether it is asked for once alone.
        """
        headers = {} if read is None else {"If-Match": f'"{read}"'}
        # Code is kept under what it says: once is done anyhow, and no key need be kept.
        if verb != "GET" and path != "/api/v1/code":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        for _ in range(0 if once else _ASKED_AGAIN):
            try:
                return self._asked(verb, path, kind, type_, body, headers)
            except SilentServerError as error:
                # Whoever looks sees at once that nobody answers, and looks again; one that hangs goes on hanging.
                if verb == "GET" or isinstance(error.__cause__, TimeoutError):
                    raise
                time.sleep(KNOCK_AGAIN)
            except TooOftenError as error:
                time.sleep(min(error.wait, _LONGEST_WAIT))
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
        return self._asked(verb, path, kind, type_, body, headers)

    def _asked(
        self,
        verb: str,
        path: str,
        kind: str,
        type_: type[T],
        body: bytes | BinaryIO | None,
        headers: Mapping[str, str],
    ) -> T:
        with self._sent(verb, path, body, PATIENCE, headers) as answer:
            try:
                text = whole(answer).decode("utf-8", "replace")
            except (OSError, http.client.HTTPException) as error:
                raise (_silent(error, verb, path) if verb != "GET" else gone(error, self._way.fix)) from error
        return read_value(kind, type_, text, ANSWERED)

    def _sent(
        self,
        verb: str,
        path: str,
        body: bytes | BinaryIO | None,
        patience: float | None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> http.client.HTTPResponse:
        """The answer to a request; while of several servers none leads, the request is sent again, since none was done.

        Raises:
            UnreachableError: nobody answers.
            AllotmentError: what the server refused, as it said.
        """
        began = time.monotonic()
        while True:
            try:
                return self._sent_once(verb, path, body, patience, headers)
            except (StandingByError, _NobodyThereError) as error:
                most = self._way.knocks if isinstance(error, _NobodyThereError) else _NEXT_LEADER
                if time.monotonic() - began > most:
                    raise
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            time.sleep(_ASK_AGAIN)

    def _sent_once(
        self,
        verb: str,
        path: str,
        body: bytes | BinaryIO | None,
        patience: float | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        """The answer to a request; closes its connection when it is left.

        Raises:
            StandingByError: the server leaves it to another one.
            _NobodyThereError: nobody takes the connection.
            UnreachableError: nobody answers.
            AllotmentError: what the server refused, as it said.
        """
        connection = self._way.connection(patience)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            connection.close()
            raise untrusted(error, connection.host, connection.port) from error
        except OSError as error:
            connection.close()
            nobody = gone(error, self._way.fix)
            raise _NobodyThereError(nobody.what, why=nobody.why, fix=nobody.fix) from error
        try:
            connection.request(verb, path, body, {"Connection": "close", **self._way.headers, **headers})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _silent(error, verb, path) from error
        if answer.status >= _OK:
            with answer:
                try:
                    said = whole(answer)
                except (OSError, http.client.HTTPException):
                    said = b""
                if answer.status == _TOO_OFTEN:
                    raise TooOftenError(_seconds(answer.getheader("Retry-After", "")))
                raise _refusal(answer.status, said, path)
        return answer


class _NobodyThereError(UnreachableError):
    """Nobody took the connection: nothing was sent."""


def whole(answer: http.client.HTTPResponse) -> bytes:
    """All of an answer, which has an end.

    Raises:
        AllotmentError: it is larger than any that a server gives.
        TimeoutError: it has been coming for longer than any does.
    """
    until = time.monotonic() + _ANSWER_IN
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > _MOST_ANSWER:
            raise AllotmentError(
                f"the server sends more than {_MOST_ANSWER >> 20} MiB",
                why="no answer is so large: it is no server of Allotment, or a broken one",
                fix="check the address",
            )
        if time.monotonic() > until:
            raise TimeoutError("the answer has no end")
    return b"".join(parts)


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1.0


def _silent(error: Exception, verb: str, path: str) -> SilentServerError:
    fix = f"it may have done it all the same: look at `{_listing(path)}` before you ask again"
    if verb == "GET":
        fix = "ask again; where it has ended, `allot up` starts it"
    said = error.strerror if isinstance(error, OSError) else str(error)
    why = shown(said or str(error) or type(error).__name__)
    return SilentServerError("the server was asked and did not answer", why=why, fix=fix)


def _listing(path: str) -> str:
    return next((command for begins, command in _LISTED.items() if path.startswith(begins)), "allot ps --all")


def gone(error: Exception, fix: str) -> UnreachableError:
    """Nobody answers, and why."""
    said = error.strerror if isinstance(error, OSError) else str(error)
    return UnreachableError(
        "the server does not answer", why=shown(said or str(error) or type(error).__name__), fix=fix
    )


def _refusal(status: int, body: bytes, path: str) -> AllotmentError:
    """What the server said, as the error that it was there.

    Args:
        status: of the answer.
        body: of it.
        path: that was asked for.
    """
    try:
        told = {name: each for name, each in decoded_as(body, dict[str, Any]).items() if isinstance(each, str)}
    except msgspec.MsgspecError:
        told = {}
    if told.get("type", "").endswith("/standing-by"):
        return StandingByError(
            told.get("what", "the server stands by"), why=told.get("why", ""), fix=told.get("fix", "")
        )
    # No name of ours has a slash, which ends a part of an address: nobody means the address then.
    if told.get("type", "").endswith("/no-such-call") or ("error" not in told and status == _NOT_FOUND):
        return errors.NotFoundError(
            "the server knows nothing of that name",
            why="it has none like it, or is of another version and does not know what it is asked",
            fix=f"look at `{_listing(path)}`",
        )
    if "error" not in told:
        return AllotmentError(
            "the server refused this and did not say why", why=shown(body[:200].decode(errors="replace"))
        )
    what = told.get("what", "the server refused this")
    return error_of(RefusedSubmission(told["error"], what, told.get("why", ""), told.get("fix", "")))
