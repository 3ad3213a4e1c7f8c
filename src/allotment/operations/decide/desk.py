"""Use case: requests are submitted, shown, decided on and withdrawn; each act is kept with who did it.

One act at a time: what is decided on is what was shown. What of a grant has to stand in the platform directory is done
by `carrying_out`, pass by pass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import AllotmentError, ConflictError, ForbiddenError, NotFoundError, quoted, spelled
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditedAct, AuditSubject, AuditVerb, act_of
from allotment.model.moments import written
from allotment.model.platform import Platform
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, Terms, Wish
from allotment.model.source import SourceTree
from allotment.operations.decide.balances import BalanceDesk
from allotment.operations.decide.keyed import asked_before, id_of_request_key
from allotment.operations.decide.notebooks import check_notebook
from allotment.operations.decide.past_teams import check_new_name
from allotment.operations.decide.room import DecisionRoom
from allotment.operations.decide.showing import NOT_LOOKED, PresentLook, look, recounted, shown_of, shown_then
from allotment.operations.decide.team_edits import foreseen_change
from allotment.operations.decide.terming import joins_on, terms_asked, terms_instead, time_asked, wish_of
from allotment.operations.decide.wished_places import check_devices, check_fits, check_free
from allotment.ports.request_service import AskedMove, AskedRequest, ForeseenChange, GrantStanding, ToldRequest
from allotment.ports.requests import RequestFilter, RequestMark, check_read
from allotment.requests.approvers import RequestRules, Somebody, capacity_of, route_of, who_decides
from allotment.requests.beginning import given_at, warning_of
from allotment.requests.deadlines import due_acts
from allotment.requests.gates import whole_of
from allotment.requests.giving import IN_A_FILE
from allotment.requests.granting import after_end, check_extension, ended, extended, grant_of
from allotment.requests.team_steps import OF_TEAMS
from allotment.requests.transitions import Deed, Draft, Shown, moved, submitted, why_waiting

OWNER_GROUP: Final = "\0owner of the server"
"""The server's own user is in this group, which no identity provider can tell of: it holds what is no text."""
VERBS: Final = {
    RequestAct.SUBMIT: AuditVerb.REQUEST_SUBMITTED,
    RequestAct.APPROVE: AuditVerb.REQUEST_APPROVED,
    RequestAct.COUNTER: AuditVerb.REQUEST_COUNTERED,
    RequestAct.ACCEPT: AuditVerb.REQUEST_ACCEPTED,
    RequestAct.DENY: AuditVerb.REQUEST_DENIED,
    RequestAct.WITHDRAW: AuditVerb.REQUEST_WITHDRAWN,
    RequestAct.ESCALATE: AuditVerb.REQUEST_ESCALATED,
    RequestAct.LAPSE: AuditVerb.REQUEST_LAPSED,
}
_COMMITTED: Final = frozenset({RequestKind.GPUS, RequestKind.NOTEBOOK, *IN_A_FILE, *OF_TEAMS})
"""Kinds of which something is made, by the same passes that commit to the platform directory."""
_MADE_BY_PEOPLE: Final = frozenset({RequestKind.CLUSTER, RequestKind.ENDPOINT, RequestKind.MODEL_API})
_BY_HAND: Final = "it is decided on and recorded, and nothing is made of it by itself: a person makes it"
_OPEN: Final = frozenset({RequestState.WAITING, RequestState.OFFERED})
MOST_OPEN_OF_PERSON: Final = 50
"""Requests that wait, of one person."""
MOST_OPEN_OF_TEAM: Final = 200
"""The same of one team."""
_DUE_AT_ONCE: Final = 100
"""Requests whose time is over that are looked at together; nobody else is held up for longer than those take."""
_GIVING_NOTHING: Final = frozenset({RequestAct.DENY, RequestAct.WITHDRAW})
_TIME: Final = Caller("allotment", CallerKind.ALLOTMENT, "its time")


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who has to do with requests.

    Attributes:
        somebody: who, with his groups and the teams that he owns.
    """

    caller: Caller
    somebody: Somebody


class RequestDesk:
    """Requests and grants of one server; of use to several threads at once."""

    def __init__(self, room: DecisionRoom) -> None:
        """Nothing is asked yet.

        Args:
            room: what is decided with.
        """
        self._room = room
        self._alone = threading.RLock()
        self.balances = BalanceDesk(room)

    def ask(self, asked: AskedRequest, party: Party) -> GrantRequest:
        """Submit a request; see `RequestService.ask`."""
        self._check_grants(asked.kind)
        if (before := self._asked_before(asked, party)) is not None:
            return before
        # What is simulated, and what becomes of the directory, may take seconds: nobody else waits for that.
        seen, draft = self._draft(asked, party)
        foreseen = self._check_of_team(draft.wish, draft.extends)
        with self._alone:
            # It may have come twice meanwhile.
            if (before := self._asked_before(asked, party)) is not None:
                return before
            draft = self._recounted(draft, seen)
            request, extends = self._request_of(draft, seen, foreseen)
            grants = self._granted(request, extends, seen.platform, draft.at)
            acts = [_act(party.caller, RequestAct.SUBMIT, request, draft.at, asked.justification)]
            if request.state is RequestState.APPROVED:
                acts.append(_act(_TIME, RequestAct.APPROVE, request, draft.at, f"gate {request.gate}"))
            self._room.store.keep_requests((request,), grants, acts)
            self.balances.forget(request.wish.team)
            return request

    def preview(self, asked: AskedRequest, party: Party) -> ToldRequest:
        """What would become of a request; nothing is kept, and what `ask` would refuse is refused."""
        self._check_grants(asked.kind)
        seen, draft = self._draft(asked, party)
        draft = self._recounted(draft, seen)
        request, _ = self._request_of(draft, seen)
        # Nobody finds it again by an id.
        return self._told(replace(request, id=""), draft.shown, seen.platform, party)

    def requests(
        self, wanted: RequestFilter, limit: int, *, after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """Those that are meant, newest first."""
        return self._room.store.requests(wanted, limit, after=after)

    def request(self, request_id: str, party: Party) -> ToldRequest:
        """One, with what whoever decides is shown of it now."""
        request = self._room.store.request(request_id)
        platform = self._room.platform()
        shown = shown_then(request) if request.state.over else self._shown(platform, request)
        return self._told(request, shown, platform, party)

    def move(self, request_id: str, move: AskedMove, party: Party) -> GrantRequest:
        """Decide on one, accept an offer, or withdraw; see `RequestService.move`."""
        request = self._room.store.request(request_id)
        read = request.revision if move.revision is None else move.revision
        check_read("request", request_id, request.revision, read)
        gives = move.act not in _GIVING_NOTHING
        clusters = tuple(sorted({each.cluster for each in request.terms.shares})) if gives else ()
        changed = "" if move.terms is None else request.extends
        seen = look(self._room, clusters, *_time(request, move, self._room.now()), changed)
        terms = None
        if move.terms is not None:
            terms = terms_instead(move.terms, request.wish.team, request.terms, seen.free, seen.held)
        on = _as_given(request, terms or request.terms, self._room.now())
        shown = NOT_LOOKED
        if gives and not request.extends:
            check_free(self._room, request.wish)
        if gives:
            shown = shown_of(self._room, seen.platform, request.wish, on, without=request.extends)
        foreseen = self._check_of_team(request.wish, request.extends) if gives else None
        with self._alone:
            check_read("request", request_id, self._room.store.request(request_id).revision, read)
            now = self._room.now()
            shown = recounted(self._room, seen.platform, request.wish, on, shown, without=request.extends)
            if gives:
                self._check_of_team(request.wish, request.extends, foreseen)
            deed = Deed(now, party.somebody, party.caller.whence, move.reason, terms, shown)
            after = moved(request, move.act, deed, self.rules(seen.platform))
            check_devices(self._room, after)
            self._keep(after, move.act, party.caller, now, move.reason, seen.platform)
            return after

    def end_grant(self, grant_id: str, reason: str, party: Party, read: int | None = None) -> TeamGrant:
        """Take one back before its time: its requester may, an owner of its team, or an administrator."""
        with self._alone:
            grant = self._room.store.grant(grant_id)
            his = grant.requester == party.somebody.name or grant.team in party.somebody.owns
            if not his and not self._is_admin(party.somebody):
                raise ForbiddenError(
                    f"grant {grant.id} is not yours to end",
                    why="its requester may, the owners of its team, and administrators of the platform",
                    fix="ask one of them",
                )
            check_read("grant", grant.id, grant.revision, read)
            now = self._room.now()
            after = ended(grant, now)
            act = act_of(party.caller, AuditVerb.GRANT_ENDED, now, grant_subject(after), why=reason)
            self._room.store.keep_requests((), (after,), (act,))
            self.balances.forget(after.team)
            return after

    def pass_time(self) -> bool:
        """Do what is due, longest due first: escalate, lapse, end offers; whether anything was.

        Raises:
            AllotmentError: of one request; what is due of others is done all the same.
        """
        now, mark, news, failed = self._room.now(), None, False, None
        while True:
            with self._alone:
                found = self._room.store.due_requests(now, _DUE_AT_ONCE, after=mark)
                requests = {each.id: each for each in found}
                for each in due_acts(found, self._room.platform().approvals, now):
                    news = True
                    try:
                        self._do_due(requests[each.id], each.act, now)
                    except AllotmentError as error:
                        failed = failed or error
            if len(found) < _DUE_AT_ONCE:
                break
            mark = RequestMark(found[-1].due or 0, found[-1].id)
        if failed is not None:
            raise failed
        return news

    def _do_due(self, request: GrantRequest, act: RequestAct, now: int) -> None:
        platform = self._room.platform()
        after = moved(request, act, Deed(now, None, _TIME.whence, shown=NOT_LOOKED), self.rules(platform))
        self._keep(after, act, _TIME, now, "", platform)

    def _request_of(
        self, draft: Draft, seen: PresentLook, foreseen: Mapping[str, str] | None = None
    ) -> tuple[GrantRequest, TeamGrant | None]:
        """The request of a draft that can be kept, and the grant that it prolongs or changes."""
        self._check_of_team(draft.wish, draft.extends, foreseen)
        request = replace(submitted(draft, seen.platform.approvals), platform=seen.platform.name)
        check_devices(self._room, request)
        if not request.state.over:
            self._check_open(request)
        extends = self._room.store.grant(draft.extends) if draft.extends else None
        if extends is not None:
            check_extension(extends, request, seen.platform.approvals.longest, draft.at)
        return request, extends

    def _check_grants(self, kind: RequestKind) -> None:
        """The server can give what is asked for."""
        if self._room.repository is None and kind in _COMMITTED:
            raise ConflictError(
                "this server can grant nothing",
                why="its platform directory lies in no Git repository, and a grant is a commit to it",
                fix="put it into one (`git init`, `git add`, `git commit`), of the example that comes along a copy; "
                "then `allot down` and `allot up --platform DIR`. `allot up --demo` has one",
            )

    def _check_of_team(
        self, wish: Wish, extends: str, foreseen: Mapping[str, str] | None = None
    ) -> Mapping[str, str] | None:
        """What is asked for can be done as the directory stands, and its team has not left meanwhile.

        Args:
            wish: what is asked for.
            extends: id of the grant that it prolongs or changes; empty for none.
            foreseen: files of the directory of which that was found before; None for none.

        Returns:
            Those of which what becomes of them was foreseen; None where nothing is.
        """
        team = self._room.platform().team(wish.team)
        if wish.kind is not RequestKind.TEAM and (team is None or team.offboarding is not None):
            raise ConflictError(
                f"team {spelled(wish.team)} has left, or leaves", fix="ask for a team that stays, or for a new one"
            )
        if wish.kind is RequestKind.TEAM:
            check_new_name(self._room.store, wish.team)
        if wish.kind in OF_TEAMS:
            # The same that whoever decides is shown: what cannot be shown is not approved.
            files = self._room.files()
            if files != foreseen:
                foreseen_change(SourceTree(files), wish)
            foreseen = files
        if not extends:  # what it prolongs is there already
            check_fits(self._room, wish)
            check_notebook(wish, self._room.platform(), self._room.clock.now())
        return foreseen

    def _check_open(self, request: GrantRequest) -> None:
        team = request.wish.team
        for whose, most, wanted in (
            ("you have", MOST_OPEN_OF_PERSON, RequestFilter(states=_OPEN, requester=request.requester)),
            (f"team {spelled(team)} has", MOST_OPEN_OF_TEAM, RequestFilter(states=_OPEN, team=team)),
        ):
            if len(self._room.store.requests(wanted, most)) >= most:
                raise ConflictError(
                    f"{whose} {most} requests that wait",
                    why="more would hide those of others from whoever decides",
                    fix="wait until some are decided on, or withdraw some: `allot request withdraw ID`",
                )

    def rules(self, platform: Platform, deputy: str | None = None) -> RequestRules:
        """By which rules requests are decided, with the people who are away as far as they are known.

        Args:
            platform: as it is declared now.
            deputy: the only one who would decide; None for anybody. For whom he does not stand in is not looked up.
        """
        absent = {each.user for each in platform.approvals.absences if deputy in (None, each.delegate)}
        people = [each for each in self._room.store.people() if each.name in absent] if absent else []
        away = {each.name: Somebody(each.name, frozenset(each.groups), owned(platform, each.groups)) for each in people}
        shut_out = frozenset(each.name for each in people if each.suspended is not None)
        return RequestRules(platform.approvals, (*platform.admin_groups, OWNER_GROUP), away, shut_out)

    def decides(self, request: GrantRequest, party: Party) -> bool:
        """Whether somebody decides on a request as it stands."""
        return self.decider(party)(request)

    def decider(self, party: Party) -> Callable[[GrantRequest], bool]:
        """The same, of many requests by the rules as they are now."""
        platform, now = self._room.platform(), self._room.now()
        rules = self.rules(platform, party.somebody.name)

        def decides(request: GrantRequest) -> bool:
            if request.state.over:
                return False
            route = route_of(request, platform.approvals)
            return capacity_of(party.somebody, request, route, rules, now) is not None

        return decides

    def _is_admin(self, somebody: Somebody) -> bool:
        return bool(somebody.groups & {*self._room.platform().admin_groups, OWNER_GROUP})

    def _draft(self, asked: AskedRequest, party: Party) -> tuple[PresentLook, Draft]:
        platform = self._room.platform()
        wish = wish_of(asked, platform)
        extends = self._extended(asked)
        if extends is None:
            check_free(self._room, wish)
        team = platform.team(wish.team)
        placed = tuple(each.cluster for each in team.placements) if team is not None else ()
        clusters = (asked.clusters or placed) if asked.devices else ()
        now = self._room.now()
        changed = "" if joins_on(asked, extends) else asked.extends
        seen = look(self._room, clusters, *time_asked(asked, now, extends), changed)
        now = self._room.now()
        terms = terms_asked(asked, seen.free, seen.held, now, extends)
        shown = shown_of(self._room, seen.platform, wish, terms, without=asked.extends)
        id_ = self._id_of(asked, party)
        name, whence = party.somebody.name, party.caller.whence
        named = asked.since is not None or asked.kind is RequestKind.LEAVE
        begins_when_given = not named and not joins_on(asked, extends)
        return seen, Draft(id_, wish, terms, name, now, whence, asked.extends, shown, begins_when_given)

    def _id_of(self, asked: AskedRequest, party: Party) -> str:
        if not asked.key:
            return self._room.new_id()
        return id_of_request_key(self._room.platform().name, party.somebody.name, asked.key)

    def _asked_before(self, asked: AskedRequest, party: Party) -> GrantRequest | None:
        if not asked.key:
            return None
        wish = wish_of(asked, self._room.platform())
        return asked_before(self._room.store, self._id_of(asked, party), asked, wish)

    def _recounted(self, draft: Draft, seen: PresentLook) -> Draft:
        """The draft with what is so at this moment."""
        terms = given_at(draft.terms, draft.at, begins_then=draft.begins_when_given)
        shown = recounted(self._room, seen.platform, draft.wish, terms, draft.shown, without=draft.extends)
        return replace(draft, shown=shown)

    def _extended(self, asked: AskedRequest) -> TeamGrant | None:
        if not asked.extends:
            return None
        grant = self._room.store.grant(asked.extends)
        if grant.team != asked.team:
            # As if it were not there: it is another team's.
            raise NotFoundError(f"there is no grant {quoted(asked.extends)}", fix="`allot requests` lists them")
        return grant

    def _shown(self, platform: Platform, request: GrantRequest) -> Shown:
        terms = _as_given(request, request.terms, self._room.now())
        shown = shown_of(self._room, platform, request.wish, terms, without=request.extends)
        return recounted(self._room, platform, request.wish, terms, shown, without=request.extends)

    def _granted(
        self, request: GrantRequest, extends: TeamGrant | None, platform: Platform, now: int
    ) -> tuple[TeamGrant, ...]:
        if request.state is not RequestState.APPROVED:
            return ()
        if extends is None:
            return (grant_of(request),)
        return (extended(extends, request, platform.approvals.longest, now),)

    def _keep(
        self, after: GrantRequest, act: RequestAct, caller: Caller, now: int, reason: str, platform: Platform
    ) -> None:
        extends = self._room.store.grant(after.extends) if after.extends else None
        grants = self._granted(after, extends, platform, now)
        self._room.store.keep_requests((after,), grants, (_act(caller, act, after, now, reason),))
        self.balances.forget(after.wish.team)

    def _told(self, request: GrantRequest, shown: Shown, platform: Platform, party: Party) -> ToldRequest:
        route = route_of(request, platform.approvals)
        grant = self._grant_of(request)
        return ToldRequest(
            request=request,
            effects=shown.effects,
            unknown=shown.unknown,
            need=shown.need,
            budget_left=shown.budget_left,
            budget_month=shown.budget_month,
            deciders="" if request.state.over else who_decides(route, request.wish.team),
            decides=self.decides(request, party),
            after=after_end(grant_of(replace(request, state=RequestState.APPROVED, extends=""))),
            warning="; ".join(filter(None, self._warnings(request, shown, platform))),
            change=self._change(request),
            timeline=() if grant is None else grant.timeline,
            grant=None if grant is None else GrantStanding(grant.id, grant.state, grant.trouble),
        )

    def _change(self, request: GrantRequest) -> ForeseenChange | None:
        """What a request about a team makes of the directory, as long as nothing was made of it."""
        if request.wish.kind not in OF_TEAMS or (request.state.over and request.id):
            return None
        try:
            return foreseen_change(SourceTree(self._room.files()), request.wish)
        except AllotmentError:
            return None  # it cannot be done any more: whoever approves it is told why

    def _grant_of(self, request: GrantRequest) -> TeamGrant | None:
        """The grant that it gave, or changed."""
        if request.state is not RequestState.APPROVED or not request.id:
            return None
        try:
            return self._room.store.grant(request.extends or request.id)
        except NotFoundError:
            return None

    def _warnings(self, request: GrantRequest, shown: Shown, platform: Platform) -> tuple[str, ...]:
        now = self._room.now()
        why = why_waiting(request, shown, platform.approvals, now)
        by_hand = _BY_HAND if request.wish.kind in _MADE_BY_PEOPLE and not request.state.over else ""
        return (
            by_hand,
            warning_of(request, now),
            _prolongs(request, shown),
            f"it is not given at once: {why}" if why else "",
        )


def _prolongs(request: GrantRequest, shown: Shown) -> str:
    """Whoever decides on more time decides on the whole: it has to be said what that is."""
    if shown.extends is None or request.state.over:
        return ""
    whole = whole_of(request.terms, shown.extends)
    until = "" if whole.until is None else f" until {written(whole.until)}"
    began = min(whole.since, shown.extends.approved[0].since)
    return f"it changes grant {request.extends}, which then lasts from {written(began)}{until}"


def _as_given(request: GrantRequest, terms: Terms, now: int) -> Terms:
    return given_at(terms, now, begins_then=request.begins_when_given)


def _time(request: GrantRequest, move: AskedMove, now: int) -> tuple[int, int | None]:
    """From when to when what is decided on would be given."""
    lasts = None if move.terms is None else move.terms.lasts
    until = request.terms.until if lasts is None else request.terms.since + lasts
    terms = _as_given(request, replace(request.terms, until=until), now)
    return terms.since, terms.until


def grant_subject(grant: TeamGrant) -> AuditSubject:
    """A grant, as the audit trail has it."""
    return AuditSubject(f"grant/{grant.id}", grant.subject or grant.kind.value, grant.team)


def _act(caller: Caller, act: RequestAct, request: GrantRequest, now: int, reason: str) -> AuditedAct:
    terms = request.terms
    told = {
        "kind": request.wish.kind.value,
        "devices": ", ".join(f"{each.devices} {each.flavor} in {each.cluster}" for each in terms.shares),
        "taken": ", ".join(f"{each.share.devices} {each.share.flavor} of {each.team}" for each in terms.taken),
        "from": written(terms.since),
        "until": "" if terms.until is None else written(terms.until),
        "route": request.route,
        "state": request.state.value,
    }
    subject = AuditSubject(f"request/{request.id}", request.wish.subject or request.wish.kind.value, request.wish.team)
    details = tuple((name, value) for name, value in told.items() if value)
    return act_of(caller, VERBS[act], now, subject, why=reason, details=details)


def owned(platform: Platform, groups: Collection[str]) -> frozenset[str]:
    """Teams that whoever is in these groups owns."""
    return frozenset(each.name for each in platform.teams if set(each.groups.owners) & set(groups))
