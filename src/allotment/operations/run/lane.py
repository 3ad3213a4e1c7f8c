"""One back end of a server: whoever asks something of it has it alone, and no other back end waits for it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Final

from allotment.accounting.prices import ClassPrices
from allotment.errors import AllotmentError, UsageError
from allotment.model.access.caller import Caller
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import GivenClass, JobState
from allotment.model.moments import written
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.run import answering_for
from allotment.operations.run.device_books import WatchedDevice
from allotment.operations.run.families import NO_FAMILIES, FamilyKeeper, FamilyKeeping, check_family, told_of_family
from allotment.operations.run.growing_logs import GrowingLog
from allotment.operations.run.members import first_member
from allotment.operations.run.reconciling import Reconciler, order_of
from allotment.operations.run.remembering import lately_over
from allotment.operations.run.served import ServedJobs, with_served
from allotment.ports.backends import Backend, BackendOffer, ForeseenStart, JobToStart, TellsChanges
from allotment.ports.clock import Clock
from allotment.ports.job_service import ServedBackend
from allotment.ports.store import DAY_MS, JobsStore
from allotment.ports.stored_jobs import StoredJob, check_read

_BREATH: Final = 0.001
"""Seconds between two passes of which the first had news: who waits for the back end has it in between."""
_BUSY: Final = 0.1
"""Seconds between two passes over this machine while anything runs; the end of a job has the next one come at once."""
_IDLE: Final = 1.0
"""Seconds between two passes where nothing is near; whoever asks for something does not wait for it."""
_SHARE: Final = 9
_LONGEST: Final = 10.0
"""How many times as long as a pass took is waited after it, where that is longer than the above, and seconds of it at
most: a large cluster is looked at less often, and costs the server and its API server a tenth of their time."""
_REST: Final = 1.0
"""Seconds at most, and never more than it took, that a pass is left behind whoever asks for something: where many do,
one pass serves them all."""
_OFFER_AGE: Final = 60_000
"""Milliseconds after which what a back end has is asked anew."""
_PAST: Final = 30 * DAY_MS
_MOST_PAST: Final = 500
"""How far back jobs that are over belong to a snapshot, in milliseconds, and how many of them at most."""
_NOTHING: Final = BackendOffer("", ())


@dataclass(frozen=True, slots=True)
class Serving:
    """A back end, and what it can do besides.

    Attributes:
        changes: the back end itself where it knows what has changed of its jobs.
        devices: whose time is kept as it happens; none where snapshots tell of it.
        advance: what is to be done there before it is looked at; whether anything changed.
        busy: whether something runs there that is worth looking at soon.
        fitted: the job with what its file leaves open, the fields of which are named, filled in for the back end.
        told: what is different there from what a job's file says.
        foreseen: what would become of a job that `check` lets through.
        snapshot: what answers rest on, made of its jobs by id: what it gives makes it, once others may go on; None
            where nothing is told.
        namespace_of: in which of its namespaces a team's jobs are.
        with_past: whether `snapshot` is given jobs that are over as well.
        check: raises what `start` would raise for good, before a job is kept.
        remember: is told of jobs that were over lately, of which something may be left; None where nothing is.
        families: the sweeps and schedules that the back end has no word for.
        hand_on: makes the checkpoints of a job those of another that is not handed over yet, both by id; whether there
            are any. None where they stay where they are, and a job names whose they are.
        prices: of devices there that the server does not watch.
        on_news: is given what makes the next pass come at once, for whoever learns there that something has changed.
        offered: what a job's devices may be of there, first what is tried first; nothing where nobody knows.
    """

    backend: Backend
    changes: TellsChanges | None = None
    devices: tuple[WatchedDevice, ...] = ()
    advance: Callable[[], bool] = lambda: False
    busy: Callable[[], bool] = lambda: False
    fitted: Callable[[Job, frozenset[str]], Job] = lambda job, _: job
    told: Callable[[JobToStart], tuple[str, ...]] = lambda _: ()
    foreseen: Callable[[JobToStart], ForeseenStart] = lambda _: ForeseenStart()
    snapshot: Callable[[Mapping[str, StoredJob]], Callable[[], Snapshot]] | None = None
    namespace_of: Callable[[str], str] = lambda team: team
    with_past: bool = False
    check: Callable[[JobToStart], None] = lambda _: None
    remember: Callable[[JobToStart], None] | None = None
    families: FamilyKeeping = NO_FAMILIES
    hand_on: Callable[[str, str], bool] | None = None
    prices: ClassPrices = field(default_factory=dict)
    on_news: Callable[[Callable[[], None]], None] = lambda _: None
    offered: Callable[[Job], tuple[GivenClass, ...]] = lambda _: ()


class Lane:
    """See the module. Jobs of an earlier server are handed over again by the first pass that reaches the back end."""

    def __init__(self, store: JobsStore, serving: Serving, clock: Clock) -> None:
        """Nothing is asked yet.

        Args:
            store: where jobs are kept.
            serving: the back end.
            clock: time.
        """
        self._store = store
        self._serving = serving
        self._clock = clock
        families = serving.families
        self._reconciler = Reconciler(
            store, serving.backend, serving.devices, serving.changes, families.keeps, serving.prices
        )
        self._families = FamilyKeeper(store, self._reconciler, families)
        self._recovered = False
        self._alone = threading.RLock()
        self._wake = threading.Event()
        self._trouble = ""
        self._silent_since: int | None = None
        self._offer = _NOTHING
        self._offered_at: int | None = None
        self._passes = 0
        self._passed_at = self._now()
        serving.on_news(self.wake)

    @property
    def name(self) -> str:
        """As users name it after ``--on``."""
        return self._serving.backend.name

    @property
    def backend(self) -> Backend:
        """For what needs no order, such as logs."""
        return self._serving.backend

    @property
    def trouble(self) -> str:
        """What kept the last pass from being whole; empty where nothing did."""
        return self._trouble or self._reconciler.unreachable or self._reconciler.defects or self._families.trouble

    @property
    def prices(self) -> ClassPrices:
        """Of devices there."""
        return self._serving.prices

    def offered(self, job: Job) -> tuple[GivenClass, ...]:
        """What a job's devices may be of there, first what is tried first; nothing where nobody knows."""
        return self._serving.offered(job)

    @property
    def hand_on(self) -> Callable[[str, str], bool] | None:
        """What makes the checkpoints of a job those of another; None where a job names whose they are."""
        return self._serving.hand_on

    @property
    def passes(self) -> int:
        """How many were made."""
        return self._passes

    @property
    def pass_age(self) -> float:
        """Seconds since the last one ended; nobody is waited for."""
        return max(0, self._now() - self._passed_at) / 1000

    @property
    def silent_for(self) -> float:
        """Seconds since when nothing was heard of it; 0 where it answers."""
        since = self._silent_since
        return 0.0 if since is None else max(0, self._now() - since) / 1000

    def served(self) -> ServedBackend:
        """What it has, as it was seen last."""
        return ServedBackend(self.name, self._offer, self.trouble, self._silent_since)

    def states(self) -> list[JobState]:
        """Of each of its jobs that are not over."""
        return self._reconciler.states()

    def step(self) -> bool:
        """One pass; whether anything was new. What fails is told, and tried again by the next."""
        with self._alone:
            news = self._pass()
            self._note_silence()
            self._passes += 1
            self._passed_at = self._now()
            return news

    def _pass(self) -> bool:
        try:
            self._recover()
            self._look_at_offer()
            moved = self._families.step(self._now(), self._silent_since)
            moved = self._serving.advance() or moved
            news = self._reconciler.step(self._now())
        except AllotmentError as error:
            self._trouble = error.line
            return False
        self._trouble = ""
        return moved or news

    def _note_silence(self) -> None:
        """Since when nothing was heard of any job: what goes wrong with single ones alone is no silence."""
        silent = bool(self._trouble or self._reconciler.unreachable)
        self._silent_since = (self._now() if self._silent_since is None else self._silent_since) if silent else None

    def work(self, ending: threading.Event) -> None:
        """Pass after pass until the server is to end."""
        while not ending.is_set():
            began = time.monotonic()
            try:
                news = self.step()
            except Exception as error:  # noqa: BLE001 (a defect in one back end must not end its passes, nor hide)
                traceback.print_exc()
                self._trouble = f"a mistake in Allotment, not in your jobs: {type(error).__name__}: {error}"
                self._note_silence()
                news = False
            self._wait(time.monotonic() - began, ending, news=news)

    def _wait(self, took: float, ending: threading.Event, *, news: bool) -> None:
        """For the next pass; whoever asks for something ends it, after a rest."""
        troubled = bool(self.trouble)
        rest = 0.0 if troubled else min(took, _REST)
        ending.wait(rest)
        self._wake.wait(pause_after(took, news=news, busy=self._serving.busy(), troubled=troubled) - rest)
        self._wake.clear()

    def wake(self) -> None:
        """Something was asked for: the next pass comes at once."""
        self._wake.set()

    def prepared(self, job: Job, unwritten: frozenset[str]) -> Job:
        """The job with what its file leaves open filled in."""
        return self._serving.fitted(job, unwritten)

    def check(self, order: JobToStart) -> tuple[str, ...]:
        """What is different there from what the job's file says.

        Raises:
            JobRefusedError: it will never take it as it is.
            CapacityError: it can never run there.
            InputError: the platform lacks what it names.
            UnreachableError: it does not answer.
        """
        with self._alone:
            silent = tuple(self._told_of_silence())
            if not self.keeps(order.job):
                self._serving.check(order)
                return (*self._serving.told(order), *silent)
            check_family(order.job)
            member = replace(order, job=first_member(order.job))
            self._serving.check(member)
            of_family = told_of_family(order.job, self._serving.families.moment(self._now()))
            return (*of_family, *self._serving.told(member), *silent)

    def _told_of_silence(self) -> Iterator[str]:
        if self._silent_since is not None:
            since = written(self._silent_since)
            yield f"nothing was heard of {self.name} since {since}: a job is kept, and handed in as soon as it answers"

    def foreseen(self, order: JobToStart) -> ForeseenStart:
        """What would become of a job that `check` lets through."""
        with self._alone:
            self._recover()
            member = replace(order, job=first_member(order.job)) if self.keeps(order.job) else order
            return self._serving.foreseen(member)

    def keeps(self, job: Job) -> bool:
        """Whether the server makes the members of a job, and only they are handed over."""
        return self._serving.families.keeps(job)

    def logs(self, job_id: str) -> Iterable[GrowingLog]:
        """All logs of a job, where its back end lets several be read side by side."""
        return self._serving.families.logs(job_id)

    def snapshot(self) -> Snapshot:
        """What answers rest on.

        Raises:
            UsageError: nothing is told of it.
            UnreachableError: it does not answer.
        """
        if self._serving.snapshot is None:
            raise UsageError(f"of {self.name} nothing is told by this server")
        with self._alone:
            self._recover()
            jobs = dict(self._reconciler.jobs)
        now = self._now()
        # How long others ran is what a start is foreseen by; what is over since the look above is told as it was.
        most = _MOST_PAST if self._serving.with_past else 0
        past = {each.id: each for each in self._store.ended(self.name, now - _PAST, most) if each.id not in jobs}
        with self._alone:
            made = self._serving.snapshot(past | jobs)
        found = made()
        asked = ServedJobs(
            past | jobs,
            self.keeps,
            lambda of: self._store.members(of, 2),
            self._serving.families.moment(now),
            self._serving.namespace_of,
        )
        return with_served(found, asked)

    def alone(self) -> AbstractContextManager[object]:
        """While it lasts no pass is made, and nobody else is let in: for several calls that belong together."""
        return self._alone

    def take(self, jobs: Sequence[StoredJob], audited: Sequence[AuditedAct]) -> tuple[StoredJob, ...]:
        """Keep new jobs, all of them or none, with who has handed them in; the next pass starts them."""
        with self._alone:
            kept = self._reconciler.take_all(jobs, audited)
        self.wake()
        return kept

    def stop(self, job_id: str, grace: int | None, said: str, caller: Caller, read: int | None = None) -> StoredJob:
        """A job is to end for good.

        Raises:
            OutdatedError: it is at another version than the one that was read.
        """
        with self._alone:
            self._recover()
            job = self._reconciler.job(job_id)
            check_read(job, read)
            now = self._now()
            act = answering_for.stopped(caller, job, now, grace)
            stopped = self._reconciler.stop(job_id, grace, said, now, audited=act)
            if self.keeps(job.job):
                self._families.stop(job_id, grace, said, self._now())
                stopped = self._reconciler.job(job_id)
        self.wake()
        return stopped

    def _recover(self) -> None:
        if not self._recovered:
            self._reconciler.recover(self._now())
            if self._serving.remember is not None:
                for job in lately_over(self._store, self.name, self._now()):
                    self._serving.remember(order_of(job))
            self._recovered = True

    def _look_at_offer(self) -> None:
        now = self._now()
        if self._offered_at is None or now - self._offered_at > _OFFER_AGE:
            self._offer, self._offered_at = self._serving.backend.offer(), now

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def pause_after(took: float, *, news: bool, busy: bool, troubled: bool) -> float:
    """Seconds until the next pass of a back end, unless somebody asks for something.

    Args:
        took: seconds that the last one took.
        news: whether it found something new.
        busy: whether something runs there that is worth looking at soon: no longer than it took is waited then.
        troubled: whether it could not be made whole: what it took was waiting then, not work.
    """
    soon = _BREATH if news else _BUSY if busy and not troubled else _IDLE
    return soon if troubled else max(soon, min(took if busy else _SHARE * took, _LONGEST))
