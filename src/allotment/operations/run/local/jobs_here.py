"""A job that this machine has: what is known of it, and of what earlier servers have started of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from allotment.model.jobs.run import JobState, MoveCause
from allotment.model.jobs.use import AttemptUse
from allotment.operations.run.local.conclusions import Leaving
from allotment.operations.run.local.launching import launch_id
from allotment.operations.run.local.queueing import QueuedWork
from allotment.ports.backends import EndOfRun, JobToStart
from allotment.ports.job_folders import JobFolders
from allotment.ports.job_processes import FoundLaunch, JobAlive, JobEnded, JobGone, LaunchedJob

CAUSES: Final = {
    Leaving.BY_HAND: MoveCause.BY_HAND,
    Leaving.DISPLACED: MoveCause.PREEMPTED,
    Leaving.RUN_TIME: MoveCause.RUN_TIME,
    Leaving.RANK_FAILED: MoveCause.EXIT_CODE,
    Leaving.NOT_STARTED: MoveCause.ENDED,
    Leaving.NO_ROOM: MoveCause.ENDED,
}
"""Why a job is said to be stopping."""


class WorkingCopy:
    """The copy of a job's code, made beside everything else: it may take seconds.

    Attributes:
        done: whether it is there, or cannot be.
        trouble: why it cannot; None where it can.
    """

    def __init__(self) -> None:
        self.done = False
        self.trouble: Exception | None = None

    def make(self, folders: JobFolders, order: JobToStart, attempt: int) -> None:
        """Make it, in whatever thread."""
        try:
            folders.working_copy(order.id, attempt, order.code)
        except Exception as error:  # noqa: BLE001 (it is told of the job; here nobody would hear of it)
            self.trouble = error
        finally:
            self.done = True


class LocalJob:
    """A job that was handed over and whose end is not on record yet."""

    def __init__(self, order: JobToStart, work: QueuedWork, attempt: int, now: int) -> None:
        self.order = order
        self.work = work
        self.attempt = attempt
        self.failures = order.failures
        self.state = JobState.QUEUED
        self.since = now
        self.flavor = ""
        self.devices: tuple[str, ...] = ()
        self.folder = ""
        self.reason = ""
        self.copy: WorkingCopy | None = None
        self.kill_at: int | None = None
        self.killed = False
        self.stuck = ""
        self.trouble = ""
        self.tried = 0
        self.look_at = 0
        self.leaving: Leaving | None = None
        self.launched: dict[str, LaunchedJob | None] = {}
        self.adopted = False
        self.said = ""
        self.end: EndOfRun | None = None
        self.before: EndOfRun | None = None
        self.ran_since: int | None = None
        self.ran_from: int | None = None
        self.measured_before: AttemptUse | None = None

    @property
    def launches(self) -> list[str]:
        """Ids of the launches of its present attempt, by rank."""
        return [launch_id(self.order.id, self.attempt, rank) for rank in range(self.order.job.replicas)]


def launched_of(found: FoundLaunch) -> LaunchedJob | None:
    """What was started, as far as it may still run."""
    return found.state.launched if isinstance(found.state, JobAlive | JobGone) else None


def times_of(launches: Iterable[FoundLaunch], now: int) -> tuple[int, float]:
    """When the first of a job's processes began, in milliseconds since the epoch, and how many seconds one ran at most.

    What runs says how long by a clock that is never set: so its beginning is told by the clock of today.
    """
    began, ran = [now], [0.0]
    for each in launches:
        match each.state:
            case JobAlive(seconds=seconds):
                began.append(now - round(seconds * 1000))
                ran.append(seconds)
            case JobEnded(started_at=started, seconds=seconds):
                began.append(started)
                ran.append(seconds)
    return min(began), max(ran)
