"""A Slurm as a place where jobs run.

Slurm keeps everything, and the store the number that Slurm gave: what belongs to a job is found again by that, and by
the identity in its name where the answer to a hand-in was lost. What slurmctld has forgotten is asked of the
accounting. Folders lie on a file system that all nodes see. What is done about a job (it is tried again, a trial is
ended early) follows from what is seen alone, and whatever is handed in has a name of its own: so it is done once,
whoever dies in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from typing import Final

from allotment.errors import AllotmentError, NotFoundError, UnreachableError
from allotment.jobs.slurm.identities import SlurmPart
from allotment.jobs.slurm.rendering import SlurmPlace, told_on_slurm
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobState
from allotment.model.slurm.seen import SlurmBooking, SlurmJob, SlurmNode, SlurmPartition, SlurmPhase
from allotment.model.slurm.submission import SlurmSubmission
from allotment.operations.run.growing_logs import growing_lines
from allotment.operations.run.slurm.arrays import TrialArrays
from allotment.operations.run.slurm.claiming import SlurmMarks, marks_booked, marks_of
from allotment.operations.run.slurm.described_words import WordsThere, unknown_words
from allotment.operations.run.slurm.ends import SlurmEnds
from allotment.operations.run.slurm.fitting import fitted_there
from allotment.operations.run.slurm.gathering import SeenOnSlurm, gathered, numbered, numbered_bookings
from allotment.operations.run.slurm.handed_in import HandedInJob
from allotment.operations.run.slurm.handing_in import SharedStorage, SlurmEntrance
from allotment.operations.run.slurm.output_lines import LOOK_AGAIN, output_logs
from allotment.operations.run.slurm.standing import (
    SlurmStanding,
    SlurmTerms,
    booked_standing,
    standing_of,
    tried_again,
    waits_in_vain,
)
from allotment.ports.backends import BackendOffer, EndOfRun, FollowedJob, JobToStart, LogLine
from allotment.ports.clock import Clock
from allotment.ports.slurm import SlurmPort, SlurmReceipt

LOOK_EVERY: Final = 2.0
"""Seconds: slurmctld answers one at a time, and others ask, too."""
_LOST_AFTER: Final = 60
"""Seconds for which neither slurmctld nor the accounting knows a job, before it is lost."""


class SlurmBackend:
    """See the module; implements `ports.backends.Backend`. One thread at a time, but for `log`."""

    def __init__(
        self,
        name: str,
        slurm: SlurmPort,
        placing: Callable[[Sequence[SlurmNode]], SlurmPlace],
        storage: SharedStorage,
        clock: Clock,
    ) -> None:
        """Nothing is asked yet.

        Args:
            name: as users name it.
            slurm: as one user of it.
            placing: what the platform's words are called on a cluster of these nodes.
            storage: folders of jobs.
            clock: time.
        """
        self._name = name
        self._slurm = slurm
        self._storage = storage
        self._clock = clock
        self._entrance = SlurmEntrance(slurm, placing, storage)
        self._ends = SlurmEnds(slurm, storage.output)
        self._arrays = TrialArrays(slurm, storage.output, self._bookings)
        self._jobs: dict[str, HandedInJob] = {}
        self._known: dict[str, SeenOnSlurm] = {}
        self._shown_jobs: Mapping[int, tuple[SlurmJob, ...]] = {}
        self._marks = SlurmMarks({})
        self._accounting_told = True
        self._words_there: WordsThere | None = None
        self._seen: tuple[float, tuple[FollowedJob, ...]] | None = None

    @property
    def name(self) -> str:
        """As users name it after ``--on``."""
        return self._name

    def offer(self) -> BackendOffer:
        """Partitions that take jobs, and devices by class."""
        nodes = self._slurm.nodes()
        devices = {
            name: sum(each.gres.get(("gpu", shape.gres), 0) for each in nodes if each.usable)
            for name, shape in self._entrance.place(nodes).shapes.items()
        }
        partitions = self._slurm.partitions()
        told = (f"Slurm {self._slurm.version()}", *self._told_of_words(partitions))
        return BackendOffer("slurm", tuple(each.name for each in partitions if each.up), devices, told)

    def place(self) -> SlurmPlace:
        """What the platform's words are called there."""
        return self._entrance.place()

    def _told_of_words(self, partitions: Sequence[SlurmPartition]) -> tuple[str, ...]:
        """What its description names that is not there; the accounting is asked until all of it is, not ever again."""
        accounting = self._words_there or WordsThere()
        if self._words_there is None:
            with suppress(AllotmentError):
                accounting = WordsThere.of((), self._slurm.qualities(), self._slurm.associations())
        there = replace(accounting, partitions=WordsThere.of(partitions, (), ()).partitions)
        unknown = tuple(unknown_words(self.place(), there))
        self._words_there = accounting if not unknown and accounting.qualities and accounting.accounts else None
        return tuple(each.told(self._name) for each in unknown)

    def fitted(self, job: Job, unwritten: frozenset[str]) -> Job:
        """The job with what its file leaves open as nodes there have it; as it is where they cannot be asked."""
        try:
            return fitted_there(job, unwritten, self._entrance.place())
        except AllotmentError:
            return job

    def told(self, job: JobToStart) -> tuple[str, ...]:
        """What is different there from what its file says."""
        return told_on_slurm(job.job, self._entrance.place().bundles if job.job.program.image else {})

    def check(self, order: JobToStart) -> None:
        """Refuse what `start` would refuse for good, as far as that is known without Slurm.

        Raises:
            JobRefusedError: it asks for what Slurm, or this one, cannot give.
            CapacityError: no node has what one replica needs.
        """
        self._entrance.check(order)

    def asked(self, order: JobToStart) -> SlurmSubmission:
        """What would be handed in of a job that `check` lets through."""
        return self._entrance.asked(order)

    def start(self, job: JobToStart) -> FollowedJob:
        """Hand it in, or say what became of it.

        Raises:
            JobRefusedError: it asks for what Slurm, or this one, cannot give.
            CapacityError: no node has what one replica needs.
        """
        self._entrance.check_fields(job.job)
        self._seen = None
        now = int(self._clock.now().timestamp())
        mine = self._jobs.get(job.id)
        if mine is None:
            mine = HandedInJob(job, self._entrance.claims_of(job, min(now, job.queued_since // 1000 or now)))
            self._jobs[job.id] = mine
        if job.taken:
            # Whether it is to be stopped is told after this: what was taken is tried again when it is looked at.
            with suppress(UnreachableError):
                if found := self._shown(job.id):
                    return found.followed
            return mine.as_it_was()
        known = mine.claims.last is not None
        if (mine.claims.unsure or known) and (found := self._shown(job.id)) and mine.claims.last is not None:
            return self._tried_again(found)
        if known:
            return mine.as_it_was()
        try:
            receipt, fetching = self._hand_in(mine, SlurmPart(job.id, 0, job.attempt), since=mine.since)
        except UnreachableError:
            raise
        except AllotmentError:
            del self._jobs[job.id]
            raise
        if receipt.again and (found := self._shown(job.id)):
            return self._tried_again(found)
        state = JobState.STAGING if fetching else JobState.QUEUED
        mine.last = FollowedJob(job.id, str(receipt.job_id), state, job.attempt, reason=receipt.said)
        return mine.last

    def look(self) -> tuple[FollowedJob, ...]:
        """All that slurmctld knows, and those of ours that it has forgotten; asked again after some seconds only."""
        now = self._clock.now().timestamp()
        if self._seen is None or not 0 <= now - self._seen[0] < LOOK_EVERY:
            found = [self._tried_again(each) for each in self._standings()]
            for each in found:
                if (mine := self._jobs.get(each.id)) is not None:
                    mine.last, mine.missing = each, None
            self._seen = now, (*found, *self._as_they_were({each.id for each in found}, now))
        return self._seen[1]

    def stop(self, job_id: str, grace: int) -> None:  # noqa: ARG002 (how long Slurm waits is set for the cluster: KillWait)
        """End it, and what fetches its data; nothing where it is over."""
        self._seen = None
        if (mine := self._jobs.get(job_id)) is not None:
            mine.stopping = True
        self._gather()
        self._end(self._known.get(job_id))

    def forget(self, job_id: str) -> None:
        """Its end is on record, and whatever still waits of it waits in vain. Its output and checkpoints stay."""
        self._seen = None
        self._end(self._known.get(job_id))
        mine = self._jobs.pop(job_id, None)
        if mine is not None:
            self._storage.folders.clear(job_id, mine.attempt)

    def log(
        self, job_id: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What its replicas wrote, and what Slurm said.

        Raises:
            NotFoundError: nothing of it is there.
        """
        return growing_lines(
            job_id, lambda: output_logs(self._storage.output, job_id, rank), self._clock,
            every=LOOK_AGAIN, tail=tail, goes_on=lambda: follow and self._goes_on(job_id),
        )  # fmt: skip

    def _goes_on(self, job_id: str) -> bool:
        if self._seen is not None and any(each.id == job_id and not each.state.over for each in self._seen[1]):
            return True
        mine = self._jobs.get(job_id)
        shown = numbered(self._slurm.jobs(), self._slurm.user)
        numbers = () if mine is None else tuple(mine.claims.numbers.values())
        return any(each.phase is not SlurmPhase.ENDED for number in numbers for each in shown.get(number, ()))

    def _end(self, seen: SeenOnSlurm | None) -> None:
        for number in () if seen is None else seen.unfinished():
            with suppress(NotFoundError):
                self._slurm.cancel(number)

    def _as_they_were(self, shown: AbstractSet[str], now: float) -> Iterator[FollowedJob]:
        """Those that nobody shows: while the accounting cannot be asked, and for a while after that."""
        for job_id, mine in self._jobs.items():
            if job_id in shown or not mine.expected:
                continue
            if self._accounting_told:
                mine.missing = now if mine.missing is None else mine.missing
            if mine.missing is None or not self._accounting_told or now - mine.missing < _LOST_AFTER:
                yield mine.as_it_was()

    def _hand_in(
        self, mine: HandedInJob, part: SlurmPart, trials: Sequence[int] = (), *, since: int
    ) -> tuple[SlurmReceipt, int]:
        claims = mine.claims
        before, claims.unsure = since if claims.unsure else None, True
        try:
            receipt, fetching = self._entrance.hand_in(mine.order, part, trials, before)
        except UnreachableError:
            raise
        except AllotmentError:
            claims.unsure = False
            raise
        claims.unsure = False
        claims.numbers[part] = receipt.job_id
        if fetching:
            claims.numbers[SlurmPart(part.job_id, 0, 0)] = fetching
        if trials:
            mine.arrays[part] = tuple(trials)
        return receipt, fetching

    def _tried_again(self, standing: SlurmStanding) -> FollowedJob:
        """The job as it is seen; where it failed and may be tried again, that is done first."""
        part, seen = standing.part, standing.followed
        mine = self._jobs.get(part.job_id)
        if mine is None:
            return seen
        mine.attempt = max(mine.attempt, part.attempt)
        seen = self._ends.told(mine, standing)
        retries = mine.order.job.retries
        left = part.failures < retries.limit and not mine.stopping and part == mine.claims.last
        if not left or not standing.may_be_tried_again(safe=retries.safe):
            return seen
        following = SlurmPart(part.job_id, part.failures + 1, seen.attempt + 1)
        try:
            since = mine.since if seen.since is None else seen.since // 1000
            receipt, _ = self._hand_in(mine, following, standing.trials, since=since)
        except UnreachableError:
            raise
        except AllotmentError as error:
            end = seen.end or EndOfRun(None)
            said = f"{end.said}; it could not be tried again: {error.what}".removeprefix("; ")
            return replace(seen, end=replace(end, said=said))
        before = tried_again(seen.end or EndOfRun(None), seen.native)
        return FollowedJob(
            part.job_id, str(receipt.job_id), JobState.QUEUED, following.attempt, reason=receipt.said, before=before
        )

    def _shown(self, job_id: str) -> SlurmStanding | None:
        """What became of a job, as far as anybody knows."""
        self._gather()
        known = self._known.get(job_id)
        standing = None if known is None else self._standing(job_id, known)
        return standing or next(self._booked((job_id,)), None)

    def _standings(self) -> list[SlurmStanding]:
        self._gather()
        shown = {job_id: self._standing(job_id, seen) for job_id, seen in self._known.items()}
        found = [each for each in shown.values() if each is not None]
        missing = [job_id for job_id, mine in self._jobs.items() if mine.expected and shown.get(job_id) is None]
        self._accounting_told = True
        try:
            return [*found, *self._booked(missing)]
        except UnreachableError:
            # Others are seen without it, and of these nothing is known that is not known already.
            self._accounting_told = False
            return found

    def _gather(self) -> None:
        """What slurmctld shows of each job, by the numbers that are its own; of those that nobody follows, by name."""
        shown = numbered(self._slurm.jobs(), self._slurm.user)
        jobs = [each for every in shown.values() for each in every]
        self._shown_jobs, self._marks = shown, (marks := marks_of(jobs))
        taken = {
            number for mine in self._jobs.values() for number in (*mine.claims.numbers.values(), mine.claims.native)
        }
        known = {}
        for job_id, mine in self._jobs.items():
            mine.claims.resolve(marks, taken)
            taken.update(mine.claims.numbers.values())
            if parts := mine.parts(shown):
                known[job_id] = SeenOnSlurm(parts)
        others = gathered(each for each in jobs if each.number not in taken)
        self._known = {**{key: each for key, each in others.items() if key not in self._jobs}, **known}

    def _standing(self, job_id: str, seen: SeenOnSlurm) -> SlurmStanding | None:
        mine, part, fetching = self._jobs.get(job_id), seen.last, seen.fetching
        if part is None:
            # Whoever had its data fetched died before he handed in the work, which may be unwanted by now.
            alive = fetching is not None and fetching.phase is not SlurmPhase.ENDED
            staging = FollowedJob(job_id, "" if mine is None else mine.as_it_was().native, JobState.STAGING, 1)
            return SlurmStanding(staging, SlurmPart(job_id, 0, 1)) if alive else None
        jobs, data = seen.parts[part], mine is not None and bool(mine.order.job.data)
        if jobs[-1].array_id:
            trials = self._arrays.trials(mine, part, jobs)
            begun = any(each.phase is not SlurmPhase.WAITING for each in trials)
            if begun and not waits_in_vain(jobs[-1], fetching, JobState.QUEUED):
                self._arrays.end_those_behind(mine, part, jobs[-1].array_id, trials)
                standing = self._arrays.standing(mine, part, jobs[-1].array_id, trials)
                terms = SlurmTerms(jobs[-1].account, jobs[-1].minutes)
                return replace(standing.with_class(self._class_of(jobs)), terms=terms)
        standing = standing_of(part, jobs[-1], fetching, data=data).with_class(self._class_of(jobs))
        if waits_in_vain(jobs[-1], fetching, standing.followed.state) and not (mine is not None and mine.stopping):
            word = fetching.states[0] if fetching is not None and fetching.states else ""
            end = self._entrance.why_not_fetched(job_id, word, None if fetching is None else fetching.end)
            failed = replace(standing.followed, state=JobState.FAILED, reason="", end=end)
            return replace(standing, followed=failed, word="")
        return standing

    def _class_of(self, jobs: Iterable[SlurmJob]) -> str:
        """Of their devices; empty where Slurm does not tell."""
        gres = next(filter(None, (each.gpu_type for each in jobs)), "")
        return self._entrance.place().class_of(gres) if gres else ""

    def _booked(self, job_ids: Sequence[str]) -> Iterator[SlurmStanding]:
        """Those that slurmctld has forgotten; the accounting is asked once for all of them."""
        if not job_ids:
            return
        booked = self._bookings(min(self._jobs[each].since for each in job_ids))
        marks = marks_booked(each for every in booked.values() for each in every)
        # What was handed in after it, by a server that did not live to keep that, slurmctld may still show.
        marks = SlurmMarks({**marks.by_number, **self._marks.by_number})
        taken = {number for mine in self._jobs.values() for number in mine.claims.numbers.values()}
        for job_id in job_ids:
            mine = self._jobs[job_id]
            mine.claims.resolve(marks, taken)
            part, parts = mine.claims.last, mine.parts(self._shown_jobs)
            if part in parts:
                self._known[job_id] = SeenOnSlurm(parts)
                if standing := self._standing(job_id, self._known[job_id]):
                    yield standing
                continue
            if part is None or (runs := booked.get(mine.claims.numbers[part])) is None:
                continue
            sweep = mine.order.job.sweep is not None
            standing = self._arrays.booked(mine, part, runs) if sweep else booked_standing(part, runs)
            if standing is not None:
                yield replace(standing, terms=SlurmTerms(max(runs, key=lambda each: each.ended).account))

    def _bookings(self, since: int) -> Mapping[int, Sequence[SlurmBooking]]:
        try:
            return numbered_bookings(self._slurm.bookings(since), self._slurm.user)
        except NotFoundError:
            return {}
