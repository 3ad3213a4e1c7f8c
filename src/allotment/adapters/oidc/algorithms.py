"""How tokens may be signed: a fixed list, and with which keys. Nothing in it shares a secret with the provider."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from allotment.adapters.oidc.strict import NotStrictError, bytes_of


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A way of signing.

    Attributes:
        name: as the library calls it.
        kind: of its keys (``kty``).
        curve: of its keys; empty where they have none.
        digest: of values that a token binds, such as ``at_hash``.
    """

    name: str
    kind: str
    curve: str
    digest: Callable[[bytes], bytes]


def _sha256(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _sha512(text: bytes) -> bytes:
    return hashlib.sha512(text).digest()


# `EdDSA` says no curve, and the library warns of it: here it means Ed25519, as its newer name does (RFC 9864).
_ED25519: Final = Algorithm("Ed25519", "OKP", "Ed25519", _sha512)
ALGORITHMS: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {
        "RS256": Algorithm("RS256", "RSA", "", _sha256),
        "PS256": Algorithm("PS256", "RSA", "", _sha256),
        "ES256": Algorithm("ES256", "EC", "P-256", _sha256),
        "EdDSA": _ED25519,
        "Ed25519": _ED25519,
    }
)
"""By the names that tokens and keys have for them."""


def is_half_digest(shown: object, of: str, algorithm: Algorithm) -> bool:
    """Whether a claim such as ``at_hash`` is of a text: the left half of its digest."""
    digest = algorithm.digest(of.encode("utf-8", "surrogatepass"))
    try:
        return isinstance(shown, str) and bytes_of(shown) == digest[: len(digest) // 2]
    except NotStrictError:
        return False
