"""A watch over HTTPS: a list where no version is known, then one event a line for as long as the server goes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import httpx2 as httpx
import msgspec

from allotment.adapters.kube import answers, bounded, transport
from allotment.adapters.kube.requests import Request
from allotment.errors import AllotmentError, UnreachableError
from allotment.model.manifest import Body
from allotment.model.salvage import UnreadableObject, decoded
from allotment.ports.kube import RefusedError, VersionGoneError, WatchEvent, WatchWord

_LONGEST_REFUSAL: Final = 1 << 20
"""Bytes of the words by which a watch is refused."""
LONGEST_LINE: Final = 16 << 20
"""Bytes of one event; the API server stores no object of a tenth of that."""
TIMEOUT: Final = httpx.Timeout(90.0, connect=5.0)
"""Seconds. A server that is there sends a bookmark about every minute; after a longer silence another try is cheap."""

_WORDS: Final = {"ADDED": WatchWord.THERE, "MODIFIED": WatchWord.THERE, "DELETED": WatchWord.GONE}

Listed = Callable[[Callable[[str], None]], Iterator[Body]]
"""Lists a kind; each page's version is told to the function that it is given."""


class OpenWatch:
    """See `WatchStream`."""

    def __init__(
        self,
        http: httpx.Client,
        listed: Listed,
        request: Callable[[str], Request | None],
        since: str,
        kind: tuple[str, str],
    ) -> None:
        """Nothing is sent yet.

        Args:
            http: to the server.
            listed: for where no version is known.
            request: of a watch from a version; None where the kind is not served.
            since: the version; empty to list first.
            kind: apiVersion and kind, which objects in lists do not carry.
        """
        self._http = http
        self._listed = listed
        self._request = request
        self._since = since
        self._kind = kind
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._response: httpx.Response | None = None

    def __iter__(self) -> Iterator[WatchEvent]:
        """What is there, then what happens."""
        version = self._since
        if not version:
            versions: list[str] = []
            for body in self._listed(versions.append):
                if self._closed.is_set():
                    return
                yield WatchEvent(WatchWord.THERE, body)
            # Pages that a newer list went on with are younger than the first: what happened since then is told again.
            version = next(iter(versions), "")
            if not version:
                return
            yield WatchEvent(WatchWord.CURRENT, {}, version)
        yield from self._changes(version)

    def close(self) -> None:
        """End it. The socket alone is shut: whoever reads from it sees its end, and closes what is above it."""
        with self._lock:
            self._closed.set()
            stream = self._response.extensions.get("network_stream") if self._response is not None else None
        opened = stream.get_extra_info("socket") if stream is not None else None
        if opened is not None:
            with suppress(OSError):
                # Not that of an SSLSocket, which takes the TLS state away under the reader.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)

    def _changes(self, version: str) -> Iterator[WatchEvent]:
        request = self._request(version)
        if request is None or self._closed.is_set():
            return
        try:
            with self._http.stream(
                request.method,
                request.path,
                params=list(request.params),
                headers=list(request.headers),
                timeout=TIMEOUT,
            ) as response:
                _check(request, response)
                with self._lock:
                    self._response = response
                yield WatchEvent(WatchWord.CURRENT, {}, version)
                for line in whole_lines(response.iter_bytes()):
                    if self._closed.is_set():
                        return
                    yield self._event(request, line)
        except httpx.RequestError as error:
            if self._closed.is_set():
                return
            raise UnreachableError(
                f"{self._http.base_url} broke off {request.about}",
                why=transport.reason_of(error),
                fix="check the network, the VPN and that the cluster runs",
            ) from None
        finally:
            with self._lock:
                self._response = None

    def _event(self, request: Request, line: bytes | None) -> WatchEvent:
        document = _document(line)
        body = document.get("object")
        if not isinstance(body, dict):
            return WatchEvent(WatchWord.UNREADABLE, {})
        word = str(document.get("type"))
        if word == "ERROR":
            raise _error(request, body)
        metadata = body.get("metadata")
        version = metadata.get("resourceVersion", "") if isinstance(metadata, dict) else ""
        version = version if isinstance(version, str) else ""
        if word == "BOOKMARK":
            return WatchEvent(WatchWord.CURRENT, {}, version)
        if word not in _WORDS:
            return WatchEvent(WatchWord.UNREADABLE, {})
        api_version, kind = self._kind
        if isinstance(body, UnreadableObject):
            return WatchEvent(_WORDS[word], body.of_kind(api_version, kind), version)
        return WatchEvent(_WORDS[word], {**body, "apiVersion": api_version, "kind": kind}, version)


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes | None]:
    """The lines of a stream, cut at line feeds alone; None for one that is longer than any event can be."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            line = None if size + len(part) > LONGEST_LINE else b"".join((*held, part))
            held, size = [], 0
            if line is None or line.strip():
                yield line
        size += len(rest)
        held = [*held, rest] if size <= LONGEST_LINE else []


def _document(line: bytes | None) -> dict[str, Any]:
    if line is None:
        return {}
    try:
        document = decoded(line)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _check(request: Request, response: httpx.Response) -> None:
    if response.is_success:
        return
    answer = bounded.beginning(response, _LONGEST_REFUSAL)
    if response.status_code == HTTPStatus.GONE:
        raise _gone(request)
    raise answers.error_of(request, answer, None)


def _error(request: Request, status: Body) -> AllotmentError:
    code = status.get("code")
    if code == HTTPStatus.GONE or status.get("reason") in {"Expired", "Gone"}:
        return _gone(request)
    message = str(status.get("message", "")) or "the server says no more"
    if not isinstance(code, int) or code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.TOO_MANY_REQUESTS:
        return UnreachableError(f"the server ended {request.about}", why=message, fix="try again later")
    reason = str(status.get("reason", ""))
    return RefusedError(f"the server ended {request.about}", status=code, reason=reason, message=message)


def _gone(request: Request) -> VersionGoneError:
    return VersionGoneError(f"the server no longer knows {request.about} since that version")
