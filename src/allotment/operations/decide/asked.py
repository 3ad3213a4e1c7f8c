"""Requests as one caller has them: those of his teams, and those that he decides on; others are as if not there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Final, TypeVar

from allotment.errors import CapacityError, ForbiddenError, NotFoundError, UsageError, quoted, shown
from allotment.model.access.permission import Permission
from allotment.model.requests.balance import TeamBalance
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import Effect, GrantRequest, RequestAct
from allotment.model.requests.terms import RequestKind, Terms
from allotment.model.requests.timeline import StepOutcome, TimelineStep
from allotment.model.source import SourceTree
from allotment.operations.access.admitting import LetIn
from allotment.operations.decide.carrying_out import settle
from allotment.operations.decide.desk import OWNER_GROUP, Party, RequestDesk, owned
from allotment.operations.decide.lending import OTHERS, lent_grant, lent_request
from allotment.operations.decide.proposing import PLAIN
from allotment.operations.decide.room import DecisionRoom
from allotment.operations.decide.team_edits import foreseen_change, without_others
from allotment.ports.request_service import (
    LISTED,
    MOST_LISTED_AT_ONCE,
    MOST_NAME,
    MOST_SAID_OF_REQUESTS,
    AskedMove,
    AskedRequest,
    ForeseenChange,
    GrantsPage,
    RequestsPage,
    ToldRequest,
)
from allotment.ports.requests import RequestFilter, RequestMark
from allotment.requests.approvers import Somebody
from allotment.spec.problems import InvalidPlatformError

Row = TypeVar("Row", GrantRequest, TeamGrant)
Mark = TypeVar("Mark")
Decider = Callable[[GrantRequest], bool]
_DECIDING: Final = frozenset({RequestAct.APPROVE, RequestAct.COUNTER, RequestAct.DENY})
_READ_AT_ONCE: Final = 200
"""Requests, or grants, that are read together to find those that somebody may see."""
_TOLD_OF_TROUBLE: Final = "it could not be done{where} yet, and is tried again: the platform's administrators see why"


class RequestsOf:
    """Implements `ports.request_service.RequestService` for one caller; whether he may at all is decided before."""

    def __init__(self, desk: RequestDesk, room: DecisionRoom, admitted: LetIn) -> None:
        """Nothing is asked yet.

        Args:
            desk: that is asked.
            room: what is decided with.
            admitted: who asks.
        """
        self._desk = desk
        self._room = room
        self._admitted = admitted
        self._rights = admitted.rights

    def ask(self, asked: AskedRequest) -> GrantRequest:
        """Submit a request."""
        _check_words(asked)
        self._check_team(asked)
        with self._others_unnamed(asked):
            return self._masked(self._desk.ask(asked, self._party))

    def preview(self, asked: AskedRequest) -> ToldRequest:
        """What would become of a request; nothing is kept."""
        _check_words(asked)
        self._check_team(asked)
        with self._others_unnamed(asked):
            return self._told(self._desk.preview(asked, self._party))

    def requests(self, wanted: RequestFilter, *, after: RequestMark | None = None, limit: int = LISTED) -> RequestsPage:
        """Those that are meant and there for him, newest first."""
        size = min(max(1, limit), MOST_LISTED_AT_ONCE)
        decides = self._desk.decider(self._party)
        # By what it is found would tell whose it is: nothing of others' is listed beside then.
        lent = not (wanted.team or wanted.requester or wanted.route)
        own = wanted.requester == self._party.somebody.name
        if not (lent or own) and Permission.DECIDE not in self._rights.all and self._teams is not None:
            wanted = replace(wanted, within=self._teams)

        # What is seen of some is less than what is decided by.
        his: set[str] = set()

        def seen(each: GrantRequest) -> GrantRequest | None:
            if decides(each):
                his.add(each.id)
            return self.seen_request(each, decides, lent=lent)

        def some(mark: RequestMark | None) -> Sequence[GrantRequest]:
            return self._desk.requests(wanted, _READ_AT_ONCE, after=mark)

        found = _filled(some, seen, _mark, after, size + 1)
        rows = tuple(found[:size])
        further = _mark(rows[-1]) if len(found) > size else None
        return RequestsPage(rows, further, tuple(each.id for each in rows if each.id in his))

    def decider(self) -> Decider:
        """Whether he decides on a request, of many requests by the rules as they are now."""
        return self._desk.decider(self._party)

    def seen_request(self, request: GrantRequest, decides: Decider | None = None, *, lent: bool) -> GrantRequest | None:
        """One as it is listed for him, or what of another team's is `lent`; None where he does not see it."""
        if self._sees(request, decides):
            return self._masked(request, decides)
        return lent_request(request, self._teams or ()) if lent else None

    def request(self, request_id: str) -> ToldRequest:
        """One by its id."""
        self._found(request_id)
        return self._told(self._desk.request(request_id, self._party))

    def move(self, request_id: str, move: AskedMove) -> GrantRequest:
        """Decide on one, accept an offer, or withdraw."""
        _check_length("a reason", move.reason, MOST_SAID_OF_REQUESTS)
        request = self._found(request_id)
        needs = Permission.DECIDE if move.act in _DECIDING else Permission.ASK
        his = request.requester == self._party.somebody.name or self._desk.decides(request, self._party)
        # Who may ask for nothing any more takes nothing either; he may withdraw.
        his = his and move.act is not RequestAct.ACCEPT
        if not his and not self._rights.gives(needs, request.wish.team):
            raise ForbiddenError(
                f"you see request {request.id}, and may not {move.act.value} it",
                fix="`allot request show` says who decides",
            )
        return self._masked(self._desk.move(request_id, move, self._party))

    def grants(
        self, states: frozenset[GrantState] = frozenset(), *, after: str = "", limit: int = LISTED
    ) -> GrantsPage:
        """Those of his teams, and of others what is taken of his teams for them, by id."""
        size = min(max(1, limit), MOST_LISTED_AT_ONCE)

        def some(mark: str) -> Sequence[TeamGrant]:
            return self._room.store.grants(states, after=mark, limit=_READ_AT_ONCE)

        found = _filled(some, self.seen_grant, lambda each: each.id, after, size + 1)
        rows = tuple(found[:size])
        return GrantsPage(rows, rows[-1].id if len(found) > size else "")

    def seen_grant(self, grant: TeamGrant) -> TeamGrant | None:
        """One as it is listed for him; None where he does not see it."""
        return self._grant(grant) if self._has(grant) else lent_grant(grant, self._teams or ())

    def grant(self, grant_id: str) -> TeamGrant:
        """One by its id."""
        return self._grant(self._found_grant(grant_id))

    def end_grant(self, grant_id: str, reason: str, *, read: int | None = None) -> TeamGrant:
        """Take one back before its time."""
        _check_length("a reason", reason, MOST_SAID_OF_REQUESTS)
        self._found_grant(grant_id)
        return self._grant(self._desk.end_grant(grant_id, reason, self._party, read))

    def balances(self) -> tuple[TeamBalance, ...]:
        """Of the teams whose requests he sees all of, by name."""
        return self._desk.balances.balances(self._teams)

    def settle(self, grant_id: str, *, restore: bool, read: int | None = None) -> TeamGrant:
        """Decide a conflict; administrators do."""
        self._found_grant(grant_id)
        if not self._is_admin:
            raise ForbiddenError("conflicts are for administrators of the platform to decide", fix="ask one of them")
        return settle(self._room, grant_id, self._party.caller, restore=restore, read=read)

    @contextmanager
    def _others_unnamed(self, asked: AskedRequest) -> Iterator[None]:
        """Why a team cannot be names other teams, with what they have: that is for those who read of all."""
        try:
            yield
        except (CapacityError, InvalidPlatformError, NotFoundError) as error:
            if asked.kind is not RequestKind.TEAM or self._rights.within(Permission.READ) is None:
                raise
            raise without_others(error) from None

    @cached_property
    def _party(self) -> Party:
        """Found when it is wanted: every visit has requests at hand, and few ask for any."""
        admitted = self._admitted
        owner = (admitted.token is None or admitted.token.of_owner) and admitted.rights.as_server
        groups = frozenset({OWNER_GROUP}) if owner else frozenset(admitted.groups)
        somebody = Somebody(admitted.caller.name, groups, owned(self._room.platform(), groups))
        return Party(admitted.caller, somebody)

    @property
    def _is_admin(self) -> bool:
        return bool(self._party.somebody.groups & {*self._room.platform().admin_groups, OWNER_GROUP})

    def _check_team(self, asked: AskedRequest) -> None:
        team, within = asked.team, self._rights.within(Permission.ASK)
        if asked.kind is RequestKind.TEAM:
            if within is not None and not within:
                raise ForbiddenError("you may ask for no team", fix="have somebody of a team, or of the platform, ask")
            self._check_known(() if asked.new_team is None else asked.new_team.clusters)
            return
        if within is not None and team not in within:
            raise NotFoundError(
                f"there is no team {quoted(team)} for which you may ask",
                why=f"you may for {', '.join(sorted(within)) or 'none'}",
                fix="name one of yours; `allot whoami` says what you may",
            )
        if asked.kind is RequestKind.LEAVE and not (team in self._party.somebody.owns or self._is_admin):
            raise ForbiddenError(
                f"team {quoted(team)} is not yours to have leave",
                why="its owners may ask for that, and administrators of the platform",
                fix="ask one of them",
            )

    def _check_known(self, clusters: Collection[str]) -> None:
        """A cluster that is for other teams alone is as if it were not there."""
        platform, reads = self._room.platform(), self._rights.within(Permission.READ)
        for each in platform.clusters:
            knowing = platform.knowing(each)
            if each.name in clusters and reads is not None and knowing is not None and not knowing & reads:
                raise without_others(NotFoundError(f"there is no cluster {quoted(each.name)}"))

    def _sees(self, request: GrantRequest, decides: Decider | None = None) -> bool:
        if self._teams is None or request.wish.team in self._teams:
            return True
        if request.wish.kind is RequestKind.TEAM and request.requester == self._party.somebody.name:
            return True
        decided = any(each.by == self._party.somebody.name for each in request.decisions)
        return decided or (decides or self._desk.decider(self._party))(request)

    @property
    def _teams(self) -> frozenset[str] | None:
        """Teams whose requests he sees all of; None for all. Whoever decides on some sees these besides."""
        if {Permission.ASK, Permission.AUDIT} & self._rights.everywhere:
            return None
        return frozenset(name for name, given in self._rights.teams.items() if Permission.REQUESTS in given)

    def _found(self, request_id: str) -> GrantRequest:
        absent = NotFoundError(f"there is no request {quoted(request_id)}", fix="`allot requests` lists them")
        try:
            request = self._room.store.request(request_id)
        except NotFoundError:
            raise absent from None
        if not self._sees(request):
            raise absent
        return request

    def _found_grant(self, grant_id: str) -> TeamGrant:
        absent = NotFoundError(f"there is no grant {quoted(grant_id)}", fix="`allot grant list` lists them")
        try:
            found = self._room.store.grant(grant_id)
        except NotFoundError:
            raise absent from None
        if not self._has(found):
            raise absent
        return found

    def _has(self, grant: TeamGrant) -> bool:
        his = grant.kind is RequestKind.TEAM and grant.requester == self._party.somebody.name
        return his or self._teams is None or grant.team in self._teams

    def _told(self, told: ToldRequest) -> ToldRequest:
        request = self._masked(told.request)
        effects = self._named(told.effects, told.request)
        grant = told.grant
        if grant is not None:
            grant = replace(grant, trouble=self._trouble(grant.state, grant.trouble))
        change, timeline = self._change(told), self._timeline(told.timeline)
        return replace(told, request=request, effects=effects, change=change, timeline=timeline, grant=grant)

    def _change(self, told: ToldRequest) -> ForeseenChange | None:
        """The diff may name others around a line of the team's: those who decide see the whole."""
        whole = told.decides or self._rights.within(Permission.READ) is None
        if whole or told.change is None:
            return told.change
        return foreseen_change(SourceTree(self._room.files()), told.request.wish, whole=False)

    def _timeline(self, timeline: tuple[TimelineStep, ...]) -> tuple[TimelineStep, ...]:
        """Why a step fails may quote files, of the server and of others."""
        if self._is_admin:
            return timeline
        failed = StepOutcome.FAILED
        return tuple(
            replace(each, said=_TOLD_OF_TROUBLE.format(where="")) if each.outcome is failed else each
            for each in timeline
        )

    def _masked(self, request: GrantRequest, decides: Decider | None = None) -> GrantRequest:
        """Terms and records of decisions without the names of others, and of their work."""
        whole = (decides or self._desk.decider(self._party))(request)
        decisions = tuple(
            replace(each, terms=self._terms(each.terms, whole=whole), effects=self._named(each.effects, request))
            for each in request.decisions
        )
        terms, asked = (self._terms(each, whole=whole) for each in (request.terms, request.asked))
        return replace(request, terms=terms, asked=asked, decisions=decisions)

    def _terms(self, terms: Terms, *, whole: bool) -> Terms:
        reads = self._rights.within(Permission.READ)
        if whole or reads is None:
            return terms
        taken = (each if each.team in reads else replace(each, team=OTHERS) for each in terms.taken)
        return replace(terms, taken=tuple(taken))

    def _grant(self, grant: TeamGrant) -> TeamGrant:
        approved = tuple(self._terms(each, whole=False) for each in grant.approved)
        trouble = self._trouble(grant.state, grant.trouble, _where(grant))
        terms, timeline = self._terms(grant.terms, whole=False), self._timeline(grant.timeline)
        return replace(grant, terms=terms, approved=approved, trouble=trouble, timeline=timeline)

    def _trouble(self, state: GrantState, trouble: str, where: str = "") -> str:
        # What a conflict is about was said for people; everything else may quote files, of the server and of others.
        plain = state is GrantState.CONFLICT or not trouble or trouble.startswith(PLAIN) or self._is_admin
        return trouble if plain else _TOLD_OF_TROUBLE.format(where=where)

    def _named(self, effects: tuple[Effect, ...], request: GrantRequest) -> tuple[Effect, ...]:
        """Whoever decides sees whom it concerns; whoever asks sees that it concerns somebody."""
        reads = self._rights.within(Permission.READ)
        if reads is None or self._desk.decides(request, self._party):
            return effects
        return tuple(each if each.team in reads else replace(each, team=OTHERS, work="") for each in effects)


