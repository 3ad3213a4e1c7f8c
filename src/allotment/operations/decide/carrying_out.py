"""Use case: what was granted is made so, and taken back: a commit to the platform directory, then its clusters.

Level-triggered: each pass looks at what stands there and does what is missing. Killed at any point, the next pass goes
on; a step that was done and not noted is seen to be done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.errors import AllotmentError, ConflictError, quoted, shown
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import Permission
from allotment.model.audit.act import AuditedAct, AuditVerb, act_of
from allotment.model.platform import Platform
from allotment.model.requests.grant import DeclaredGrant, GrantState, TeamGrant
from allotment.model.requests.terms import RequestKind, Terms
from allotment.model.source import SourceTree
from allotment.operations.access.people import people_of
from allotment.operations.decide.cluster_proposals import proposed_cluster
from allotment.operations.decide.committing import commit_message
from allotment.operations.decide.desk import grant_subject
from allotment.operations.decide.notebooks import carried_notebook
from allotment.operations.decide.proposing import MERGE_AWAITED, ClosedUnmergedError
from allotment.operations.decide.room import NO_LOSSES, AgreedLosses, ApplyCause, DecisionRoom
from allotment.ports.repository import (
    EditedByHandError,
    FileChanges,
    HeadMovedError,
    RepositoryPort,
    RepositoryState,
)
from allotment.ports.requests import StaleRequestError, check_read
from allotment.requests.giving import GrantStep, StepKind, named, steps
from allotment.requests.granting import become, kept, refused, restored
from allotment.requests.pricing import share_prices
from allotment.requests.team_steps import OF_TEAMS
from allotment.spec.granting import grant_document, grant_path

_LIVING: Final = frozenset(GrantState) - {GrantState.ENDED}
_ITSELF: Final = Caller("allotment", CallerKind.ALLOTMENT, "a grant's time")
_AGAIN_AFTER: Final = 15_000
"""Milliseconds after which what could not be done is tried again."""
_MOST_TROUBLE: Final = 500
"""Characters that are kept of what keeps a grant from being as it should be."""
_SO_AGAIN: Final = "its file is again as it has to be"
GRANT_VERBS: Final = {
    GrantState.GIVING: AuditVerb.GRANT_BEGUN,
    GrantState.ACTIVE: AuditVerb.GRANT_GIVEN,
    GrantState.TAKING_BACK: AuditVerb.GRANT_EXPIRED,
    GrantState.ENDED: AuditVerb.GRANT_TAKEN_BACK,
    GrantState.CONFLICT: AuditVerb.GRANT_IN_CONFLICT,
}
"""What is told of a grant that comes into a state by itself; what people do with one has verbs of its own."""


class GrantCarrier:
    """Does what grants need, pass by pass; what cannot be done now is left for a while, and holds up nothing else."""

    def __init__(self, room: DecisionRoom, *, read_again: int = 0) -> None:
        """Nothing is done yet.

        Args:
            room: with what it is done.
            read_again: milliseconds for which a reading of the repository, or that there is none, is good enough to see
                whether something is to be done: it may lie elsewhere, and grants live for days. What is done is done on
                one of that moment.
        """
        self._room = room
        self._read_again = read_again
        self._read: tuple[int, RepositoryState | AllotmentError] | None = None
        self._not_before: dict[tuple[str, GrantState], int] = {}

    def directory(self) -> RepositoryState | None:
        """The platform directory as it was read lately; None where it is in no repository.

        Raises:
            AllotmentError: the repository did not answer then, or has no such directory.
        """
        if self._room.repository is None:
            return None
        now = self._room.now()
        if self._read is None or not 0 <= now - self._read[0] < self._read_again:
            self._read = now, _reading(self._room.repository)
        if isinstance(self._read[1], AllotmentError):
            raise self._read[1]
        return self._read[1]

    def carry_out(self) -> bool:
        """One pass over all grants that are not ended; whether anything was done.

        Raises:
            UnreachableError: the repository does not answer; nothing was done.
            AllotmentError: of one grant; what is due of others is done all the same.
        """
        room, now = self._room, self._room.now()
        living = room.store.grants(_LIVING)
        grants = tuple(each for each in living if each.kind not in OF_TEAMS)
        leaving = {each.team for each in living if each.kind is RequestKind.LEAVE and each.state is GrantState.GIVING}
        if room.repository is None or not grants or (state := self.directory()) is None:
            return False
        news, failed = False, None
        for grant in grants:
            try:
                found = {grant.id: state.tree.files.get(grant_path(grant.id))}
                for step in steps((grant,), found, now, grant_document):
                    if step.kind is StepKind.CONFLICT and step.found is None and grant.team in leaving:
                        continue  # its file went with its team, which ends it in a moment
                    news |= self._carried(room.repository, step, now)
            except StaleRequestError:
                news = True  # somebody has done something with it meanwhile: the next pass looks at it anew
            except AllotmentError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return news

    def _carried(self, repository: RepositoryPort, step: GrantStep, now: int) -> bool:
        """Do one step, unless it could not be done a moment ago; whether it was tried."""
        # What people do meanwhile, such as ending it, is another thing to be done, and is done at once.
        grant = step.meanwhile.id, step.meanwhile.state
        if 0 < self._not_before.get(grant, 0) - now <= _AGAIN_AFTER:
            return False
        self._read = None
        self._not_before[grant] = now + _AGAIN_AFTER
        if _do(self._room, repository, step):
            del self._not_before[grant]
        return True


def _reading(repository: RepositoryPort) -> RepositoryState | AllotmentError:
    try:
        return repository.read()
    except AllotmentError as error:
        return error


def _do(room: DecisionRoom, repository: RepositoryPort, step: GrantStep) -> bool:
    """One step; whether it was done. What keeps it from that is kept with the grant."""
    store, grant = room.store, step.meanwhile
    if step.kind is StepKind.CONFLICT:
        step = _blamed(repository, step)
    before = store.grant(grant.id)
    if grant.revision != before.revision:
        why = _SO_AGAIN if before.state is GrantState.CONFLICT else ""
        store.keep_requests((), (grant,), (by_itself(_ITSELF, grant, room.now(), why),))
    try:
        if grant.kind is RequestKind.NOTEBOOK and room.notebooks is not None and step.kind is StepKind.APPLY:
            if why := _why_not_begun(room, grant):
                _keep(room, refused(grant, why, room.now()), "")
                return True
            step = carried_notebook(room.notebooks, step, store.request(grant.id).wish)
            commit, trouble = "", ""
        else:
            if grant.kind is RequestKind.CLUSTER and step.kind is StepKind.APPLY:
                step = proposed_cluster(room, repository, step)
            commit, trouble = _changed(room, repository, step)
    except HeadMovedError:
        return True  # the next pass looks at what is there now
    except EditedByHandError as error:
        _keep(room, become(grant, GrantState.CONFLICT, trouble=kept_trouble(error.line)), "")
        return True
    except ClosedUnmergedError as error:
        _keep(room, refused(grant, kept_trouble(f"{error.what}: {error.why}"), room.now()), "")
        return True
    except AllotmentError as error:
        commit, trouble = "", error.line
    if trouble:
        told = replace(grant, trouble=kept_trouble(trouble), commit=commit or grant.commit)
        if told != grant:
            store.keep_requests((), (replace(told, revision=grant.revision + 1),))
        return False
    _keep(room, replace(step.after, commit=commit or step.after.commit), commit)
    return True


def _blamed(repository: RepositoryPort, step: GrantStep) -> GrantStep:
    """A conflict with whoever has caused it, where the repository knows; without him where it does not answer."""
    path = grant_path(step.meanwhile.id)
    try:
        state = repository.read()
        if state.tree.files.get(path) != step.found:
            return step
        last = repository.last_change(state.commit, path)
    except AllotmentError:
        return step
    if last is None:
        return step
    mail = f" <{last.author.email}>" if last.author.email else ""
    return named(step, f"{quoted(last.author.name + mail)} in commit {last.commit[:12]}")


def _why_not_begun(room: DecisionRoom, grant: TeamGrant) -> str:
    """Why a notebook that is due is not begun in its requester's name; empty where it may be, or has begun.

    Whoever is no person is the server's own user, or had a token of the team.
    """
    if grant.state is not GrantState.GIVING or grant.made:
        return ""
    person = next((each for each in room.store.people() if each.name == grant.requester), None)
    if person is None:
        return ""
    rights = people_of(room.platform()).rights_of(person.groups, person.address)
    left = "" if rights.gives(Permission.ASK, grant.team) else f"he may not ask for team {grant.team} any more"
    why = person.why_not(room.now()) or left
    return f"it was not begun in the name of {shown(person.name)}: {why}" if why else ""


def kept_trouble(trouble: str) -> str:
    """Such as every store can keep and every terminal show: it may quote anybody's file, down to its name."""
    return shown(trouble.encode("utf-8", "backslashreplace").decode())[:_MOST_TROUBLE]


