"""Use case: a person whom the identity provider knows is let in, and gets a session: a token that is over in hours.

Who he is, is issuer and subject, whatever he is called. In which groups he is, is known of the last sign-in alone.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol
from urllib.parse import urlsplit

from allotment.errors import ConflictError, ForbiddenError, NotFoundError, NotSignedInError, quoted, shown
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.identity import ProvenIdentity
from allotment.model.access.person import BY_SUBJECT, SHUT_OUT, Person
from allotment.model.access.rights import PeopleOfPlatform
from allotment.model.access.token import ID_BYTES, ApiToken, token_id
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of, denied
from allotment.model.hosts import neighbourhood_of
from allotment.operations.access.offers import SignInOffers
from allotment.operations.access.refusals import RefusalBook
from allotment.operations.access.tokens import new_session
from allotment.ports.audit import AuditStore
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.identity import Flaw, IdentityProvider, IdentityRefusedError
from allotment.ports.people import PeopleStore, ShutOutError
from allotment.ports.sign_in import LOOPBACK_NAMES, SignInOffer, bound_nonce
from allotment.ports.tokens import TokenStore

_TRIES: Final = 3
"""Times that a sign-in is tried in whose way another one has come at the same moment, such as of the same address."""
_MANY_USED: Final = 10_000
"""Tokens that were used, from which on those are forgotten whose time is over."""
_LEEWAY: Final = 5 * 60_000
"""Milliseconds after its end in which a provider's token may still be believed, and more."""
_CLOCKS_DIFFER: Final = 60_000
"""Milliseconds by which the provider's clock may be behind ours."""
_SECOND: Final = 1000
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
"""An e-mail address that can be a user name: letters of other alphabets look like these, or become them."""
_GROUPS: Final = "groups"
"""As providers mostly call the scope that has groups told."""
_UNKNOWN: Final = "somebody unknown"
_REDEEMED: Final = "redeemed"
_AGAIN: Final = "sign in again: `allot login`"


class SigningStore(PeopleStore, TokenStore, AuditStore, Protocol):
    """What signing in needs of the store."""


@dataclass(frozen=True, slots=True)
class SignInSession:
    """A sign-in that has succeeded.

    Attributes:
        text: what is shown from now on; nobody can tell it again.
    """

    person: Person
    token: ApiToken
    text: str


