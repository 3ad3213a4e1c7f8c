"""Questions to a provider and its answers, bounded in time and size. No redirect is followed, nothing is unpacked."""

from __future__ import annotations

import queue
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2 as httpx

from allotment.errors import AllotmentError, InputError, UnreachableError, quoted, shown
from allotment.model.hosts import is_on_this_machine

MOST_BYTES: Final = 1 << 20
"""Of an answer."""
MOST_SECONDS: Final = 10.0
"""Of an answer, from the question to its last byte."""
_TIMEOUT: Final = httpx.Timeout(MOST_SECONDS, connect=5.0)
_TRIES: Final = 2
"""A connection that was closed meanwhile is no answer: what changes nothing is asked once more."""


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What came back."""

    status: int
    body: bytes


class SlowProviderError(UnreachableError):
    """The provider takes longer than is waited for: it may be asked again, later."""


class ProviderHttp:
    """The one way to a provider; of use to several threads at once."""

    def __init__(self, http: httpx.Client, issuer: str) -> None:
        """Nothing is sent yet.

        Args:
            http: follows no redirect.
            issuer: whom messages name.
        """
        self._http = http
        self._issuer = issuer

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def get(self, address: str) -> ProviderReply:
        """Read something; it may be asked twice.

        Raises:
            UnreachableError: there is no answer, or none of bearable size.
            AllotmentError: it sends elsewhere.
        """
        return self._asked(httpx.Request("GET", address, headers=_headers()), _TRIES)

    def post(self, address: str, form: Mapping[str, str], headers: Mapping[str, str]) -> ProviderReply:
        """Show something; it is never repeated, as codes are worth something once.

        Raises:
            UnreachableError: there is no answer, or none of bearable size.
            AllotmentError: it sends elsewhere.
        """
        return self._asked(httpx.Request("POST", address, data=dict(form), headers={**_headers(), **headers}), 1)

    def _asked(self, request: httpx.Request, tries: int) -> ProviderReply:
        for left in reversed(range(tries)):
            try:
                reply = self._in_time(request)
            except httpx.TimeoutException:
                raise self._late() from None
            except httpx.RequestError as error:
                if left:
                    continue
                raise self._silent(shown(error) or type(error).__name__) from None
            if 300 <= reply.status < 400:
                raise AllotmentError(
                    f"{quoted(str(request.url))} sends elsewhere",
                    why="no redirect of a provider is followed: who everybody is, is said by the one that was named",
                    fix="name the provider as it names itself",
                )
            return reply
        raise AssertionError("the last try ends by return or raise")  # pragma: no cover

    def _in_time(self, request: httpx.Request) -> ProviderReply:
        """The answer, its head included, or an end: a server that sends a byte now and then never times out."""
        done: queue.SimpleQueue[ProviderReply | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                done.put(self._answer(request))
            except Exception as error:  # noqa: BLE001 (raised where it is waited for)
                done.put(error)

        threading.Thread(target=ask, name="identity-provider", daemon=True).start()
        try:
            found = done.get(timeout=MOST_SECONDS)
        except queue.Empty:
            raise self._late() from None
        if isinstance(found, Exception):
            raise found
        return found

    def _answer(self, request: httpx.Request) -> ProviderReply:
        body, began = bytearray(), time.monotonic()
        response = self._http.send(request, stream=True)
        try:
            # As it came: what is packed although it was asked not to be, is no JSON.
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise self._silent(f"its answer has more than {MOST_BYTES >> 10:,} KiB")
                if time.monotonic() - began > MOST_SECONDS:
                    raise self._late()
        finally:
            response.close()
        return ProviderReply(response.status_code, bytes(body))

    def _late(self) -> SlowProviderError:
        return SlowProviderError(
            _NO_ANSWER.format(self._issuer), why=f"there was no answer within {MOST_SECONDS:g} s", fix=_FIX
        )

    def _silent(self, why: str) -> UnreachableError:
        return UnreachableError(_NO_ANSWER.format(self._issuer), why=why, fix=_FIX)


_NO_ANSWER: Final = "the provider of identities {} does not answer as one"
_FIX: Final = "check its address, and the network"


def _headers() -> dict[str, str]:
    return {"User-Agent": "allotment", "Accept": "application/json", "Accept-Encoding": "identity"}


@cache
def _trusted_here() -> ssl.SSLContext:
    """Whom this machine trusts; read once, as it takes longer than a question."""
    return httpx.create_ssl_context()


def http_to(issuer: str, authority: Path | None, transport: httpx.BaseTransport | None = None) -> ProviderHttp:
    """The way to a provider; nothing is sent yet.

    Args:
        issuer: its address.
        authority: file of certificates; None for those that this machine trusts.
        transport: in the place of a network.

    Raises:
        InputError: the file cannot be read as certificates.
    """
    try:
        trusted = _trusted_here() if authority is None else ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"{shown(authority)} holds no certificates that can be read",
            why=str(error.strerror or error),
            fix="name a file in PEM that its user may read",
        ) from None
    http = httpx.Client(
        timeout=_TIMEOUT,
        follow_redirects=False,
        verify=trusted,
        transport=transport,
        trust_env=not is_on_this_machine(urlsplit(issuer).hostname or ""),
    )
    return ProviderHttp(http, issuer)
