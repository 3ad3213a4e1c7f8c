"""Which addresses a server connects to for others: those of the public internet, inner ones, and what none leads to.

Whoever can name an address could otherwise have a server ask what only its own network, or its own machine, may.
"""

from __future__ import annotations

import ipaddress
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(each) for each in texts)


_NEVER: Final = _networks(
    # Services that tell machines of a cloud who they are: credentials lie there.
    "100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "192.0.0.192/32", "fd00:ec2::/32", "fd20:ce::/32",
    # This network, several receivers, reserved.
    "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "fe80::/10", "ff00::/8", "::/128",
    # The addresses above in other clothes: mapped, translated, in tunnels.
    "::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
)  # fmt: skip
"""What nobody's word leads to, the operator's neither; ``::1`` is apart."""
_INNER: Final = _networks(
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
    # For documentation, benchmarks and the like: nobody is there, or somebody who should not.
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "2001::/23", "2001:db8::/32", "3fff::/20",
)  # fmt: skip
_PUBLIC_IPV6: Final = ipaddress.ip_network("2000::/3")
"""All that was ever given out for the public internet."""
_TRANSLATED: Final = ipaddress.ip_network("64:ff9b::/96")
"""Where a network of IPv6 alone has the whole of IPv4 (NAT64)."""


def may_be_reached(address: Address, *, inner: bool) -> bool:
    """Whether an address may be connected to.

    Args:
        address: looked up, or as it was written.
        inner: whether somebody has named it who may: then inner addresses are as good, but for those of clouds'
            metadata and the like.
    """
    if address in _TRANSLATED:
        # IPv4 as a network of IPv6 alone sees it. What a mapped or tunnelled address leads to, nobody has to reach so.
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if not inner:
        return is_public(address)
    if address == ipaddress.IPv6Address("::1"):
        return True
    return not any(address in each for each in _NEVER)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, by tables of our own and by Python's."""
    if isinstance(address, ipaddress.IPv6Address) and (address not in _PUBLIC_IPV6 or address.scope_id is not None):
        return False
    return address.is_global and not any(address in each for each in (*_NEVER, *_INNER))
