"""The store: jobs with all that is known of them, what became of devices' time, and who has done what.

One process writes, any number read. A change is kept whole or not at all; what is kept survives a crash at any moment.
No clock is read here: every time is an argument, in milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, Protocol

from allotment.errors import AllotmentError, ConflictError
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.run import JobState
from allotment.ports.audit import AuditReader, AuditStore
from allotment.ports.cluster_credentials import CredentialReader, CredentialStore
from allotment.ports.device_times import DeviceInterval, DeviceTurn
from allotment.ports.journal import JournalReader, JournalStore
from allotment.ports.keyed_calls import CallsReader, CallsStore
from allotment.ports.notices import NoticeBook
from allotment.ports.people import PeopleReader, PeopleStore
from allotment.ports.queue_hours import QueueHoursReader, QueueHoursStore
from allotment.ports.requests import RequestsReader, RequestsStore
from allotment.ports.stored_jobs import JobRow, StoredChange, StoredJob
from allotment.ports.tokens import TokenReader, TokenStore

KEPT_DAYS: Final = 30
"""Days that a job stays findable after its end, at least."""
MOST_LISTED: Final = 1000
"""Jobs of one page."""
DAY_MS: Final = 86_400_000
BEAT_SECONDS: Final = 2.0
"""Between two signs of life of a writer."""


class StoreError(AllotmentError):
    """The store cannot be read or written now, or what lies there is none; nothing of what was asked was kept."""


class SchemaError(StoreError):
    """The store is of a version that this program cannot work with."""


class StoreInUseError(ConflictError):
    """Another process writes into the store already, or has done so since this one did."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are meant; what is empty does not matter.

    Attributes:
        states: any of them.
        prefix: beginning of the name.
        since: submitted then or later.
        parent: members of this sweep or schedule, by its id.
        alone: no members of sweeps and schedules.
        within: of these teams alone; None for all.
    """

    team: str = ""
    states: frozenset[JobState] = frozenset()
    owner: str = ""
    backend: str = ""
    prefix: str = ""
    since: int | None = None
    parent: str = ""
    alone: bool = False
    within: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class PageMark:
    """After which job a page begins; jobs that come meanwhile move nothing."""

    submitted: int
    id: str


@dataclass(frozen=True, slots=True)
class JobsPage:
    """Some of a listing.

    Attributes:
        rows: newest first.
        next: where the next page begins; None where there is none.
    """

    rows: tuple[JobRow, ...]
    next: PageMark | None = None


class JobGroup(Enum):
    """By what jobs are counted: each is a filter as well, so that what was counted can be listed."""

    STATE = "state"
    TEAM = "team"
    OWNER = "owner"
    BACKEND = "backend"


@dataclass(frozen=True, slots=True)
class JobsCount:
    """How many jobs are alike.

    Attributes:
        of: what they have in common, in the order in which it was asked for.
    """

    of: Mapping[JobGroup, str]
    jobs: int


@dataclass(frozen=True, slots=True)
class KeptJob:
    """That a job is kept, whether or not the rest of it can be read.

    Attributes:
        ended: milliseconds since the epoch; None while it is not over.
        code: where its packed code lies; empty where there is none.
    """

    id: str
    ended: int | None
    code: str


@dataclass(frozen=True, slots=True)
class UnreadableJob:
    """A job that is not over, and that cannot be read: its row is damaged, or a newer version wrote it.

    Attributes:
        why: in a sentence.
    """

    id: str
    backend: str
    why: str


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """What a store is, and what it holds.

    Attributes:
        place: path or address, without a password.
        engine: ``SQLite 3.53.4`` or ``PostgreSQL 15.18``.
        schema: its version; empty where nothing was kept yet.
        known: the version that this program works with.
        size: bytes.
        jobs: how many by state.
        intervals: stretches of devices' time.
        oldest: when the oldest job was submitted; None without jobs.
        writer: who writes; empty where nobody does.
    """

    place: str
    engine: str
    schema: str
    known: str
    size: int
    jobs: Mapping[JobState, int] = field(default_factory=dict)
    intervals: int = 0
    oldest: int | None = None
    writer: str = ""


class JobsReader(
    AuditReader,
    TokenReader,
    PeopleReader,
    RequestsReader,
    CredentialReader,
    JournalReader,
    CallsReader,
    QueueHoursReader,
    Protocol,
):
    """What can be asked of a store. Everything may raise `StoreError` and `UnreachableError`."""

    def get(self, job_id: str) -> StoredJob:
        """The job of that id.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def find(self, reference: str, *, team: str = "", within: frozenset[str] | None = None) -> StoredJob:
        """The job that a user means: by its id, by its name (the newest of it), or by how one id alone begins.

        Ids of members begin with that of their sweep or schedule, which is meant by what both begin with. A name
        means a member only where nothing else has it.

        Args:
            reference: as it was typed.
            team: the only one whose jobs are looked at; empty for all.
            within: teams, of which no other's jobs are there; None for all.

        Raises:
            NotFoundError: there is none.
            UsageError: several ids begin so.
        """
        ...

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first.

        Args:
            wanted: which.
            after: where the page before said that the next begins.
            limit: rows; `MOST_LISTED` at most.
        """
        ...

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """How many jobs `page` would list from its first page to its last, by what they have in common; sorted.

        Args:
            wanted: which.
            by: what tells them apart; nothing for one number, which may be 0.
        """
        ...

    def rows(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        """What a listing says of some jobs, by id: of those that are there, and whose rows can be read."""
        ...

    def unfinished(self, backend: str = "") -> tuple[StoredJob, ...]:
        """All jobs that are not over and can be read, oldest first; of one back end, or of all."""
        ...

    def ended(self, backend: str, since: int, limit: int) -> tuple[StoredJob, ...]:
        """Jobs of a back end that were over then or later and can be read, the last of them first; so many at most."""
        ...

    def members(self, parent: str, limit: int | None = None) -> tuple[StoredJob, ...]:
        """Members of a sweep or a schedule, those of the highest numbers first; so many at most."""
        ...

    def unreadable(self) -> tuple[UnreadableJob, ...]:
        """All jobs that are not over, as far as their rows say, and that cannot be read."""
        ...

    def kept(self) -> tuple[KeptJob, ...]:
        """Every job, by id."""
        ...

    def cost(self, team: str, since: int) -> int:
        """What the jobs of a team cost that were submitted since then, in millionths of the currency.

        Those without a price cost nothing, and neither do those whose use cannot be read.
        """
        ...

    def device_times(self, since: int, until: int, *, backend: str = "", team: str = "") -> tuple[DeviceInterval, ...]:
        """Stretches of devices' time, cut to that time, by device and start; of one back end and team, or of all."""
        ...

    def watched_from(self, backend: str, since: int) -> int | None:
        """From when on, but no earlier than asked, any device of a back end was watched; None where none was since."""
        ...

    def in_use(self, backend: str) -> tuple[DeviceInterval, ...]:
        """The stretches that are on, by device."""
        ...


