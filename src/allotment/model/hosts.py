"""Hosts in the addresses of servers."""

from __future__ import annotations

import ipaddress


def is_on_this_machine(host: str) -> bool:
    """Whether a host is this machine itself: a proxy that the environment names is not for it, as with kubectl."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
