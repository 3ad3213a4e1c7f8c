"""One back end and the store are brought together, again and again, by what both show now.

A job is kept before its back end hears of it, and started under an id that starts nothing twice; what a back end shows
is kept before anything follows from it. So whoever dies at whatever moment, the next pass goes on from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from allotment.accounting.prices import NO_CLASS_PRICES, ClassPrices
from allotment.errors import (
    AllotmentError,
    CapacityError,
    InputError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
)
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.job import DependencyState, Job
from allotment.model.jobs.run import IllegalMoveError, JobState, Move, MoveCause
from allotment.operations.run.device_books import DeviceBooks, WatchedDevice
from allotment.operations.run.following import lost
from allotment.operations.run.members import sweep_of
from allotment.operations.run.recording import change_of, ended_without, wants_to_stop
from allotment.operations.run.using import JobPrices
from allotment.operations.run.waited_for import Awaited, WaitedFor
from allotment.ports.backends import Backend, FollowedJob, JobRefusedError, JobToStart, TellsChanges
from allotment.ports.device_times import DeviceTurn
from allotment.ports.store import JobsStore
from allotment.ports.stored_jobs import StaleWriteError, StoredChange, StoredJob

_AT_ONCE: Final = 200
"""Changes that are kept in one pass, where the back end tells what has changed: who asks meanwhile waits no longer."""
_WHOLE: Final = 60_000
"""Milliseconds between two looks at everything, where the back end tells what has changed."""
_NOT_WITH_IT_YET: Final = frozenset({JobState.SUBMITTED, JobState.HELD})
_ENDED: Final = {
    JobState.FAILED: "has failed",
    JobState.STOPPED: "was stopped",
    JobState.REFUSED: "was refused",
}
"""How a job stands that is over and has not succeeded."""


class _Standing(NamedTuple):
    """Of a job that is waited for."""

    id: str
    name: str
    state: JobState


class Reconciler:
    """Of one back end; the only one that moves its jobs. One thread at a time."""

    def __init__(
        self,
        store: JobsStore,
        backend: Backend,
        devices: Sequence[WatchedDevice] = (),
        changes: TellsChanges | None = None,
        has_members: Callable[[Job], bool] = lambda _: False,
        prices: ClassPrices = NO_CLASS_PRICES,
    ) -> None:
        """Over the jobs that are not over; `recover` comes first.

        Args:
            store: where jobs are kept.
            backend: where they run.
            devices: whose time is kept; none where others watch them.
            changes: the back end itself where it knows what has changed: then a pass looks at that alone, and at
                everything once in `_WHOLE` and after whatever failed.
            has_members: jobs that are never handed over: only their members are, which somebody else makes.
            prices: of devices that nobody watches here.
        """
        self._changes = changes
        self._whole_at: int | None = None
        self._store = store
        self._waited_for = WaitedFor(store)
        self._backend = backend
        self._has_members = has_members
        self._jobs = {each.id: each for each in store.unfinished(backend.name)}
        self._new = {each.id for each in self._jobs.values() if each.state in _NOT_WITH_IT_YET}
        self._never_tried: set[str] = set()  # of those that were there nobody knows it
        self._families = {each.id for each in self._jobs.values() if has_members(each.job)}
        self._prices = JobPrices({each.id: each.price for each in devices}, prices)
        self._books = DeviceBooks(backend.name, devices, store) if devices else None
        self._unreachable = ""
        self._unkept: dict[str, str] = {}

    @property
    def defects(self) -> str:
        """What could not be kept of single jobs, which stand as they were; empty where all could."""
        return "; ".join(f"{job}: {said}" for job, said in sorted(self._unkept.items()))

    @property
    def unreachable(self) -> str:
        """Why the back end did not answer in the last pass; empty where it did."""
        return self._unreachable

    @property
    def jobs(self) -> Mapping[str, StoredJob]:
        """Those that are not over, by id."""
        return self._jobs

    def states(self) -> list[JobState]:
        """Of each of its jobs that are not over; safe from other threads."""
        return [each.state for each in list(self._jobs.values())]

    def recover(self, now: int) -> None:
        """Hand over again what an earlier run has handed over: the back end finds what it has of it.

        What it would not take any more, because it has shrunk or lacks the team, is over, and holds up no other.

        Args:
            now: milliseconds since the epoch.
        """
        for job in [each for each in self._jobs.values() if self._handed_over(each)]:
            try:
                self._backend.start(order_of(job))
            except (JobRefusedError, CapacityError, InputError) as error:
                refused = job.history.may(JobState.REFUSED)
                state = JobState.REFUSED if refused else JobState.FAILED
                self._keep([_ended(job, state, MoveCause.REFUSED, error.line, now)])
                continue
            if wants_to_stop(job):
                self._backend.stop(job.id, job.job.grace)

    def take(self, job: StoredJob) -> StoredJob:
        """Keep a new job; it is started by the next pass.

        Raises:
            ConflictError: its id is taken.
            InputError: it cannot be kept as it is.
        """
        return self._taken(self._store.add(job))

    def take_all(self, jobs: Sequence[StoredJob], audited: Sequence[AuditedAct] = ()) -> tuple[StoredJob, ...]:
        """Keep new jobs, all of them or none, with who has handed them in; they are started by the next pass.

        Raises:
            ConflictError: an id is taken.
            InputError: one cannot be kept as it is.
        """
        return tuple(self._taken(each) for each in self._store.add_all(jobs, audited))

    def _taken(self, kept: StoredJob) -> StoredJob:
        self._jobs[kept.id] = kept
        self._new.add(kept.id)
        self._never_tried.add(kept.id)
        if self._has_members(kept.job):
            self._families.add(kept.id)
        return kept

    def families(self) -> list[StoredJob]:
        """Those of its jobs that have members, and are not over."""
        return [self._jobs[each] for each in sorted(self._families)]

    def keep(self, changes: Sequence[StoredChange]) -> None:
        """Keep what was decided about jobs elsewhere."""
        self._keep(changes)

    def job(self, job_id: str) -> StoredJob:
        """A job as it stands.

        Raises:
            NotFoundError: there is no such job.
        """
        return self._jobs.get(job_id) or self._store.get(job_id)

    def _handed_over(self, job: StoredJob) -> bool:
        return job.state not in _NOT_WITH_IT_YET and job.id not in self._families

    def stop(
        self,
        job_id: str,
        grace: int | None,
        said: str,
        now: int,
        cause: MoveCause = MoveCause.BY_HAND,
        audited: AuditedAct | None = None,
    ) -> StoredJob:
        """A job is to end for good; what was over stays as it is.

        Args:
            job_id: of a job of this back end.
            grace: seconds; None for its own.
            said: who wanted it, in a sentence.
            now: milliseconds since the epoch.
            cause: `BY_HAND`, or `EARLY_STOP`.
            audited: whose act it is; None where nobody asked for this very job.

        Raises:
            NotFoundError: there is no such job.
        """
        job = self._jobs.get(job_id)
        if job is None:
            return self._store.get(job_id)
        if not wants_to_stop(job):
            goes_on = job.state.holds or (job_id in self._families and self._has_living_members(job_id))
            state = JobState.STOPPING if goes_on else JobState.STOPPED
            move = Move(now, state, cause, job.history.attempt, said)
            kept = self._keep([replace(ended_without(job, (move,), self._prices), audited=audited)])
            job = next((each for each in kept if each.id == job_id), job)
        try:
            self._backend.stop(job_id, job.job.grace if grace is None else grace)
        except (UnreachableError, NotSignedInError) as error:
            raise type(error)(
                f"{job.job.name} ({job_id}) is to end, and {self._backend.name} cannot be told now",
                why=error.line,
                fix="nothing is left to do: it is told as soon as it answers",
            ) from error
        return self._jobs.get(job_id, job)

    def step(self, now: int) -> bool:
        """One pass; whether anything was new.

        Args:
            now: milliseconds since the epoch.
        """
        changing, whole_at = self._changes, self._whole_at
        whole = changing is None or whole_at is None or not 0 <= now - whole_at < _WHOLE
        self._whole_at = None  # until this pass is through
        try:
            most = None if changing is None else _AT_ONCE
            changes = [*islice(self._starts(now), most)]
            found = self._backend.look() if changing is None or whole else changing.changed()
            seen = {each.id: each for each in found}
        except UnreachableError as error:
            self._unreachable = "; ".join(filter(None, (error.line, error.fix)))
            return False
        self._unreachable = ""
        put_off = self._add_news(changes, seen, now, most, whole=whole)
        # Turns are told of the jobs as they were: of one that ends its last devices are free from now on.
        turns = [] if self._books is None else self._books.turns(self._jobs, seen.values(), now)
        self._keep(changes, turns)
        for each in seen.values():
            self._follow_up(each)
        if changing is not None:
            changing.settled(each for each in seen.values() if each.id not in put_off)
            self._whole_at = (now if whole else whole_at) if not whole or not put_off else None
        return bool(changes)

    def _add_news(
        self, changes: list[StoredChange], seen: dict[str, FollowedJob], now: int, most: int | None, *, whole: bool
    ) -> frozenset[str]:
        """What is new of jobs, as much of it as is kept at once; the ids of those that were not looked at for that."""
        told = {each.id for each in changes}
        jobs = list(self._jobs.values() if whole else (self._jobs[each] for each in seen if each in self._jobs))
        for number, job in enumerate(jobs):
            change = None if job.id in told else self._new_of(job, seen.get(job.id), now)
            if change is not None and most is not None and len(changes) >= most:
                return frozenset(each.id for each in jobs[number:])
            if change is not None:
                changes.append(change)
        return frozenset()

    def _follow_up(self, seen: FollowedJob) -> None:
        """What its back end has still to do about a job, told again until it is done."""
        job = self._jobs.get(seen.id)
        if job is not None:
            if wants_to_stop(job) and seen.state is not JobState.STOPPING:
                self._backend.stop(job.id, job.job.grace)
        elif seen.state.over:
            self._backend.forget(seen.id)
        elif seen.state is not JobState.STOPPING:
            self._end_what_is_over(seen.id)

    def _end_what_is_over(self, job_id: str) -> None:
        """Stop what still runs of a job that the store knows to be over; a stranger's is left alone."""
        try:
            job = self._store.get(job_id)
        except (NotFoundError, InputError):
            return
        if job.state.over:
            self._backend.stop(job_id, job.job.grace)

    def _one_by_one(self, changes: Sequence[StoredChange]) -> Iterator[StoredJob]:
        for change in changes:
            try:
                yield from self._store.record((change,))
            except (IllegalMoveError, StaleWriteError, InputError) as error:
                self._unkept[change.id] = str(error)
                try:
                    yield self._store.get(change.id)
                except InputError:  # its row was damaged meanwhile: nobody can go on with it
                    self._jobs.pop(change.id, None)
                    self._new.discard(change.id)
                    self._families.discard(change.id)

    def _starts(self, now: int) -> Iterator[StoredChange]:
        """Jobs that are not with the back end yet are handed over, or held, or refused."""
        new = [self._jobs[each] for each in sorted(self._new, key=self._in_order)]
        self._waited_for.begin(now, dict.fromkeys(awaited for each in new for awaited in self._elsewhere(each)))
        for job in new:
            held, failed = self._before(job)
            if failed or held:
                yield from self._kept_back(job, held, failed, now)
                continue
            if job.id in self._families:
                yield _ended(job, JobState.QUEUED, MoveCause.TAKEN, "", now)
                continue
            order = replace(order_of(job), first=job.id in self._never_tried)
            self._never_tried.discard(job.id)
            try:
                seen = self._backend.start(order)
            except (UnreachableError, NotSignedInError):
                raise
            except (JobRefusedError, CapacityError, InputError) as error:
                yield _ended(job, JobState.REFUSED, MoveCause.REFUSED, error.line, now)
            except AllotmentError as error:
                yield _ended(job, JobState.FAILED, MoveCause.REFUSED, error.line, now)
            else:
                change = change_of(job, seen, now, self._prices)
                if change is not None:
                    yield change

    def _has_living_members(self, job_id: str) -> bool:
        return any(each.parent == job_id for each in self._jobs.values())

    def _in_order(self, job_id: str) -> tuple[int, str]:
        return self._jobs[job_id].submitted, job_id

    def _stands(self, job_id: str, team: str) -> _Standing:
        here = self._jobs.get(job_id)
        if here is not None:
            return _Standing(here.id, here.job.name, here.state)
        row = self._waited_for.job((job_id, team))
        return _Standing(row.id, row.name, row.state)

    def _elsewhere(self, job: StoredJob) -> Iterator[Awaited]:
        """What a job waits for that is none of this back end's, or is over."""
        return ((each.job, job.job.team) for each in job.job.after if each.job not in self._jobs)

    def _before(self, job: StoredJob) -> tuple[str, str]:
        """What a job waits for of others, and what of them makes it impossible; empty where nothing."""
        for each in job.job.after:
            try:
                other = self._stands(each.job, job.job.team)
            except NotFoundError:
                return "", f"there is no job {each.job} in the team {job.job.team}"
            except InputError as error:
                return f"it waits for {each.job}, which cannot be read: {error.what}", ""
            if not other.state.over:
                # What is said here stays said: the state that the other is in now would soon be another.
                until = "has succeeded" if each.must_have is DependencyState.SUCCEEDED else "is over"
                return f"it waits until {other.name} ({other.id}) {until}", ""
            if each.must_have is DependencyState.SUCCEEDED and other.state is not JobState.SUCCEEDED:
                return "", f"{other.name} ({other.id}), which had to succeed first, {_ENDED[other.state]}"
        return "", ""

    @staticmethod
    def _kept_back(job: StoredJob, held: str, failed: str, now: int) -> Iterator[StoredChange]:
        if failed:
            yield _ended(job, JobState.FAILED, MoveCause.DEPENDENCY, failed, now)
        elif job.state is JobState.SUBMITTED:
            yield _ended(job, JobState.HELD, MoveCause.DEPENDENCY, held, now)

    def _new_of(self, job: StoredJob, shown: FollowedJob | None, now: int) -> StoredChange | None:
        if not self._handed_over(job):
            return None  # it was not handed over: whatever bears its id there is somebody else's
        if shown is not None:
            return change_of(job, shown, now, self._prices)
        moves = lost(job.history, now, job.native)
        return ended_without(job, moves, self._prices) if moves else None

    def _keep(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        """The jobs as they are kept now."""
        if not changes and not turns:
            return ()
        try:
            kept = self._store.record(changes, turns)
        except (IllegalMoveError, StaleWriteError, InputError):
            # One job that cannot be kept holds up no other: each by itself, and that one is read anew.
            kept = (*self._one_by_one(changes), *self._store.record((), turns))
        if self._books is not None:
            self._books.kept(turns)
        for job in kept:
            if job.state.over:
                self._jobs.pop(job.id, None)
                self._families.discard(job.id)
            else:
                self._jobs[job.id] = job
            if job.state not in _NOT_WITH_IT_YET:
                self._new.discard(job.id)
                self._never_tried.discard(job.id)
        return tuple(kept)


def order_of(job: StoredJob) -> JobToStart:
    """What its back end is handed of a job as it stands."""
    failures = sum(each.cause is MoveCause.RETRIED for each in job.history.moves)
    attempt = max(1, job.history.attempt)
    taken = job.state not in _NOT_WITH_IT_YET
    measured = next((each.measured for each in job.attempts if each.number == attempt), None)
    return JobToStart(
        job.id,
        job.job,
        job.owner,
        attempt,
        failures,
        job.submitted,
        job.code,
        taken,
        sweep_of(job),
        measured,
        job.native,
    )


def _ended(job: StoredJob, state: JobState, cause: MoveCause, said: str, now: int) -> StoredChange:
    return StoredChange(job.id, job.version, moves=(Move(now, state, cause, job.history.attempt, said),))
