"""Use case: tokens are made, listed and taken back. A secret is told once, to whoever has it made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from allotment.errors import ConflictError, NotFoundError, UsageError, quoted
from allotment.model.access.caller import Caller
from allotment.model.access.permission import AFAR, EVERYTHING, TOKENS_GIVE, Permission
from allotment.model.access.person import SESSION_HOURS
from allotment.model.access.token import (
    ID_BYTES,
    LONGEST_LIFE,
    SECRET_BYTES,
    ApiToken,
    digest_of,
    secret_of,
    token_id,
    token_text,
)
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of
from allotment.model.moments import written
from allotment.ports.store import DAY_MS
from allotment.ports.tokens import TokenStore

_LONGEST_NAME: Final = 100
_HOUR: Final = 3_600_000
_OF_SESSIONS: Final = EVERYTHING - {Permission.END, Permission.TOKENS}
"""The most that a session gives: the server's own user does the rest on its machine."""
MOST_TOKENS: Final = 50
"""Tokens of one person, and of one team, that are worth something at once."""


@dataclass(frozen=True, slots=True)
class WantedToken:
    """What is asked for.

    Attributes:
        name: what it is for.
        permissions: that it gives.
        lasts: milliseconds.
        person: id of the person in whose name it opens; empty for nobody.
        team: as whose member it opens; empty for none.
    """

    name: str
    permissions: frozenset[Permission]
    lasts: int
    person: str = ""
    team: str = ""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A new one.

    Attributes:
        text: what its holder keeps; nobody can tell it again.
    """

    token: ApiToken
    text: str


def make_token(
    store: TokenStore,
    wanted: WantedToken,
    caller: Caller,
    now: int,
    random: Callable[[int], bytes],
    *,
    by_token: str = "",
) -> NewToken:
    """Make one.

    Args:
        store: where it is kept.
        wanted: what is asked for.
        caller: who asks.
        now: milliseconds since the epoch.
        random: gives so many random bytes, which nobody can guess.
        by_token: id of the token that let the caller in; empty where he needed none.

    Raises:
        UsageError: it would give what no token gives, has no name, or would last too long or not at all.
        ConflictError: whoever it is for has as many as may be.
        NotSignedInError: what let the caller in was taken back meanwhile.
    """
    _check(wanted)
    _check_room(store, wanted, now)
    made = _made(wanted, caller.name, now, random)
    token = made.token
    told = {"gives": ", ".join(sorted(each.value for each in wanted.permissions)), "until": written(token.expires)}
    act = act_of(caller, AuditVerb.ACCESS_GIVEN, now, _subject(token), details=tuple(told.items()))
    store.add_token(token, [act], by_token=by_token)
    return made


def new_session(by: str, person: str, now: int, random: Callable[[int], bytes]) -> NewToken:
    """What somebody holds who has come in; it is kept by whoever lets him in.

    Args:
        by: his user name.
        person: his id; empty for the user whose server it is.
        now: milliseconds since the epoch.
        random: gives so many random bytes, which nobody can guess.
    """
    wanted = WantedToken("session", _OF_SESSIONS, SESSION_HOURS * _HOUR, person)
    return _made(wanted, by, now, random, session=True)


def _made(wanted: WantedToken, by: str, now: int, random: Callable[[int], bytes], *, session: bool = False) -> NewToken:
    secret = secret_of(random(SECRET_BYTES))
    token = ApiToken(
        id=token_id(random(ID_BYTES)),
        name=wanted.name,
        permissions=wanted.permissions,
        digest=digest_of(secret),
        by=by,
        created=now,
        expires=now + wanted.lasts,
        person=wanted.person,
        team=wanted.team,
        session=session,
    )
    return NewToken(token, token_text(token.id, secret))


def revoke_token(
    store: TokenStore, reference: str, caller: Caller, now: int, seen: Callable[[ApiToken], bool] = lambda _: True
) -> ApiToken:
    """Take one back: from then on it is worth nothing.

    Args:
        store: where it is kept.
        reference: its id, or its name where one living token alone has it.
        caller: who asks.
        now: milliseconds since the epoch.
        seen: whether a token is there for him.

    Raises:
        NotFoundError: there is none.
        UsageError: several have that name.
    """
    token = meant_token(store, reference, now, seen)
    act = act_of(caller, AuditVerb.ACCESS_TAKEN, now, _subject(token))
    return store.revoke_token(token.id, now, [act])


def _check(wanted: WantedToken) -> None:
    most = AFAR if wanted.team else TOKENS_GIVE
    if not wanted.permissions or not wanted.permissions <= most:
        raise UsageError(
            f"a token of team {wanted.team} cannot give that" if wanted.team else "a token cannot give that",
            why="the audit trail is of all teams" if wanted.team and Permission.AUDIT in wanted.permissions else "",
            fix=f"ask for {', '.join(sorted(each.value for each in most))}",
        )
    if not wanted.name.strip() or not wanted.name.isprintable() or len(wanted.name) > _LONGEST_NAME:
        raise UsageError(
            f"a token cannot be called {quoted(wanted.name)}",
            why=f"names have 1 to {_LONGEST_NAME} characters that can be printed",
            fix="say what it is for, such as ci",
        )
    if not 0 < wanted.lasts <= LONGEST_LIFE * DAY_MS:
        raise UsageError(
            "a token cannot last so long" if wanted.lasts > 0 else "a token has to last a while",
            why=f"{LONGEST_LIFE} days are the most: what is lost by then is worth nothing",
            fix="name a shorter time, such as 90d",
        )


def _check_room(store: TokenStore, wanted: WantedToken, now: int) -> None:
    """The server's own user may make as many as he likes: the store is his."""
    if not (wanted.person or wanted.team):
        return
    whose = (wanted.person, wanted.team)
    living = [each for each in store.tokens() if not each.session and not each.why_not(now)]
    if sum((each.person, each.team) == whose for each in living) >= MOST_TOKENS:
        raise ConflictError(
            f"team {wanted.team} has {MOST_TOKENS} tokens already" if wanted.team else f"you have {MOST_TOKENS} tokens",
            why="that is the most that are worth something at once",
            fix="take one back that is not used: `allot token list`, `allot token revoke`",
        )


def meant_token(
    store: TokenStore, reference: str, now: int, seen: Callable[[ApiToken], bool] = lambda _: True
) -> ApiToken:
    """The token that somebody means.

    Args:
        store: where it is kept.
        reference: its id, or its name where one living token alone has it.
        now: milliseconds since the epoch.
        seen: whether a token is there for him.

    Raises:
        NotFoundError: there is none.
        UsageError: several have that name.
    """
    found = [each for each in store.tokens() if seen(each)]
    named = [each for each in found if each.id == reference]
    named = named or [each for each in found if each.name == reference and not each.why_not(now)]
    if not named:
        raise NotFoundError(f"there is no token {quoted(reference)}", fix="`allot token list` names all")
    if len(named) > 1:
        raise UsageError(
            f"several tokens are called {quoted(reference)}",
            why=f"they are {', '.join(each.id for each in named)}",
            fix="name the one that is meant by its id",
        )
    return named[0]


def _subject(token: ApiToken) -> AuditSubject:
    return AuditSubject(f"token/{token.id}", token.name)
