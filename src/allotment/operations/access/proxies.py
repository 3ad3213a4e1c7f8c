"""Proxies before a server: those that it was told of are believed when they say who has asked, and no others."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from allotment.errors import UsageError, quoted

ProxyNetworks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def proxy_networks(text: str) -> ProxyNetworks:
    """Addresses and networks, with commas between them.

    Raises:
        UsageError: one is none, or holds every address there is.
    """
    found: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for each in filter(None, (each.strip() for each in text.split(","))):
        try:
            network = ipaddress.ip_network(each)
        except ValueError as error:
            raise UsageError(
                f"{quoted(each)} is no address of a proxy", why=str(error), fix="write 10.0.0.5, or 10.0.0.0/28"
            ) from error
        if not network.prefixlen:
            raise UsageError(
                f"{quoted(each)} is every address there is",
                why="whoever comes could say that he is somebody else",
                fix="name the proxy's own address",
            )
        found.append(network)
    return tuple(found)


def sender_of(peer: str, forwarded: Sequence[str], proxies: ProxyNetworks) -> str:
    """Who has asked: the last one on the way whom no trusted proxy is.

    Args:
        peer: address at the other end of the connection.
        forwarded: values of ``X-Forwarded-For``, in their order; anybody may have written those on the left.
        proxies: that are believed.
    """
    sender = peer
    for each in reversed([part.strip() for line in forwarded for part in line.split(",")]):
        if not is_proxy(sender, proxies):
            return sender
        address = _address(each)
        if address is None:
            return sender  # what is no address was written by nobody whom one has to believe
        sender = str(address)
    return sender


def is_proxy(peer: str, proxies: ProxyNetworks) -> bool:
    """Whether an address is one of theirs."""
    address = _address(peer)
    return address is not None and any(address in each for each in proxies if each.version == address.version)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
