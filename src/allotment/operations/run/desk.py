"""The server's use cases: jobs are taken, listed, stopped; in between, back ends and store are brought together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from allotment.errors import AllotmentError, ConflictError, NotFoundError
from allotment.model.jobs.job import Job, JobDependency
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.operations.run.reconciling import Reconciler
from allotment.ports.backends import Backend, JobToStart, LogLine
from allotment.ports.clock import Clock
from allotment.ports.job_code import CodeShelf
from allotment.ports.job_service import JobReceipt, JobSubmission, ServedBackend, ServerStatus
from allotment.ports.store import JobFilter, JobsPage, JobsStore, PageMark
from allotment.ports.stored_jobs import StoredJob

_TRIES: Final = 5
"""New ids that are tried before it is somebody else's fault."""


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Whose server it is.

    Attributes:
        platform: name of it.
        directory: that it was read from.
        owner: user name of who submits.
        version: of the program.
        pid: of its process.
    """

    platform: str
    directory: str
    teams: tuple[str, ...]
    owner: str
    version: str
    pid: int


@dataclass(frozen=True, slots=True)
class Serving:
    """A back end, and what it needs besides.

    Attributes:
        advance: what is to be done there before it is looked at; whether anything changed.
        busy: whether something runs there that is worth looking at soon.
        fitted: the job with what its file leaves open, the fields of which are named, filled in for the back end.
        told: what is different there from what a job's file says.
        check: raises what `start` would raise for good, before a job is kept.
    """

    backend: Backend
    advance: Callable[[], bool] = lambda: False
    busy: Callable[[], bool] = lambda: False
    fitted: Callable[[Job, frozenset[str]], Job] = lambda job, _: job
    told: Callable[[JobToStart], tuple[str, ...]] = lambda _: ()
    check: Callable[[JobToStart], None] = lambda _: None


class Desk:
    """Implements `ports.job_service.JobService`; every call and every pass has it alone."""

    def __init__(
        self,
        identity: ServerIdentity,
        store: JobsStore,
        backends: Mapping[str, Serving],
        shelf: CodeShelf,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """Jobs that are under way are handed to their back ends again.

        Args:
            identity: whose it is.
            store: where jobs are kept.
            backends: by name.
            shelf: where packed code lies.
            clock: time.
            new_id: makes ids of jobs.
        """
        self._identity = identity
        self._store = store
        self._backends = backends
        self._shelf = shelf
        self._clock = clock
        self._new_id = new_id
        self._since = self._now()
        self._trouble = ""
        self._reconcilers = {name: Reconciler(store, each.backend) for name, each in backends.items()}
        self._alone = threading.RLock()
        self._wake = threading.Event()
        self._ending = threading.Event()
        for each in self._reconcilers.values():
            each.recover()

    @property
    def ending(self) -> threading.Event:
        """Set once the server is to end."""
        return self._ending

    @property
    def trouble(self) -> str:
        """What kept the last pass from being whole; empty where nothing did."""
        return self._trouble

    @property
    def busy(self) -> bool:
        """Whether something runs that is worth looking at soon."""
        return any(each.busy() for each in self._backends.values())

    def step(self) -> bool:
        """One pass over all back ends; whether anything was new. What fails is told in `status`, and tried again."""
        with self._alone:
            try:
                moved = [each.advance() for each in self._backends.values()]
                news = [each.step(self._now()) for each in self._reconcilers.values()]
            except AllotmentError as error:
                self._trouble = str(error)
                return False
            self._trouble = ""
            return any((*moved, *news))

    def wait(self, seconds: float) -> None:
        """Until something is asked for, or so long."""
        self._wake.wait(seconds)
        self._wake.clear()

    def status(self) -> ServerStatus:
        """What it is, and how it does."""
        with self._alone:
            served = tuple(
                ServedBackend(name, each.backend.offer(), self._reconcilers[name].unreachable)
                for name, each in self._backends.items()
            )
            jobs: dict[JobState, int] = {}
            for job in self._store.unfinished():
                jobs[job.state] = jobs.get(job.state, 0) + 1
        me = self._identity
        return ServerStatus(
            me.version, me.pid, self._since, me.platform, me.directory, me.teams, served, jobs, self._trouble
        )

    def put_code(self, packed: BinaryIO) -> str:
        """Keep a packed folder of code."""
        return self._shelf.put(packed)

    def submit(self, submission: JobSubmission) -> JobReceipt:
        """Take a job."""
        serving = self._backends.get(submission.backend)
        if serving is None:
            known = ", ".join(self._backends) or "none"
            raise NotFoundError(f"there is no back end {submission.backend}", fix=f"name one of: {known}")
        with self._alone:
            job = self._pinned(serving.fitted(submission.job, submission.unwritten))
            code = self._shelf.path(submission.code) if submission.code else ""
            order = JobToStart("", job, self._identity.owner, 1, code=code)
            serving.check(order)
            kept = self._take(submission, job, code)
            told = serving.told(order)
        self._wake.set()
        return JobReceipt(kept, told)

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        with self._alone:
            return self._store.page(wanted, after=after, limit=limit)

    def find(self, reference: str, *, team: str = "") -> StoredJob:
        """The job that a user means."""
        with self._alone:
            return self._store.find(reference, team=team)

    def stop(self, reference: str, *, grace: int | None = None) -> StoredJob:
        """End a job for good."""
        with self._alone:
            job = self._store.find(reference)
            if job.state.over:
                return job
            said = f"{self._identity.owner} stopped it"
            stopped = self._reconciler(job).stop(job.id, grace, said, self._now())
        self._wake.set()
        return stopped

    def retry(self, reference: str) -> JobReceipt:
        """Submit again what is over."""
        job = self.find(reference)
        if not job.state.over:
            raise ConflictError(
                f"{job.job.name} ({job.id}) is {job.state.value}",
                why="only what is over can be run again",
                fix=f"stop it first: `allot stop {job.id}`",
            )
        code = self._shelf.reference(job.code) if job.code else ""
        return self.submit(JobSubmission(job.job, job.backend, code, supersedes=job.id))

    def log(
        self, reference: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote; it is read while others are served."""
        job = self.find(reference)
        return self._serving(job).backend.log(job.id, rank=rank, follow=follow, tail=tail)

    def end(self) -> None:
        """End the server."""
        self._ending.set()
        self._wake.set()

    def _take(self, submission: JobSubmission, job: Job, code: str) -> StoredJob:
        now = self._now()
        history = JobHistory().become(Move(now, JobState.SUBMITTED, MoveCause.SUBMITTED))
        for tries_left in reversed(range(_TRIES)):
            new = StoredJob(
                self._new_id(),
                job,
                self._identity.owner,
                submission.backend,
                history,
                code=code,
                supersedes=submission.supersedes,
            )
            try:
                return self._reconcilers[submission.backend].take(new)
            except ConflictError:
                if not tries_left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _pinned(self, job: Job) -> Job:
        """The job with those that it comes after by id: a name means another job once it is used again.

        Raises:
            NotFoundError: there is no such job in its team.
        """
        after = tuple(JobDependency(self._store.find(each.job, team=job.team).id, each.must_have) for each in job.after)
        return replace(job, after=after)

    def _reconciler(self, job: StoredJob) -> Reconciler:
        self._serving(job)
        return self._reconcilers[job.backend]

    def _serving(self, job: StoredJob) -> Serving:
        serving = self._backends.get(job.backend)
        if serving is None:
            raise NotFoundError(
                f"{job.id} runs on {job.backend}, which this server does not serve",
                fix="start the server with that back end",
            )
        return serving

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)
