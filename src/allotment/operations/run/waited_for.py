"""Jobs of other back ends that held jobs wait for: asked of the store together, and seldom, however many wait."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.ports.store import JobsReader
from allotment.ports.stored_jobs import JobRow, row_of

_FRESH: Final = 500
"""Milliseconds for which an answer is good: less than the time between two passes in which nothing happens."""
_MOST: Final = 200
"""Jobs that are asked for again in one pass, those first that were asked for longest ago."""
Awaited = tuple[str, str]
"""A job, and the team of who waits for it."""
_Answer = JobRow | NotFoundError | InputError


class WaitedFor:
    """See the module. A job that was not over when it was asked for may be over by now: who waits for it waits on."""

    def __init__(self, store: JobsReader) -> None:
        """Nothing is known.

        Args:
            store: where jobs are kept.
        """
        self._store = store
        self._known: dict[Awaited, tuple[int, _Answer]] = {}

    def begin(self, now: int, wanted: Collection[Awaited]) -> None:
        """A pass begins: what nobody waits for any more is forgotten, what is new is asked for, and what is oldest.

        Args:
            now: milliseconds since the epoch.
            wanted: what is waited for.
        """
        self._known = {each: self._known[each] for each in wanted if each in self._known}
        new = [each for each in wanted if each not in self._known]
        old = [each for each, (asked, _) in self._known.items() if not 0 <= now - asked < _FRESH]
        old.sort(key=lambda one: self._known[one][0])
        self._ask((*new, *old[:_MOST]), now)

    def job(self, awaited: Awaited) -> JobRow:
        """A job of a team that was named when the pass began, as it stood less than `_FRESH` ago.

        Where more than `_MOST` are waited for, what is told of some may be older.

        Raises:
            NotFoundError: the team has none.
            InputError: it cannot be read.
        """
        answer = self._known[awaited][1]
        if isinstance(answer, JobRow):
            return answer
        raise answer

    def _ask(self, some: Iterable[Awaited], now: int) -> None:
        wanted = dict.fromkeys(some)
        if not wanted:
            return
        rows = self._store.rows(tuple({job_id for job_id, _ in wanted}))
        for job_id, team in wanted:
            row = rows.get(job_id)
            found = row if row is not None and row.team == team else self._named(job_id, team)
            self._known[job_id, team] = now, found

    def _named(self, name: str, team: str) -> _Answer:
        """One that has the name: an earlier version kept names."""
        try:
            return row_of(self._store.find(name, team=team))
        except (NotFoundError, InputError) as error:
            return error
        except UsageError as error:
            return InputError(error.what, why=error.why, fix=error.fix)
