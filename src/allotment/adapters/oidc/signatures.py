"""Signed tokens (JWS in its compact form): taken apart, and believed only where a key of the provider has signed them.

A token says itself how it is signed; so what it says is looked up in a fixed list, the key is chosen by that, and the
signature is tried in that one way. Where a token says that its key is (``jku``, ``x5u``, ``jwk``, ``x5c``) is not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from allotment.adapters.oidc.algorithms import ALGORITHMS, Algorithm
from allotment.adapters.oidc.keys import PublishedKey
from allotment.adapters.oidc.strict import NotStrictError, bytes_of, object_of
from allotment.errors import quoted
from allotment.ports.identity import Flaw, IdentityRefusedError

MOST_CHARACTERS: Final = 64 << 10
"""Of a token."""
_LONGEST_KEY_ID: Final = 256
_UNKNOWN_WAYS: Final = ("crit", "b64", "zip", "enc", "cty")
"""Members of a header that change what is signed, or how it is read."""


class TokenKind(Enum):
    """What a token says that it is for, by its ``typ``."""

    ID = "ID token"
    ACCESS = "access token"


_KINDS: Final = {
    "": TokenKind.ID, "jwt": TokenKind.ID, "at+jwt": TokenKind.ACCESS, "application/at+jwt": TokenKind.ACCESS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token in its parts, of which nothing is believed yet.

    Attributes:
        key_id: name of the key, as it says; None where it does not.
        signed: what the signature is over.
    """

    kind: TokenKind
    algorithm: Algorithm
    key_id: str | None
    signed: bytes = field(repr=False)
    payload: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def token_parts(token: str) -> ShownToken:
    """Take a token apart.

    Raises:
        IdentityRefusedError: it is none, or is signed in a way that is not taken.
    """
    if len(token) > MOST_CHARACTERS:
        raise refused(Flaw.FORM, f"it has more than {MOST_CHARACTERS:,} characters")
    pieces = token.split(".")
    if len(pieces) != 3:
        raise refused(Flaw.FORM, "it has not three parts")
    try:
        header, payload, signature = (bytes_of(each) for each in pieces)
        said = object_of(header)
    except NotStrictError as error:
        raise refused(Flaw.FORM, str(error)) from None
    if unknown := [each for each in _UNKNOWN_WAYS if each in said]:
        raise refused(Flaw.FORM, f"its header has {unknown[0]}, which is not understood")
    algorithm, kind, key_id = said.get("alg"), said.get("typ", ""), said.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise refused(Flaw.ALGORITHM, f"it is signed with {quoted(algorithm)}, and not with {_any_of(ALGORITHMS)}")
    if not isinstance(kind, str) or kind.lower() not in _KINDS:
        raise refused(Flaw.PURPOSE, f"it is a {quoted(kind)}")
    if key_id is not None and (not isinstance(key_id, str) or len(key_id) > _LONGEST_KEY_ID):
        raise refused(Flaw.KEY, "the name of its key is none")
    signed = token.rpartition(".")[0].encode("ascii")
    return ShownToken(_KINDS[kind.lower()], ALGORITHMS[algorithm], key_id, signed, payload, signature)


def claims_of(token: ShownToken, published: PublishedKey) -> dict[str, Any]:
    """What a token says, after a key has been found to have signed it.

    Raises:
        IdentityRefusedError: that key has not, or it says a thing twice.
    """
    name = token.algorithm.name
    try:
        way = JWSRegistry(algorithms=[name]).get_alg(name)
        way.check_key(published.key)
        genuine = way.verify(token.signed, token.signature, published.key)
    except (JoseError, ValueError, TypeError):
        genuine = False
    if not genuine:
        raise refused(Flaw.SIGNATURE, "the provider has not signed it as it is")
    try:
        return object_of(token.payload)
    except NotStrictError as error:
        raise refused(Flaw.FORM, str(error)) from None


def refused(flaw: Flaw, why: str, fix: str = "sign in again") -> IdentityRefusedError:
    """The refusal of a token."""
    return IdentityRefusedError(flaw, "not signed in: what is shown as a token is not taken", why=why, fix=fix)


def _any_of(names: Mapping[str, object]) -> str:
    return f"one of {', '.join(names)}"
