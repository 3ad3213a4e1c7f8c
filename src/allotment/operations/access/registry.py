"""Who gets in, as one caller asks for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from threading import Lock

from allotment.errors import ForbiddenError, NotFoundError, quoted
from allotment.model.access.permission import Permission, permissions_of
from allotment.model.access.person import Person
from allotment.model.access.rights import NOBODY, AccessRights, PeopleOfPlatform
from allotment.model.access.token import ApiToken
from allotment.operations.access.admitting import AdmissionStore, LetIn
from allotment.operations.access.browsing import BrowserEntrance
from allotment.operations.access.signing_in import SignIns, person_called, shut_out
from allotment.operations.access.tokens import WantedToken, make_token, meant_token, revoke_token
from allotment.ports.access_service import (
    TokenReceipt,
    ToldPerson,
    ToldToken,
    Visitor,
    check_read,
    told,
    told_person,
)
from allotment.ports.clock import Clock, epoch_ms


@dataclass(frozen=True, slots=True)
class Registry:
    """What `RegistryOf` needs.

    Attributes:
        clock: by which jobs are told of.
        random: gives so many random bytes, which nobody can guess.
        platform: name of it.
        version: of the program.
        people: which groups are what, as it is declared now.
        sign_ins: of people; None where no identity provider is told of.
        currency: of the platform's prices, as it is declared now.
        entrance: of browsers; None where none come in.
        expiry: by which it is seen whether a token is over, and until when a new one counts; `clock` where it is None.
        alone: held by whoever changes somebody, or a token, that he has read before.
    """

    store: AdmissionStore
    clock: Clock
    random: Callable[[int], bytes]
    platform: str
    version: str
    people: Callable[[], PeopleOfPlatform] = lambda: NOBODY
    sign_ins: SignIns | None = None
    currency: Callable[[], str] = str
    entrance: BrowserEntrance | None = None
    expiry: Clock | None = None
    alone: AbstractContextManager[object] = field(default_factory=Lock)

    @property
    def tokens_at(self) -> Clock:
        """By which it is seen whether a token is over."""
        return self.expiry or self.clock

    def browsers(self) -> BrowserEntrance:
        """Where browsers come in.

        Raises:
            NotFoundError: none do.
        """
        if self.entrance is None:
            raise NotFoundError(
                "no browser comes in here",
                why="the server listens on no address",
                fix="`allot down`, then `allot up`",
            )
        return self.entrance


class RegistryOf:
    """Implements `ports.access_service.AccessService` for one caller; whether he may is decided before."""

    def __init__(self, registry: Registry, admitted: LetIn) -> None:
        """Nothing is asked yet.

        Args:
            registry: what is asked.
            admitted: who asks.
        """
        self._registry = registry
        self._admitted = admitted

    def whoami(self) -> Visitor:
        """Who asks."""
        caller, token = self._admitted.caller, self._admitted.token
        may = tuple(sorted(each.value for each in self._admitted.rights.all))
        return Visitor(
            caller.name,
            caller.kind.value,
            may,
            self._registry.platform,
            self._registry.version,
            # A session would give more than its person is: what she has not is not told as hers.
            None if token is None else replace(told(token), permissions=may),
            self._roles(),
            self._registry.currency(),
            _bounds(self._admitted.rights),
        )

    def _roles(self) -> tuple[str, ...]:
        """What he is, such as ``member of nlp``; of the server's own user nothing."""
        token, rights = self._admitted.token, self._registry.people()
        if token is None or not (token.person or token.team):
            return ()
        if token.team:
            return (f"member of {token.team}",)
        person = self._registry.store.person(token.person)
        found = rights.roles_of(person.groups, person.address)
        return tuple(f"{role.value} of {team}" if team else role.value for team, role in found)

    def make_token(self, name: str, permissions: tuple[str, ...], lasts: int, team: str = "") -> TokenReceipt:
        """Make one."""
        held = self._admitted.token
        if held is not None and held.of_owner:
            raise ForbiddenError(
                "a browser of the server's own user makes no tokens",
                why="they would outlive what has let it in",
                fix="`allot token create NAME` on the server's machine",
            )
        wanted = WantedToken(name, permissions_of(permissions), lasts, "" if team else self._person(), team)
        if team:
            self._check_team(team)
        elif Permission.AUDIT in wanted.permissions and Permission.AUDIT not in self._admitted.rights.everywhere:
            raise ForbiddenError(
                "you may not make a token that gives audit",
                why="you may not read the audit trail yourself",
                fix="ask an auditor (`auditorGroups`) or an administrator of the platform to make it",
            )
        registry, by = self._registry, "" if held is None else held.id
        made = make_token(registry.store, wanted, self._admitted.caller, self._now(), registry.random, by_token=by)
        return TokenReceipt(told(made.token), made.text)

    def tokens(self) -> tuple[ToldToken, ...]:
        """Those that he may see, newest first; a session is none."""
        return tuple(told(each) for each in self._registry.store.tokens() if self._shows(each))

    def token(self, reference: str) -> ToldToken:
        """One that he may see; of a session nothing is told."""
        return told(meant_token(self._registry.store, reference, self._now(), self._shows))

    def revoke_token(self, reference: str, *, read: str = "") -> ToldToken:
        """Take one back."""
        store, caller = self._registry.store, self._admitted.caller
        with self._registry.alone:
            if read:
                check_read(told(meant_token(store, reference, self._now(), self._sees)), read)
            return told(revoke_token(store, reference, caller, self._now(), self._sees))

    def end_session(self) -> None:
        """Sign out: what let him in is worth nothing any more, if it was a session."""
        token = self._admitted.token
        if token is not None and token.session:
            revoke_token(self._registry.store, token.id, self._admitted.caller, self._now())

    def browser_code(self) -> str:
        """By which a browser of the server's own user comes in."""
        return self._registry.browsers().code()

    def people(self) -> tuple[ToldPerson, ...]:
        """Everybody who has signed in, by user name."""
        return tuple(self._told(each) for each in self._registry.store.people())

    def person(self, reference: str) -> ToldPerson:
        """Somebody by his user name, or id."""
        return self._told(person_called(self._registry.store, reference))

    def shut_out(self, reference: str, *, out: bool, read: str = "") -> ToldPerson:
        """Shut somebody out, or let him in again."""
        store = self._registry.store
        with self._registry.alone:
            if read:
                check_read(self.person(reference), read)
            return self._told(shut_out(store, reference, self._admitted.caller, self._now(), out=out))

    def _told(self, person: Person) -> ToldPerson:
        return told_person(person, self._registry.people().roles_of(person.groups, person.address))

    def _person(self) -> str:
        """Id of the person who asks; empty where it is the server's own user."""
        token = self._admitted.token
        return "" if token is None else token.person

    def _shows(self, token: ApiToken) -> bool:
        return self._sees(token) and not token.session

    def _sees(self, token: ApiToken) -> bool:
        rights = self._admitted.rights
        if Permission.TOKENS in rights.everywhere or (token.person and token.person == self._person()):
            return True
        return bool(token.team) and rights.gives(Permission.TEAM_TOKENS, token.team)

    def _check_team(self, team: str) -> None:
        known = {each.name for each in self._registry.people().teams}
        sees = self._admitted.rights.within(Permission.READ)
        if team not in known or not (sees is None or team in sees):
            raise NotFoundError(f"there is no team {quoted(team)}", fix="`allot whoami` names yours")
        rights = self._admitted.rights
        if Permission.TOKENS not in rights.everywhere and not rights.gives(Permission.TEAM_TOKENS, team):
            raise ForbiddenError(
                f"you may not make tokens of team {team}", why="its owners may", fix="ask one of them to make it"
            )

    def _now(self) -> int:
        return epoch_ms(self._registry.tokens_at)


def _bounds(rights: AccessRights) -> dict[str, tuple[str, ...]]:
    """Teams of those permissions that hold in some alone."""
    within = {each: rights.within(each) for each in rights.all}
    return {each.value: tuple(sorted(teams)) for each, teams in within.items() if teams is not None}
