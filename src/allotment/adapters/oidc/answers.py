"""What a provider answers in a sign-in: by way of the browser, and at its token endpoint."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from allotment.adapters.oidc.exchange import ProviderReply
from allotment.adapters.oidc.strict import NotStrictError, object_of
from allotment.errors import AllotmentError, UnreachableError, quoted, quoted_message
from allotment.ports.identity import Flaw, IdentityRefusedError

_MOST_QUERY: Final = 16 << 10
"""Characters of what a browser brings back."""
_MOST_FIELDS: Final = 30
_LONGEST_SECRET: Final = 32 << 10
"""Characters of a token that is only handed back."""


def query_fields(query: str) -> dict[str, str]:
    """What a browser brings back, by name.

    Raises:
        IdentityRefusedError: it is no such thing, or has a name twice.
    """
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, max_num_fields=_MOST_FIELDS, errors="strict"
        ) if len(query) <= _MOST_QUERY else []  # fmt: skip
    except ValueError:
        pairs = []
    found = dict(pairs)
    if not pairs or len(found) != len(pairs):
        raise _no_answer("what the browser brought back is no answer of a provider")
    return found


def is_state(found: Mapping[str, str], state: str) -> bool:
    """Whether an answer is to the question with that state; how long that takes tells nothing."""
    return bool(state) and hmac.compare_digest(found.get("state", "").encode(), state.encode())


def code_in(query: str, state: str, issuer: str, *, names_itself: bool) -> str:
    """The code that a browser brings back.

    Args:
        query: as it came.
        state: of the question.
        issuer: who has to answer.
        names_itself: whether it says that it puts its name into answers.

    Raises:
        IdentityRefusedError: it is to another question, of another provider, or says no.
    """
    found = query_fields(query)
    if not is_state(found, state):
        raise _no_answer("what the browser brought back belongs to another sign-in, or to none")
    if found.get("iss", "" if names_itself else issuer) != issuer:
        raise IdentityRefusedError(
            Flaw.ISSUER,
            "not signed in: another provider of identities has answered",
            why=f"{quoted(found.get('iss', ''))} is not {quoted(issuer)}",
            fix="sign in again",
        )
    if "error" in found:
        raise _denied(found["error"], found.get("error_description", ""))
    if not found.get("code"):
        raise _no_answer("the provider's answer has no code")
    return found["code"]


@dataclass(frozen=True, slots=True)
class GivenTokens:
    """What a provider gives at its token endpoint; empty where it gives none.

    Attributes:
        id: the ID token.
    """

    id: str = field(repr=False)
    access: str = field(repr=False)
    refresh: str = field(repr=False)


class DeviceWaitsError(UnreachableError):
    """Nobody has signed in yet on the other device.

    Attributes:
        slower: whether it was asked too often.
    """

    def __init__(self, issuer: str, *, slower: bool) -> None:
        super().__init__(f"the provider of identities {issuer} asks to wait", fix="ask again in a while")
        self.slower = slower


def tokens_in(reply: ProviderReply, issuer: str) -> GivenTokens:
    """What the token endpoint gives.

    Raises:
        DeviceWaitsError: nobody has signed in yet.
        IdentityRefusedError: nobody has, or may, sign in.
        AllotmentError: it does not answer as one, or knows no such client.
    """
    raw = object_in(reply, issuer)
    token = raw.get("id_token")
    if not isinstance(token, str) or not token:
        raise _foreign(issuer, "its answer has no ID token; `openid` has to be among the scopes")
    if str(raw.get("token_type", "bearer")).lower() != "bearer":
        raise _foreign(issuer, f"its access tokens are of a kind that is not known, {quoted(raw.get('token_type'))}")
    return GivenTokens(token, _kept(raw, "access_token"), _kept(raw, "refresh_token"))


def object_in(reply: ProviderReply, issuer: str) -> dict[str, Any]:
    """The JSON object that came.

    Raises:
        DeviceWaitsError: nobody has signed in yet.
        IdentityRefusedError: the provider says no.
        AllotmentError: it has something against the question, or does not answer as a provider.
    """
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _silent(issuer, f"HTTP {reply.status}")
    try:
        raw = object_of(reply.body)
    except NotStrictError as error:
        raise _foreign(issuer, f"it answers {reply.status}, and {error}") from None
    if reply.status == HTTPStatus.OK:
        return raw
    wrong, said = raw.get("error"), raw.get("error_description", "")
    if not isinstance(wrong, str):
        raise _foreign(issuer, f"it answers {reply.status} without an error that is known")
    raise _failure(issuer, wrong, said if isinstance(said, str) else "")


def _failure(issuer: str, error: str, said: str) -> AllotmentError:
    match error:
        case "authorization_pending" | "slow_down":
            return DeviceWaitsError(issuer, slower=error == "slow_down")
        case "invalid_grant" | "access_denied" | "expired_token" | "login_required" | "interaction_required":
            return _denied(error, said)
        case "temporarily_unavailable" | "server_error":
            return _silent(issuer, _in_words(error, said))
        case "invalid_client" | "unauthorized_client":
            return AllotmentError(
                f"the provider of identities {issuer} does not know this client as it shows itself",
                why=_in_words(error, said),
                fix="check the client's name, its secret, and what its administrator allows it to do",
            )
        case _:
            return AllotmentError(
                f"the provider of identities {issuer} does not take what it is asked",
                why=_in_words(error, said),
                fix="check the scopes, the addresses to come back to, and what its administrator allows the client",
            )


_DENIALS: Final[Mapping[str, str]] = {
    "access_denied": "it was declined at the provider",
    "expired_token": "it was not done in time",
    "invalid_grant": "what the provider gave for it counts no more, or never did",
}


def _denied(error: str, said: str) -> IdentityRefusedError:
    why = _DENIALS.get(error)
    return IdentityRefusedError(
        Flaw.DENIED,
        "not signed in",
        why=f"{why} ({_in_words(error, said)})" if why else _in_words(error, said),
        fix="sign in again",
    )


def _in_words(error: str, said: str) -> str:
    return f"{quoted(error)}: {quoted_message(said)}" if said else quoted(error)


def _no_answer(why: str) -> IdentityRefusedError:
    return IdentityRefusedError(Flaw.STATE, "not signed in", why=why, fix="begin to sign in anew")


def _kept(raw: Mapping[str, Any], name: str) -> str:
    found = raw.get(name)
    return found if isinstance(found, str) and len(found) <= _LONGEST_SECRET and found.isascii() else ""


def _silent(issuer: str, why: str) -> UnreachableError:
    return UnreachableError(
        f"the provider of identities {issuer} does not answer as one", why=why, fix="try again in a while"
    )


def _foreign(issuer: str, why: str) -> UnreachableError:
    return UnreachableError(
        f"the provider of identities {issuer} does not answer as one", why=why, fix="check its address"
    )