def by_itself(caller: Caller, after: TeamGrant, now: int, why: str = "", commit: str = "") -> AuditedAct:
    """What the audit trail tells of a grant that has come into another state without anybody's doing.

    Args:
        caller: as whom the server does it.
        after: the grant as it is now.
        now: milliseconds since the epoch.
        why: it did; empty where its time says so.
        commit: that made it so; empty for none.
    """
    told = (("commit", commit),) if commit else ()
    return act_of(caller, GRANT_VERBS[after.state], now, grant_subject(after), why=why, details=told)


def _keep(room: DecisionRoom, after: TeamGrant, commit: str) -> None:
    room.store.keep_requests((), (after,), (by_itself(_ITSELF, after, room.now(), after.trouble, commit),))


def _changed(room: DecisionRoom, repository: RepositoryPort, step: GrantStep) -> tuple[str, str]:
    """The commit that made its file so, if one did, and why things are not as they should be; empty where they are."""
    if step.kind in {StepKind.CONFLICT, StepKind.NOTE}:
        return "", ""
    grant, path = step.meanwhile, grant_path(step.meanwhile.id)
    state = repository.read()
    if state.tree.files.get(path) != step.found:
        raise HeadMovedError("the platform directory has changed meanwhile")
    if step.kind is StepKind.APPLY:
        if room.proposer is not None and grant.state is GrantState.TAKING_BACK:
            room.proposer.withdraw(grant)  # what was not merged in time is not to be merged later
        made = repository.last_change(state.commit, path)  # whoever was killed right after it has not noted it
        return made.commit if made else "", _applied(room, state, grant)
    if step.kind is StepKind.REMOVE and room.taking is not None:
        repository = room.taking
        if room.proposer is not None:
            room.proposer.withdraw(grant)
    wanted = step.text or None
    _check_valid(room, state.tree, path, wanted)
    message = commit_message(room.store, grant, room.now(), removed=wanted is None)
    commit = repository.commit(FileChanges(state.commit, {path: wanted}), message)
    try:
        state = repository.read()
        if state.tree.files.get(path) != wanted:
            return commit, room.proposer.awaited(grant, commit, message) if room.proposer else MERGE_AWAITED
        return commit, _applied(room, state, grant)
    except ClosedUnmergedError:
        raise
    except AllotmentError as error:
        return commit, error.line  # the commit is there: what is left is done by the next pass


