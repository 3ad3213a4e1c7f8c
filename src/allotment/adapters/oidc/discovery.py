"""What a provider says of itself (OpenID Connect Discovery): where it is asked what, as far as it may be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.adapters.oidc.addresses import why_not_asked
from allotment.adapters.oidc.algorithms import ALGORITHMS
from allotment.errors import AllotmentError, quoted

_DOCUMENT: Final = "/.well-known/openid-configuration"
_DEVICE: Final = "device_authorization_endpoint"
_ADDRESSES: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri", _DEVICE)
_METHOD: Final = "S256"
"""The one way in which a verifier is told beforehand (RFC 7636)."""
_POSTED: Final = "client_secret_post"
_IN_HEADER: Final = "client_secret_basic"


@dataclass(frozen=True, slots=True)
class ProviderPlaces:
    """Where a provider is asked what.

    Attributes:
        authorization: where browsers go.
        token: where codes and the like are shown.
        keys: where its keys are.
        device: where sign-ins on other devices begin; empty where there are none.
        posts_secret: whether a client's secret goes into the form, as the header is not looked at.
        names_itself: whether browsers bring its name back, so that no other answers in its place (RFC 9207).
    """

    authorization: str
    token: str
    keys: str
    device: str
    posts_secret: bool
    names_itself: bool


def document_address(issuer: str) -> str:
    """Where the document of a provider is."""
    return issuer.rstrip("/") + _DOCUMENT


def places_of(document: Mapping[str, Any], issuer: str, *, plain_on_loopback: bool) -> ProviderPlaces:
    """Where a provider is asked what, as its document says.

    Args:
        document: as it came.
        issuer: whose it has to be.
        plain_on_loopback: whether TLS may be missing on this machine.

    Raises:
        AllotmentError: it is another's, leaves out what is needed, or names what is not asked.
    """
    named = document.get("issuer")
    if named != issuer:
        raise AllotmentError(
            f"the provider of identities at {issuer} calls itself {quoted(named)}",
            why="tokens have the name that it calls itself, and the two have to be the same, letter by letter",
            fix="if you trust it, write the issuer as it does",
        )
    _check_ways(document, issuer)
    found = {field: _address(document, field, issuer, plain_on_loopback=plain_on_loopback) for field in _ADDRESSES}
    if lacking := [field for field in _ADDRESSES if not found[field] and field != _DEVICE]:
        raise _useless(issuer, f"its document has no {lacking[0]}")
    methods = _listed(document, "token_endpoint_auth_methods_supported")
    return ProviderPlaces(
        authorization=found["authorization_endpoint"],
        token=found["token_endpoint"],
        keys=found["jwks_uri"],
        device=found[_DEVICE],
        posts_secret=methods is not None and _IN_HEADER not in methods and _POSTED in methods,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _check_ways(document: Mapping[str, Any], issuer: str) -> None:
    """What a provider does not mention is tried: only what it rules out is told here."""
    signs = _listed(document, "id_token_signing_alg_values_supported")
    if signs is not None and not signs & set(ALGORITHMS):
        raise _useless(issuer, f"it signs with none of {', '.join(ALGORITHMS)}")
    methods = _listed(document, "code_challenge_methods_supported")
    if methods is not None and _METHOD not in methods:
        raise _useless(issuer, f"it knows no PKCE with {_METHOD}, without which a code is worth as much to a thief")
    answers = _listed(document, "response_types_supported")
    if answers is not None and "code" not in answers:
        raise _useless(issuer, "it gives no codes for tokens")


def _address(document: Mapping[str, Any], field: str, issuer: str, *, plain_on_loopback: bool) -> str:
    found = document.get(field)
    if found is None:
        return ""
    if why := why_not_asked(found, issuer, plain_on_loopback=plain_on_loopback):
        raise _useless(issuer, f"its {field} {quoted(found)} {why}")
    return str(found)


def _listed(document: Mapping[str, Any], field: str) -> set[str] | None:
    found = document.get(field)
    return {each for each in found if isinstance(each, str)} if isinstance(found, list) else None


def _useless(issuer: str, why: str) -> AllotmentError:
    return AllotmentError(
        f"the provider of identities {issuer} cannot be used",
        why=why,
        fix="let its administrator look at what its document says, or name another provider",
    )
