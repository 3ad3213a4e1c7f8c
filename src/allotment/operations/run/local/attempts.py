"""An attempt of a job on this machine: its processes are launched, watched, told to end, and their end concluded."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import AllotmentError, ConflictError, NoRoomError, NotFoundError
from allotment.model.jobs.run import JobState
from allotment.operations.run.local.conclusions import FOLDER_GONE, Conclusion, Leaving, RankEnds, concluded
from allotment.operations.run.local.ending import end_what_is_left, given_until, strike, stuck
from allotment.operations.run.local.jobs_here import LocalJob, WorkingCopy
from allotment.operations.run.local.kept import KeptJobs, told_of_error
from allotment.operations.run.local.launching import EarlierLaunches, LocalStorage, launches_for
from allotment.operations.run.local.queueing import MachineQueues
from allotment.operations.run.local.sampling import UseSampler
from allotment.ports.job_processes import (
    JobAlive,
    JobEnded,
    JobGone,
    JobNeverStarted,
    JobProcesses,
    LaunchState,
)

_FIRST_PAUSE: Final = 1_000
_LONGEST_PAUSE: Final = 60_000
"""Milliseconds for which nothing is launched once this machine had no room for something."""
_MOST_TRIES: Final = 100
"""Times that a job is tried for which there was no room: an hour and a half and more."""


@dataclass(frozen=True, slots=True)
class AttemptMeans:
    """What attempts are made with.

    Attributes:
        processes: what runs them.
        storage: where they run, and what they are told in secret.
        devices: ids of all devices of the machine, by class.
        earlier: what earlier servers have left.
        instead: programs that the machine has under another name.
        beside: has something done that may take long, in a thread of its own or at once.
    """

    processes: JobProcesses
    storage: LocalStorage
    devices: Mapping[str, Sequence[str]]
    earlier: EarlierLaunches
    instead: Mapping[str, str]
    beside: Callable[[Callable[[], None]], None]


class LaunchPause:
    """Nothing is launched for a while after the machine had no room for something; longer each time, a minute at most.

    Attributes:
        until: milliseconds since the epoch.
        why: what it lacked; empty where it lacks nothing that is known.
    """

    def __init__(self) -> None:
        """Nothing is lacking."""
        self.until = 0
        self.why = ""
        self._length = 0

    def holds(self, now: int) -> bool:
        """Whether it goes on; a clock that was set back ends it."""
        return 0 < self.until - now <= self._length

    def begin(self, why: str, now: int) -> None:
        """Something had no room; of several in one pass the first counts."""
        self.why = why
        if not self.holds(now):
            self._length = min(max(_FIRST_PAUSE, 2 * self._length), _LONGEST_PAUSE)
            self.until = now + self._length

    def over(self) -> None:
        """Something was launched."""
        self.until, self.why, self._length = 0, "", 0


class LocalAttempts:
    """See the module. The queues hear of each end; times are milliseconds since the epoch."""

    def __init__(self, means: AttemptMeans, kept: KeptJobs, queues: MachineQueues, sampler: UseSampler) -> None:
        """None is made yet."""
        self._means = means
        self._processes = means.processes
        self._kept = kept
        self._queues = queues
        self._sampler = sampler
        self.pause = LaunchPause()

    def launch(self, job: LocalJob, flavor: str, now: int) -> None:
        """Give it devices of a class, and begin its next attempt; where that fails it is over, or waits again."""
        try:
            self._begin(job, flavor, now)
        except Exception as error:
            if not job.state.holds:
                self._queues.left(job.order.id)  # it was let in, and stands in its queue again
                raise
            job.copy = None
            self._not_launched(job, error, now)

    def _begin(self, job: LocalJob, flavor: str, now: int) -> None:
        needs, replicas = job.work.devices, job.order.job.replicas
        taken = {name for each in self._kept.holding.values() for name in each.devices}
        unknown = self._means.earlier.devices_of_unknown()
        there = self._means.devices.get(flavor, ())
        free = sorted((name for name in there if name not in taken), key=unknown.__contains__)
        job.flavor, job.devices = flavor, tuple(free[: needs * replicas])
        job.leaving, job.adopted, job.launched = None, False, {}
        job.kill_at, job.killed = None, False
        self._kept.become(job, JobState.STARTING, now)
        if job.order.code:
            job.copy = copy = WorkingCopy()
            attempt = job.attempt
            self._means.beside(lambda: copy.make(self._means.storage.folders, job.order, attempt))
        else:
            self._launch_all(job)

    def watch(self, job: LocalJob, now: int) -> None:
        """Look at its processes, and do what is to be done."""
        if job.copy is not None:
            if not job.copy.done:
                return
            copy, job.copy = job.copy, None
            if job.leaving is None:
                self._launch_with(job, copy, now)
                return
        if job.stuck and now < job.look_at:
            return
        states = [self._look(job, launch) for launch in job.launches]
        if job.leaving is None and not job.adopted:
            # Nobody has told it to end: that it was told to is then the job's own invention.
            states = [replace(each, stopped=False) if isinstance(each, JobEnded) else each for each in states]
        ends = RankEnds.of(states)
        if ends.alive:
            ran = max(each.seconds for each in states if isinstance(each, JobAlive))
            self._watch_living(job, ends, ran, now)
            strike(self._processes, job, states, now)
            return
        left = self._clear_away(job, states)
        if left:
            self._hold_for(job, left, now)
            return
        began = [each.started_at for _, each in ends.ended if not each.not_started]
        if job.state is JobState.STARTING and began:
            # It has come and gone between two looks.
            self._kept.become(job, JobState.RUNNING, min(now, max(job.since, min(began))))
        at = _ended_at(job, ends, now)
        self.end(job, concluded(job.order.job, ends, job.leaving, job.failures), ends, at)

    def tell_to_end(self, job: LocalJob, why: Leaving, grace: int, now: int, said: str = "") -> None:
        """Tell its processes to end within so many seconds; whoever stops it by hand has the last word over why."""
        if job.leaving is None or why is Leaving.BY_HAND:
            job.leaving = why
            job.said = said
        given_until(job, grace, now)
        self._kept.become(job, JobState.STOPPING, now)
        for launch in job.launches:
            if isinstance(self._look(job, launch), JobAlive):
                self._processes.stop(launch, grace)

    def end(self, job: LocalJob, conclusion: Conclusion, ends: RankEnds, now: int) -> None:
        """Nothing of it runs any more: it is over, or waits for another attempt."""
        job_id = job.order.id
        end = conclusion.end_with(job.said, ends)
        self._sampler.ended(job_id, now)
        job.leaving, job.said, job.devices = None, "", ()
        job.ran_from, job.ran_since = job.ran_since, None
        job.stuck, job.kill_at, job.killed = "", None, False
        if conclusion.state is not JobState.QUEUED:
            if job.state.holds:
                self._queues.ended(job_id)
            job.end = end
            self._kept.become(job, conclusion.state, now)
            return
        self._queues.left(job_id)
        job.before, job.measured_before = end, self._sampler.told(job_id, job.attempt)
        job.failures += 0 if end.displaced else 1
        job.attempt += 1
        self._kept.become(job, JobState.QUEUED, now)

    def pids(self, job: LocalJob) -> set[int]:
        """Ids of its processes, as far as they can be told."""
        found: set[int] = set()
        for launch in job.launches:
            with suppress(AllotmentError):
                found.update(self._processes.usage(launch).processes)
        return found

    def _launch_all(self, job: LocalJob) -> None:
        means = self._means
        for launch in launches_for(job.order, job.attempt, job.devices, means.storage, means.instead):
            job.launched[launch.id] = None
            with suppress(ConflictError):  # by an earlier run, which did not live to say so
                job.launched[launch.id] = self._processes.launch(launch)
            job.folder = str(launch.working_directory)
        self.pause.over()

    def _launch_with(self, job: LocalJob, copy: WorkingCopy, now: int) -> None:
        """Its working copy is there, or cannot be made."""
        error = copy.trouble
        if error is None:
            try:
                self._launch_all(job)
            except Exception as failed:  # noqa: BLE001 (whatever a job makes of its files is its own trouble alone)
                error = failed
        if error is not None:
            self._not_launched(job, error, now)

    def _not_launched(self, job: LocalJob, error: Exception, now: int) -> None:
        """It waits for room where that is all that it lacks; else it has failed."""
        if not isinstance(error, AllotmentError):
            traceback.print_exception(error)
        said = f"it could not be started: {told_of_error(error)}"
        job.tried += 1
        waits = isinstance(error, NoRoomError) and job.tried < _MOST_TRIES
        if waits:
            self.pause.begin(said, now)
        self.tell_to_end(job, Leaving.NO_ROOM if waits else Leaving.NOT_STARTED, 0, now, said)

    def _clear_away(self, job: LocalJob, states: Sequence[LaunchState]) -> list[int]:
        """Of an attempt of which nothing is alive: what could still start, or runs unwatched; ids of what stays."""
        left: list[int] = []
        for launch, state in zip(job.launches, states, strict=True):
            if isinstance(state, JobNeverStarted):
                # What an earlier server had handed over could still start, beside the next attempt.
                with suppress(NotFoundError):
                    self._processes.forget(launch)
            elif isinstance(state, JobGone):
                left += end_what_is_left(self._processes, job, launch, state)
        return left

    def _hold_for(self, job: LocalJob, left: Sequence[int], now: int) -> None:
        """Keep what it holds: as long as a process of it is there, so may be what that process has of a device."""
        stuck(job, left, now)
        self._kept.become(job, JobState.STOPPING, now)
        self._kept.changed.add(job.order.id)

    def _watch_living(self, job: LocalJob, ends: RankEnds, ran: float, now: int) -> None:
        if job.state is JobState.STARTING:
            self._kept.become(job, JobState.RUNNING, now)
        if job.leaving is not None:
            return
        limit, grace = job.order.job.run_time, job.order.job.grace
        if ends.missing:
            self.tell_to_end(job, Leaving.DISPLACED, grace, now, "the server ended while it was being started")
        elif ends.failed is not None:
            self.tell_to_end(job, Leaving.RANK_FAILED, grace, now)
        elif limit is not None and ran > limit:
            self.tell_to_end(job, Leaving.RUN_TIME, grace, now)

    def _look(self, job: LocalJob, launch: str) -> LaunchState:
        try:
            return self._processes.look(launch)
        except NotFoundError:
            if launch in job.launched:
                return JobGone(None, FOLDER_GONE)
            return JobNeverStarted()


def _ended_at(job: LocalJob, ends: RankEnds, now: int) -> int:
    """When the last of its processes ended, in milliseconds since the epoch: nobody may have looked since.

    Their supervisors counted the seconds by a clock that is never set. Where one did not live to say it, it is now.
    """
    if job.ran_since is None or ends.gone or len(ends.ended) < len(job.launches):
        return now
    ran = max(each.seconds for _, each in ends.ended)
    return min(now, max(job.since, job.ran_since + round(ran * 1000)))
