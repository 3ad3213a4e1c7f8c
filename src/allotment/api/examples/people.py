"""People of the examples and what lets them in; no text here opens a door."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.api.access import AskedSignIn, AskedToken
from allotment.api.browsers import BrowserEntry, BrowserLeave, BrowserSession
from allotment.api.examples.moments import DAY_MS, HOUR_MS, at
from allotment.model.access.caller import CallerKind
from allotment.model.access.permission import AFAR, Permission
from allotment.model.access.person import SESSION_HOURS, Person
from allotment.model.access.rights import TEAM_ROLES, PersonRole
from allotment.model.access.token import ApiToken, token_text
from allotment.ports.access_service import (
    PeoplePage,
    TokenReceipt,
    TokensPage,
    ToldPerson,
    ToldToken,
    Visitor,
    told,
    told_person,
)
from allotment.ports.sign_in import SignInOffer

ADA: Final = "oidc:ada@id.acme.example"
"""A member of team nlp."""
GRACE: Final = "oidc:grace@id.acme.example"
"""She decides for the platform."""
ISSUER: Final = "https://id.acme.example"
TOKEN_ID: Final = "t4k9w2xa"  # noqa: S105 (of a token, and not what opens)
PERSON_ID: Final = "p5m2k8c4qt"
_SESSION_ID: Final = "s8d3r6yb"
_PERSON: Final = Person(
    PERSON_ID, ISSUER, "4711", ADA, "ada@acme.example", ("acme-nlp",), at(-24 * 30), at(-1), suspended=None
)
_SECRET: Final = "an-example-and-no-secret"  # noqa: S105 (it opens nothing)
"""In place of the secrets of tokens, keys and nonces."""
_MAY: Final = TEAM_ROLES[PersonRole.MEMBER] | {Permission.OWN_TOKENS}
_WORDS: Final = tuple(sorted(each.value for each in _MAY))


def _token(id_: str, name: str, permissions: frozenset[Permission], lasts: int, *, session: bool) -> ApiToken:
    return ApiToken(
        id_, name, permissions, "", ADA, at(-1), at(-1) + lasts, used=at(), person=_PERSON.id, session=session
    )


_CI: Final = _token(TOKEN_ID, "ci", AFAR, 30 * DAY_MS, session=False)
_SESSION: Final = _token(_SESSION_ID, "session", _MAY, SESSION_HOURS * HOUR_MS, session=True)


def token() -> ToldToken:
    """Of a pipeline."""
    return told(_CI)


def revoked_token() -> ToldToken:
    """It was taken back."""
    return replace(token(), revoked=at(1))


def wanted_token() -> AskedToken:
    """It is to be made."""
    return AskedToken(_CI.name, token().permissions, 30 * DAY_MS)


def token_receipt() -> TokenReceipt:
    """It was made, and is told once."""
    return TokenReceipt(token(), token_text(_CI.id, _SECRET))


def tokens() -> TokensPage:
    """All that she has."""
    return TokensPage((token(),), "")


def visitor() -> Visitor:
    """Who she is to the server."""
    return Visitor(
        ADA,
        CallerKind.PERSON.value,
        _WORDS,
        "acme",
        "1.0",
        told(_SESSION),
        ("member of nlp",),
        "USD",
        {each: ("nlp",) for each in _WORDS if each != Permission.OWN_TOKENS.value},
    )


def person() -> ToldPerson:
    """She, as administrators see her."""
    return told_person(_PERSON, [("nlp", PersonRole.MEMBER)])


def shut_out() -> ToldPerson:
    """She was shut out."""
    return replace(person(), suspended=at())


def people() -> PeoplePage:
    """Everybody."""
    return PeoplePage((person(),), "")


def offer() -> SignInOffer:
    """By which provider people sign in."""
    return SignInOffer(ISSUER, "allotment", ("openid", "email", "groups"), _SECRET)


def brought() -> AskedSignIn:
    """What she brings from there."""
    return AskedSignIn("eyJhbGciOiJSUzI1NiJ9.an-example.no-signature", _SECRET, "allotment.acme.example")


def session() -> TokenReceipt:
    """She is in."""
    return TokenReceipt(told(_SESSION), token_text(_SESSION_ID, _SECRET))


def leave() -> BrowserLeave:
    """A browser goes to the provider."""
    return BrowserLeave("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")


def provider_address() -> str:
    """There it goes."""
    return f"{ISSUER}/authorize?response_type=code&client_id=allotment&state={_SECRET}"


def browser_code() -> str:
    """What `allot open` opens the portal with."""
    return _SECRET


def entry() -> BrowserEntry:
    """A browser comes in with it."""
    return BrowserEntry(code=browser_code())


def browser_session() -> BrowserSession:
    """It is in."""
    return BrowserSession(told(_SESSION), _SECRET)
