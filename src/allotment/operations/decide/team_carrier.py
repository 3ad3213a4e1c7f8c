"""Use case: a team that was approved comes, and one whose leave was approved leaves, step by step; see `team_steps`.

Level-triggered as grants are: each pass looks at what stands there and does the next step. Killed at any point, the
next pass goes on; a step that was done and not noted is seen to be done, or done again without harm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from allotment.errors import AllotmentError, ConflictError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.rights import PeopleOfPlatform
from allotment.model.audit.act import AuditedAct, AuditSubject, AuditVerb, act_of
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.model.requests.terms import RequestKind, Wish
from allotment.model.requests.timeline import StepOutcome
from allotment.model.source import Changes
from allotment.model.team import Team
from allotment.operations.decide.carrying_out import GRANT_VERBS, by_itself, kept_trouble
from allotment.operations.decide.committing import author_of, told_of_request
from allotment.operations.decide.desk import grant_subject
from allotment.operations.decide.proposing import MERGE_AWAITED, ClosedUnmergedError
from allotment.operations.decide.room import NO_LOSSES, AgreedLosses, ApplyCause, DecisionRoom
from allotment.operations.decide.team_edits import changes_of, last_day, without_team
from allotment.ports.people import PeopleReader
from allotment.ports.repository import CommitMessage, FileChanges, HeadMovedError, RepositoryPort, RepositoryState
from allotment.ports.requests import RequestFilter, StaleRequestError
from allotment.ports.tokens import TokenStore
from allotment.requests.granting import text_digest
from allotment.requests.team_steps import (
    OF_TEAMS,
    TeamStep,
    begun,
    ended_with_team,
    next_step,
    noted,
    over_with_team,
)

_LIVING: Final = frozenset(GrantState) - {GrantState.ENDED}
_OPEN: Final = frozenset({RequestState.WAITING, RequestState.OFFERED})
_ITSELF: Final = Caller("allotment", CallerKind.ALLOTMENT, "what was approved for a team")
_AGAIN_AFTER: Final = 15_000
"""Milliseconds after which a step that failed is tried again."""
_LOOKED_AGAIN: Final = 5_000
"""The same of one that waits for somebody."""


class StepWaitsError(AllotmentError):
    """A step waits for somebody, or for something to end: it is looked at again in a moment."""


class TokensOfPeople(TokenStore, PeopleReader, Protocol):
    """What letting a team go needs of the store besides."""


@dataclass(frozen=True, slots=True)
class TeamWorld:
    """What teams need beside a `DecisionRoom`.

    Attributes:
        access: tokens and people.
        people: which groups are what, as it is declared now.
        stop_jobs: ends the jobs of a team, and says how many of them are not over yet.
        prove: tries the guardrails of a team in a cluster; why they were not all seen to hold, empty where they were.
            Of a team that leaves, that nobody is let in any more.
    """

    access: TokensOfPeople
    people: Callable[[], PeopleOfPlatform]
    stop_jobs: Callable[[str], int]
    prove: Callable[[Platform, str, Team], str]


class TeamCarrier:
    """Does what teams need that come or leave, pass by pass, one step of each team a pass."""

    def __init__(self, room: DecisionRoom, world: TeamWorld) -> None:
        """Nothing is done yet.

        Args:
            room: with what it is done.
            world: what is needed besides.
        """
        self._room = room
        self._world = world
        self._not_before: dict[str, int] = {}

    def carry_out(self) -> bool:
        """One pass; whether anything was done.

        Raises:
            AllotmentError: of one team; what is due of others is done all the same.
        """
        room, news, failed = self._room, False, None
        if room.repository is None:
            return False
        for grant in room.store.grants(_LIVING):
            if grant.kind not in OF_TEAMS:
                continue
            try:
                news |= self._carried(room.repository, grant)
            except StaleRequestError:
                news = True
            except AllotmentError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return news

    def _carried(self, repository: RepositoryPort, grant: TeamGrant) -> bool:
        """Do the next step, unless it could not be done a moment ago; whether it was tried."""
        now = self._room.now()
        started = begun(grant, now)
        if started is not grant:
            self._room.store.keep_requests((), (started,), (by_itself(_ITSELF, started, now),))
        step = next_step(started)
        if step is None or 0 < self._not_before.get(grant.id, 0) - now <= _AGAIN_AFTER:
            return started is not grant
        work = TeamWork(self._room, self._world, repository, started)
        try:
            said = work.done(step)
        except HeadMovedError:
            return True  # the next pass looks at what is there now
        except ClosedUnmergedError as error:
            self._refuse(work.grant, step, kept_trouble(f"{error.what}: {error.why}"))
            return True
        except AllotmentError as error:
            waits = isinstance(error, StepWaitsError)
            self._not_before[grant.id] = now + (_LOOKED_AGAIN if waits else _AGAIN_AFTER)
            outcome = StepOutcome.WAITS if waits else StepOutcome.FAILED
            self._note(work.grant, step, kept_trouble(error.what if waits else error.line), outcome)
            return not waits
        self._not_before.pop(grant.id, None)
        self._note(work.grant, step, kept_trouble(said), StepOutcome.DONE)
        return True

    def _refuse(self, grant: TeamGrant, step: TeamStep, why: str) -> None:
        """A person has refused it where it was to be merged: a team that was to come, or to leave, does not.

        One that has left is taken out of the directory later: that is proposed again, and fails until it is merged.
        """
        now = self._room.now()
        failed = noted(grant, step, now, why, StepOutcome.FAILED)
        if grant.state is not GrantState.GIVING:
            self._not_before[grant.id] = now + _AGAIN_AFTER
            self._room.store.keep_requests((), (failed,))
            return
        after = replace(failed, state=GrantState.ENDED)
        act = act_of(_ITSELF, AuditVerb.GRANT_ENDED, now, grant_subject(after), why=why)
        self._room.store.keep_requests((), (after,), (act,))

    def _note(self, grant: TeamGrant, step: TeamStep, said: str, outcome: StepOutcome) -> None:
        before = next((each for each in grant.timeline if each.name == step.value), None)
        if outcome is StepOutcome.WAITS and before is not None and (before.outcome, before.said) == (outcome, said):
            return
        after = noted(grant, step, self._room.now(), said, outcome)
        acts: tuple[AuditedAct, ...] = ()
        if after.state is not grant.state:
            acts = (by_itself(_ITSELF, after, self._room.now(), commit=after.commit),)
        self._room.store.keep_requests((), (after,), acts)


class TeamWork:
    """The steps of one team.

    Attributes:
        grant: as it is kept by now.
    """

    def __init__(self, room: DecisionRoom, world: TeamWorld, repository: RepositoryPort, grant: TeamGrant) -> None:
        """Nothing is done yet.

        Args:
            room: with what it is done.
            world: what is needed besides.
            repository: of the platform directory.
            grant: as it stands.
        """
        self.grant = grant
        self._room = room
        self._world = world
        self._repository = repository

    def done(self, step: TeamStep) -> str:
        """Do a step, or see that it is done; what came of it.

        Raises:
            StepWaitsError: it waits for somebody.
            HeadMovedError: somebody has committed meanwhile.
            AllotmentError: it cannot be done now.
        """
        match step:
            case TeamStep.COMMIT:
                return self._commit()
            case TeamStep.APPLY | TeamStep.DELETE:
                return self._apply()
            case TeamStep.PROVE:
                return self._prove()
            case TeamStep.WITHDRAW:
                return self._withdraw()
            case TeamStep.END_GRANTS:
                return self._end_grants()
            case TeamStep.STOP:
                return self._stop()
            case TeamStep.REVOKE:
                return self._revoke()
            case TeamStep.TAKE_OUT:
                return self._take_out()

    @property
    def _leaves(self) -> bool:
        return self.grant.kind is RequestKind.LEAVE

    def _commit(self) -> str:
        state = self._repository.read()
        team = self._room.load(state.tree.files).team(self.grant.team)
        wish = self._room.store.request(self.grant.id).wish
        if self._leaves:
            self._remember(team)
            if team is None or (team.offboarding is not None and team.offboarding.keep_data_until == last_day(wish)):
                return self._stands(state)
            return self._written(state, changes_of(state.tree, wish), f"it leaves, data until {wish.keep_data_until}")
        if team is not None:
            if not self.grant.written:
                raise ConflictError(
                    f"there is a team {team.name} already",
                    why="somebody has made it since this one was approved",
                    fix="remove it, or have this one leave",
                )
            return self._stands(state)
        changes = changes_of(state.tree, wish)
        new = next(text for path, text in changes.items() if path not in state.tree.files and text is not None)
        if self.grant.written != text_digest(new):
            # Kept first: whoever finds the team there afterwards knows that it is ours.
            self._keep(written=text_digest(new))
        return self._written(state, changes, "add the team")

    def _remember(self, team: Team | None) -> None:
        """Where it was: once it is taken out of the directory nobody else knows."""
        if team is not None and not self.grant.made:
            self._keep(made=f"{team.id}@{','.join(each.cluster for each in team.placements)}")

    def _written(self, state: RepositoryState, changes: Changes, what: str) -> str:
        # Whatever made the changes: a directory that is not valid is nobody's any more.
        self._room.load(state.tree.with_changes(changes).files)
        body = "\n".join(told_of_request(self._room.store, self.grant))
        author = author_of(self._room.store, self.grant)
        message = CommitMessage(self.grant.id, f"{self.grant.team}: {what}", body, author, self._room.now())
        commit = self._repository.commit(FileChanges(state.commit, changes), message)
        if commit != self.grant.commit:
            self._keep(commit=commit)
        after = self._repository.read()
        if any(after.tree.files.get(path) != text for path, text in changes.items()):
            proposer = self._room.proposer
            raise StepWaitsError(MERGE_AWAITED if proposer is None else proposer.awaited(self.grant, commit, message))
        return self._stands(after)

    def _stands(self, state: RepositoryState) -> str:
        """From now on the server knows of it: people come in, or are let in no more."""
        self._applied(state, ())
        return f"commit {self.grant.commit[:12]}" if self.grant.commit else "it was so already"

    def _apply(self) -> str:
        state = self._repository.read()
        clusters = self._clusters(self._room.load(state.tree.files))
        trouble = self._applied(state, clusters)
        if trouble:
            raise AllotmentError("; ".join(f"{name}: {why}" for name, why in trouble.items()))
        return f"in {', '.join(clusters)}" if clusters else "it is in no cluster"

    def _applied(self, state: RepositoryState, clusters: tuple[str, ...]) -> dict[str, str]:
        agreed = AgreedLosses(teams=frozenset({self._id})) if self._leaves and self._id else NO_LOSSES
        platform = self._room.load(state.tree.files)
        team = platform.team(self.grant.team)
        own = frozenset({team.id if team is not None else self._id or self.grant.team})
        cause = ApplyCause(state, f"request {self.grant.id} of {self.grant.requester}", agreed, own)
        return dict(self._room.apply(platform, clusters, cause).trouble)

    @property
    def _id(self) -> str:
        return self.grant.made.partition("@")[0]

    def _clusters(self, platform: Platform) -> tuple[str, ...]:
        team = platform.team(self.grant.team)
        if self._leaves:
            was_in = self.grant.made.partition("@")[2].split(",")
            return tuple(each for each in was_in if platform.cluster(each) is not None)
        return () if team is None else tuple(each.cluster for each in team.placements)

    def _prove(self) -> str:
        platform = self._room.load(self._repository.read().tree.files)
        team = platform.team(self.grant.team)
        if team is None:
            return "the team is not in the directory any more"
        clusters = self._clusters(platform)
        found = {name: self._world.prove(platform, name, team) for name in clusters}
        if any(found.values()):
            raise AllotmentError("; ".join(f"{name}: {why}" for name, why in found.items() if why))
        return f"its guardrails hold in {', '.join(clusters)}" if clusters else "it is in no cluster"

    def _withdraw(self) -> str:
        store, now, gone = self._room.store, self._room.now(), 0
        for each in store.requests(RequestFilter(team=self.grant.team, states=_OPEN)):
            after = over_with_team(each)
            store.keep_requests((after,), (), (self._act(AuditVerb.REQUEST_WITHDRAWN, _request_subject(after), now),))
            gone += 1
        return f"{gone} were open"

    def _end_grants(self) -> str:
        store, now, gone = self._room.store, self._room.now(), 0
        for each in store.grants(_LIVING, within=frozenset({self.grant.team})):
            for number, after in enumerate(ended_with_team(each, now)):
                verb = GRANT_VERBS[after.state] if number else AuditVerb.GRANT_ENDED
                store.keep_requests((), (after,), (self._act(verb, grant_subject(after), now),))
                gone += number == 0
        return f"{gone} were given, or to be given"

    def _stop(self) -> str:
        left = self._world.stop_jobs(self.grant.team)
        if left:
            raise StepWaitsError(f"{left} of its jobs are ending")
        return "none of its jobs is left"

    def _revoke(self) -> str:
        """Its own tokens, and all that opens in the name of people who were its people and are nothing here now."""
        store, people, now = self._world.access, self._world.people(), self._room.now()
        team = self._room.platform().team(self.grant.team)
        groups = frozenset() if team is None else frozenset(team.groups.all)
        nothing = {
            each.id
            for each in store.people()
            if groups & set(each.groups) and not people.roles_of(each.groups, each.address)
        }
        gone = 0
        for token in store.tokens():
            if (token.team == self.grant.team or token.person in nothing) and not token.why_not(now):
                subject = AuditSubject(f"token/{token.id}", token.name)
                store.revoke_token(token.id, now, [self._act(AuditVerb.ACCESS_TAKEN, subject, now)])
                gone += 1
        return f"{gone} tokens and sessions are worth nothing any more"

    def _take_out(self) -> str:
        state = self._repository.read()
        if self._room.load(state.tree.files).team(self.grant.team) is None:
            return self._stands(state)
        changes = without_team(state.tree, self.grant.team, self._room.clock.now().date())
        if not changes:
            raise AllotmentError(
                "the directory keeps its data for longer",
                why="somebody has written another day into the team's file",
                fix="it goes once that day is over",
            )
        return self._written(state, changes, "its data need not be kept any longer")

    def _act(self, verb: AuditVerb, subject: AuditSubject, now: int) -> AuditedAct:
        return act_of(_ITSELF, verb, now, subject, why=f"team {self.grant.team} leaves, by request {self.grant.id}")

    def _keep(self, *, written: str = "", commit: str = "", made: str = "") -> None:
        grant = self.grant
        after = replace(
            grant,
            written=written or grant.written,
            commit=commit or grant.commit,
            made=made or grant.made,
            revision=grant.revision + 1,
        )
        self._room.store.keep_requests((), (after,))
        self.grant = after


def _request_subject(request: GrantRequest) -> AuditSubject:
    wish: Wish = request.wish
    return AuditSubject(f"request/{request.id}", wish.subject or wish.kind.value, wish.team)