def _check_valid(room: DecisionRoom, tree: SourceTree, path: str, text: str | None) -> None:
    """That a directory with a grant's file, or without it, is valid.

    Where it is not valid as it stands, a file goes all the same: a line wrong in one team's file would otherwise keep
    every grant of everybody. Without the file the directory was valid when it came; it is applied once it is so again.

    Raises:
        AllotmentError: it is not.
    """
    try:
        room.load(tree.with_changes({path: text}).files)
    except AllotmentError:
        if text is not None or room.is_valid(tree):
            raise


def _applied(room: DecisionRoom, state: RepositoryState, grant: TeamGrant) -> str:
    platform = room.load(state.tree.files)
    # What was given before an extension, or by somebody's hand, stands somewhere as well.
    given: list[Terms | DeclaredGrant] = [grant.terms, *grant.approved]
    given += (each for each in platform.grants if each.name == grant.id)
    every = {one.cluster for each in given for one in (*each.shares, *(taken.share for taken in each.taken))}
    every |= set(grant.clusters)
    clusters = tuple(sorted(each for each in every if platform.cluster(each) is not None))
    names = {grant.team, *(taken.team for one in given for taken in one.taken)}
    found = {name: platform.team(name) for name in names}
    teams = frozenset(name if team is None else team.id for name, team in found.items())
    cause = ApplyCause(state, _account(grant), _agreed(platform, grant), teams, grant.id)
    applied = room.apply(platform, clusters, cause)
    return "; ".join(f"{name}: {why}" for name, why in applied.trouble.items())


def _agreed(platform: Platform, grant: TeamGrant) -> AgreedLosses:
    """What goes when a grant ends is what it gave, if nothing in the directory gives it still."""
    team = platform.team(grant.team)
    if team is None or grant.state is not GrantState.TAKING_BACK:
        return NO_LOSSES
    if grant.kind is RequestKind.NAMESPACE and grant.subject not in team.namespaces:
        return AgreedLosses(namespaces=frozenset({grant.subject}))
    if grant.kind is RequestKind.VOLUME and grant.subject not in {each.name for each in team.storage.claims}:
        return AgreedLosses(claims=frozenset({(grant.subject, team.id)}))
    return NO_LOSSES


def _account(grant: TeamGrant) -> str:
    settled = f", as {grant.settled_by} has decided" if grant.settled_by else ""
    return f"grant {grant.id} of {grant.requester}{settled}"


def settle(room: DecisionRoom, grant_id: str, caller: Caller, *, restore: bool, read: int | None = None) -> TeamGrant:
    """Decide a conflict for what was agreed on, or for what somebody wrote by hand; the next passes make it so.

    Args:
        room: with a repository.
        grant_id: of the grant.
        caller: who decides; that he may is seen to before.
        restore: whether what was agreed on comes back.
        read: revision of the grant that he has seen; None for whichever it is at.

    Raises:
        NotFoundError: there is no such grant.
        OutdatedError: it has changed since.
        ConflictError: it is in no conflict, or there is no repository.
        InvalidPlatformError: the directory is not valid as it stands: that has to be mended first.
    """
    if room.repository is None:
        raise ConflictError("there is no repository of the platform directory", fix="start the server with one")
    grant, now = room.store.grant(grant_id), room.now()
    check_read("grant", grant.id, grant.revision, read)
    state = room.repository.read()
    text = state.tree.files.get(grant_path(grant.id))
    if restore:
        after = restored(grant, text, now, state.commit)
    else:
        platform = room.load(state.tree.files)
        stands = next((each for each in platform.grants if each.name == grant.id), None)
        after = kept(grant, text, stands, share_prices(platform), now)
    after = replace(after, settled_by=caller.name)
    told = (("decided", "restore" if restore else "keep"),)
    act = act_of(caller, AuditVerb.GRANT_SETTLED, now, grant_subject(after), details=told)
    room.store.keep_requests((), (after,), (act,))
    return after
