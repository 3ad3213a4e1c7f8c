"""A store each call of which is timed, and the first starts of jobs with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from allotment.api.store_in_front import StoreInFront
from allotment.api.telemetry.meters import Meters
from allotment.api.telemetry.tracing import Spans, no_spans
from allotment.model.jobs.run import JobState
from allotment.ports.store import JobsStore
from allotment.ports.stored_jobs import StoredChange, StoredJob


class TimedStore(StoreInFront):
    """See the module; does what the store behind it does."""

    def __init__(self, store: JobsStore, meters: Meters, spans: Spans = no_spans) -> None:
        """Nothing is asked yet.

        Args:
            store: that is asked.
            meters: that are counted up.
            spans: begins the span of a call.
        """
        super().__init__(store)
        self._spans = spans
        self._meters = meters

    def _in_front(self, name: str, found: Any) -> Any:
        return self._timed(name, found) if callable(found) else found

    def _timed(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        seconds = self._meters.store_calls.labels(name)
        failures = self._meters.store_failures.labels(name)

        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                with self._spans(f"store {name}"):
                    found = call(*arguments, **named)
            except Exception:
                failures.inc()
                raise
            finally:
                seconds.observe(time.perf_counter() - began)
            if name == "record":
                self._note_starts(arguments[0], found)
            return found

        return timed

    def _note_starts(self, changes: Sequence[StoredChange], jobs: Sequence[StoredJob]) -> None:
        """Of jobs that began to run for the first time with a change that was just kept."""
        of_id = {each.id: each for each in jobs}
        for change in changes:
            job = of_id[change.id]
            began = _first_start(job, change)
            if began is not None:
                self._meters.starts.labels(job.backend).observe(max(0, began - job.submitted) / 1000)


def _first_start(job: StoredJob, change: StoredChange) -> int | None:
    """When a job began to run, in milliseconds since the epoch; None where another change was that."""
    first = next((each for each in job.history.moves if each.state is JobState.RUNNING), None)
    if first is not None:
        return first.at if first in change.moves else None
    # Over before anybody had seen it run.
    ended = any(each.state.over for each in change.moves)
    return job.attempts[0].started if ended and job.attempts else None


def timed(store: JobsStore, meters: Meters, spans: Spans = no_spans) -> JobsStore:
    """The same store, timed."""
    return cast("JobsStore", TimedStore(store, meters, spans))
