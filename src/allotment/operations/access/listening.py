"""Where a server listens besides its socket: what a user has written, checked before anything is bound."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from allotment.errors import UsageError, quoted
from allotment.operations.access.proxies import ProxyNetworks, proxy_networks

LOOPBACK: Final = "127.0.0.1:7433"
"""Where a server listens whose user says nothing of it."""
NOWHERE: Final = "none"
"""In place of an address: on the socket alone."""
USUAL_PORTS: Final = 10
"""Ports from that one on that are tried before any that is free: addresses that people keep stay the same."""
_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+|localhost)):([0-9]{1,5})")
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_MOST_PORT: Final = 65_535
_OF_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ListeningPlace:
    """An address of this machine.

    Attributes:
        host: an IP address.
        port: 0 for any that is free.
        names: that the server answers to, lower case, without ports.
        certificate: file of its certificate chain; None without TLS.
        key: file of its key.
        proxies: that are believed when they say who has asked.
        called: name by which others call it, the first of those that were named; empty where none was.
    """

    host: str
    port: int
    names: frozenset[str]
    certificate: Path | None = None
    key: Path | None = None
    proxies: ProxyNetworks = ()
    called: str = ""

    def address(self, port: int) -> str:
        """What clients are told, with the port that was bound."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.certificate is None else 'https'}://{host}:{port}"

    def portal(self, port: int) -> str:
        """Where others find the portal, with the port that was bound; empty where nobody knows.

        Without a certificate something stands before it that speaks TLS, where others come at all.
        """
        if not self.called:
            host = ipaddress.ip_address(self.host)
            return "" if self.certificate is None or host.is_unspecified else self.address(port)
        name = f"[{self.called}]" if ":" in self.called else self.called
        return f"https://{name}" + ("" if self.certificate is None else f":{port}")

    def origins(self, port: int) -> frozenset[str]:
        """Whatever browsers may call it, with the port that was bound, or none where something stands before it.

        Without a certificate that may speak TLS.
        """
        schemes = ("https",) if self.certificate is not None else ("http", "https")
        names = [f"[{each}]" if ":" in each else each for each in self.names]
        return frozenset(f"{how}://{name}{there}" for how in schemes for name in names for there in ("", f":{port}"))


def listening_place(listen: str, hosts: str, certificate: str, key: str, trusted_proxies: str = "") -> ListeningPlace:
    """What a user has written.

    Args:
        listen: ``127.0.0.1:7433``, ``[::1]:7433`` or ``localhost:7433``.
        hosts: names that the server has besides, with commas between them.
        certificate: file; empty for none.
        key: file; empty for none.
        trusted_proxies: addresses and networks, with commas between them.

    Raises:
        UsageError: it is no such address, or tokens would cross the network in clear text.
    """
    host, port = address_of(listen)
    address = ipaddress.ip_address(host)
    if bool(certificate) != bool(key):
        raise UsageError(
            "a certificate needs its key, and a key its certificate", fix="name both: --tls-cert FILE --tls-key FILE"
        )
    if not address.is_loopback and not certificate:
        raise UsageError(
            f"the server does not listen on {address} without TLS",
            why="tokens would cross the network in clear text",
            fix="name a certificate with --tls-cert and --tls-key, or listen on 127.0.0.1 behind ssh -L or a proxy",
        )
    own = _OF_LOOPBACK if address.is_loopback else () if address.is_unspecified else (str(address),)
    return ListeningPlace(
        str(address),
        port,
        frozenset({*own, *_names(hosts)}),
        Path(certificate) if certificate else None,
        Path(key) if key else None,
        proxy_networks(trusted_proxies),
        next(iter(_names(hosts)), ""),
    )


def address_of(listen: str) -> tuple[str, int]:
    """IP address and port that a user has written.

    Raises:
        UsageError: it is no such address.
    """
    found = _ADDRESS.fullmatch(listen)
    port = int(found[3]) if found else _MOST_PORT + 1
    if found is None or port > _MOST_PORT:
        raise UsageError(
            f"{quoted(listen)} is no address to listen on",
            fix=f"write one such as {LOOPBACK} or [::1]:7433; or {NOWHERE}",
        )
    host = found[1] or found[2]
    try:
        return str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)), port
    except ValueError as error:
        raise UsageError(f"{quoted(host)} is no IP address", why=str(error), fix="write one of this machine") from error


def _names(hosts: str) -> list[str]:
    found = [each.strip().lower() for each in hosts.split(",") if each.strip()]
    for each in found:
        if not _NAME.fullmatch(each) and not _is_address(each):
            raise UsageError(
                f"{quoted(each)} is no name of a host", fix="write names without ports, such as gpu1.acme.example"
            )
    return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
