"""Hosts in the addresses of servers."""

from __future__ import annotations

import ipaddress
import re


def is_on_this_machine(host: str) -> bool:
    """Whether a host is this machine itself: a proxy that the environment names is not for it, as with kubectl."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def neighbourhood_of(address: str) -> str:
    """What one sender can have of addresses, for counting by it: of IPv6 he has a network of 64 bits at least."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))


def host_of(header: bytes) -> str:
    """The name in a Host header, lower case and without its port; empty where it is none."""
    try:
        text = header.decode("ascii").lower()
    except UnicodeDecodeError:
        return ""
    found = re.fullmatch(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?::[0-9]{1,5})?", text)
    return "" if found is None else found[1].strip("[]")
