"""One reader of the journal for all who follow it: what changed last is held for them, and they are woken."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import AllotmentError, NoRoomError
from allotment.ports.journal import JournalPage, JournalStore, SubjectChange, SubjectKind

MOST_HELD: Final = 4096
"""Changes that are held; who has fallen back further reads the store."""
MOST_WATCHERS: Final = 600
"""Who follows at once, of all doors together."""
MOST_OF_ONE: Final = 32
"""The same of one caller."""
MOST_OF_TEAM: Final = 300
"""The same of the people and tokens of one team: whoever is of several counts in the one that has fewest."""
SILENT_AFTER: Final = 4.0
"""Seconds for which the store may not answer: who follows cannot be told that he may no more, and is sent away."""
MARKED_EACH: Final = 60.0
"""Seconds between two marks in the journal: numbers that tell nobody whether, or when, something of others changed."""
_LOOK_AGAIN: Final = 1.0
"""Seconds between two looks at the journal where nobody tells of a change: another process may have written."""


@dataclass(frozen=True, slots=True)
class HeldChanges:
    """What changed last; as of one moment, and never changed.

    Attributes:
        since: the number after which nothing is missing.
        head: the number up to which nothing is missing.
        numbers: of `changes`, which are in their order.
        mark: a number up to `head` that anybody may be told.
    """

    since: int
    head: int
    numbers: tuple[int, ...]
    changes: tuple[SubjectChange, ...]
    mark: int

    def after(self, number: int) -> Sequence[SubjectChange]:
        """Those after a number, which is not before `since`."""
        return self.changes[bisect_right(self.numbers, number) :]


def _in_a_thread(what: Callable[[], None]) -> None:
    threading.Thread(target=what, name="reads the journal", daemon=True).start()


class ChangeHub:
    """See the module; for several threads.

    Nothing is read before somebody follows.
    """

    def __init__(
        self,
        store: JournalStore,
        ending: threading.Event,
        passed: Callable[[], float] = time.monotonic,
        beside: Callable[[Callable[[], None]], None] = _in_a_thread,
    ) -> None:
        """Nobody follows yet.

        Args:
            store: whose journal it is.
            ending: set once the server is to end.
            passed: seconds by a clock that nobody sets.
            beside: has something run beside all else.
        """
        self._beside = beside
        self.store = store
        self._ending = ending
        self._passed = passed
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._bells: tuple[Callable[[], None], ...] = ()
        self._of: Counter[str] = Counter()
        self._of_team: Counter[str] = Counter()
        self._documents: Counter[str] = Counter()
        self._subjects: dict[tuple[SubjectKind, str], SubjectChange] = {}
        self._held: HeldChanges | None = None
        self._heard = self._marked = passed()

    @property
    def held(self) -> HeldChanges:
        """What changed last; it has to have begun."""
        assert self._held is not None  # noqa: S101 (who follows begins it)
        return self._held

    @property
    def begun(self) -> bool:
        """Whether the journal is read."""
        return self._held is not None

    @property
    def over(self) -> bool:
        """Whether the server is to end."""
        return self._ending.is_set()

    @property
    def silent(self) -> bool:
        """Whether the store has not answered for so long that nobody knows who may still follow."""
        return self._passed() - self._heard > SILENT_AFTER

    def begin(self) -> None:
        """Have the journal read from now on, in a thread of its own; said once or more.

        Raises:
            StoreError: it cannot be read.
        """
        with self._lock:
            if self._held is not None:
                return
            self._held = self._from_now()
            # Only now: where it cannot be read, each who tries again would leave another one.
            self.store.on_change(self._news.set)
            self._news.set()  # what has changed in between
        self._beside(self._keep_reading)

    def listen(self, bell: Callable[[], None]) -> None:
        """Have it called, from another thread, whenever something is new."""
        with self._lock:
            self._bells = (*self._bells, bell)

    @property
    def documents_for(self) -> tuple[str, ...]:
        """Whose documents are followed: teams, and an empty name for those who see everything."""
        with self._lock:
            return tuple(sorted(self._documents))

    def enter(
        self, caller: str, most: int = MOST_OF_ONE, documents: Collection[str] = (), teams: Collection[str] = ()
    ) -> str:
        """One more follows.

        Args:
            caller: in whose name.
            most: how many may in it.
            documents: whose documents he is told of.
            teams: of which he is; empty for who is of all.

        Returns:
            The team in whose share he is, to be said when he leaves; empty for none.

        Raises:
            NoRoomError: there are too many already.
        """
        with self._lock:
            share = min(sorted(teams), key=self._of_team.__getitem__, default="")
            for there, bound, whose in (
                (self._of[caller], most, " of one caller"),
                (self._of_team[share] if share else 0, MOST_OF_TEAM, " of one team"),
                (self._of.total(), MOST_WATCHERS, ""),
            ):
                if there >= bound:
                    raise NoRoomError(
                        "too many follow what changes here",
                        why=f"{bound} are the most{whose}",
                        fix="end one that you follow, or come back in a while",
                    )
            self._of[caller] += 1
            if share:
                self._of_team[share] += 1
            self._documents.update(documents)
            return share

    def leave(self, caller: str, documents: Collection[str] = (), share: str = "") -> None:
        """One less does; see `enter`."""
        with self._lock:
            self._of[caller] -= 1
            self._of_team[share] -= 1
            self._documents.subtract(documents)
            self._of, self._of_team, self._documents = +self._of, +self._of_team, +self._documents

    def look(self) -> None:
        """Read what is new, and wake everybody.

        Raises:
            AllotmentError: the store does not answer.
        """
        held, news = self.held, False
        if self._passed() - self._marked >= MARKED_EACH:
            self._mark()
        while True:
            page = self.store.changes(held.head)
            self._heard = self._passed()
            if page.until == held.head and page.known:
                break
            held = self._held = self._with(held, page)
            news = True
            if not page.more:
                break
        if news:
            self._wake()

    def _with(self, held: HeldChanges, page: JournalPage) -> HeldChanges:
        if not page.known:  # it was pruned, or is another store's: nobody can go on from what is held
            self._subjects = {}
            return self._from_now()
        mark = held.mark
        for each in page.changes:
            if each.entry.kind is SubjectKind.JOURNAL:
                mark = each.entry.number
            key = each.entry.kind, each.entry.id
            self._subjects.pop(key, None)
            self._subjects[key] = each
        since = held.since
        while len(self._subjects) > MOST_HELD:
            gone = self._subjects.pop(next(iter(self._subjects)))
            since = gone.entry.number
        changes = tuple(self._subjects.values())
        return HeldChanges(since, page.until, tuple(each.entry.number for each in changes), changes, mark)

    def _from_now(self) -> HeldChanges:
        head = self._mark()
        self._heard = self._passed()
        return HeldChanges(head, head, (), (), head)

    def _mark(self) -> int:
        # By the clock alone, whether or not anything has changed.
        self._marked = self._passed()
        return self.store.mark_journal()

    def _keep_reading(self) -> None:
        while not self.over:
            try:
                self.look()
            except AllotmentError:
                # Who follows is sent away once it has lasted, and told why.
                if self.silent:
                    self._wake()
            self._news.wait(_LOOK_AGAIN)
            self._news.clear()
        self._wake()

    def _wake(self) -> None:
        for bell in self._bells:
            bell()
