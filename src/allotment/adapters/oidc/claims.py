"""What a token says, once it is believed to be the provider's: whether it is of now, for us, and of whom."""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.adapters.oidc.algorithms import Algorithm, is_half_digest
from allotment.adapters.oidc.signatures import TokenKind, refused
from allotment.errors import quoted, shown
from allotment.model.access.identity import ProvenIdentity
from allotment.ports.identity import Flaw, ProviderSettings

LEEWAY: Final = 60_000
"""Milliseconds by which the provider's clock and ours may differ."""
_LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999: no token lasts until then."""
_LONGEST_SUBJECT: Final = 255
_LONGEST_NAME: Final = 200
_LONGEST_EMAIL: Final = 254
_LONGEST_GROUP: Final = 256
_NOT_OF_SIGNING_IN: Final = "events"
"""Claim of tokens that tell of something, such as that somebody has signed out: they say whom, and let nobody in."""


@dataclass(frozen=True, slots=True)
class CameWith:
    """What came with a token, and has to belong to it; empty or None for what did not.

    Attributes:
        may_lack_nonce: whether the token may have none; another is refused all the same.
    """

    nonce: str | None = field(default=None, repr=False)
    access_token: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    may_lack_nonce: bool = False


def identity_in(
    claims: Mapping[str, Any], kind: TokenKind, algorithm: Algorithm, settings: ProviderSettings, now: int,
    came_with: CameWith,
) -> ProvenIdentity:  # fmt: skip
    """Whom a token is of.

    Args:
        claims: what it says; the provider has signed it.
        kind: what it is for.
        algorithm: by which it is signed.
        settings: what is agreed with the provider.
        now: milliseconds since the epoch.
        came_with: what has to belong to it.

    Raises:
        IdentityRefusedError: of nobody, or not for us, or not now.
    """
    if claims.get("iss") != settings.issuer:
        raise refused(
            Flaw.ISSUER,
            f"it is of {quoted(claims.get('iss'))}, and not of {quoted(settings.issuer)}",
            "sign in there; where the two are one provider, write the issuer letter by letter as it does",
        )
    if _NOT_OF_SIGNING_IN in claims:
        raise refused(Flaw.PURPOSE, "it tells of an event, and lets nobody in")
    _check_audience(claims, kind, settings)
    expires, issued = _check_times(claims, now)
    _check_belongings(claims, kind, algorithm, came_with)
    subject = _subject(claims)
    email = _email(claims)
    groups = _groups(claims, settings)
    return ProvenIdentity(
        settings.issuer, subject, _name(claims, email, subject), email, groups or (), expires, issued,
        lacking=settings.groups_claim if groups is None else "",
    )  # fmt: skip


def _check_audience(claims: Mapping[str, Any], kind: TokenKind, settings: ProviderSettings) -> None:
    raw = claims.get("aud")
    audiences = [raw] if isinstance(raw, str) else raw
    if not isinstance(audiences, list) or not all(isinstance(each, str) for each in audiences):
        raise refused(Flaw.AUDIENCE, "it does not say whom it is for")
    if kind is TokenKind.ACCESS:
        if not settings.audience:
            raise refused(Flaw.PURPOSE, "it is an access token, and here none are taken", "show an ID token")
        if settings.audience not in audiences:
            raise refused(Flaw.AUDIENCE, f"it is not for {quoted(settings.audience)}")
        return
    if settings.client not in audiences:
        raise refused(Flaw.AUDIENCE, f"it is not for the client {quoted(settings.client)}")
    party = claims.get("azp")
    if party != settings.client and (party is not None or len(set(audiences)) > 1):
        raise refused(
            Flaw.AUDIENCE, f"it was given to {quoted(party)}" if party else "it does not say to whom it was given"
        )


def _check_times(claims: Mapping[str, Any], now: int) -> tuple[int, int]:
    """When it is over, and when it was made; milliseconds since the epoch."""
    expires, since, made = (_moment(claims, name) for name in ("exp", "nbf", "iat"))
    if expires is None or made is None:
        raise refused(Flaw.TIME, "it does not say when it was made, or until when it counts")
    if now >= expires + LEEWAY:
        raise refused(Flaw.TIME, "its time is over")
    if now < max(made, made if since is None else since) - LEEWAY:
        raise refused(Flaw.TIME, "its time has not come", "set the clocks of this machine and of the provider right")
    return expires, made


def _moment(claims: Mapping[str, Any], name: str) -> int | None:
    found = claims.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise refused(Flaw.TIME, f"its {name} is no time")
    if not 0 <= found <= _LAST_SECOND:
        raise refused(Flaw.TIME, f"its {name} is no time that anybody means")
    return math.floor(found * 1000)


def _check_belongings(claims: Mapping[str, Any], kind: TokenKind, algorithm: Algorithm, came_with: CameWith) -> None:
    if kind is TokenKind.ACCESS and came_with != CameWith():
        raise refused(Flaw.PURPOSE, "it is an access token, and says nothing of a sign-in")
    nonce = claims.get("nonce")
    is_excused = nonce is None and came_with.may_lack_nonce
    if came_with.nonce is not None and not is_excused and not _same(nonce, came_with.nonce):
        raise refused(Flaw.NONCE, "it is of another sign-in")
    for name, text in (("at_hash", came_with.access_token), ("c_hash", came_with.code)):
        if text and name in claims and not is_half_digest(claims[name], text, algorithm):
            raise refused(Flaw.BINDING, f"it does not belong to what came with it ({name})")


def _same(found: object, wanted: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(
        found.encode("utf-8", "surrogatepass"), wanted.encode("utf-8", "surrogatepass")
    )


def _subject(claims: Mapping[str, Any]) -> str:
    found = claims.get("sub")
    if not isinstance(found, str) or not found.strip():
        raise refused(Flaw.SUBJECT, "it does not say whose it is")
    if len(found) > _LONGEST_SUBJECT or not found.isascii() or not found.isprintable():
        raise refused(Flaw.SUBJECT, f"its subject is none of at most {_LONGEST_SUBJECT} ASCII characters")
    return found


def _email(claims: Mapping[str, Any]) -> str:
    found = _words(claims.get("email"))
    whole = found == claims.get("email") and len(found) <= _LONGEST_EMAIL and "@" in found and " " not in found
    return found if whole and claims.get("email_verified") is True else ""


def _name(claims: Mapping[str, Any], email: str, subject: str) -> str:
    """A user name before a name: of two people of one name, readers would not know which it was."""
    candidates = (_words(claims.get("preferred_username")), email, _words(claims.get("name")), subject)
    return next(each for each in candidates if each)[:_LONGEST_NAME]


def _words(value: object) -> str:
    """A text on one line; empty where it is none, or holds half a character."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return ""
    return shown(" ".join(value.split()))


