"""Where a Prometheus measures the devices of each cluster, as a setting says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.errors import UsageError, shown

_EVERY: Final = ""
"""The cluster of an address that names none: every one that has no other."""


def addresses_of(words: str) -> Mapping[str, str]:
    """Addresses of Prometheus by the cluster that each measures.

    Args:
        words: one address for every cluster, or ``CLUSTER=ADDRESS`` for each, with commas between them.

    Raises:
        UsageError: it is neither.
    """
    found: dict[str, str] = {}
    for each in filter(None, (each.strip() for each in words.split(","))):
        name, equals, address = each.partition("=")
        # An address may have an equals sign of its own, after its scheme.
        cluster, address = (name.strip(), address.strip()) if equals and "/" not in name else (_EVERY, each)
        if cluster in found:
            about = f"cluster {shown(cluster)}" if cluster else "every cluster"
            raise UsageError(f"--prometheus names two addresses for {about}", fix="write CLUSTER=ADDRESS, one for each")
        found[cluster] = address
    return found


def address_of(cluster: str, addresses: Mapping[str, str]) -> str | None:
    """The address that measures a cluster; None for none."""
    return addresses.get(cluster) or addresses.get(_EVERY)


def holds_password(words: str) -> bool:
    """Whether an address among them says who asks, and by what password.

    Raises:
        UsageError: they are no addresses.
    """
    places = (each.partition("://")[2].partition("/")[0] for each in addresses_of(words).values())
    return any("@" in each for each in places)
