"""`NoticeSender` for receivers that have a URL. No redirect is followed, and no proxy of the environment is asked.

A proxy would look hosts up itself, and connect to what nobody has looked at.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

import httpx2 as httpx

from allotment.adapters.notices.bodies import BODIES
from allotment.adapters.notices.in_time import MOST_SECONDS, SOCKET_SECONDS, in_time
from allotment.adapters.notices.public_addresses import (
    Resolve,
    WebhookPlace,
    addresses_of,
    inner_hosts,
    looked_up,
    place_of,
)
from allotment.adapters.notices.signing import signed_headers
from allotment.errors import quoted_message, shown
from allotment.model.requests.notice import Notice
from allotment.ports.clock import Clock
from allotment.ports.notices import NoticeRefusedError, NotToldError, Receiver, ReceiverDownError, ReceiverKind

_TIMEOUT: Final = httpx.Timeout(SOCKET_SECONDS)
_MOST_READ: Final = 4096
"""Bytes of an answer: nobody needs more than its beginning, for a message."""
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebhookSender:
    """Sends to ``webhook``, ``slack`` and ``teams``; a connection for each try, so that none serves another host."""

    def __init__(
        self, inner: Collection[str], trusted: ssl.SSLContext, clock: Clock, resolve: Resolve = looked_up
    ) -> None:
        """Nothing is sent yet.

        Args:
            inner: hosts that may lie in the inner network, each ``HOST:PORT``.
            trusted: certificates; the context is used for nothing else.
            clock: for the time of a signature.
            resolve: looks hosts up.

        Raises:
            UsageError: an inner host is none.
        """
        self._inner = inner_hosts(inner)
        self._trusted = trusted
        self._clock = clock
        self._resolve = resolve

    def send(self, notice: Notice, to: Receiver) -> None:
        """Send it once."""
        place = place_of(to.address, self._inner)
        body = BODIES[to.kind](notice)
        headers = {
            "Host": place.named,
            "User-Agent": "allotment",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **self._signed(notice, to, body),
        }
        in_time(lambda: self._sent(place, headers, body, to), to.name)

    def _signed(self, notice: Notice, to: Receiver, body: bytes) -> dict[str, str]:
        if to.kind is not ReceiverKind.WEBHOOK:
            return {}
        if not to.secret:
            raise NoticeRefusedError(
                f"receiver {to.name} has no secret",
                why="without one it could not tell our notices from anybody's",
                fix="give it one, the same on both sides",
            )
        return signed_headers(notice.id, body, to.secret, int(self._clock.now().timestamp()))

    def _sent(self, place: WebhookPlace, headers: dict[str, str], body: bytes, to: Receiver) -> None:
        until = time.monotonic() + MOST_SECONDS
        failed: httpx.RequestError | None = None
        for address in addresses_of(place, self._resolve):
            if time.monotonic() >= until:
                break
            try:
                self._sent_to(address, place, headers, body, to)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error  # nothing was sent yet: the next one may answer
            except httpx.RequestError as error:
                raise _silent(to, error) from None
            else:
                return
        raise _silent(to, failed)

    def _sent_to(self, address: str, place: WebhookPlace, headers: dict[str, str], body: bytes, to: Receiver) -> None:
        request = _request(address, place, headers, body)
        # The transport alone: a client would write the URL, which often is a secret, into logs.
        with httpx.HTTPTransport(verify=self._trusted, trust_env=False) as transport:
            response = transport.handle_request(request)
            try:
                if not response.is_success:
                    raise _refusal(response, to)
            finally:
                response.close()


def _request(address: str, place: WebhookPlace, headers: dict[str, str], body: bytes) -> httpx.Request:
    """To the address that was looked at, under the name that was given: certificate and `Host` are the name's."""
    url = httpx.URL(scheme=place.scheme, host=address, port=place.port, raw_path=place.target.encode("ascii"))
    extensions = {"sni_hostname": place.host, "timeout": _TIMEOUT.as_dict()}
    return httpx.Request("POST", url, headers=headers, content=body, extensions=extensions)


def _refusal(response: httpx.Response, to: Receiver) -> NotToldError:
    code = response.status_code
    if response.is_redirect:
        return NoticeRefusedError(
            f"receiver {to.name} sends elsewhere",
            why="no redirect of a webhook is followed: it could lead into the inner network",
            fix="give it the address that it leads to, if you trust it",
        )
    said = _beginning(response)
    why = f"HTTP {code}{f': {quoted_message(said)}' if said else ''}"
    if code in _LATER or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ReceiverDownError(f"receiver {to.name} does not take notices now", why=why, fix="see how it is")
    return NoticeRefusedError(f"receiver {to.name} refuses the notice", why=why, fix="check its address and its kind")


def _beginning(response: httpx.Response) -> str:
    found = b""
    try:
        for chunk in response.iter_raw():
            found += chunk
            if len(found) >= _MOST_READ:
                break
    except httpx.RequestError:
        pass  # the status says enough
    return found[:_MOST_READ].decode("utf-8", "replace")


def _silent(to: Receiver, error: httpx.RequestError | None) -> ReceiverDownError:
    why = "" if error is None else shown(error) or type(error).__name__
    return ReceiverDownError(f"receiver {to.name} does not answer", why=why, fix="check its address, and the network")
