"""Use case: what was granted is made so, and taken back: a commit to the platform directory, then its clusters.

Level-triggered: each pass looks at what stands there and does what is missing. Killed at any point, the next pass goes
on; a step that was done and not noted is seen to be done.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.errors import AllotmentError, ConflictError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.audit.act import AuditVerb, act_of
from allotment.model.platform import Platform
from allotment.model.requests.grant import GrantRestoring, GrantState, TeamGrant
from allotment.operations.decide.committing import commit_message
from allotment.operations.decide.desk import grant_subject
from allotment.operations.decide.room import DecisionRoom
from allotment.ports.repository import (
    EditedByHandError,
    FileChanges,
    HeadMovedError,
    RepositoryPort,
    RepositoryState,
)
from allotment.ports.requests import StaleRequestError
from allotment.requests.giving import GrantStep, StepKind, steps
from allotment.requests.granting import become, kept, restored
from allotment.requests.pricing import share_prices
from allotment.spec.granting import grant_document, grant_path

_LIVING: Final = frozenset(GrantState) - {GrantState.ENDED}
_ITSELF: Final = Caller("allotment", CallerKind.ALLOTMENT, "a grant's time")
_AGAIN_AFTER: Final = 15_000
"""Milliseconds after which what could not be done is tried again."""
_MOST_TROUBLE: Final = 500
"""Characters that are kept of what keeps a grant from being as it should be."""
_VERBS: Final = {
    GrantState.ACTIVE: AuditVerb.GRANT_GIVEN,
    GrantState.ENDED: AuditVerb.GRANT_TAKEN_BACK,
    GrantState.CONFLICT: AuditVerb.GRANT_IN_CONFLICT,
}


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
        """
        room, now = self._room, self._room.now()
        grants = room.store.grants(_LIVING)
        if room.repository is None or not grants or (state := self.directory()) is None:
            return False
        news = False
        for step in steps(grants, _found(state, grants), now, grant_document):
            # What people do meanwhile, such as ending it, is another thing to be done, and is done at once.
            grant = step.meanwhile.id, step.meanwhile.state
            if 0 < self._not_before.get(grant, 0) - now <= _AGAIN_AFTER:
                continue
            news = True
            self._read = None
            try:
                if _do(room, room.repository, step):
                    self._not_before.pop(grant, None)
                else:
                    self._not_before[grant] = now + _AGAIN_AFTER
            except StaleRequestError:
                continue  # somebody has done something with it meanwhile: the next pass looks at it anew
        return news


def _reading(repository: RepositoryPort) -> RepositoryState | AllotmentError:
    try:
        return repository.read()
    except AllotmentError as error:
        return error


def _found(state: RepositoryState, grants: tuple[TeamGrant, ...]) -> dict[str, str | None]:
    return {each.id: state.tree.files.get(grant_path(each.id)) for each in grants}


def _do(room: DecisionRoom, repository: RepositoryPort, step: GrantStep) -> bool:
    """One step; whether it was done. What keeps it from that is kept with the grant."""
    store, grant = room.store, step.meanwhile
    if grant.revision != store.grant(grant.id).revision:
        store.keep_requests((), (grant,))
    try:
        commit, trouble = _changed(room, repository, step)
    except HeadMovedError:
        return True  # the next pass looks at what is there now
    except EditedByHandError as error:
        _keep(room, become(grant, GrantState.CONFLICT, trouble=error.line), "")
        return True
    except AllotmentError as error:
        commit, trouble = "", f"{error.what}: {error.why}" if error.why else error.what
    if trouble:
        trouble = trouble[:_MOST_TROUBLE]
        if trouble != grant.trouble:
            store.keep_requests((), (replace(grant, trouble=trouble, revision=grant.revision + 1),))
        return False
    _keep(room, replace(step.after, commit=commit or step.after.commit), commit)
    return True


def _keep(room: DecisionRoom, after: TeamGrant, commit: str) -> None:
    told = (("commit", commit),) if commit else ()
    act = act_of(_ITSELF, _VERBS[after.state], room.now(), grant_subject(after), why=after.trouble, details=told)
    room.store.keep_requests((), (after,), (act,))


def _changed(room: DecisionRoom, repository: RepositoryPort, step: GrantStep) -> tuple[str, str]:
    """The commit, if one was made, and why things are not as they should be; empty where they are."""
    if step.kind in {StepKind.CONFLICT, StepKind.NOTE}:
        return "", ""
    grant, path = step.meanwhile, grant_path(step.meanwhile.id)
    state = repository.read()
    if state.tree.files.get(path) != step.found:
        raise HeadMovedError("the platform directory has changed meanwhile")
    commit = ""
    if step.kind in {StepKind.WRITE, StepKind.REMOVE}:
        wanted = step.text or None
        room.load(state.tree.with_changes({path: wanted}).files)
        message = commit_message(room.store, grant, room.now(), removed=wanted is None)
        commit = repository.commit(FileChanges(state.commit, {path: wanted}), message)
        state = repository.read()
        if state.tree.files.get(path) != wanted:
            return commit, "its change waits to be merged"
    return commit, _applied(room, room.load(state.tree.files), grant)


def _applied(room: DecisionRoom, platform: Platform, grant: TeamGrant) -> str:
    shares = (*grant.terms.shares, *(each.share for each in grant.terms.taken))
    # What was given before an extension stands somewhere as well.
    every = {each.cluster for each in shares} | {one.cluster for each in grant.approved for one in each.shares}
    clusters = tuple(sorted(each for each in every if platform.cluster(each) is not None))
    applied = room.apply(platform, clusters)
    return "; ".join(f"{name}: {why}" for name, why in applied.trouble.items())


def settle(room: DecisionRoom, grant_id: str, caller: Caller, *, restore: bool) -> TeamGrant:
    """Decide a conflict for what was agreed on, or for what somebody wrote by hand; the next pass makes it so.

    Args:
        room: with a repository.
        grant_id: of the grant.
        caller: who decides; that he may is seen to before.
        restore: whether what was agreed on comes back.

    Raises:
        NotFoundError: there is no such grant.
        ConflictError: it is in no conflict, or there is no repository.
        InvalidPlatformError: the directory is not valid as it stands: that has to be mended first.
    """
    if room.repository is None:
        raise ConflictError("there is no repository of the platform directory", fix="start the server with one")
    grant, now = room.store.grant(grant_id), room.now()
    state = room.repository.read()
    text = state.tree.files.get(grant_path(grant.id))
    if restore:
        after = restored(grant, text, now, GrantRestoring(caller.name, state.commit))
    else:
        platform = room.load(state.tree.files)
        stands = next((each for each in platform.grants if each.name == grant.id), None)
        after = kept(grant, text, stands, share_prices(platform), now)
    told = (("decided", "restore" if restore else "keep"),)
    act = act_of(caller, AuditVerb.GRANT_SETTLED, now, grant_subject(after), details=told)
    room.store.keep_requests((), (after,), (act,))
    return after