class SignIns:
    """Sign-ins under way, and what comes of them; of use to several threads at once."""

    def __init__(
        self,
        store: SigningStore,
        provider: IdentityProvider,
        offered: SignInOffer,
        people: Callable[[], PeopleOfPlatform],
        clock: Clock,
        random: Callable[[int], bytes],
        names: Collection[str] = LOOPBACK_NAMES,
    ) -> None:
        """None yet.

        Args:
            store: where people and tokens are.
            provider: who vouches for them.
            offered: what all offers say, but for their nonce.
            people: which groups are what, as it is declared now.
            clock: time as the provider has it, so the machine's own: what it gives says until when it counts.
            random: gives so many random bytes, which nobody can guess.
            names: by which this server may be called, in small letters.
        """
        self._say: Callable[[str], None] | None = None
        self._names = frozenset(names)
        self._store = store
        self._provider = provider
        self._offered = offered
        self._people = people
        self._clock = clock
        self._sessions = clock
        self._random = random
        self._offers = SignInOffers(random)
        self._began = self._now() // _SECOND * _SECOND
        self._used: dict[bytes, int] = {}
        self._lock = threading.Lock()
        self._strangers, self._known = RefusalBook(store), RefusalBook(store)

    @property
    def provider(self) -> IdentityProvider:
        """Who vouches for people."""
        return self._provider

    @property
    def present(self) -> int:
        """The moment as the provider has it, in milliseconds since the epoch."""
        return self._now()

    def keep_sessions_by(self, clock: Clock) -> None:
        """Have sessions count until a moment of another clock: the one by which it is seen whether they are over."""
        self._sessions = clock

    def warn(self, say: Callable[[str], None]) -> None:
        """Have whoever runs the server told once where tokens lack the claim of groups: nobody else can mend that.

        Args:
            say: tells him a line.
        """
        self._say = say

    def offer(self) -> SignInOffer:
        """Begin one."""
        now = self._now()
        for each in (self._strangers, self._known):
            each.tell(now)
        return replace(self._offered, nonce=self._offers.begin(now))

    def end(self) -> None:
        """Nobody signs in any more: what of refusals was only counted is kept."""
        for each in (self._strangers, self._known):
            each.tell(self._now(), all_of_them=True)

    def comes_back(self, nonce: str) -> None:
        """Somebody is back from his provider with a code; for each offer the provider is asked for one alone.

        Raises:
            NotSignedInError: the offer is none of ours, its time is over, or it had a code before.
        """
        now = self._now()
        if self._offers.began(nonce, now) is None or not self._offers.use(nonce, now, _REDEEMED):
            raise _over()

    def enter(self, token: str, nonce: str, host: str, address: str, *, elsewhere: bool = False) -> SignInSession:
        """Let somebody in.

        Args:
            token: what his provider gave him.
            nonce: of the offer; spent by whoever the provider vouches for.
            host: by which he called this server when he signed in: what was meant for another one is worth nothing.
            address: where he comes from.
            elsewhere: whether he has signed in on another device, where providers put no nonce into a token.

        Raises:
            NotSignedInError: it is nobody's, was used before, or he was shut out.
            ForbiddenError: he is nothing here.
        """
        now = self._now()
        began = self._offers.began(nonce, now)
        if began is None:
            raise _over()
        try:
            expected = bound_nonce(nonce, self._own_name(host))
            identity = self._provider.verify(token, now, expected, may_lack_nonce=elsewhere)
            if elsewhere:
                self._check_recent(identity, began)
            self._use_once(token, identity.expires, now)
        except IdentityRefusedError as error:
            whence = f"{address}, {self._provider.issuer}"
            act = act_of(Caller(_UNKNOWN, CallerKind.PERSON, whence), AuditVerb.SIGNED_IN, now, why=error.line)
            self._strangers.keep(error.flaw.value, neighbourhood_of(address), denied(act))
            raise NotSignedInError(error.what, why=error.why, fix=error.fix) from error
        if not self._offers.use(nonce, now):
            raise _over()
        return self._let_in(identity, address, epoch_ms(self._sessions))

    def _check_recent(self, identity: ProvenIdentity, began: int) -> None:
        """A token that binds to no sign-in was made for this one, and not for a server that was here before.

        Raises:
            IdentityRefusedError: it is older.
        """
        # Which tokens were used, a server knows of its own time alone.
        if identity.issued < max(self._began, began - _CLOCKS_DIFFER):
            raise IdentityRefusedError(
                Flaw.TIME, "not signed in", why="the provider's token is older than this sign-in", fix=_AGAIN
            )

    def _own_name(self, host: str) -> str:
        """The name, if it is ours.

        Raises:
            IdentityRefusedError: another server is called so.
        """
        if host.lower() not in self._names:
            raise IdentityRefusedError(
                Flaw.NONCE, "not signed in", why="that sign-in was meant for a server of another name", fix=_AGAIN
            )
        return host

    def _use_once(self, token: str, expires: int, now: int) -> None:
        """No token opens twice, whatever nonce comes with it.

        Raises:
            IdentityRefusedError: it was used before.
        """
        # Without the signature: of some algorithms that can be written in another way.
        digest = hashlib.sha256(token.rpartition(".")[0].encode()).digest()
        with self._lock:
            if digest in self._used:
                raise IdentityRefusedError(Flaw.NONCE, "not signed in", why="the token was used before", fix=_AGAIN)
            if len(self._used) >= _MANY_USED:
                self._used = {each: until for each, until in self._used.items() if until > now - _LEEWAY}
            self._used[digest] = expires

    def _let_in(self, identity: ProvenIdentity, address: str, now: int) -> SignInSession:
        for _ in range(_TRIES - 1):
            try:
                return self._let_in_once(identity, address, now)
            except ConflictError:
                continue
        return self._let_in_once(identity, address, now)

    def _let_in_once(self, identity: ProvenIdentity, address: str, now: int) -> SignInSession:
        person = self._as_he_is(identity, self._store.person_of(*identity.key), now)
        caller = Caller(person.name, CallerKind.PERSON, f"{address}, {identity.issuer}")
        if not self._people().rights_of(person.groups, person.address).all and person.suspended is None:
            raise self._nothing_here(person, identity.lacking, caller, now)
        made = new_session(person.name, person.id, now, self._random)
        session = made.token
        groups = _without(identity.lacking) if identity.lacking else ", ".join(person.groups)
        told = (("session", session.id), ("groups", groups))
        act = act_of(caller, AuditVerb.SIGNED_IN, now, _subject(person), details=told)
        try:
            # Whether he was shut out, the store knows at this moment; what was read before may be over.
            self._store.signed_in(person, session, [act])
        except ShutOutError as error:
            self._refuse(person, caller, SHUT_OUT, now)
            raise NotSignedInError(error.what, why=error.why, fix=error.fix) from error
        return SignInSession(person, session, made.text)

    def _nothing_here(self, person: Person, lacking: str, caller: Caller, now: int) -> ForbiddenError:
        """Keep that somebody is let in by no group, and tell him why."""
        if not lacking:
            self._refuse(person, caller, "no group of his is anything here", now)
            return ForbiddenError(
                f"{shown(person.name)} is nothing here",
                why="no group that your identity provider tells of is a team's or the platform's",
                fix="ask an owner of your team to have you put into its group",
            )
        self._refuse(person, caller, _without(lacking), now)
        fix = _to_have_groups_told(lacking, self._offered.scopes)
        if self._say is not None:
            say, self._say = self._say, None
            say(f"somebody could not sign in: {_without(lacking)}; {fix}")
        return ForbiddenError(
            f"{shown(person.name)} is nothing here, as far as can be told",
            why=f"{_without(lacking)}, so that nobody knows of your groups",
            fix=f"have whoever runs this server see to it: {fix}",
        )

    def _refuse(self, person: Person, caller: Caller, why: str, now: int) -> None:
        act = denied(act_of(caller, AuditVerb.SIGNED_IN, now, _subject(person), why=why))
        self._known.keep(why, person.name, act)

    def _as_he_is(self, identity: ProvenIdentity, known: Person | None, now: int) -> Person:
        if known is not None:
            return replace(known, email=identity.email, groups=identity.groups, seen=now)
        name = self._free_name(identity)
        new = token_id(self._random(ID_BYTES))
        return Person(new, identity.issuer, identity.subject, name, identity.email, identity.groups, now, now)

    def _free_name(self, identity: ProvenIdentity) -> str:
        """A user name that nobody had; it has an @ in it, as that of no user of this machine has."""
        taken = {each.name for each in self._store.people()}
        host = urlsplit(identity.issuer).hostname or "provider"
        by_subject = f"{BY_SUBJECT}{identity.subject}@{host}"
        by_address = identity.email.lower() if _ADDRESS.fullmatch(identity.email) else by_subject
        for each in (by_address, by_subject):
            if each.isprintable() and " " not in each and each not in taken:
                return each
        raise ConflictError(
            f"somebody else is called {shown(by_subject)}",
            why="a user name is one person's for good",
            fix="have the identity provider tell another e-mail address",
        )

    def _now(self) -> int:
        return epoch_ms(self._clock)


