"""Jobs of other back ends that held jobs wait for: asked of the store seldom, however many wait, and however often."""

from __future__ import annotations

from typing import Final

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.ports.store import JobsReader
from allotment.ports.stored_jobs import StoredJob

_FRESH: Final = 500
"""Milliseconds for which an answer is good: less than the time between two passes in which nothing happens."""
_MOST: Final = 200
"""Jobs that are asked for again in one pass, those first that were asked for longest ago."""


class WaitedFor:
    """See the module. A job that was not over when it was asked for may be over by now: who waits for it waits on."""

    def __init__(self, store: JobsReader) -> None:
        """Nothing is known.

        Args:
            store: where jobs are kept.
        """
        self._store = store
        self._now = 0
        self._known: dict[tuple[str, str], tuple[int, StoredJob | NotFoundError | InputError]] = {}
        self._used: set[tuple[str, str]] = set()

    def begin(self, now: int) -> None:
        """A pass begins: what nobody asked for in the last one is forgotten, and the oldest answers are.

        Args:
            now: milliseconds since the epoch.
        """
        self._now = now
        self._known = {each: self._known[each] for each in self._known.keys() & self._used}
        self._used = set()
        old = [each for each, (asked, _) in self._known.items() if not 0 <= now - asked < _FRESH]
        for each in sorted(old, key=lambda one: self._known[one][0])[:_MOST]:
            del self._known[each]

    def job(self, job_id: str, team: str) -> StoredJob:
        """A job of a team, as it stood less than `_FRESH` ago where no more than `_MOST` are waited for.

        Raises:
            NotFoundError: the team has none.
            InputError: it cannot be read.
        """
        key = job_id, team
        self._used.add(key)
        if key not in self._known:
            self._known[key] = self._now, self._asked(job_id, team)
        answer = self._known[key][1]
        if isinstance(answer, StoredJob):
            return answer
        raise answer

    def _asked(self, job_id: str, team: str) -> StoredJob | NotFoundError | InputError:
        try:
            found = self._store.get(job_id)
            if found.job.team == team:
                return found
        except NotFoundError:
            pass  # an earlier version kept names
        except InputError as error:
            return error
        try:
            return self._store.find(job_id, team=team)
        except (NotFoundError, InputError) as error:
            return error
        except UsageError as error:
            return InputError(error.what, why=error.why, fix=error.fix)
