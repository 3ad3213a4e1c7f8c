"""Names of objects that belong to tenants: injective, so that no two tenants can ever share one.

A collision here hands one team another team's namespace (KubeSpawner CVE-2020-15110 was exactly that), so the
mapping from (team, project, user, …) to a name must never map two inputs to one output, whatever their case,
script, dashes or length.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

LABEL_LIMIT: Final = 63
"""Longest DNS-1123 label: namespaces, services, label values."""

SEPARATOR: Final = "--"
"""Joins parts. A plain part never contains it, so joined names split in one way only."""

_DNS_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_UNSAFE: Final = re.compile(r"[^a-z0-9]+")
_HASH_MARK: Final = "x-"
_HASH_BYTES: Final = 16
_HASH_LENGTH: Final = 26

RESERVED_NAMESPACES: Final = frozenset({"default", "allotment-system", "kueue-system", "gpu-operator", "monitoring"})
"""Never a tenant's, besides everything that starts with one of `RESERVED_PREFIXES`."""

RESERVED_PREFIXES: Final = ("kube-", "allotment-", "openshift-", _HASH_MARK)


def is_dns_label(text: str) -> bool:
    """Whether the text is a DNS-1123 label as it stands."""
    return len(text) <= LABEL_LIMIT and _DNS_LABEL.fullmatch(text) is not None


def is_dns_subdomain(text: str) -> bool:
    """Whether the text is a DNS-1123 subdomain (names of most objects)."""
    return len(text) <= 253 and _DNS_SUBDOMAIN.fullmatch(text) is not None


def is_plain(part: str) -> bool:
    """Whether a part may stand in a joined name unchanged.

    `SEPARATOR` inside it, or a leading mark of hashed names, would make two inputs look alike.
    """
    return is_dns_label(part) and SEPARATOR not in part and not part.startswith(_HASH_MARK)


def is_reserved(namespace: str) -> bool:
    """Whether a namespace belongs to the system and can never be a tenant's."""
    return namespace in RESERVED_NAMESPACES or namespace.startswith(RESERVED_PREFIXES)


def tenant_name(*parts: str, limit: int = LABEL_LIMIT, letter_first: bool = False) -> str:
    """One DNS label for (team), (team, project) or (team, project, user); injective over all inputs.

    Plain parts are joined with ``--``. As soon as one part is not plain (upper case, other scripts, ``--`` inside,
    too long), the name becomes ``x-<readable>-<hash>`` with 128 bits of SHA-256 over the length-prefixed parts: the
    readable rest is only a hint, the hash decides. No plain part starts with ``x-``, and the readable rest with no
    ``-``, so the two forms never meet: a team ``x`` has names that go on as ``x--``.

    Args:
        parts: what is named.
        limit: longest name, for what controllers add something to; at least 30.
        letter_first: whether a name that begins with a digit is none, as for Services.

    Raises:
        ValueError: no part, or an empty part.
    """
    if not parts or not all(parts):
        raise ValueError("a tenant's name needs at least one part, and no empty one")
    joined = SEPARATOR.join(parts)
    if all(is_plain(part) for part in parts) and len(joined) <= limit and not (letter_first and joined[0].isdigit()):
        return joined
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(8, "big"))
        digest.update(raw)
    room = limit - len(_HASH_MARK) - 1 - _HASH_LENGTH
    readable = _UNSAFE.sub("-", joined.lower()).strip("-")[:room].strip("-") or "name"
    code = base64.b32encode(digest.digest()[:_HASH_BYTES]).decode("ascii").rstrip("=").lower()
    return f"{_HASH_MARK}{readable}-{code}"