def person_called(store: SigningStore, reference: str) -> Person:
    """Somebody by his user name, or id.

    Raises:
        NotFoundError: there is nobody of that name.
    """
    person = next((each for each in store.people() if reference in {each.name, each.id}), None)
    if person is None:
        raise NotFoundError(f"nobody called {shown(reference)} has signed in", fix="`allot people list` names all")
    return person


def shut_out(store: SigningStore, reference: str, caller: Caller, now: int, *, out: bool) -> Person:
    """Shut somebody out, or let him in again: his sessions and tokens are over for good, and he signs in anew.

    Args:
        store: where people are.
        reference: user name, or id.
        caller: who wants it.
        now: milliseconds since the epoch.
        out: whether he is shut out.

    Raises:
        NotFoundError: there is nobody of that name.
        ConflictError: it would be the caller himself.
    """
    person = person_called(store, reference)
    if person.name == caller.name and caller.kind is CallerKind.PERSON:
        raise ConflictError("that is you", fix="have another administrator do it")
    verb = AuditVerb.PERSON_SHUT_OUT if out else AuditVerb.PERSON_LET_IN
    act = act_of(caller, verb, now, _subject(person))
    return store.shut_out(person.id, now, [act]) if out else store.let_in(person.id, [act])


def _without(claim: str) -> str:
    return f"the identity provider's token has no claim {quoted(claim)}"


def _to_have_groups_told(claim: str, scopes: Sequence[str]) -> str:
    """What whoever runs the server does where tokens have no claim of groups; its scopes are asked for already."""
    mapped = f"map groups to {quoted(claim)} at the provider, or name the claim that has them with --oidc-groups"
    if _GROUPS in scopes:
        return mapped
    asked = " ".join((*scopes, _GROUPS))
    return f"start it with --oidc-scopes '{asked}' where the provider has that scope; else {mapped}"


def _over() -> NotSignedInError:
    return NotSignedInError("this sign-in is over", why="it took too long, or was used before", fix=_AGAIN)


def _subject(person: Person) -> AuditSubject:
    return AuditSubject(f"person/{person.id}", person.name)
