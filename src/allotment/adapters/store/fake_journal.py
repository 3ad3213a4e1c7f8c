"""The journal in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from allotment.ports.journal import (
    JOURNAL_LENGTH,
    MOST_CHANGES,
    ChangeKind,
    DerivedDocument,
    JournalEntry,
    JournalPage,
    NotedChange,
    SubjectChange,
    SubjectKind,
    once_each,
)
from allotment.ports.stored_jobs import kept_text

Value = Callable[[SubjectKind, str], object]


class MemoryJournal:
    """Entries in the order of their numbers."""

    def __init__(self, value: Value, now: Callable[[], int]) -> None:
        """Nothing has changed yet.

        Args:
            value: of a subject as it stands; None where there is none.
            now: milliseconds since the epoch.
        """
        self._value = value
        self._now = now
        self._entries = [JournalEntry(1, 0, SubjectKind.JOURNAL, "", "", ChangeKind.MADE)]
        self._derived: dict[tuple[SubjectKind, str], DerivedDocument] = {}
        self._tell: list[Callable[[], None]] = []

    def note(self, *noted: NotedChange) -> None:
        """Changes of one act."""
        some = once_each(noted)
        now = self._now()
        first = max(self.journal_head() + 1, now)
        self._entries = [
            *self._entries,
            *(
                JournalEntry(number, now, each.kind, each.id, kept_text(each.team), each.change)
                for number, each in enumerate(some, start=first)
            ),
        ]
        for each in self._tell if some else ():
            each()

    def on_change(self, tell: Callable[[], None]) -> None:
        """See the port."""
        self._tell.append(tell)

    def journal_head(self) -> int:
        """See the port."""
        return self._entries[-1].number

    def mark_journal(self) -> int:
        """See the port."""
        self.note(NotedChange(SubjectKind.JOURNAL, "", "", ChangeKind.CHANGED))
        return self.journal_head()

    def changes(self, after: int, limit: int = MOST_CHANGES) -> JournalPage:
        """See the port."""
        entries = self._entries
        numbers = [each.number for each in entries]
        start = bisect_right(numbers, after)
        if start == 0 or numbers[start - 1] != after:
            return JournalPage(known=False, changes=(), until=numbers[-1])
        last = {(each.kind, each.id): each for each in entries[start:]}
        found = sorted(last.values(), key=lambda each: each.number)
        size = max(1, min(limit, MOST_CHANGES))
        some, more = found[:size], len(found) > size
        changes = tuple(SubjectChange(each, self._now_of(each)) for each in some)  # type: ignore[arg-type]
        begin = SubjectChange(entries[start - 1], self._now_of(entries[start - 1]))  # type: ignore[arg-type]
        return JournalPage(True, changes, some[-1].number if more else numbers[-1], more, begin)

    def derived(self, kind: SubjectKind) -> tuple[DerivedDocument, ...]:
        """See the port."""
        return tuple(each for key, each in sorted(self._derived.items(), key=lambda one: one[0][1]) if key[0] is kind)

    def keep_derived(self, documents: Sequence[DerivedDocument], gone: Sequence[tuple[SubjectKind, str]] = ()) -> None:
        """See the port."""
        noted = []
        for each in documents:
            before = self._derived.get((each.kind, each.id))
            if before is None or (before.digest, before.team) != (each.digest, each.team):
                change = ChangeKind.MADE if before is None else ChangeKind.CHANGED
                noted.append(NotedChange(each.kind, each.id, each.team, change))
                self._derived[each.kind, each.id] = each
        left = [self._derived.pop(each) for each in gone if each in self._derived]
        noted += [NotedChange(each.kind, each.id, each.team, ChangeKind.GONE) for each in left]
        self.note(*noted)

    def prune_journal(self, made_before: int, most: int = JOURNAL_LENGTH) -> int:
        """See the port."""
        before = len(self._entries)
        newest = self._entries[-1]
        kept = self._entries[-max(1, most) :]
        self._entries = [each for each in kept if each.at >= made_before or each is newest]
        return before - len(self._entries)

    def _now_of(self, entry: JournalEntry) -> object:
        if entry.change is ChangeKind.GONE:
            return None
        return self._derived.get((entry.kind, entry.id)) or self._value(entry.kind, entry.id)
