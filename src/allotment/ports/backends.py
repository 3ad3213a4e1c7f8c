"""A back end: where jobs run. One small protocol for this machine, a Kubernetes cluster with Kueue, and Slurm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from allotment.errors import AllotmentError, CapacityError
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import GivenClass, JobState, MoveCause, RunningPlace
from allotment.model.jobs.use import AttemptUse

LOCAL: Final = "local"
"""Name of this machine as a back end."""


class JobRefusedError(AllotmentError):
    """A back end will never take a job as it is: a retry is of no use."""


class NeverStartsError(CapacityError):
    """A back end could never start a job, for what is not the CPU and memory of a replica."""


@dataclass(frozen=True, slots=True)
class JobToStart:
    """What a back end is handed.

    Attributes:
        id: unique over all jobs for good, a DNS label; whatever the back end makes carries it, so that after a crash
            it is found again by listing, and starting it a second time starts nothing.
        owner: user name of who submitted it.
        attempt: from 1.
        failures: attempts before this one that failed of themselves; being displaced is no failure.
        queued_since: milliseconds since the epoch; what came first stands first, however often it was displaced.
        code: path of the packed code folder; empty where there is none.
        taken: it was handed over before: where nothing of it is left it is not made anew, for it may have run.
        sweep: id of the sweep whose trial it is, with which it shares its data; empty where it is none.
        measured: what is on record of the use of that attempt's devices; None where nothing is.
        native: the back end's own name for it, as it is on record; empty where none is.
        first: nobody has ever tried to hand it over.
    """

    id: str
    job: Job
    owner: str
    attempt: int
    failures: int = 0
    queued_since: int = 0
    code: str = ""
    taken: bool = False
    sweep: str = ""
    measured: AttemptUse | None = None
    native: str = ""
    first: bool = False

    @property
    def data_id(self) -> str:
        """Id under which its data are fetched: once for all trials of a sweep."""
        return self.sweep or self.id


@dataclass(frozen=True, slots=True)
class ForeseenStart:
    """What would become of a job if it came now.

    Attributes:
        now: whether it would start at once, or as soon as those that it displaces have ended; None where nobody knows.
        displaces: ids of jobs that would have to end for it.
        waits_for: why it would wait, in the back end's own words; empty where it would not, or nobody knows.
        others: work that is none of ours and would have to end for it, in words: ``job/train in vision``; the first of
            them.
        more_others: how many more of these there are.
        untold: why nobody knows, in a sentence; empty where somebody does, or the back end never tells.
        within: from when to when it likely starts where it would wait, in milliseconds from now; None without a basis.
        never: whether it could never start as things are.
        plain: what `waits_for` says, in plain words.
    """

    now: bool | None = None
    displaces: tuple[str, ...] = ()
    waits_for: str = ""
    others: tuple[str, ...] = ()
    more_others: int = 0
    untold: str = ""
    within: tuple[int, int] | None = None
    never: bool = False
    plain: str = ""


@dataclass(frozen=True, slots=True)
class EndOfRun:
    """How an attempt ended, as far as the back end tells.

    Attributes:
        code: exit code of the first rank that failed, else 0; 128 + n for signal n; None where nobody knows.
        rank: of the replica that failed; None where none did, or nobody knows.
        said: in a sentence.
        displaced: it was made to end for others, or lost what it ran on: no failure of its own.
        memory: most bytes that one replica had in use; None where nobody measured.
        out_of_memory: something of it was killed because it went over its memory.
        cpu_ms: milliseconds of CPU that all replicas used; None where nobody measured.
        devices_busy: mean use of its devices, in percent, where the back end tells only that.
        device_memory: most bytes in use on one device, the same.
        output_lost: bytes of its output that could not be written.
    """

    code: int | None
    rank: int | None = None
    said: str = ""
    displaced: bool = False
    memory: int | None = None
    cpu_ms: int | None = None
    out_of_memory: bool = False
    devices_busy: int | None = None
    device_memory: int | None = None
    output_lost: int = 0


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """A run of a schedule that is over.

    Attributes:
        made: milliseconds since the epoch, when its time had come.
        began: the same, when it began to run.
        ended: the same.
        end: how it ended.
        places: where its replicas ran.
    """

    made: int
    began: int
    ended: int
    end: EndOfRun
    places: tuple[RunningPlace, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduledRuns:
    """Runs of a schedule that its back end keeps by itself.

    Attributes:
        over: those that are over and still known there, oldest first.
        on: milliseconds since the epoch, when the one that is not over was made; None between two runs.
    """

    over: tuple[ScheduledRun, ...] = ()
    on: int | None = None


@dataclass(frozen=True, slots=True)
class FollowedJob:
    """A job as its back end shows it now.

    Attributes:
        id: ours, as the back end carries it.
        native: its name there, as its own tools know it: ``job/train-llm-x1`` or ``4711``; on Kubernetes with its
            uid behind it, ``job/train-llm-x1@UID``.
        reason: why it waits, in the back end's own word; empty where it does not.
        since: milliseconds since the epoch, from when on it is in this state; None where nobody knows.
        places: where its replicas run.
        end: set once it is over.
        why: why it is being stopped; None where it is not, or nobody knows.
        before: how the attempt before this one ended; None of a first one, and where nobody knows.
        let_in: milliseconds since the epoch, when its queue last let it in; None where none has, or nobody knows.
        since_let_in: how the attempt before ended, if its queue let it in no later than that began: then no queue has
            turned it out; None where nobody knows.
        uncounted: its back end counts no attempt when it replaces what runs a job: once it has run in this attempt,
            what waits, starts, or runs since later is the next one.
        measured: use of the devices of the present attempt, as it is to be kept; None where nobody measured.
        measured_before: the same of the attempt before.
        ended_before: milliseconds since the epoch, when the attempt before ended; None where nobody knows.
        ran_from: the same, from when on an attempt that is over has run.
        runs: of a schedule whose runs its back end starts: what is shown is the run that is on, or the wait for the
            next one. Its attempts are its runs, and numbered by who keeps them. None of all else.
    """

    id: str
    native: str
    state: JobState
    attempt: int
    reason: str = ""
    since: int | None = None
    places: tuple[RunningPlace, ...] = ()
    end: EndOfRun | None = None
    before: EndOfRun | None = None
    let_in: int | None = None
    since_let_in: EndOfRun | None = None
    uncounted: bool = False
    why: MoveCause | None = None
    measured: AttemptUse | None = None
    measured_before: AttemptUse | None = None
    ended_before: int | None = None
    ran_from: int | None = None
    runs: ScheduledRuns | None = None

    def with_class(self, given: GivenClass) -> FollowedJob:
        """The same with the class of its devices at each of its places."""
        places = tuple(replace(each, given=given) for each in self.places)
        if self.runs is None:
            return replace(self, places=places)
        over = tuple(
            replace(run, places=tuple(replace(each, given=given) for each in run.places)) for run in self.runs.over
        )
        return replace(self, places=places, runs=replace(self.runs, over=over))


@dataclass(frozen=True, slots=True)
class LogLine:
    """Bytes of a job's output as they came, without the line's end.

    Attributes:
        at: milliseconds since the epoch; None where the back end keeps no times.
        more: whether the next one, or the end, is at hand: whoever passes it on may wait for that, and pass on both.
    """

    rank: int
    text: bytes
    at: int | None = None
    more: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class BackendOffer:
    """What a back end has, as discovered.

    Attributes:
        kind: ``local``, ``kubernetes`` or ``slurm``.
        starts: kinds of objects that it can start, best first: ``Job``, ``JobSet`` …; or partitions of Slurm.
        accelerators: devices in all, by class of the catalogue.
        told: what a user should know, such as "no GPU was found: 4 slots that stand for GPUs".
    """

    kind: str
    starts: tuple[str, ...]
    accelerators: Mapping[str, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()


class TellsChanges(Protocol):
    """A back end that knows what has changed of its jobs, so that not all of them need be looked at each time."""

    def changed(self) -> tuple[FollowedJob, ...]:
        """Jobs that show something else than was settled, those that hold anything, and those that are over."""
        ...

    def settled(self, told: Iterable[FollowedJob]) -> None:
        """What was told of these is kept."""
        ...


class Backend(Protocol):
    """Where jobs run. Everything may raise `UnreachableError`; nothing is ever dropped silently."""

    @property
    def name(self) -> str:
        """As users name it after ``--on``."""
        ...

    def offer(self) -> BackendOffer:
        """What it has now."""
        ...

    def start(self, job: JobToStart) -> FollowedJob:
        """Hand it a job; a second time with the same id and attempt it only says what became of the first.

        Raises:
            JobRefusedError: it will never take it as it is.
            CapacityError: it can never run there.
        """
        ...

    def look(self) -> tuple[FollowedJob, ...]:
        """All jobs of ours that it knows, those that ended lately included."""
        ...

    def stop(self, job_id: str, grace: int) -> None:
        """End a job: SIGTERM, so many seconds of grace, SIGKILL; nothing where it is over or unknown."""
        ...

    def forget(self, job_id: str) -> None:
        """Its end is on record: `look` need not show it any more; nothing where it is not over."""
        ...

    def log(
        self, job_id: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """Its output, of one rank or of all; with `follow` until it ends, None where nothing came for a while.

        Raises:
            NotFoundError: nothing is known of it, or its output is gone.
        """
        ...
