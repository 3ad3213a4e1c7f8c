"""The jobs that a machine has, sorted by what they do, and which of them show something that was not told yet."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from allotment.errors import AllotmentError
from allotment.model.jobs.run import JobState
from allotment.operations.run.local.fetching_jobs import FetchingJobs
from allotment.operations.run.local.jobs_here import LocalJob


class KeptJobs:
    """See the module.

    Attributes:
        all: each whose end is not on record, by id.
        holding: those that hold anything, by id.
        queued: those that wait in a queue, by id.
        fetching: those that wait for their data.
        changed: ids of those that show something else than was told.
        moves: how often a job has come into another state, so that a pass knows whether it did anything.
    """

    def __init__(self) -> None:
        """None."""
        self.all: dict[str, LocalJob] = {}
        self.holding: dict[str, LocalJob] = {}
        self.queued: dict[str, LocalJob] = {}
        self.fetching = FetchingJobs()
        self.changed: set[str] = set()
        self.moves = 0

    def add(self, job: LocalJob) -> None:
        """It is one of them from now on, in the state that it has."""
        self.all[job.order.id] = job
        self._sort(job)

    def forget(self, job: LocalJob) -> None:
        """Its end is on record."""
        del self.all[job.order.id]
        self.changed.discard(job.order.id)

    def become(self, job: LocalJob, state: JobState, now: int) -> None:
        """It is in another state from now on, in milliseconds since the epoch."""
        if state is not job.state:
            job.state, job.since = state, now
            job.reason = ""
            if state is JobState.RUNNING:
                job.ran_since = now
            self._sort(job)

    def waits_because(self, job: LocalJob, reason: str) -> None:
        """Why it waits; empty where nothing is known to be in its way."""
        if reason != job.reason:
            job.reason = reason
            self.changed.add(job.order.id)

    @contextmanager
    def told_of(self, job: LocalJob) -> Iterator[None]:
        """Whatever goes wrong with one job is told of that job: it holds up neither others nor the machine."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 (a job may do anything to its files; a defect of ours must not hide)
            said = told_of_error(error)
            if said != job.trouble and not isinstance(error, AllotmentError):
                traceback.print_exc()
        else:
            said = ""
        if said != job.trouble:
            job.trouble = said
            self.changed.add(job.order.id)

    def _sort(self, job: LocalJob) -> None:
        """Keep it among those that are like it, and tell of it."""
        job_id = job.order.id
        self.moves += 1
        self.changed.add(job_id)
        for among, whether in (
            (self.holding, job.state.holds),
            (self.queued, job.state is JobState.QUEUED),
        ):
            if whether:
                among[job_id] = job
            else:
                among.pop(job_id, None)
        if job.state is JobState.STAGING:
            self.fetching.add(job)
        else:
            self.fetching.discard(job)


def told_of_error(error: Exception) -> str:
    """What went wrong, in a line; of what nobody foresaw, whose fault it is."""
    if isinstance(error, AllotmentError):
        return error.line
    return f"a mistake in Allotment, not in the job: {type(error).__name__}: {error}"
