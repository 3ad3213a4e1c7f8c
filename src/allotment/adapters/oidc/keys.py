"""The keys of a provider (JWKS): which of them may have signed what. A key's name is compared, and leads nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from allotment.adapters.oidc.algorithms import ALGORITHMS, Algorithm
from allotment.adapters.oidc.strict import NotStrictError, bytes_of
from allotment.errors import AllotmentError

PublicKey = RSAKey | ECKey | OKPKey

_MOST_KEYS: Final = 100
_SECRETS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a key that its owner alone may know."""
_MADE: Final[Mapping[str, tuple[Callable[[Any], PublicKey], tuple[str, ...]]]] = MappingProxyType(
    {
        "RSA": (RSAKey.import_key, ("n", "e")),
        "EC": (ECKey.import_key, ("crv", "x", "y")),
        "OKP": (OKPKey.import_key, ("crv", "x")),
    }
)
"""How a public key of each kind is made, and of what; whatever else a provider writes beside is not handed on."""
_LEAST_BITS: Final = 2048
_MOST_BITS: Final = 16_384
"""Of the modulus of an RSA key: below it can be broken, above it takes long to use."""


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key of a provider.

    Attributes:
        id: its name; None where it has none.
        algorithms: names that the library has for what it may be used for.
    """

    id: str | None
    algorithms: frozenset[str]
    key: PublicKey


def published_keys(document: Mapping[str, Any], issuer: str) -> tuple[PublishedKey, ...]:
    """The keys that can be used.

    Args:
        document: as it came.
        issuer: whom messages name.

    Raises:
        AllotmentError: there is none, or one that is no secret any more.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise _no_keys(issuer, f"its keys are no list of at most {_MOST_KEYS}")
    raw = [each for each in listed if isinstance(each, dict)]
    if any(_SECRETS & each.keys() for each in raw):
        raise AllotmentError(
            f"the provider of identities {issuer} publishes a key that has to be secret",
            why="whoever reads it can sign tokens in anybody's name",
            fix="let its administrator replace that key; until then nobody signs in",
        )
    found = tuple(_usable(raw))
    if not found:
        raise _no_keys(issuer, f"none of its keys is one for {', '.join(ALGORITHMS)}")
    return found


def key_for(keys: Sequence[PublishedKey], key_id: str | None, algorithm: Algorithm) -> PublishedKey | None:
    """The one key that may have signed; None where none may, or where it is not said which of several."""
    fitting = [each for each in keys if algorithm.name in each.algorithms and (key_id is None or each.id == key_id)]
    return fitting[0] if len(fitting) == 1 else None


def _usable(raw: Sequence[Mapping[str, Any]]) -> Iterator[PublishedKey]:
    for each in raw:
        used_for, operations = each.get("use", "sig"), each.get("key_ops", ["verify"])
        if used_for != "sig" or not isinstance(operations, list) or "verify" not in operations:
            continue
        algorithms = _algorithms(each)
        key = _key(each) if algorithms else None
        name = each.get("kid")
        if key is not None and (name is None or isinstance(name, str)):
            yield PublishedKey(name, algorithms, key)


def _algorithms(raw: Mapping[str, Any]) -> frozenset[str]:
    """What a key may be used for: what it says itself, as far as a key of its kind can."""
    fitting = {
        each.name
        for name, each in ALGORITHMS.items()
        if each.kind == raw.get("kty") and each.curve in ("", raw.get("crv")) and raw.get("alg", name) == name
    }
    return frozenset(fitting)


def _key(raw: Mapping[str, Any]) -> PublicKey | None:
    """None for what is no key, or a weak one: another of the same provider may do."""
    made, members = _MADE[raw["kty"]]
    wanted = {name: raw.get(name) for name in members}
    if not all(isinstance(each, str) for each in wanted.values()):
        return None
    try:
        if "n" in wanted and not _LEAST_BITS <= _bits(str(wanted["n"])) <= _MOST_BITS:
            return None
        return made({"kty": raw["kty"], **wanted})
    except (JoseError, ValueError, TypeError):
        return None


def _bits(modulus: str) -> int:
    try:
        return int.from_bytes(bytes_of(modulus), "big").bit_length()
    except NotStrictError:
        return 0


def _no_keys(issuer: str, why: str) -> AllotmentError:
    return AllotmentError(
        f"the provider of identities {issuer} has no key that can be used",
        why=why,
        fix="let its administrator look at what its jwks_uri says",
    )