class JobsStore(
    JobsReader,
    AuditStore,
    TokenStore,
    PeopleStore,
    RequestsStore,
    CredentialStore,
    JournalStore,
    CallsStore,
    QueueHoursStore,
    Protocol,
):
    """What the one process that writes may do besides. Acts that are named are kept with what they have changed."""

    @property
    def notices(self) -> NoticeBook:
        """What people were told."""
        ...

    def beat(self) -> None:
        """See that it can be written, and that it is we who write; for others who wait for it, a sign of life.

        Raises:
            StoreInUseError: somebody else writes, or has written since we did: this store is of no more use to us.
        """
        ...

    def add(self, job: StoredJob, audited: Sequence[AuditedAct] = ()) -> StoredJob:
        """Keep a new job.

        Raises:
            ConflictError: the id is taken.
            InputError: it cannot be kept as it is.
            IllegalMoveError: its moves are none that a job can make.
        """
        ...

    def add_all(self, jobs: Sequence[StoredJob], audited: Sequence[AuditedAct] = ()) -> tuple[StoredJob, ...]:
        """Keep new jobs, all of them or none; what is refused is what `add` refuses."""
        ...

    def record(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        """Keep changes of jobs and turns of devices, all of them or none; the jobs as they are now.

        Raises:
            NotFoundError: there is no such job.
            StaleWriteError: a job has changed since it was looked at.
            IllegalMoveError: a job cannot go there.
        """
        ...

    def discard(self, job_id: str, audited: Sequence[AuditedAct] = ()) -> None:
        """Forget one job, whether or not it can be read. Devices' time and the audit trail stay.

        Raises:
            NotFoundError: there is none.
        """
        ...

    def prune(self, ended_before: int, audited: Sequence[AuditedAct] = ()) -> int:
        """Forget jobs that were over before that moment; how many.

        Devices' time stays: it has been paid for. So does the audit trail.
        """
        ...


class StorePlace(Protocol):
    """Where a store is, whether or not there is one yet."""

    @property
    def shown(self) -> str:
        """Path or address, without a password."""
        ...

    def reader(self) -> AbstractContextManager[JobsReader]:
        """Open it to read.

        Raises:
            NotFoundError: there is none yet.
            SchemaError: it is older than this program and was not brought forward yet, or newer.
        """
        ...

    def writer(self, who: str) -> AbstractContextManager[JobsStore]:
        """Open it to write: it is made where there is none, and brought forward where it is older.

        Args:
            who: told to whoever wants to write meanwhile.

        Raises:
            StoreInUseError: another process writes already.
            SchemaError: it is newer than this program.
        """
        ...

    def led_by(self) -> str:
        """What the writer told of itself; empty where there is none, or it was of an older version."""
        ...

    def supplant(self) -> str:
        """End the hold of a writer that gives no sign of life; who it was, empty where there is none.

        Raises:
            UsageError: of such a store nobody but the writer itself lets go.
        """
        ...

    def status(self) -> StoreStatus:
        """What it is and holds.

        Raises:
            NotFoundError: there is none yet.
        """
        ...

    def backup(self, file: Path) -> int:
        """Write all that it holds at one moment into a new file, while others write; its bytes.

        Raises:
            ConflictError: the file is there already.
            UsageError: such a store has a tool of its own for that.
        """
        ...

    def restore(self, file: Path) -> StoreStatus:
        """Put a backup in the place of the store, which must be free; what it holds.

        Raises:
            NotFoundError: there is no such file.
            InputError: it is no backup, or is damaged.
            SchemaError: it is newer than this program.
            ConflictError: there is a store already.
            UsageError: such a store has a tool of its own for that.
        """
        ...


def kept_since(now: int, days: int = KEPT_DAYS) -> int:
    """The moment before which a job must have ended for `prune` to forget it."""
    return now - days * DAY_MS
