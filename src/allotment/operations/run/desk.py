"""The server's use cases: jobs are taken, listed, stopped; in between, back ends and store are brought together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from allotment.errors import AllotmentError, NotSignedInError, UnreachableError, UsageError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.jobs.job import DependencyState, Job
from allotment.model.jobs.run import JobState
from allotment.model.jobs.use import UseSummary
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.run.families import told_of_price
from allotment.operations.run.family_logs import schedule_lines, sweep_lines
from allotment.operations.run.lane import Lane, Serving
from allotment.operations.run.plain_reasons import plain_reason
from allotment.operations.run.remembering import backends_to_tell
from allotment.operations.run.retrying import Retries
from allotment.operations.run.taking import Intake
from allotment.operations.run.using import JobPrices, price_foreseen, used_together
from allotment.ports.backends import LOCAL, BackendOffer, ForeseenStart, LogLine
from allotment.ports.clock import Clock
from allotment.ports.job_code import CodeShelf
from allotment.ports.job_service import (
    FamilySummary,
    ForeseenJob,
    JobReceipt,
    JobSubmission,
    ServedBackend,
    ServerStatus,
    SubmissionAnswer,
    answer_of,
)
from allotment.ports.store import (
    MOST_LISTED,
    JobFilter,
    JobGroup,
    JobsCount,
    JobsPage,
    JobsStore,
    PageMark,
    UnreadableJob,
)
from allotment.ports.stored_jobs import JobRow, StoredJob, check_read

_NOT_STARTED: Final = frozenset({JobState.SUBMITTED, JobState.HELD, JobState.QUEUED})
_LOOK_AGAIN: Final = 0.2
"""Seconds between two looks at a job that is not with its back end yet."""
_SOCKET: Final = "unix socket"
"""From where this machine's own user asks."""
Opener = Callable[[str], Serving]


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Whose server it is.

    Attributes:
        platform: name of it.
        directory: that it was read from.
        owner: user name of who submits.
        version: of the program.
        pid: of its process.
        environment: what its environment says of how back ends are reached.
        refuse: raises where the platform does not allow a job.
        listens: address of the network at which it is reached besides its socket; empty where there is none.
        declared: files of the platform directory, as they were read.
        clusters: names of the back ends that keep those apart who run programs there: clusters, with a namespace for
            each team. Elsewhere programs run as the user whose server it is.
        known_to: names of the teams that know of a cluster, by its name; every team knows of those that are not there.
        runs_here: whether jobs can run on this machine.
        demo: what is made up, in a sentence; empty where nothing is.
    """

    platform: str
    directory: str
    teams: tuple[str, ...]
    owner: str
    version: str
    pid: int
    environment: Mapping[str, str] = field(default_factory=dict)
    refuse: Callable[[Job], None] = lambda _: None
    listens: str = ""
    declared: Mapping[str, str] = field(default_factory=dict)
    clusters: frozenset[str] = frozenset()
    known_to: Mapping[str, frozenset[str]] = field(default_factory=dict)
    runs_here: bool = True
    demo: str = ""


class Desk:
    """Implements `ports.job_service.JobService`, for several threads; each back end is asked in its own lane.

    It is asked by its owner, or by whom a call names.
    """

    def __init__(
        self,
        identity: ServerIdentity,
        store: JobsStore,
        opener: Opener,
        shelf: CodeShelf,
        clock: Clock,
        new_id: Callable[[], str],
    ) -> None:
        """Back ends that have jobs under way are opened at once, and this machine's; others when they are named.

        Args:
            identity: whose it is.
            store: where jobs are kept.
            opener: makes a back end of a name.
            shelf: where packed code lies.
            clock: time.
            new_id: makes ids of jobs.
        """
        self._identity = identity
        self._store = store
        self._opener = opener
        self._shelf = shelf
        self._clock = clock
        self._since = self._now()
        self._lanes: dict[str, Lane] = {}
        self._closed: dict[str, str] = {}
        self._caller = Caller(identity.owner, CallerKind.LOCAL, _SOCKET)
        self._intake = Intake(store, shelf, clock, new_id, identity.refuse)
        self._retries = Retries(store, shelf, self.submit)
        self._alone = threading.RLock()
        self._ending = threading.Event()
        self._attend: Callable[[Lane], None] = lambda _: None
        self._besides: Callable[[], tuple[str, ...]] = tuple
        self._at_home: Callable[[], tuple[str, ...]] = tuple
        self._unreadable = {each.id: each for each in store.unreadable()}
        wanted = {each.backend for each in store.unfinished()} | backends_to_tell(store, self._since)
        for name in (*((LOCAL,) if identity.runs_here else ()), *sorted(wanted - {LOCAL})):
            try:
                self._lane(name)
            except Exception as error:  # noqa: BLE001 (one back end that cannot be opened must not end the others)
                self._closed[name] = _in_a_line(error)

    @property
    def ending(self) -> threading.Event:
        """Set once the server is to end."""
        return self._ending

    @property
    def opened(self) -> tuple[str, ...]:
        """Names of the back ends that are open."""
        return tuple(sorted(self._lanes))

    @property
    def journal(self) -> JobsStore:
        """What changes here."""
        return self._store

    @property
    def told(self) -> tuple[str, ...]:
        """What its user should see to, in sentences: jobs of the store that nobody can go on with."""
        return tuple(
            f"job {each.id} of {each.backend} cannot be read ({each.why}); {_left_out(each)}"
            for each in self._unreadable.values()
        )

    def become(self, identity: ServerIdentity) -> None:
        """Be the server of another version of the platform: what is said of it, and which jobs it allows."""
        self._identity = identity

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Of the back ends that are open."""
        return tuple(self._lanes.values())

    def attend(self, start: Callable[[Lane], None]) -> None:
        """Have every back end attended to, those that are opened later included.

        Args:
            start: has `Lane.work` run beside all else.
        """
        with self._alone:
            self._attend = start
            for lane in self._lanes.values():
                start(lane)

    def tell_besides(self, told: Callable[[], tuple[str, ...]]) -> None:
        """Have its status tell what the server's user should see to apart from jobs.

        Args:
            told: gives sentences.
        """
        self._besides = told

    def tell_at_home(self, told: Callable[[], tuple[str, ...]]) -> None:
        """Have its status tell the server's own user, and nobody else, what is wrong with the server itself.

        Args:
            told: gives sentences.
        """
        self._at_home = told

    def step(self) -> bool:
        """One pass over all back ends, one after the other; whether anything was new."""
        news = [lane.step() for lane in list(self._lanes.values())]
        return any(news)

    def status(self, *, at_home: bool = False) -> ServerStatus:
        """What it is, and how it does.

        Args:
            at_home: whether the server's own user asks.
        """
        served = [lane.served() for lane in list(self._lanes.values())]
        served += [ServedBackend(name, BackendOffer("", ()), why, self._since) for name, why in self._closed.items()]
        jobs: dict[JobState, int] = {}
        for lane in list(self._lanes.values()):
            for state in lane.states():
                jobs[state] = jobs.get(state, 0) + 1
        me = self._identity
        return ServerStatus(
            me.version,
            me.pid,
            self._since,
            me.platform,
            me.directory,
            me.teams,
            tuple(served),
            jobs,
            (*(self._at_home() if at_home else ()), *self.told, *self._besides()),
            me.environment,
            me.listens,
            me.demo,
        )

    def put_code(self, packed: BinaryIO) -> str:
        """Keep a packed folder of code."""
        return self._shelf.put(packed)

    def foresee(self, submission: JobSubmission, caller: Caller | None = None) -> ForeseenJob:
        """What would become of a job; nothing is kept."""
        caller = caller or self._caller
        lane = self._lane(submission.backend)
        told: tuple[str, ...] = ()
        try:
            order, told = self._intake.checked(lane, submission, caller)
            start = lane.foreseen(order)
        except (UnreachableError, NotSignedInError) as error:
            # What it costs is known all the same.
            order = self._intake.order(lane, submission, caller)
            start = ForeseenStart(untold=error.line)
        start = self._after_others(order.job, start)
        start = replace(start, plain=plain_reason(start.waits_for))
        displaces = tuple(self._store.get(each) for each in start.displaces)
        price, priced = price_foreseen(JobPrices(classes=lane.prices), order.job, lane.offered(order.job))
        told = (*told, *priced)
        if price and not lane.keeps(order.job):
            told = (*told, *told_of_price(order.job))
        return ForeseenJob(order.job, start, price, displaces, told)

    def _after_others(self, job: Job, start: ForeseenStart) -> ForeseenStart:
        """Of a job that is handed over only once others are over: what becomes of it then depends on when that is."""
        living = [(other, each.must_have) for each in job.after if not (other := self._store.get(each.job)).state.over]
        if not living:
            return start
        named = ", ".join(
            f"{other.job.name} ({other.id}) {'has succeeded' if must is DependencyState.SUCCEEDED else 'is over'}"
            for other, must in living
        )
        return ForeseenStart(now=False, waits_for=f"it is not handed over before {named}")

    def snapshot(self, backend: str, team: str = "") -> Snapshot:
        """What answers rest on."""
        del team  # whoever asks here sees all
        return self._lane(backend).snapshot()

    def submit(self, submission: JobSubmission, caller: Caller | None = None) -> JobReceipt:
        """Take a job."""
        lane = self._lane(submission.backend)
        (answer,) = self._intake.take(lane, (submission,), caller or self._caller)
        if isinstance(answer, AllotmentError):
            raise answer
        return answer

    def submit_all(
        self, submissions: Sequence[JobSubmission], caller: Caller | None = None
    ) -> tuple[SubmissionAnswer, ...]:
        """Take jobs, each by itself."""
        answers: dict[int, JobReceipt | AllotmentError] = {}
        for name in dict.fromkeys(each.backend for each in submissions):
            numbers = [number for number, each in enumerate(submissions) if each.backend == name]
            try:
                some = [submissions[each] for each in numbers]
                found = self._intake.take(self._lane(name), some, caller or self._caller)
            except AllotmentError as error:
                answers |= dict.fromkeys(numbers, error)
            else:
                answers |= dict(zip(numbers, found, strict=True))
        return tuple(answer_of(answers[number]) for number in range(len(submissions)))

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        found = self._store.page(wanted, after=after, limit=limit)
        return replace(found, rows=tuple(map(self.row_as_it_stands, found.rows)))

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """How many jobs there are, by what they have in common."""
        return self._store.counts(wanted, by)

    def row_as_it_stands(self, row: JobRow) -> JobRow:
        """A row of a listing, in plain words, too; of a job that cannot be read, with how to get rid of it."""
        unreadable = self._unreadable.get(row.id)
        said = row.said if unreadable is None else f"cannot be read; {_be_rid_of(unreadable)}"
        plain = plain_reason(said)
        return row if (said, plain) == (row.said, row.plain) else replace(row, said=said, plain=plain)

    def find(self, reference: str, *, team: str = "", within: frozenset[str] | None = None) -> StoredJob:
        """The job that a user means; ``job/ID``, as listings name it, is one too. Of no team but those `within`."""
        return self._store.find(reference.removeprefix("job/"), team=team, within=within)

    def family(self, reference: str, *, within: frozenset[str] | None = None) -> FamilySummary:
        """The members of a sweep or a schedule together; of many, the newest."""
        members = self._store.members(self.find(reference, within=within).id, MOST_LISTED)
        states = Counter(each.state for each in members)
        return FamilySummary(dict(states), used_together(use for each in members for use in self._uses(each)))

    def _uses(self, member: StoredJob) -> Iterator[UseSummary]:
        """What a member has used, or its own members where it is a sweep by the clock."""
        if member.use is not None:
            yield member.use
        elif member.job.sweep is not None:
            yield from (each.use for each in self._store.members(member.id) if each.use is not None)

    def stop(
        self,
        reference: str,
        *,
        grace: int | None = None,
        caller: Caller | None = None,
        within: frozenset[str] | None = None,
        read: int | None = None,
    ) -> StoredJob:
        """End a job for good; of no team but those `within`, and only at the version that was `read`."""
        caller = caller or self._caller
        reference = reference.removeprefix("job/")
        job = self._store.find(reference, within=within)
        if job.state.over and reference == job.job.name:
            # The newest of a name is over: whoever stops it means one that is not.
            named = (each for each in self._store.unfinished() if each.job.name == reference)
            alive = [each for each in named if within is None or each.job.team in within]
            if len(alive) > 1:
                raise UsageError(
                    f"several jobs are called {reference}",
                    why=", ".join(each.id for each in alive),
                    fix="name the one that is meant by its id",
                )
            job = alive[0] if alive else job
        if job.state.over:
            check_read(job, read)
            return job
        return self._lane(job.backend).stop(job.id, grace, f"{caller.name} stopped it", caller, read)

    def retry(
        self, reference: str, *, resume: bool = False, caller: Caller | None = None, read: int | None = None
    ) -> JobReceipt:
        """Submit again what is over, from its beginning or from its checkpoints."""
        job = self.find(reference)
        return self._retries.retry(job, self._lane(job.backend), caller or self._caller, resume=resume, read=read)

    def log(
        self, reference: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote; it is read while others are served."""
        return self._log(self.find(reference), rank, tail, follow=follow)

    def _log(self, job: StoredJob, rank: int | None, tail: int | None, *, follow: bool) -> Iterator[LogLine | None]:
        lane = self._lane(job.backend)
        if lane.keeps(job.job):
            return self._log_of_family(lane, job, rank, tail, follow=follow)
        if follow and job.state in _NOT_STARTED:
            return self._once_handed_over(job, rank, tail)
        return lane.backend.log(job.id, rank=rank, follow=follow, tail=tail)

    def _log_of_family(
        self, lane: Lane, job: StoredJob, rank: int | None, tail: int | None, *, follow: bool
    ) -> Iterator[LogLine | None]:
        if job.job.schedule is None:
            return sweep_lines(self._store, job, lane.logs, self._clock, trial=rank, follow=follow, tail=tail)

        def of_run(run: StoredJob, following: bool) -> Iterator[LogLine | None]:  # noqa: FBT001 (a callback)
            return self._log(run, rank, tail, follow=following)

        return schedule_lines(self._store, job, of_run, self._clock, follow=follow)

    def _once_handed_over(self, job: StoredJob, rank: int | None, tail: int | None) -> Iterator[LogLine | None]:
        """A log that is followed from before its back end knows of the job."""
        while (present := self._store.get(job.id)).state in _NOT_STARTED:
            yield None
            self._clock.sleep(_LOOK_AGAIN)
        if not present.state.over or present.attempts:
            yield from self._lane(job.backend).backend.log(job.id, rank=rank, follow=True, tail=tail)

    def keeps_apart(self, backend: str) -> bool:
        """Whether programs of several people may run on a back end, none of them as the user whose server it is."""
        return backend in self._identity.clusters

    def is_known(self, backend: str, teams: frozenset[str] | None) -> bool:
        """Whether the people of these teams may know of a back end; of one that is not there as well. None for all."""
        knowing = self._identity.known_to.get(backend)
        return teams is None or knowing is None or bool(knowing & teams)

    def is_open(self, backend: str) -> bool:
        """Whether a back end could be opened; nothing is asked of it."""
        return backend in self._lanes

    def declared(self) -> Mapping[str, str]:
        """Files of the platform directory."""
        return self._identity.declared

    def end(self) -> None:
        """End the server."""
        self._ending.set()
        for lane in list(self._lanes.values()):
            lane.wake()

    def _lane(self, name: str) -> Lane:
        """The back end of a name, opened where it is not yet.

        Raises:
            AllotmentError: it cannot be opened, or there is none.
        """
        if name in self._lanes:
            return self._lanes[name]  # while another is opened, however long that takes
        with self._alone:
            if name not in self._lanes:
                lane = self._lanes[name] = Lane(self._store, self._opener(name), self._clock)
                self._closed.pop(name, None)
                self._attend(lane)
            return self._lanes[name]

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _in_a_line(error: Exception) -> str:
    if not isinstance(error, AllotmentError):
        return f"{type(error).__name__}: {error}"
    return "; ".join(part for part in (error.what, error.why, error.fix) if part)


def _left_out(job: UnreadableJob) -> str:
    return f"nothing is started or stopped of it: restore a backup, or use the version that wrote it; {_be_rid_of(job)}"


def _be_rid_of(job: UnreadableJob) -> str:
    return f"`allot down`, `allot store forget {job.id}`, `allot up` is rid of it"
