"""Where a webhook may lead: to the public internet, and to inner hosts that the operator has named.

Whoever can name an address could otherwise have this server, which stands in the inner network, ask what only that
network may (server-side request forgery). So the host is looked up once, every address that it has is looked at, and
what was looked at is what is connected to: a name that leads elsewhere a moment later is of no use.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from allotment.errors import UsageError, quoted
from allotment.model.addresses import Address, may_be_reached
from allotment.ports.notices import NoticeRefusedError, ReceiverDownError

Resolve = Callable[[str, int], Sequence[str]]
"""Addresses of a host, as text; raises `OSError` where there are none."""

_LONGEST: Final = 2048
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+", re.ASCII)
"""Characters of addresses (RFC 3986) without fragments; what readers drop or turn, such as a backslash, is none."""
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label that makes an IPv4 address of a host for some readers: ``2130706433``, ``0x7f.1``, ``0177.0.0.1``."""
_SCHEMES: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class WebhookPlace:
    """What a URL says.

    Attributes:
        host: name in lower case, or an address without brackets.
        target: path and query.
        inner: whether the operator has named it.
    """

    scheme: str
    host: str
    port: int
    target: str
    inner: bool

    @property
    def named(self) -> str:
        """Host and port as they are listed and sent: the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _SCHEMES[self.scheme] else f"{host}:{self.port}"


def inner_hosts(listed: Collection[str]) -> frozenset[str]:
    """The operator's list of hosts that may lie in the inner network, checked.

    Args:
        listed: each ``HOST:PORT``, exactly.

    Raises:
        UsageError: one of them is not.
    """
    for each in listed:
        host, _, port = each.rpartition(":")
        named = _HOST.fullmatch(host) or _bracketed(host)
        if not named or not re.fullmatch("[1-9][0-9]{0,4}", port, re.ASCII) or int(port) > 65_535:
            raise UsageError(
                f"{quoted(each)} is no inner host that webhooks may go to",
                why="a name in lower case, or an address, and a port are wanted, and nothing with a star",
                fix="write it like hooks.corp.example:8443",
            )
    return frozenset(listed)


def place_of(url: str, inner: Collection[str]) -> WebhookPlace:
    """What a URL says, if it may be sent to as far as can be said without looking its host up.

    Args:
        url: of the receiver.
        inner: as `inner_hosts` returns them.

    Raises:
        NoticeRefusedError: it may not; the URL is not repeated, as it often is a secret.
    """
    parts = _parts(url)
    host, port = (parts.hostname or "").lower(), parts.port or _SCHEMES[parts.scheme]
    bracketed = f"[{host}]" if ":" in host else host
    place = WebhookPlace(
        parts.scheme,
        host,
        port,
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        f"{bracketed}:{port}" in inner,
    )
    if ":" in host and not _bracketed(bracketed):
        raise _refused("its host is no address")
    if ":" not in host and not _HOST.fullmatch(host):
        raise _refused("its host is no name as it is written in addresses")
    if _NUMBER.fullmatch(host.rpartition(".")[2]) and _address(host) is None:
        raise _refused("its host is a number")
    if not place.inner and place.scheme != "https":
        raise _refused("it has no TLS")
    if not place.inner and place.port != 443:
        raise _refused(f"port {place.port} is not 443")
    return place


def _parts(url: str) -> SplitResult:
    if len(url) > _LONGEST or not _PLAIN.fullmatch(url):
        raise _refused("it has characters that addresses do not have, or too many")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("it is none") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or port == 0:
        raise _refused("it is none")
    if "@" in parts.netloc:
        raise _refused("it has a user in it")
    return parts


def addresses_of(place: WebhookPlace, resolve: Resolve) -> tuple[str, ...]:
    """The addresses of a host, each of which may be connected to; it is looked up this once.

    Raises:
        ReceiverDownError: nobody knows its addresses.
        NoticeRefusedError: one of them may not be connected to: then none is, as the next time it might be that one.
    """
    if _address(place.host) is not None:
        found: Sequence[str] = (place.host,)
    else:
        try:
            found = resolve(place.host, place.port)
        except (OSError, UnicodeError) as error:
            raise _unknown(place, str(error) or type(error).__name__) from None
    if not found:
        raise _unknown(place, "it has none")
    for each in found:
        address = _address(each)
        if address is None or not may_be_reached(address, inner=place.inner):
            # Which one is not told: whoever names hosts could read the inner network's names off it.
            raise _refused(f"{place.named} has an address that is not of the public internet")
    return tuple(dict.fromkeys(found))


def looked_up(host: str, port: int) -> tuple[str, ...]:
    """Addresses as this machine's resolver has them.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(str(each[4][0]) for each in found)


def _bracketed(text: str) -> bool:
    if not (text.startswith("[") and text.endswith("]")):
        return False
    found = _address(text[1:-1])
    return isinstance(found, ipaddress.IPv6Address) and found.scope_id is None


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _refused(why: str) -> NoticeRefusedError:
    return NoticeRefusedError(
        "the address of a webhook is not sent to",
        why=why,
        fix="webhooks go to https:// and port 443 of the public internet; the operator may name inner hosts",
    )


def _unknown(place: WebhookPlace, why: str) -> ReceiverDownError:
    return ReceiverDownError(
        f"the host of a webhook has no address: {place.named}", why=why, fix="check its name, and the resolver"
    )
