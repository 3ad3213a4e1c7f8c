"""Addresses of a provider and of its clients: which may be asked, and where browsers may be sent back to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from allotment.errors import UsageError, quoted
from allotment.model.hosts import is_on_this_machine

_LONGEST: Final = 2048
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", re.ASCII)
"""Characters of addresses (RFC 3986), without those that readers drop or turn, such as line ends and backslashes."""


def parts_of_address(text: str) -> SplitResult | None:
    """The parts of an address with a host and without a user; None where it is none."""
    if len(text) > _LONGEST or not _PLAIN.fullmatch(text):
        return None
    try:
        found = urlsplit(text)
        port = found.port
    except ValueError:
        return None
    return found if found.hostname and "@" not in found.netloc and port != 0 else None


def check_issuer(issuer: str, *, plain_on_loopback: bool) -> None:
    """Whether a provider with that address may be asked.

    Raises:
        UsageError: it may not.
    """
    found = parts_of_address(issuer)
    if found is None or found.query or found.fragment or issuer.endswith(("?", "#")):
        raise UsageError(
            f"{quoted(issuer)} is no address of a provider of identities",
            why="it has a host and perhaps a path, and neither a question mark nor a user name",
            fix="write it exactly as the provider does, such as https://login.example/realms/ai",
        )
    if not _is_spoken_to(found, plain_on_loopback=plain_on_loopback):
        raise UsageError(
            f"{quoted(issuer)} is not asked without TLS",
            why="whoever is in between could say who everybody is",
            fix="write https://; for a provider on this machine, for trials, allow plain HTTP on loopback",
        )


def why_not_asked(address: object, issuer: str, *, plain_on_loopback: bool) -> str:
    """Why an address that a provider names as its own is not asked, in a few words; empty where it is.

    Args:
        address: as its document has it.
        issuer: the provider's own, checked before.
        plain_on_loopback: whether TLS may be missing on this machine.
    """
    found = parts_of_address(address) if isinstance(address, str) else None
    if found is None or found.fragment:
        return "is no address"
    if not _is_spoken_to(found, plain_on_loopback=plain_on_loopback):
        return "is not asked without TLS"
    home = urlsplit(issuer).hostname or ""
    if is_on_this_machine(found.hostname or "") and not is_on_this_machine(home):
        return "is of this machine, and the provider is not"
    return ""


def may_come_back(redirect: str, redirects: Collection[str]) -> bool:
    """Whether a browser may be sent back there: it is listed letter by letter, but for a port of this machine."""
    if redirect in redirects:
        return True
    found = parts_of_address(redirect)
    if found is None or found.scheme != "http" or found.port is None or not _is_loopback_number(found.hostname or ""):
        return False
    return found._replace(netloc=found.netloc.rpartition(":")[0]).geturl() in redirects


def _is_spoken_to(found: SplitResult, *, plain_on_loopback: bool) -> bool:
    if found.scheme == "https":
        return True
    return found.scheme == "http" and plain_on_loopback and is_on_this_machine(found.hostname or "")


def _is_loopback_number(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
