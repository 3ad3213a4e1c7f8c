"""A store that counts the jobs of a team again only when one of them has changed.

Whoever looks at a whole platform has the jobs of all its teams counted, again and again: a hundred thousand rows are
gone through for it, of which a few have changed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from allotment.api.store_in_front import StoreInFront
from allotment.model.audit.act import AuditedAct
from allotment.ports.device_times import DeviceTurn
from allotment.ports.store import JobFilter, JobGroup, JobsCount, JobsStore
from allotment.ports.stored_jobs import StoredChange, StoredJob

_MOST: Final = 8
"""Questions that are remembered, those that were asked last."""
_Question = tuple[JobFilter, tuple[JobGroup, ...]]
_JobsByTeam = Mapping[str, tuple[int, tuple[JobsCount, ...]]]
"""An answer, by team, each with the number of the team's changes by then."""


class CountingStore(StoreInFront):
    """See the module; does what the store behind it does. The server alone writes, so that it sees each change."""

    def __init__(self, store: JobsStore) -> None:
        """Nothing is counted yet.

        Args:
            store: that is asked.
        """
        super().__init__(store)
        self._lock = threading.Lock()
        self._anew = 0
        self._changes: dict[str, int] = {}
        self._known: OrderedDict[_Question, _JobsByTeam] = OrderedDict()

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """See the port."""
        if JobGroup.TEAM not in by or not _of_all_teams(wanted):
            return self._store.counts(wanted, by)
        question = wanted, tuple(by)
        with self._lock:
            anew, changes, known = self._anew, dict(self._changes), self._known.get(question)
        of = {} if known is None else dict(known)
        stale = [each for each, number in changes.items() if each not in of or of[each][0] != number]
        if known is None or stale:
            asked = wanted if known is None else replace(wanted, within=frozenset(stale))
            found = _by_team(self._store.counts(asked, by))
            of.update((each, (changes.get(each, 0), found.get(each, ()))) for each in (*stale, *found))
            self._remember(question, of, anew)
        rows = [row for _, some in of.values() for row in some]
        return tuple(sorted(rows, key=lambda row: tuple(row.of.values())))

    def _remember(self, question: _Question, of: _JobsByTeam, anew: int) -> None:
        with self._lock:
            # What everything has to be counted anew after is forgotten already.
            if anew == self._anew:
                self._known[question] = of
                self._known.move_to_end(question)
                while len(self._known) > _MOST:
                    self._known.popitem(last=False)

    def add(self, job: StoredJob, audited: Sequence[AuditedAct] = ()) -> StoredJob:
        """See the port."""
        (kept,) = self.add_all((job,), audited)
        return kept

    def add_all(self, jobs: Sequence[StoredJob], audited: Sequence[AuditedAct] = ()) -> tuple[StoredJob, ...]:
        """See the port."""
        return self._changed(lambda: self._store.add_all(jobs, audited))

    def record(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        """See the port."""
        return self._changed(lambda: self._store.record(changes, turns))

    def discard(self, job_id: str, audited: Sequence[AuditedAct] = ()) -> None:
        """See the port."""
        try:
            self._store.discard(job_id, audited)
        finally:
            self._count_anew()

    def prune(self, ended_before: int, audited: Sequence[AuditedAct] = ()) -> int:
        """See the port."""
        try:
            return self._store.prune(ended_before, audited)
        finally:
            self._count_anew()

    def _changed(self, change: Callable[[], tuple[StoredJob, ...]]) -> tuple[StoredJob, ...]:
        try:
            kept = change()
        except BaseException:
            self._count_anew()  # whoever lost the connection while it was kept does not know whether it was
            raise
        with self._lock:
            for each in {job.job.team for job in kept}:
                self._changes[each] = self._changes.get(each, 0) + 1
        return kept

    def _count_anew(self) -> None:
        with self._lock:
            self._anew += 1
            self._changes.clear()
            self._known.clear()


def _of_all_teams(wanted: JobFilter) -> bool:
    """Whether it asks of all teams alike, in a way that is often asked for."""
    return wanted == JobFilter(states=wanted.states, backend=wanted.backend, alone=wanted.alone)


def _by_team(rows: Iterable[JobsCount]) -> dict[str, tuple[JobsCount, ...]]:
    found: dict[str, list[JobsCount]] = {}
    for each in rows:
        found.setdefault(each.of[JobGroup.TEAM], []).append(each)
    return {team: tuple(some) for team, some in found.items()}


def counting(store: JobsStore) -> JobsStore:
    """The same store, which goes through its jobs less often to count them."""
    return cast("JobsStore", CountingStore(store))
