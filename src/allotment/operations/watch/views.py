"""What changes as one caller sees it: his teams' alone, as in listings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Protocol

from allotment.errors import ForbiddenError, UsageError
from allotment.model.access.permission import Permission
from allotment.model.access.rights import AccessRights
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.operations.access.admitting import LetIn
from allotment.operations.run.unnamed import row_unnamed
from allotment.ports.event_service import (
    WATCHED,
    DocumentTold,
    GrantTold,
    JobTold,
    RequestTold,
    ToldEvent,
    ToldSubject,
)
from allotment.ports.journal import ChangeKind, DerivedDocument, JournalEntry, SubjectChange, SubjectKind
from allotment.ports.stored_jobs import JobRow


class SeenRequests(Protocol):
    """Requests and grants as one caller sees them."""

    def decider(self) -> Callable[[GrantRequest], bool]:
        """Whether he decides on a request, of many requests by the rules as they are now."""
        ...

    def seen_request(
        self, request: GrantRequest, decides: Callable[[GrantRequest], bool] | None = None, *, lent: bool
    ) -> GrantRequest | None:
        """A request as he sees it; None where he does not."""
        ...

    def seen_grant(self, grant: TeamGrant) -> TeamGrant | None:
        """A grant as he sees it; None where he does not."""
        ...


def kinds_of(words: str, rights: AccessRights) -> frozenset[SubjectKind]:
    """What somebody wants to follow: all that he may, where he names nothing.

    Args:
        words: kinds, with commas in between.
        rights: what he may.

    Raises:
        UsageError: one is none.
        ForbiddenError: he may not, or may follow nothing at all.
    """
    may = frozenset(kind for kind, needs in WATCHED.items() if needs in rights.all)
    named = [each for each in words.split(",") if each]
    known = {each.value: each for each in WATCHED}
    if wrong := [each for each in named if each not in known]:
        raise UsageError(
            f"there is nothing to follow that is called {wrong[0]}", fix=f"name some of: {', '.join(known)}"
        )
    wanted = frozenset(known[each] for each in named) or may
    lacking = sorted(WATCHED[each].value for each in wanted - may)
    if lacking or not wanted:
        raise ForbiddenError(
            f"you may not follow that: it needs {lacking[0] if lacking else Permission.READ.value}",
            fix="name what you may; `allot whoami` says what that is",
        )
    return wanted


class ChangeView:
    """What one caller is told of each change."""

    def __init__(
        self,
        admitted: LetIn,
        requests: SeenRequests,
        kinds: frozenset[SubjectKind],
        team: str = "",
        row: Callable[[JobRow], JobRow] = lambda row: row,
    ) -> None:
        """Nothing was told yet.

        Args:
            admitted: who follows.
            requests: as he sees them.
            kinds: what he follows.
            team: the only one that he means; empty for all.
            row: a job's row as the server's listings have it.
        """
        self._kinds = kinds
        self._requests = requests
        self._team = team
        self._row = row
        self._reads = admitted.rights.within(Permission.READ)
        self._asks = admitted.rights.within(Permission.REQUESTS)
        self._decides = Permission.DECIDE in admitted.rights.everywhere
        self._decides_on: Callable[[GrantRequest], bool] | None = None
        self._shown: set[tuple[SubjectKind, str]] = set()
        token = admitted.token
        self._own = frozenset() if token is None else frozenset(filter(None, (token.id, token.person)))

    @property
    def sees_all(self) -> bool:
        """Whether nothing is kept from him: he may be told any number."""
        return self._reads is None and self._asks is None

    def may_come_from(self, change: SubjectChange) -> bool:
        """Whether a change's number may have been told to him; for threads.

        Of the changes of others he learns by no number whether there is one.
        """
        entry = change.entry
        if self.sees_all or entry.kind is SubjectKind.JOURNAL:
            return True
        if entry.kind is SubjectKind.ACCESS:
            return False
        if entry.kind not in (SubjectKind.REQUEST, SubjectKind.GRANT):
            return self._reads is None or entry.team in self._reads
        return self._decides or self._asks is None or entry.team in self._asks or self._seen(change.now) is not None

    def concerns_access(self, change: SubjectChange) -> bool:
        """Whether what he may, or that he was let in, may be another since."""
        return change.entry.kind is SubjectKind.ACCESS and change.entry.id in self._own

    def concerns_requests(self, change: SubjectChange) -> bool:
        """Whether the store may be read for what he is told of it."""
        if SubjectKind.REQUEST not in self._kinds or not isinstance(change.now, GrantRequest):
            return False
        return not self._team or change.now.wish.team == self._team

    def events(self, changes: Iterator[SubjectChange]) -> Iterator[ToldEvent]:
        """What he is told; by the rules as they are now."""
        self._decides_on = None
        for each in changes:
            told = self._told(each)
            if told is not None:
                yield ToldEvent(each.entry.number, each.entry.kind, told)

    @property
    def documents(self) -> frozenset[str]:
        """Whose documents he is told of: teams, or an empty name for what is worked out for who sees everything."""
        if not self._kinds & {SubjectKind.QUEUE, SubjectKind.FINDING}:
            return frozenset()
        his = frozenset({""}) if self._reads is None else self._reads
        if not self._team:
            return his
        return frozenset({self._team}) if self._reads is None or self._team in his else frozenset()

    def _told(self, change: SubjectChange) -> ToldSubject | None:
        entry, now = change.entry, change.now
        if entry.kind not in self._kinds:
            return None
        if entry.kind in (SubjectKind.REQUEST, SubjectKind.GRANT):
            return self._told_of_request(change)
        if entry.kind is not SubjectKind.JOB:
            return self._told_of_document(change) if entry.team in self.documents else None
        if (self._team and entry.team != self._team) or not (self._reads is None or entry.team in self._reads):
            return None
        row = self._row(now) if isinstance(now, JobRow) else None
        row = row if row is None or self._reads is None else row_unnamed(row)
        return JobTold(entry.id, _change(entry, row), entry.at, row)

    def _told_of_document(self, change: SubjectChange) -> DocumentTold:
        entry, now = change.entry, change.now
        document = json.loads(now.written) if isinstance(now, DerivedDocument) else None
        return DocumentTold(entry.id, _change(entry, document), entry.at, document)

    def _told_of_request(self, change: SubjectChange) -> ToldSubject | None:
        entry, seen = change.entry, self._seen(change.now)
        if seen is None and not self._may_have(entry):
            return None
        key = entry.kind, entry.id
        if seen is None:
            self._shown.discard(key)
        else:
            self._shown.add(key)
        if entry.kind is SubjectKind.REQUEST:
            return RequestTold(
                entry.id, _change(entry, seen), entry.at, seen if isinstance(seen, GrantRequest) else None
            )
        return GrantTold(entry.id, _change(entry, seen), entry.at, seen if isinstance(seen, TeamGrant) else None)

    def _seen(self, now: object) -> GrantRequest | TeamGrant | None:
        if isinstance(now, GrantRequest):
            if self._team and now.wish.team != self._team:
                return None
            if self._decides_on is None:
                self._decides_on = self._requests.decider()
            return self._requests.seen_request(now, self._decides_on, lent=not self._team)
        if isinstance(now, TeamGrant):
            return None if self._team and now.team != self._team else self._requests.seen_grant(now)
        return None

    def _may_have(self, entry: JournalEntry) -> bool:
        """Whether he may have what he does not see now: it has gone then, and of others nothing is told."""
        if (entry.kind, entry.id) in self._shown:
            return True
        if self._team and entry.team != self._team:
            return False
        # Whoever decides for the platform sees a request while it waits for him.
        return self._decides or self._asks is None or entry.team in self._asks


def _change(entry: JournalEntry, now: object) -> ChangeKind:
    return ChangeKind.GONE if now is None else entry.change
