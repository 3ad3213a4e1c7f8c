"""This machine as a back end: `queueing` decides, `ports.job_processes` runs, and this keeps the two in step.

Level-triggered: `advance` looks at every process, concludes what is over, and carries out what the engine decides. All
that has to survive a crash lies in the processes' own folders and in the store: handed the same jobs again, it finds
their launches by their ids and goes on. What it was about to do is done again or was done; nothing runs twice, because
a launch's id is used once for good.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from allotment.jobs.local import LOCAL_LOSSES, told
from allotment.jobs.losses import lost
from allotment.model.accelerator import CapacityType
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobState, MoveCause, RunningPlace
from allotment.model.observed.snapshot import Snapshot
from allotment.model.platform import Platform
from allotment.operations.run.device_books import WatchedDevice
from allotment.operations.run.growing_logs import GrowingLog, growing_lines
from allotment.operations.run.local.as_source import MachineNow, machine_snapshot
from allotment.operations.run.local.attempts import AttemptMeans, LocalAttempts
from allotment.operations.run.local.conclusions import Conclusion, Leaving, RankEnds
from allotment.operations.run.local.fitting import fitted
from allotment.operations.run.local.jobs_here import CAUSES, LocalJob, launched_of, times_of
from allotment.operations.run.local.kept import KeptJobs
from allotment.operations.run.local.launching import EarlierLaunches, LocalStorage, work_of
from allotment.operations.run.local.log_lines import LOOK_AGAIN, process_logs
from allotment.operations.run.local.queueing import Admit, Evict, MachineQueues
from allotment.operations.run.local.recognising import RecognisedMachine
from allotment.operations.run.local.sampling import SampledJob, UseSampler
from allotment.operations.run.local.shares import machine_state
from allotment.operations.run.local.staging import DataStanding, LocalStaging, check_means, next_to_fetch
from allotment.operations.run.marking import work_of_type
from allotment.ports.backends import (
    LOCAL,
    BackendOffer,
    EndOfRun,
    FollowedJob,
    ForeseenStart,
    JobRefusedError,
    JobToStart,
    LogLine,
)
from allotment.ports.clock import Clock
from allotment.ports.job_processes import (
    JobProcesses,
)
from allotment.ports.stored_jobs import StoredJob

_HOST: Final = "this machine"
_BEHIND: Final = "others of its team come before it"
_FETCHED_LATER: Final = "the data of others are fetched first"
_LIMITED: Final = {"cpu": "CPU", "memory": "memory", "pids": "the number of processes"}
_FEW: Final = 100
"""Jobs of which it is looked at every pass why they wait in their queue."""
_REASONS: Final = 1_000
"""Milliseconds between two looks at why jobs wait, where more than `_FEW` do."""


class LocalBackend:
    """See the module; implements `ports.backends.Backend` and `TellsChanges`. One thread at a time."""

    def __init__(
        self,
        platform: Platform,
        machine: RecognisedMachine,
        processes: JobProcesses,
        storage: LocalStorage,
        clock: Clock,
        instead: Mapping[str, str] = MappingProxyType({}),
        beside: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        """A machine without jobs; those of an earlier run are handed over again by `start`.

        Args:
            platform: whose teams share the machine.
            machine: what jobs may use of it.
            processes: what runs them.
            storage: where they run, and what they are told in secret.
            clock: time.
            instead: programs that the machine has under another name.
            beside: has something done that may take long, in a thread of its own or at once.
        """
        self._beside = beside
        self._platform = platform
        self._machine = machine
        self._size = machine.size
        self._devices = machine.devices
        self._processes = processes
        self._storage = storage
        self._folders = storage.folders
        self._staging = LocalStaging(processes, storage)
        self._clock = clock
        self._queues = MachineQueues(machine_state(platform, machine.size))
        self._kept = KeptJobs()
        self._reasons_at: int | None = None
        self._earlier = EarlierLaunches(processes)
        self._sampler = UseSampler(machine.asked, beside)
        means = AttemptMeans(processes, storage, machine.devices, self._earlier, instead, beside)
        self._attempts = LocalAttempts(means, self._kept, self._queues, self._sampler)

    @property
    def name(self) -> str:
        """As users name it after ``--on``."""
        return LOCAL

    def offer(self) -> BackendOffer:
        """What the machine has."""
        unlimited = "; ".join(f"{_LIMITED[name]} ({why})" for name, why in self._processes.unlimited().items())
        told = (f"not limited here, whatever a job asks for: {unlimited}",) if unlimited else ()
        return BackendOffer("local", ("process",), dict(self._size.devices), (*self._machine.told, *told))

    def start(self, job: JobToStart) -> FollowedJob:
        """Queue a job, or go on with one that runs already.

        Raises:
            JobRefusedError: it asks for what this machine cannot give.
            CapacityError: even the empty machine would not take it.
        """
        known = self._kept.all.get(job.id)
        if known is None:
            self._check(job)
            if not job.taken:
                check_means(job, self._storage)
            known = self._take(job)
            self._kept.add(known)
        return self._followed(known)

    def look(self) -> tuple[FollowedJob, ...]:
        """All jobs whose end is not on record."""
        return tuple(map(self._followed, self._kept.all.values()))

    def changed(self) -> tuple[FollowedJob, ...]:
        """Those that show something else than was settled, and all that hold anything: they are few."""
        ids = dict.fromkeys((*self._kept.holding, *self._kept.changed))
        return tuple(self._followed(self._kept.all[each]) for each in ids if each in self._kept.all)

    def settled(self, told: Iterable[FollowedJob]) -> None:
        """What was told of these is kept; of what is over it is told until it is forgotten."""
        for each in told:
            if not each.state.over:
                self._kept.changed.discard(each.id)

    def stop(self, job_id: str, grace: int) -> None:
        """End a job for good."""
        job = self._kept.all.get(job_id)
        if job is None or job.state.over:
            return
        if job.state in {JobState.QUEUED, JobState.STAGING}:
            if job.state is JobState.QUEUED:
                self._queues.withdraw(job_id)
            elif not self._kept.fetching.shares_data(job):
                self._staging.stop(job.order.data_id)
            stopped = EndOfRun(None, said="it was stopped while it waited")
            self._attempts.end(job, Conclusion(JobState.STOPPED, stopped), RankEnds.of(()), self._now())
        else:
            self._attempts.tell_to_end(job, Leaving.BY_HAND, grace, self._now())

    def forget(self, job_id: str) -> None:
        """Its end is on record."""
        job = self._kept.all.get(job_id)
        if job is not None and job.state.over:
            self._kept.forget(job)
            self._sampler.forget(job_id)
            last = job.attempt
            self._beside(lambda: self._folders.clear(job_id, last))

    def log(
        self, job_id: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What its processes wrote, attempt after attempt.

        Raises:
            NotFoundError: nothing was ever launched of it.
        """
        return growing_lines(
            job_id, lambda: process_logs(self._processes, job_id, rank), self._clock,
            every=LOOK_AGAIN, tail=tail, goes_on=lambda: follow and self._goes_on(job_id),
        )  # fmt: skip

    def logs(self, job_id: str) -> Iterator[GrowingLog]:
        """Logs of all that was launched of a job, attempt after attempt."""
        return process_logs(self._processes, job_id, None)

    def advance(self) -> bool:
        """Do whatever is to be done now; whether anything changed."""
        now, moves = self._now(), self._kept.moves
        self._fetch(now)
        for job in list(self._kept.holding.values()):
            with self._kept.told_of(job):
                self._attempts.watch(job, now)
        self._sample(now)
        # What is decided is decided for good: each decision is carried out, whatever becomes of the others.
        for decision in () if self._attempts.pause.holds(now) else self._queues.decide(now):
            job = self._kept.all[decision.id]
            with self._kept.told_of(job):
                match decision:
                    case Admit(flavor=flavor):
                        self._attempts.launch(job, flavor, now)
                    case Evict(by=by):
                        said = f"it makes room for {by}"
                        self._attempts.tell_to_end(job, Leaving.DISPLACED, job.order.job.grace, now, said)
        self._look_at_reasons(now)
        return moves != self._kept.moves

    def _sample(self, now: int) -> None:
        """Look at the devices of what runs, where it is time."""
        if self._sampler.due(now):
            holding = self._kept.holding.values()
            running = [self._sampled(each, each.ran_since) for each in holding if each.ran_since is not None]
            self._kept.changed.update(self._sampler.step(running, now))

    def _sampled(self, job: LocalJob, since: int) -> SampledJob:
        policy = self._platform.idle_policy(work_of_type(job.order.job.type))
        return SampledJob(job.order.id, job.attempt, since, job.devices, lambda: self._attempts.pids(job), policy)

    def _fetch(self, now: int) -> None:
        """Go on with the data of jobs; whose data are there stands in its queue from then on."""
        fetching = self._kept.fetching.looked_at()
        found: dict[str, DataStanding] = {}
        alive: dict[str, str] = {}
        for job in fetching:
            with self._kept.told_of(job):
                if job.order.data_id not in found:
                    found[job.order.data_id] = self._staging.look(job.order.data_id)
        fetching = [each for each in fetching if each.order.data_id in found]
        for job in fetching:
            data = found[job.order.data_id]
            if data.alive:
                alive[job.order.data_id] = job.order.job.team
            elif data.there:
                self._queues.submit(job.work)
                self._kept.become(job, JobState.QUEUED, now)
            elif data.failed is not None:
                self._not_fetched(job, data.failed, now)
        waiting = [each for each in fetching if each.state is JobState.STAGING]
        begun = next_to_fetch(((each.order.data_id, each.order.job.team) for each in waiting), alive)
        for job in waiting:
            of = job.order.data_id
            self._kept.waits_because(job, "" if of in begun or of in alive else _FETCHED_LATER)
            with self._kept.told_of(job):
                failed = self._staging.begin(job.order) if of in begun else None
                if failed is not None:
                    self._not_fetched(job, failed, now)
        now_begun = {each.order.data_id: each.order.job.team for each in waiting if each.order.data_id in begun}
        self._kept.fetching.alive = alive | now_begun

    def _not_fetched(self, job: LocalJob, end: EndOfRun, now: int) -> None:
        job.end = end
        self._kept.become(job, JobState.FAILED, now)

    def _look_at_reasons(self, now: int) -> None:
        """Why each that waits does; where many do, not at every pass."""
        due = self._reasons_at is None or not 0 <= now - self._reasons_at < _REASONS
        if len(self._kept.queued) > _FEW and not due:
            return
        self._reasons_at = now
        paused = self._attempts.pause.why
        reasons = self._queues.waits_for(self._kept.queued)
        for job in self._kept.queued.values():
            self._kept.waits_because(job, paused or reasons[job.order.id] or _BEHIND)

    @property
    def watched(self) -> tuple[WatchedDevice, ...]:
        """All its devices, with what an hour of each costs on demand."""
        catalogue = self._platform.accelerators
        return tuple(
            WatchedDevice(each, _HOST, name, catalogue[name].price_per_hour.get(CapacityType.ON_DEMAND))
            if name in catalogue
            else WatchedDevice(each, _HOST, name)
            for name, ids in self._devices.items()
            for each in ids
        )

    @property
    def runs(self) -> bool:
        """Whether anything runs, so that it is worth looking soon."""
        return bool(self._kept.holding or self._kept.fetching)

    def told(self, job: JobToStart) -> tuple[str, ...]:
        """What is different here from what its file says."""
        return told(job.job)

    def fitted(self, job: Job, unwritten: Collection[str]) -> Job:
        """The job with what its file leaves open filled in for this machine."""
        return fitted(job, unwritten, self._size)

    def check(self, order: JobToStart) -> None:
        """Refuse what `start` would refuse for good.

        Raises:
            JobRefusedError: it asks for what this machine cannot give.
            CapacityError: even the empty machine would not take it.
            InputError: the platform has no such rung, or no such team.
        """
        self._check(order)
        check_means(order, self._storage)
        self._queues.check(work_of(order, self._platform))

    def snapshot(self, jobs: Mapping[str, StoredJob]) -> Callable[[], Snapshot]:
        """What answers rest on: the machine as a snapshot shows a cluster, made of what is seen now.

        Args:
            jobs: those that are not over, by id.
        """
        seen, now = self.look(), self._now()
        uses = {each.id: use for each in seen if (use := self._sampler.live(each.id)) is not None}
        return lambda: machine_snapshot(MachineNow(self._platform, self._machine, seen, uses), jobs, now)

    def foreseen(self, order: JobToStart) -> ForeseenStart:
        """What would become of a job that `check` lets through."""
        return self._queues.foreseen(work_of(order, self._platform), self._now())

    def _check(self, order: JobToStart) -> None:
        losses = [f"{each.field}: {LOCAL} cannot {each.what}; {each.instead}" for each in lost(order.job, LOCAL_LOSSES)]
        if losses:
            raise JobRefusedError(
                f"{order.job.name} asks for what this machine cannot give", why="; ".join(losses), fix="see each field"
            )

    def _take(self, order: JobToStart) -> LocalJob:
        now = self._now()
        work = work_of(order, self._platform)
        attempt, ranks = self._earlier.newest(order.id)
        job = LocalJob(order, work, max(attempt, order.attempt), now)
        if attempt < order.attempt or not ranks:
            if order.job.data and order.attempt == 1 and not self._staging.look(order.data_id).there:
                self._queues.check(work)
                job.state = JobState.STAGING
            else:
                self._queues.submit(work)
            return job
        first = next(iter(ranks.values()))
        job.devices = tuple(name for each in ranks.values() for name in each.devices)
        job.flavor = self._class_of(first.devices)
        self._queues.adopt(work, job.flavor, now)
        job.adopted, job.launched = True, {each.id: launched_of(each) for each in ranks.values()}
        began, ran = times_of(ranks.values(), now)
        limit = order.job.run_time
        if limit is not None and ran >= limit:
            job.leaving = Leaving.RUN_TIME  # the server that told it so may not have lived to say it
        job.state, job.since, job.ran_since = JobState.RUNNING, began, began
        if order.measured is not None and attempt == order.attempt:
            self._sampler.resume(order.id, attempt, order.measured)
        return job

    def _class_of(self, devices: Sequence[str]) -> str:
        return next((name for name, ids in self._devices.items() if set(devices) & set(ids)), "")

    def _goes_on(self, job_id: str) -> bool:
        job = self._kept.all.get(job_id)
        return job is not None and not job.state.over

    def _followed(self, job: LocalJob) -> FollowedJob:
        per_rank = job.work.devices
        places = tuple(
            RunningPlace(rank, _HOST, job.devices[rank * per_rank : (rank + 1) * per_rank], job.folder)
            for rank in range(job.order.job.replicas)
        )
        why = None if job.leaving is None else CAUSES.get(job.leaving)
        return FollowedJob(
            id=job.order.id,
            native=job.launches[0],
            state=job.state,
            attempt=job.attempt,
            reason=job.stuck or job.trouble or job.reason,
            since=job.since,
            places=places if job.state.holds else (),
            end=job.end if job.state.over else None,
            before=job.before,
            measured=self._sampler.told(job.order.id, job.attempt),
            measured_before=job.measured_before,
            why=why or (MoveCause.ENDED if job.stuck else None),
            ran_from=job.ran_from if job.state.over else None,
        )

    def _now(self) -> int:
        return int(self._clock.now().astimezone(dt.UTC).timestamp() * 1000)
