"""Use case: who comes from afar is let in by a token, or not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from allotment.errors import NotFoundError, NotSignedInError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import Permission
from allotment.model.access.person import SHUT_OUT, Person
from allotment.model.access.rights import NO_RIGHTS, NOBODY, OWN, AccessRights, PeopleOfPlatform, PersonRole
from allotment.model.access.token import ApiToken, parts_of
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of, denied
from allotment.ports.audit import AuditStore
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.keyed_calls import CallsStore
from allotment.ports.people import PeopleStore, ShutOutError
from allotment.ports.tokens import TokenStore

_MINUTE: Final = 60_000
"""Milliseconds after which the same is noted of a token again: its use, and that somebody was turned away."""
_FEW_SECONDS: Final = 5_000
"""Milliseconds after which somebody may be turned away from another place, and that is noted as well."""
_HOUR: Final = 60 * _MINUTE
"""Milliseconds after which somebody who comes from the same place with the same token has come anew."""
_MOST_NOTED: Final = 4096
"""Notes that are remembered at once, so that nothing is noted too often."""
_NOBODY: Final = "nobody"
"""Who comes with the id of a token, and not with its secret."""
NOT_HIS: Final = "the connection is of another user of the server's machine"
"""Why what shows the user whose server it is opens nothing."""
_OF_PEOPLE: Final = frozenset({Permission.OWN_TOKENS})
"""What everybody may who has signed in himself, and not a token of his."""


class AdmissionStore(TokenStore, PeopleStore, AuditStore, CallsStore, Protocol):
    """What admission needs of the store."""


@dataclass(frozen=True, slots=True)
class LetIn:
    """Somebody who was let in.

    Attributes:
        rights: what he may.
        token: that let him in; None where nobody needed one.
        groups: of a person, as his identity provider tells of them; of others none.
    """

    caller: Caller
    rights: AccessRights
    token: ApiToken | None = None
    groups: tuple[str, ...] = ()

    @property
    def party(self) -> str:
        """Who counts as one: all sessions and tokens of a person, all tokens of a team; empty for who needed none."""
        token = self.token
        if token is None:
            return ""
        return token.person or (f"tokens of {token.team}" if token.team else token.id)

    @property
    def counts_as(self) -> str:
        """Under what name turns, and how much is asked, are counted: who makes many tokens has no more of either."""
        return self.party or self.caller.name


class Doorkeeper:
    """Knows tokens as the store has them at the moment of each call, so that one that is revoked opens nothing more."""

    def __init__(
        self,
        store: AdmissionStore,
        clock: Clock,
        people: Callable[[], PeopleOfPlatform] = lambda: NOBODY,
        recalled: Callable[[str], tuple[ApiToken, Person | None] | None] = lambda _id: None,
    ) -> None:
        """Nobody is let in yet.

        Args:
            store: where tokens and people are.
            clock: time.
            people: which groups are what, as it is declared now.
            recalled: a token by its id, with the person whose it is, as they are in the store at the moment; None where
                nobody knows without asking it.
        """
        self._recalled = recalled
        self._store = store
        self._clock = clock
        self._people = people
        self._noted: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def admit(self, text: str, address: str, is_owner: Callable[[], bool | None] = lambda: True) -> LetIn:
        """Whoever has a token.

        Args:
            text: what he sends as one.
            address: where he comes from.
            is_owner: whether, as far as the system tells, his connection is of the user whose server it is; asked where
                a session shows that user alone; None where the connection is there no more.

        Raises:
            NotSignedInError: it is none, or is worth nothing.
        """
        parts = parts_of(text)
        if parts is None:
            raise _not_signed_in("what came in the place of a token is none" if text else "no token came with it")
        now = self._now()
        try:
            token = self._store.token(parts[0])
        except NotFoundError:
            raise _not_signed_in("the server does not know the token") from None
        whence = f"{address}, token {token.id}"
        if not token.opens(parts[1]):
            self._turn_away(Caller(_NOBODY, CallerKind.BEARER, whence), token, "its secret is another", now)
            raise _not_signed_in("the server does not know the token")
        holder, why = self._holder(token, whence, now)
        if not why and token.of_owner:
            his = is_owner()
            if his is None:
                # A browser that goes on to another page drops what it has asked for: nobody is to be accused of it.
                raise _not_signed_in("the connection was closed before it was known whose it is")
            why = "" if his else NOT_HIS
        if why:
            self._turn_away(holder.caller, token, why, now)
            raise _refused(token, why)
        if self._is_news("used", token.id, now):
            self._store.token_used(token.id, now)
        if self._is_news(_came(address), token.id, now, _HOUR) and self._is_news("came", token.id, now):
            self._store.audit([act_of(holder.caller, AuditVerb.SIGNED_IN, now, _subject(token))])
        return holder

    def admit_recalled(self, text: str, address: str) -> LetIn | None:
        """As `admit`, where nothing is to be waited for; None where the store is to be asked, or to keep something.

        Args:
            text: what he sends as a token.
            address: where he comes from.
        """
        parts = parts_of(text)
        recalled = None if parts is None else self._recalled(parts[0])
        if parts is None or recalled is None:
            return None
        token, person = recalled
        now = self._now()
        if token.of_owner or not token.opens(parts[1]):
            return None
        if not self._was_noted("used", token.id, now) or not self._was_noted(_came(address), token.id, now, _HOUR):
            return None
        holder, why = self._holder(token, f"{address}, token {token.id}", now, person)
        return None if why else holder

    def _holder(self, token: ApiToken, whence: str, now: int, person: Person | None = None) -> tuple[LetIn, str]:
        """In whose name a token opens, what he may by it, and why it opens nothing; empty where it does."""
        caller = Caller(token.by, CallerKind.BEARER, whence)
        groups: tuple[str, ...] = ()
        why = token.why_not(now)
        if token.person:
            person = person or self._store.person(token.person)
            caller, groups = Caller(person.name, CallerKind.PERSON, whence), person.groups
            rights, why = self._people().rights_of(person.groups, person.address), person.why_not(now) or why
            if token.session:
                rights = replace(rights, everywhere=rights.everywhere | _OF_PEOPLE) if rights.all else rights
        elif token.team:
            caller = Caller(f"{token.name} of {token.team}", CallerKind.SERVICE, whence)
            rights = self._people().rights_in(token.team, PersonRole.MEMBER)
        else:
            rights = OWN
        rights = rights.narrowed(token.permissions)
        why = why or ("" if rights.all else "whoever has it is nothing here now")
        return LetIn(caller, NO_RIGHTS if why else rights, token, groups), why

    def still(self, admitted: LetIn) -> bool:
        """Whether whoever was let in would be let in now, too, and may as much; asked while an answer goes on.

        On what he decides, and so which requests he is told of, follows from his groups, not from his rights alone.
        """
        holder, why = self._as_of_now(admitted)
        return not why and holder.rights == admitted.rights and set(holder.groups) == set(admitted.groups)

    def again(self, admitted: LetIn) -> LetIn:
        """Whoever was let in, with what he may and the groups that he has now; asked right before he changes anything.

        Raises:
            NotSignedInError: he would not be let in now.
        """
        holder, why = self._as_of_now(admitted)
        if why:
            raise NotSignedInError("the token is worth nothing any more", why=why, fix="sign in again")
        return holder

    def _as_of_now(self, admitted: LetIn) -> tuple[LetIn, str]:
        """The same, and why nobody would let him in; empty where he would be."""
        if admitted.token is None:
            return admitted, ""
        try:
            token = self._store.token(admitted.token.id)
            return self._holder(token, admitted.caller.whence, self._now())
        except NotFoundError:
            return admitted, "the server does not know the token"

    def denied(self, admitted: LetIn, wanted: Permission, what: str) -> None:
        """Somebody who was let in has asked for what he may not: it is kept, once a minute.

        Args:
            admitted: who.
            wanted: what he would have needed.
            what: he asked for, in a few words.
        """
        now = self._now()
        key = admitted.token.id if admitted.token is not None else admitted.caller.name
        if self._is_told(f"denied {wanted.value}", admitted.caller, key, now):
            act = act_of(admitted.caller, AuditVerb.ASKED, now, why=f"it does not give {wanted.value}: {what}")
            self._store.audit([denied(act)])

    def _turn_away(self, caller: Caller, token: ApiToken, why: str, now: int) -> None:
        if self._is_told(f"turned away: {why}", caller, token.id, now):
            self._store.audit([denied(act_of(caller, AuditVerb.SIGNED_IN, now, _subject(token), why=why))])

    def _is_told(self, what: str, caller: Caller, token_id: str, now: int) -> bool:
        """Of each place once a minute, and of all places together no more than a few a minute."""
        here = self._is_news(f"{what} at {caller.whence}", token_id, now)
        return here and self._is_news(what, token_id, now, _FEW_SECONDS)

    def _is_news(self, what: str, token_id: str, now: int, again: int = _MINUTE) -> bool:
        with self._lock:
            if self._was_noted(what, token_id, now, again):
                return False
            if len(self._noted) >= _MOST_NOTED:
                self._noted = {key: at for key, at in self._noted.items() if 0 <= now - at < _MINUTE}
            self._noted[what, token_id] = now
            return True

    def _was_noted(self, what: str, token_id: str, now: int, again: int = _MINUTE) -> bool:
        before = self._noted.get((what, token_id))
        return before is not None and 0 <= now - before < again

    def _now(self) -> int:
        return epoch_ms(self._clock)


def _came(address: str) -> str:
    return f"came from {address}"


def _subject(token: ApiToken) -> AuditSubject:
    return AuditSubject(f"token/{token.id}", token.name)


def _refused(token: ApiToken, why: str) -> NotSignedInError:
    """What the holder of a token reads that opens nothing."""
    if why == SHUT_OUT:
        told = ShutOutError()
        return NotSignedInError(told.what, why=told.why, fix=told.fix)
    if token.session:
        fix = "`allot open` on the server's machine" if token.of_owner else "sign in again: `allot login SERVER`"
        return NotSignedInError("not signed in", why=why, fix=fix)
    if token.person:
        fix = "sign in with `allot login SERVER`; `allot token create NAME` then makes another one"
        return NotSignedInError("not signed in", why=why, fix=fix)
    return _not_signed_in(why)


def _not_signed_in(why: str) -> NotSignedInError:
    return NotSignedInError(
        "not signed in",
        why=why,
        fix="`allot login SERVER` signs you in, or takes a token that `allot token create NAME` made",
    )
