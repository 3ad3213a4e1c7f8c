"""What the faces ask of the server that runs jobs: the same whether it is in this process or behind a socket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain, repeat
from typing import BinaryIO, Final, Protocol

from allotment import errors
from allotment.errors import AllotmentError, UnreachableError
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobState
from allotment.model.jobs.use import UseSummary
from allotment.model.observed.snapshot import Snapshot
from allotment.ports.backends import BackendOffer, ForeseenStart, JobRefusedError, LogLine
from allotment.ports.store import JobFilter, JobGroup, JobsCount, JobsPage, PageMark, StoreError
from allotment.ports.stored_jobs import StoredJob

_KINDS: Final[Mapping[str, type[AllotmentError]]] = {
    each.__name__: each
    for each in (
        AllotmentError,
        errors.UsageError,
        errors.InputError,
        errors.NotFoundError,
        errors.NotSignedInError,
        errors.ForbiddenError,
        errors.ConflictError,
        errors.OutdatedError,
        errors.CapacityError,
        errors.NoRoomError,
        errors.TimedOutError,
        UnreachableError,
        JobRefusedError,
        StoreError,
    )
}
"""Errors that keep their type from the server to whoever asked; of others the nearest above them is told there."""


class SilentServerError(UnreachableError):
    """It was asked, and nobody knows whether it has done what it was asked for."""


class StandingByError(UnreachableError):
    """Another server leads: this one has looked at nothing."""


class CutLogError(UnreachableError):
    """It ended, or was left, in the middle of a log."""


@dataclass(frozen=True, slots=True)
class JobSubmission:
    """A job that somebody wants to be run.

    Attributes:
        backend: name of the back end.
        code: reference that `put_code` gave; empty where no code travels, and where it is that of the job that this
            one retries or clones.
        unwritten: fields that its file leaves open, such as ``resources.cpu``: a back end may fill them in better.
        supersedes: id of the job that it retries or clones.
        key: of the submission: what comes again with the same one is the same job; empty where each is a new one.
    """

    job: Job
    backend: str
    code: str = ""
    unwritten: frozenset[str] = frozenset()
    supersedes: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class JobReceipt:
    """A job that was taken.

    Attributes:
        told: what is different there from what its file says, in sentences.
    """

    job: StoredJob
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusedSubmission:
    """An error as it travels.

    Attributes:
        error: name of its type.
    """

    error: str
    what: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class LogBlock:
    """Lines of one replica that came one after the other, as they travel.

    Attributes:
        text: the lines, with ends of lines between them.
        at: of each line, see `LogLine.at`; empty where the back end keeps no times.
    """

    rank: int
    text: bytes
    at: tuple[int, ...] = ()

    def lines(self) -> Iterator[LogLine]:
        """One by one; all but the last say that another came with them."""
        *before, last = self.text.split(b"\n")
        times: Iterator[int | None] = chain(self.at, repeat(None))
        for line in before:
            yield LogLine(self.rank, line, next(times), more=True)
        yield LogLine(self.rank, last, next(times))


@dataclass(frozen=True, slots=True)
class SubmissionAnswer:
    """What became of one of several submissions: one of the two is there."""

    receipt: JobReceipt | None = None
    refused: RefusedSubmission | None = None


def answer_of(found: JobReceipt | AllotmentError) -> SubmissionAnswer:
    """What became of a submission, in the form in which it travels."""
    if isinstance(found, JobReceipt):
        return SubmissionAnswer(found)
    return SubmissionAnswer(None, refusal_of(found))


def refusal_of(error: AllotmentError) -> RefusedSubmission:
    """An error, in the form in which it travels."""
    return RefusedSubmission(travels_as(error), error.what, error.why, error.fix)


def travels_as(error: AllotmentError) -> str:
    """The name by which whoever asked knows an error again: of its type, or of the nearest above it that travels.

    So it has the same exit code there, whatever the server's own parts tell apart.
    """
    return next(each.__name__ for each in type(error).__mro__ if _KINDS.get(each.__name__) is each)


def error_of(refused: RefusedSubmission) -> AllotmentError:
    """The error that it was."""
    return _KINDS.get(refused.error, AllotmentError)(refused.what, why=refused.why, fix=refused.fix)


@dataclass(frozen=True, slots=True)
class ForeseenJob:
    """A job that was only asked about.

    Attributes:
        job: as its back end would have it.
        price: of an hour of its accelerators, millionths of the platform's currency; None where it is not known.
        displaces: jobs that would have to end for it.
    """

    job: Job
    start: ForeseenStart
    price: int | None
    displaces: tuple[StoredJob, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServedBackend:
    """A back end of a server.

    Attributes:
        unreachable: what keeps it from working, in a sentence; empty where nothing does.
        silent_since: milliseconds since the epoch, since when nothing was heard of any of its jobs; None where it
            answers.
    """

    name: str
    offer: BackendOffer
    unreachable: str = ""
    silent_since: int | None = None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A server.

    Attributes:
        since: milliseconds since the epoch, when it started.
        platform: name of the platform.
        directory: that it was read from; empty for the example that comes along.
        told: what its user should know and see to, in sentences.
        environment: what its environment says of how back ends are reached; None where it does not tell.
        listens: address of the network at which it is reached besides its socket; empty where there is none.
        demo: what of it is made up, in a sentence; empty where nothing is.
    """

    version: str
    pid: int
    since: int
    platform: str
    directory: str
    teams: tuple[str, ...]
    backends: tuple[ServedBackend, ...]
    jobs: Mapping[JobState, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None
    listens: str = ""
    demo: str = ""


@dataclass(frozen=True, slots=True)
class FamilySummary:
    """The members of a sweep or a schedule together.

    Attributes:
        states: how many members stand how; of many, those of the newest.
        use: what those that are over have used, all together; None where none has.
    """

    states: Mapping[JobState, int] = field(default_factory=dict)
    use: UseSummary | None = None


@dataclass(frozen=True, slots=True)
class CountedJobs:
    """How many jobs are alike, and where they are listed.

    Attributes:
        of: what they have in common.
        list: address of the list that has them, and no others.
    """

    of: Mapping[JobGroup, str]
    jobs: int
    list: str


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs, counted.

    Attributes:
        total: of all rows.
    """

    total: int
    rows: tuple[CountedJobs, ...]


def job_query(wanted: JobFilter) -> dict[str, str | int]:
    """A filter, as an address of the interface has it; without the teams `within` which somebody sees."""
    query: dict[str, str | int] = {
        "team": wanted.team,
        "state": words_of(wanted.states),
        "owner": wanted.owner,
        "backend": wanted.backend,
        "prefix": wanted.prefix,
        "parent": wanted.parent,
        "alone": str(wanted.alone).lower(),
    }
    return query if wanted.since is None else query | {"since": wanted.since}


def words_of(states: Iterable[Enum]) -> str:
    """Some states, as an address of the interface has them."""
    return ",".join(sorted(each.value for each in states))


class JobService(Protocol):
    """Everything may raise `StoreError`, and from afar `UnreachableError`."""

    def status(self) -> ServerStatus:
        """What it is, and how it does."""
        ...

    def put_code(self, packed: BinaryIO) -> str:
        """Keep a packed folder of code; its reference.

        Raises:
            InputError: it is too large.
        """
        ...

    def foresee(self, submission: JobSubmission) -> ForeseenJob:
        """What would become of a job; nothing is kept, and what `submit` refuses is refused."""
        ...

    def snapshot(self, backend: str, team: str = "") -> Snapshot:
        """What answers rest on, of a back end; a cluster is read once in half a minute, whoever asks.

        Args:
            backend: which.
            team: as whose people may see it, by its name or a namespace of its; whoever sees all sees it whole.

        Raises:
            NotFoundError: there is no such back end.
            UsageError: the caller is of several teams, and none is named.
            UnreachableError: it does not answer.
        """
        ...

    def submit(self, submission: JobSubmission) -> JobReceipt:
        """Take a job.

        Raises:
            NotFoundError: there is no such back end, or no such code.
            JobRefusedError: it asks for what the back end cannot give.
            CapacityError: it can never run there.
            InputError: it cannot be kept as it is.
            ConflictError: another job came with its key.
        """
        ...

    def submit_all(self, submissions: Sequence[JobSubmission]) -> tuple[SubmissionAnswer, ...]:
        """Take jobs, each by itself, in one go: an answer for each. None of them comes after another of them."""
        ...

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        ...

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """How many jobs `page` would list, by what they have in common; see `JobsReader.counts`."""
        ...

    def find(self, reference: str, *, team: str = "") -> StoredJob:
        """The job that a user means.

        Raises:
            NotFoundError: there is none.
            UsageError: several ids begin so.
        """
        ...

    def family(self, reference: str) -> FamilySummary:
        """The members of a sweep or a schedule together; of a job that has none, nothing.

        Raises:
            NotFoundError: there is no such job.
            UsageError: several ids begin so.
        """
        ...

    def stop(self, reference: str, *, grace: int | None = None, read: int | None = None) -> StoredJob:
        """End a job for good.

        Args:
            reference: of the job.
            grace: seconds that it gets; None for its own.
            read: version of it that the caller has seen; None for whichever it is at.

        Raises:
            NotFoundError: there is none.
            OutdatedError: it has changed since.
        """
        ...

    def retry(self, reference: str, *, resume: bool = False, read: int | None = None) -> JobReceipt:
        """Submit again what is over; where a retry of it is not over yet, that one is told of, and nothing submitted.

        Args:
            reference: of the job.
            resume: whether its checkpoints become those of the new job, which goes on from them.
            read: as for `stop`.

        Raises:
            ConflictError: it is not over.
            OutdatedError: it has changed since it was read.
            InputError: there are no checkpoints to go on from.
        """
        ...

    def log(
        self, reference: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote; with `follow` until it ends, None where nothing came for a while.

        Raises:
            NotFoundError: nothing is known of it, or it wrote nothing yet.
            CutLogError: more may have come, but for the server, which is gone.
        """
        ...

    def declared(self) -> Mapping[str, str]:
        """Files of the platform directory as the server has read them, by their paths in it."""
        ...

    def end(self) -> None:
        """End the server; jobs of this machine run on, and the next server goes on with them."""
        ...