def _filled(
    some: Callable[[Mark], Sequence[Row]],
    seen: Callable[[Row], Row | None],
    mark_of: Callable[[Row], Mark],
    after: Mark,
    most: int,
) -> list[Row]:
    """Rows from a mark on as somebody sees them, without those that he does not: so many, and perhaps some more."""
    found: list[Row] = []
    while len(found) < most:
        rows = some(after)
        found += (each for each in map(seen, rows) if each is not None)
        if len(rows) < _READ_AT_ONCE:
            break
        after = mark_of(rows[-1])
    return found


def _where(grant: TeamGrant) -> str:
    """The clusters of a grant in which it is not as it should be: its team knows that it has something there."""
    its = dict.fromkeys((*(each.cluster for each in grant.terms.shares), *grant.clusters))
    named = [each for each in its if f"; {each}: " in f"; {grant.trouble}"]
    return f" in {', '.join(map(shown, named))}" if named else ""


def _mark(request: GrantRequest) -> RequestMark:
    return RequestMark(request.created, request.id)


def _check_words(asked: AskedRequest) -> None:
    """Everybody who decides reads them, and they are kept for good.

    Raises:
        UsageError: one is too long, or nothing says why.
    """
    if not asked.justification.strip():
        raise UsageError(
            "nothing says what it is needed for",
            why="whoever decides reads it, and it is kept",
            fix="say it with --why; over HTTP it is `justification`",
        )
    _check_length("a justification", asked.justification, MOST_SAID_OF_REQUESTS)
    _check_length("the name of what is asked for", asked.subject, MOST_NAME)
    _check_length("an environment", asked.environment, MOST_NAME)
    _check_length("a key", asked.key, MOST_NAME)


def _check_length(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise UsageError(
            f"{what} of {len(text)} characters",
            why=f"{most} are the most",
            fix="say less, and name a page with the rest",
        )
