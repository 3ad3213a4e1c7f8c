"""Use case: a quota of the platform directory is changed by one commit, and the cluster made so, as with grants."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Final

from allotment.errors import ConflictError, NotFoundError, OutdatedError, UsageError, quoted
from allotment.model.access.caller import Caller
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of
from allotment.model.platform import Platform
from allotment.model.quota import Allowance
from allotment.model.source import SourceTree
from allotment.operations.decide.committing import quoted_words
from allotment.operations.decide.proposing import MERGE_AWAITED
from allotment.operations.decide.room import ApplyCause, DecisionRoom
from allotment.operations.directory.teams import Edit, set_amounts
from allotment.operations.foresee.live.declared_changes import queue_changes
from allotment.ports.forge import PullRequestText
from allotment.ports.platform_service import (
    NO_BOUND,
    AskedQuotaChange,
    ChangedQuota,
    ForeseenQuota,
    QuotaWish,
    UnmadeCluster,
)
from allotment.ports.repository import (
    CommitMessage,
    CommitMode,
    CommitPerson,
    FileChanges,
    HeadMovedError,
    RepositoryState,
    branch_of,
)
from allotment.spec.amounts import AmountsRequest, own_allowance

_MOST_REASON: Final = 2_000
_MOST_DIGITS: Final = 9
_NO_REPOSITORY: Final = "its platform directory is in no repository, so nobody could see who changed what"


class QuotaDesk:
    """See the module; whether somebody may is decided before."""

    def __init__(self, room: DecisionRoom) -> None:
        """Nothing is changed yet.

        Args:
            room: with what it is done.
        """
        self._room = room

    def preview(self, wish: QuotaWish) -> ForeseenQuota:
        """What a change would do to the directory; nothing is written.

        Raises:
            UsageError: nothing is asked for, or an amount cannot be.
            NotFoundError: there is no such team, cluster or flavor, or the team is not there.
            InvalidPlatformError: the directory is not valid, before or after.
            InputError: a file is written in a way that cannot be edited safely.
        """
        repository = self._room.repository
        state = None if repository is None else repository.read()
        tree = SourceTree(self._room.files()) if state is None else state.tree
        edit, now = _edited(tree, wish)
        return ForeseenQuota(
            expected="" if state is None else state.commit,
            now=now,
            changes=_queue_changes(self._room, tree, edit, wish.cluster),
            diff=edit.diff,
            warnings=tuple(f"{each.file}: {each.what}" for each in edit.warnings),
            command=command_of(wish),
            why_not="" if repository is not None else _NO_REPOSITORY,
            proposed=repository is not None and repository.mode is CommitMode.BRANCH,
        )

    def change(self, asked: AskedQuotaChange, caller: Caller) -> ChangedQuota:
        """Commit a change, and make the cluster so.

        Args:
            asked: what is to be.
            caller: who asks.

        Raises:
            OutdatedError: the directory has gone on since it was seen what this would do.
            ConflictError: the directory is in no repository, or somebody's own work stands in the way.
            UsageError: nothing would change; else as `preview`.
            AllotmentError: the repository does not take it, or does not answer.
        """
        repository = self._room.repository
        if repository is None:
            raise ConflictError("a quota cannot be changed here", why=_NO_REPOSITORY, fix="start the server with one")
        _check_reason(asked.reason)
        state = repository.read()
        if state.commit != asked.expected:
            raise _outdated()
        edit, now = _edited(state.tree, asked.wish)
        if not edit.changes:
            raise UsageError("nothing would change", why="the team has all this already", fix="name another amount")
        message = self._message(asked, now, caller)
        try:
            commit = repository.commit(FileChanges(state.commit, edit.changes), message)
        except HeadMovedError:
            raise _outdated() from None
        self._keep(asked, now, caller, commit)
        after = repository.read()
        if any(after.tree.files.get(path) != text for path, text in edit.changes.items()):
            return ChangedQuota(commit, self._proposed(commit, message), (), now)
        return ChangedQuota(commit, "", self._applied(after, asked.wish, caller), now)

    def _message(self, asked: AskedQuotaChange, now: QuotaWish, caller: Caller) -> CommitMessage:
        people = self._room.store.people()
        email = next((each.email for each in people if each.name == caller.name), "")
        wish = asked.wish
        subject = f"{wish.team}: {', '.join(_said(wish, now))} of {wish.flavor} in {wish.cluster}"
        body = "\n".join(quoted_words(asked.reason))
        author = CommitPerson(caller.name, email)
        return CommitMessage(self._room.new_id(), subject, body, author, self._room.now())

    def _keep(self, asked: AskedQuotaChange, now: QuotaWish, caller: Caller, commit: str) -> None:
        wish = asked.wish
        subject = AuditSubject(f"quota/{wish.cluster}/{wish.team}/{wish.flavor}", wish.flavor, wish.team)
        details = (("cluster", wish.cluster), ("changed", ", ".join(_said(wish, now))), ("commit", commit))
        act = act_of(
            caller, AuditVerb.QUOTA_CHANGED, self._room.now(), subject, why=asked.reason.strip(), details=details
        )
        self._room.store.keep_requests((), (), (act,))

    def _proposed(self, commit: str, message: CommitMessage) -> str:
        proposer = self._room.proposer
        if proposer is None:
            return MERGE_AWAITED
        text = PullRequestText(message.subject, message.body)
        pull = proposer.forge.open_pull_request(branch_of(message.request), commit, text)
        return f"{MERGE_AWAITED}: {pull.url}"

    def _applied(self, state: RepositoryState, wish: QuotaWish, caller: Caller) -> tuple[UnmadeCluster, ...]:
        platform = self._room.load(state.tree.files)
        team = platform.team(wish.team)
        teams = frozenset() if team is None else frozenset({team.id})
        cause = ApplyCause(state, f"quota change of {caller.name}", teams=teams)
        applied = self._room.apply(platform, (wish.cluster,), cause)
        return tuple(UnmadeCluster(name, why) for name, why in applied.trouble.items())


def command_of(wish: QuotaWish) -> str:
    """The same by hand: `allot team set`."""
    words = ["allot", "team", "set", wish.team, "--cluster", wish.cluster]
    for flag, amount in (("accelerator", wish.nominal), ("borrowing", wish.borrowing), ("lending", wish.lending)):
        if amount is not None:
            words += [f"--{flag}", f"{wish.flavor}={amount}"]
    return shlex.join(words)


def _outdated() -> OutdatedError:
    return OutdatedError(
        "the platform directory has gone on",
        why="somebody has changed it since it was seen what this would do",
        fix="look at it anew, and decide then",
    )


def _edited(tree: SourceTree, wish: QuotaWish) -> tuple[Edit, QuotaWish]:
    """The change, and what there is now of what it changes."""
    if wish.nominal is None and wish.borrowing is None and wish.lending is None:
        raise UsageError("nothing is to be changed", fix="name a guarantee, or a limit")
    if wish.nominal is not None and not 0 <= wish.nominal < 10**_MOST_DIGITS:
        raise UsageError(f"{wish.nominal} devices cannot be guaranteed", fix="name a number from 0 on")
    own = own_allowance(tree, wish.team, wish.cluster, wish.flavor)
    if own is None:
        raise NotFoundError(
            f"team {quoted(wish.team)} is guaranteed no {quoted(wish.flavor)} in {quoted(wish.cluster)}",
            fix="name what it has there; `allot team set` gives it more",
        )
    request = AmountsRequest(
        wish.team,
        accelerators={} if wish.nominal is None else {wish.flavor: wish.nominal},
        borrowing=dict(_bound(wish.flavor, wish.borrowing)),
        lending=dict(_bound(wish.flavor, wish.lending)),
        clusters=(wish.cluster,),
    )
    return set_amounts(tree, request), _as_it_is(wish, own)


def _as_it_is(wish: QuotaWish, own: Allowance) -> QuotaWish:
    return QuotaWish(
        wish.team,
        wish.cluster,
        wish.flavor,
        None if wish.nominal is None else own.nominal,
        None if wish.borrowing is None else _text(own.borrowing_limit),
        None if wish.lending is None else _text(own.lending_limit),
    )


def _text(limit: int | None) -> str:
    return NO_BOUND if limit is None else str(limit)


def _bound(flavor: str, word: str | None) -> Iterator[tuple[str, int | None]]:
    if word is None:
        return
    if word != NO_BOUND and not (word.isascii() and word.isdigit() and len(word) < _MOST_DIGITS):
        raise UsageError(f"{quoted(word)} is no limit", fix=f"write a number from 0 on, or {NO_BOUND}")
    yield flavor, None if word == NO_BOUND else int(word)


def _said(wish: QuotaWish, now: QuotaWish) -> Iterator[str]:
    if wish.nominal is not None and wish.nominal != now.nominal:
        yield f"{wish.nominal} instead of {now.nominal} guaranteed"
    if wish.borrowing is not None and wish.borrowing != now.borrowing:
        yield f"borrows {wish.borrowing} instead of {now.borrowing}"
    if wish.lending is not None and wish.lending != now.lending:
        yield f"lends {wish.lending} instead of {now.lending}"


def _queue_changes(room: DecisionRoom, tree: SourceTree, edit: Edit, cluster: str) -> tuple[str, ...]:
    before = room.load(tree.files)
    after: Platform = room.load(tree.with_changes(edit.changes).files)
    found = after.cluster(cluster)
    return () if found is None else queue_changes(before, after, found)


def _check_reason(reason: str) -> None:
    if len(reason) > _MOST_REASON:
        raise UsageError(f"a reason of {len(reason)} characters", why=f"{_MOST_REASON} are the most", fix="say less")