def _groups(claims: Mapping[str, Any], settings: ProviderSettings) -> tuple[str, ...] | None:
    """None where the token has no such claim: that is not the same as no groups."""
    name = settings.groups_claim
    found = claims.get(name)
    if found is None:
        _check_told(claims, name)
        return None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise refused(
            Flaw.GROUPS,
            f"its {quoted(name)} is no list of names",
            "let the provider's administrator map groups to a list of texts, or name the claim that is one",
        )
    if not all(0 < len(each) <= _LONGEST_GROUP and each.isprintable() for each in found):
        raise refused(
            Flaw.GROUPS,
            f"its {quoted(name)} has a name that is empty, too long, or cannot be printed",
            "let the provider's administrator rename that group",
        )
    return tuple(sorted({f"{settings.groups_prefix}{each}" for each in found}))


def _check_told(claims: Mapping[str, Any], name: str) -> None:
    """Whoever is in more groups than fit has none of them in his token (Entra ID): that is not the same as none."""
    elsewhere = claims.get("_claim_names")
    if (isinstance(elsewhere, dict) and name in elsewhere) or claims.get("hasgroups") in (True, "true"):
        raise refused(
            Flaw.GROUPS,
            "he is in more groups than the provider puts into a token, so that it has none of them",
            "let the provider's administrator emit only the groups that are assigned to this application",
        )
