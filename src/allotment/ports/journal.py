"""The journal: what has changed in a store, in one line that only grows, and what each of it is now.

A change is numbered in its own transaction. Numbers become visible in their order: one process writes at a time, and
who waits for its place reads on from where the one before has come to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.stored_jobs import JobRow

MOST_CHANGES: Final = 1000
"""Changes that are read together."""
JOURNAL_LENGTH: Final = 100_000
"""Entries that are kept, at most."""
JOURNAL_DAYS: Final = 3
"""Days for which an entry is kept, at most."""


class SubjectKind(Enum):
    """What has changed; the text is what is kept and told."""

    JOB = "job"
    REQUEST = "request"
    GRANT = "grant"
    QUEUE = "queue"
    FINDING = "finding"
    ACCESS = "access"
    """What a token, or a person, opens: nobody is told of it, and who has come by it is looked at anew."""
    JOURNAL = "journal"
    """The journal itself: its first entry, so that a number is before all others, and marks, which tell nothing."""


class ChangeKind(Enum):
    """What became of it; the text is what is kept and told."""

    MADE = "made"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change.

    Attributes:
        number: greater than that of every change before, and at least the millisecond of its moment: a store that comes
            back from a backup gives none again that it gave since.
        at: milliseconds since the epoch.
        id: of the subject, unique within its kind.
        team: whose it is; empty for what is no team's.
    """

    number: int
    at: int
    kind: SubjectKind
    id: str
    team: str
    change: ChangeKind


@dataclass(frozen=True, slots=True)
class NotedChange:
    """A change that has no number yet."""

    kind: SubjectKind
    id: str
    team: str
    change: ChangeKind


@dataclass(frozen=True, slots=True)
class DerivedDocument:
    """What was worked out of clusters, as it is told.

    Attributes:
        kind: a queue or a finding.
        id: unique within its kind.
        team: whose people may see it; empty for those who see everything.
        digest: of what is written: two with the same are the same.
        written: JSON.
    """

    kind: SubjectKind
    id: str
    team: str
    digest: str
    written: str


@dataclass(frozen=True, slots=True)
class SubjectChange:
    """A change with what its subject is since.

    Attributes:
        now: as it stands; None where it is gone, or cannot be read.
    """

    entry: JournalEntry
    now: JobRow | GrantRequest | TeamGrant | DerivedDocument | None


@dataclass(frozen=True, slots=True)
class JournalPage:
    """Changes after a number, each subject once, as of one moment.

    Attributes:
        known: whether the number that was asked from is kept: if not, some of what came after it may be gone.
        begin: the change that has this number, with what its subject is now; None where none has.
        changes: by number; of each subject the last one alone.
        until: the number up to which nothing is missing.
        more: whether there are more.
    """

    known: bool
    changes: tuple[SubjectChange, ...]
    until: int
    more: bool = False
    begin: SubjectChange | None = field(default=None, compare=False)


class JournalReader(Protocol):
    """What can be asked. Everything may raise `StoreError` and `UnreachableError`."""

    def journal_head(self) -> int:
        """The number of the newest entry."""
        ...

    def changes(self, after: int, limit: int = MOST_CHANGES) -> JournalPage:
        """What has changed after a number; so much at most."""
        ...

    def derived(self, kind: SubjectKind) -> tuple[DerivedDocument, ...]:
        """What was worked out last, by id."""
        ...


class JournalStore(JournalReader, Protocol):
    """What the one process that writes may do besides."""

    def mark_journal(self) -> int:
        """Give a number to nothing at all, so that there is one that anybody may be told; which it is."""
        ...

    def keep_derived(self, documents: Sequence[DerivedDocument], gone: Sequence[tuple[SubjectKind, str]] = ()) -> None:
        """Keep what was worked out anew, each in the place of the one before, and forget what is no more."""
        ...

    def prune_journal(self, made_before: int, most: int = JOURNAL_LENGTH) -> int:
        """Forget entries of before a moment, and all but the newest so many; how many. The newest one stays."""
        ...

    def on_change(self, tell: Callable[[], None]) -> None:
        """Have it tell, from whichever thread, each time that something has changed."""
        ...


def once_each(noted: Sequence[NotedChange]) -> list[NotedChange]:
    """Changes of one transaction, of each subject the last one; what was made and changed at once was made."""
    found: dict[tuple[SubjectKind, str], NotedChange] = {}
    for each in noted:
        before = found.pop((each.kind, each.id), None)
        made = before is not None and before.change is ChangeKind.MADE and each.change is ChangeKind.CHANGED
        found[each.kind, each.id] = (
            NotedChange(each.kind, each.id, each.team, before.change) if made and before else each
        )
    return list(found.values())
