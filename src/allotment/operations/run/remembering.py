"""Jobs that were over when the server started, of which something may be left where they ran."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from allotment.errors import InputError, NotFoundError
from allotment.model.jobs.run import JobState
from allotment.ports.store import DAY_MS, MOST_LISTED, JobFilter, JobsReader
from allotment.ports.stored_jobs import JobRow, StoredJob

LOGS_KEPT: Final = DAY_MS
"""Milliseconds after their end in which jobs are remembered for what they wrote: clusters keep it for a day."""
STOPS_KEPT: Final = 7 * DAY_MS
"""The same of jobs that were stopped: where they run may not have been told, having been away for a weekend."""
_MOST_PAGES: Final = 10
_MOST: Final = 2000
"""Jobs that are remembered of one back end: each is read, and nothing is served meanwhile."""


def backends_to_tell(store: JobsReader, now: int) -> set[str]:
    """Back ends of jobs that were stopped lately: one that was away then has still to be told.

    Args:
        store: where they are kept.
        now: milliseconds since the epoch.
    """
    stopped = _lately(store, JobFilter(states=frozenset({JobState.STOPPED})), now)
    return {each.backend for each in stopped}


def lately_over(store: JobsReader, backend: str, now: int) -> Iterator[StoredJob]:
    """Jobs of a back end that were over lately, newest first; of very many only the newest.

    Args:
        store: where they are kept.
        backend: its name.
        now: milliseconds since the epoch.
    """
    wanted = JobFilter(states=frozenset(each for each in JobState if each.over), backend=backend)
    for row in islice(_lately(store, wanted, now), _MOST):
        try:
            yield store.get(row.id)
        except (NotFoundError, InputError):
            continue  # one that nobody can read, or that was forgotten meanwhile, holds up no other


def _lately(store: JobsReader, wanted: JobFilter, now: int) -> Iterator[JobRow]:
    after = None
    for _ in range(_MOST_PAGES):
        page = store.page(wanted, after=after, limit=MOST_LISTED)
        for row in page.rows:
            kept = STOPS_KEPT if row.state is JobState.STOPPED else LOGS_KEPT
            if row.ended is not None and row.ended >= now - kept:
                yield row
        after = page.next
        if after is None:
            return
