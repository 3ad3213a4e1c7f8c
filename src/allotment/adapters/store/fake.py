"""A store in memory: the contract in its plainest form, which the others are compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import time

from allotment.adapters.store.fake_access import MemoryAccess
from allotment.adapters.store.fake_credentials import MemoryCredentials
from allotment.adapters.store.fake_journal import MemoryJournal
from allotment.adapters.store.fake_notices import MemoryNoticeBook
from allotment.adapters.store.fake_queue_hours import MemoryQueueHours
from allotment.adapters.store.fake_requests import MemoryRequests
from allotment.adapters.store.finding import ambiguous, as_asked, as_kept, no_job, page_size, taken
from allotment.errors import UsageError
from allotment.model.audit.act import AuditedAct
from allotment.model.audit.chain import BEFORE_ALL, AuditEntry, ChainHead, chained
from allotment.model.requests.grant import TeamGrant
from allotment.ports.audit import MOST_AUDITED, AuditFilter, AuditPage, kept_act
from allotment.ports.device_times import DeviceInterval, DeviceTurn, TimedDevice, clipped, kept_turn, turned
from allotment.ports.journal import (
    JOURNAL_LENGTH,
    MOST_CHANGES,
    ChangeKind,
    DerivedDocument,
    JournalPage,
    NotedChange,
    SubjectKind,
)
from allotment.ports.keyed_calls import KeptCall
from allotment.ports.store import (
    JobFilter,
    JobGroup,
    JobsCount,
    JobsPage,
    KeptJob,
    PageMark,
    StoreInUseError,
    StoreStatus,
    UnreadableJob,
)
from allotment.ports.stored_jobs import JobRow, StoredChange, StoredJob, changed, first_kept, kept_text, row_of


class MemoryStore(MemoryCredentials, MemoryAccess, MemoryRequests, MemoryQueueHours):
    """A store that ends with its process."""

    def __init__(self, now: Callable[[], int] = lambda: round(time() * 1000)) -> None:
        self._journal = MemoryJournal(self._present, now)
        self._jobs: dict[str, StoredJob] = {}
        self._lines: dict[TimedDevice, list[DeviceInterval]] = {}
        self._trail: list[AuditEntry] = []
        super().__init__()
        self.notices = MemoryNoticeBook(self._grants, self._note_grants)
        self._writer = ""

    @property
    def shown(self) -> str:
        """It has no path."""
        return "memory"

    @contextmanager
    def reader(self) -> Iterator[MemoryStore]:
        """Itself."""
        yield self

    @contextmanager
    def writer(self, who: str) -> Iterator[MemoryStore]:
        """Itself, for one at a time."""
        if self._writer:
            raise StoreInUseError("another server writes into this store", why=f"it is {self._writer}", fix="end it")
        self._writer = who
        try:
            yield self
        finally:
            self._writer = ""

    def led_by(self) -> str:
        """Whoever writes."""
        return self._writer

    def supplant(self) -> str:
        """It cannot."""
        raise UsageError("of a store in memory nobody lets go but its writer", fix="end that one")

    def beat(self) -> None:
        """It can always be written."""

    def status(self) -> StoreStatus:
        """What it holds."""
        return StoreStatus(
            place=self.shown,
            engine="memory",
            schema="",
            known="",
            size=0,
            jobs=dict(Counter(each.state for each in self._jobs.values())),
            intervals=sum(len(each) for each in self._lines.values()),
            oldest=min((each.submitted for each in self._jobs.values()), default=None),
            writer=self._writer,
        )

    def backup(self, file: Path) -> int:
        """It cannot."""
        raise UsageError(f"a store in memory cannot be written to {file}", fix="keep it in a file")

    def restore(self, file: Path) -> StoreStatus:
        """It cannot."""
        raise UsageError(f"a store in memory cannot be read from {file}", fix="keep it in a file")

    def get(self, job_id: str) -> StoredJob:
        """See the port."""
        if job_id not in self._jobs:
            raise no_job(job_id)
        return self._jobs[job_id]

    def find(self, reference: str, *, team: str = "", within: frozenset[str] | None = None) -> StoredJob:
        """See the port."""
        mine = [each for each in self._jobs.values() if team in ("", each.job.team)]
        mine = [each for each in mine if within is None or each.job.team in within]
        named = [each for each in mine if each.job.name == reference]
        of_name = [each for each in named if not each.parent] or named
        begun_so = [each for each in mine if reference and each.id.startswith(reference)]
        families = [each for each in begun_so if not each.parent]
        exact = [each for each in begun_so if each.id == reference]
        found = exact or sorted(of_name, key=_order)[-1:] or sorted(families or begun_so, key=lambda each: each.id)
        if not found:
            raise no_job(reference)
        if len(found) > 1:
            raise ambiguous(reference, [each.id for each in found])
        return found[0]

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """See the port."""
        size = page_size(limit)
        meant = as_kept(wanted)
        found = sorted((each for each in self._jobs.values() if _meant(each, meant)), key=_order, reverse=True)
        if after is not None:
            found = [each for each in found if _order(each) < (after.submitted, after.id)]
        rows = tuple(row_of(each) for each in found[:size])
        return JobsPage(rows, PageMark(rows[-1].submitted, rows[-1].id) if len(found) > size else None)

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """See the port."""
        meant = as_kept(wanted)
        rows = [row_of(each) for each in self._jobs.values() if _meant(each, meant)]
        found = Counter(tuple(_common(row, each) for each in by) for row in rows)
        if not by:
            return (JobsCount({}, len(rows)),)
        return tuple(JobsCount(dict(zip(by, key, strict=True)), found[key]) for key in sorted(found))

    def unfinished(self, backend: str = "") -> tuple[StoredJob, ...]:
        """See the port."""
        found = (each for each in self._jobs.values() if not each.state.over and backend in ("", each.backend))
        return tuple(sorted(found, key=_order))

    def rows(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        """See the port."""
        return {each: row_of(self._jobs[each]) for each in ids if each in self._jobs}

    def ended(self, backend: str, since: int, limit: int) -> tuple[StoredJob, ...]:
        """See the port."""
        found = [each for each in self._jobs.values() if each.backend == backend and (each.ended or -1) >= since]
        return tuple(sorted(found, key=lambda each: (each.ended or 0, each.id), reverse=True)[:limit])

    def members(self, parent: str, limit: int | None = None) -> tuple[StoredJob, ...]:
        """See the port."""
        found = (each for each in self._jobs.values() if parent and each.parent == parent)
        return tuple(sorted(found, key=lambda each: (each.number, each.id), reverse=True))[:limit]

    def unreadable(self) -> tuple[UnreadableJob, ...]:
        """Nothing is written here, so that all can be read."""
        return ()

    def kept(self) -> tuple[KeptJob, ...]:
        """See the port."""
        return tuple(KeptJob(each, job.ended, job.code) for each, job in sorted(self._jobs.items()))

    def cost(self, team: str, since: int) -> int:
        """See the port."""
        mine = (each for each in self._jobs.values() if each.job.team == kept_text(team) and each.submitted >= since)
        return sum(each.use.cost or 0 for each in mine if each.use is not None)

    def device_times(self, since: int, until: int, *, backend: str = "", team: str = "") -> tuple[DeviceInterval, ...]:
        """See the port."""
        lines = (line for device, line in sorted(self._lines.items()) if backend in ("", device.backend))
        parts = (clipped(each, since, until) for line in lines for each in line if team in ("", each.use.team))
        return tuple(each for each in parts if each is not None)

    def watched_from(self, backend: str, since: int) -> int | None:
        """See the port."""
        lines = (line for device, line in self._lines.items() if device.backend == backend)
        starts = (each.start for line in lines for each in line if each.end is None or each.end > since)
        first = min(starts, default=None)
        return None if first is None else max(first, since)

    def in_use(self, backend: str) -> tuple[DeviceInterval, ...]:
        """See the port."""
        lines = (line[-1:] for device, line in sorted(self._lines.items()) if device.backend == backend)
        return tuple(each for line in lines for each in line if each.end is None)

    def add(self, job: StoredJob, audited: Sequence[AuditedAct] = ()) -> StoredJob:
        """See the port."""
        (kept,) = self.add_all((job,), audited)
        return kept

    def add_all(self, jobs: Sequence[StoredJob], audited: Sequence[AuditedAct] = ()) -> tuple[StoredJob, ...]:
        """See the port."""
        present = dict(self._jobs)
        for job in jobs:
            if job.id in present:
                raise taken(job.id)
            present[job.id] = first_kept(job)
        self._jobs = present
        self.audit(audited)
        self._note(SubjectKind.JOB, ChangeKind.MADE, *((each.id, each.job.team) for each in jobs))
        return tuple(present[each.id] for each in jobs)

    def record(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        """See the port."""
        jobs = dict(self._jobs)
        for change in changes:
            if change.id not in jobs:
                raise no_job(change.id)
            jobs[change.id] = changed(jobs[change.id], change)
        lines = {device: list(line) for device, line in self._lines.items()}
        for turn in map(kept_turn, turns):
            line = lines.setdefault(turn.device, [])
            outcome = turned(line[-1] if line else None, turn)
            if outcome.replaced or outcome.ended is not None:
                line.pop()
            line.extend(each for each in (outcome.ended, outcome.begun) if each is not None)
        self._jobs, self._lines = jobs, lines
        self.audit([each.audited for each in changes if each.audited is not None])
        self._note(SubjectKind.JOB, ChangeKind.CHANGED, *((each.id, jobs[each.id].job.team) for each in changes))
        return tuple(jobs[each] for each in dict.fromkeys(change.id for change in changes))

    def discard(self, job_id: str, audited: Sequence[AuditedAct] = ()) -> None:
        """See the port."""
        gone = self._jobs.pop(job_id, None)
        if gone is None:
            raise no_job(job_id)
        self.audit(audited)
        self._note(SubjectKind.JOB, ChangeKind.GONE, (job_id, gone.job.team))

    def prune(self, ended_before: int, audited: Sequence[AuditedAct] = ()) -> int:
        """See the port."""
        self.audit(audited)
        over = [each for each in self._jobs.values() if each.ended is not None and each.ended < ended_before]
        for each in over:
            del self._jobs[each.id]
        gone = sorted((each.id, each.job.team) for each in over)
        self._note(SubjectKind.JOB, ChangeKind.GONE, *gone)
        return len(gone)

    def audit(self, acts: Sequence[AuditedAct]) -> ChainHead:
        """See the port."""
        for each in acts:
            if each.call is not None:
                self._calls[each.call.id] = KeptCall(each.call, each.at, kept_text(each.subject))
        self._trail += chained(self.audit_head(), map(kept_act, acts))
        return self.audit_head()

    def _present(self, kind: SubjectKind, id_: str) -> object:
        """What the journal tells of a subject."""
        if kind is SubjectKind.JOB:
            return row_of(self._jobs[id_]) if id_ in self._jobs else None
        if kind is SubjectKind.REQUEST:
            return self._requests.get(id_)
        return self._grants.get(id_) if kind is SubjectKind.GRANT else None

    def note_all(self, noted: Sequence[NotedChange]) -> None:
        """See the part."""
        self._journal.note(*noted)

    def _note_grants(self, grants: Sequence[TeamGrant]) -> None:
        self._note(SubjectKind.GRANT, ChangeKind.CHANGED, *((each.id, each.team) for each in grants))

    def journal_head(self) -> int:
        """See the port."""
        return self._journal.journal_head()

    def mark_journal(self) -> int:
        """See the port."""
        return self._journal.mark_journal()

    def changes(self, after: int, limit: int = MOST_CHANGES) -> JournalPage:
        """See the port."""
        return self._journal.changes(after, limit)

    def derived(self, kind: SubjectKind) -> tuple[DerivedDocument, ...]:
        """See the port."""
        return self._journal.derived(kind)

    def keep_derived(self, documents: Sequence[DerivedDocument], gone: Sequence[tuple[SubjectKind, str]] = ()) -> None:
        """See the port."""
        self._journal.keep_derived(documents, gone)

    def prune_journal(self, made_before: int, most: int = JOURNAL_LENGTH) -> int:
        """See the port."""
        return self._journal.prune_journal(made_before, most)

    def on_change(self, tell: Callable[[], None]) -> None:
        """See the port."""
        self._journal.on_change(tell)

    def audit_head(self) -> ChainHead:
        """See the port."""
        return self._trail[-1].head if self._trail else BEFORE_ALL

    def audited(self, wanted: AuditFilter, *, before: int | None = None, limit: int = 50) -> AuditPage:
        """See the port."""
        size = page_size(limit, MOST_AUDITED)
        meant = as_asked(wanted)
        found = [
            each
            for each in reversed(self._trail)
            if _done(each.act, meant) and (before is None or each.number < before)
        ]
        return AuditPage(tuple(found[:size]), found[size - 1].number if found[size:] else None)

    def whole_audit(self) -> Iterator[AuditEntry]:
        """See the port."""
        yield from list(self._trail)


def _order(job: StoredJob) -> tuple[int, str]:
    return job.submitted, job.id


def _meant(job: StoredJob, wanted: JobFilter) -> bool:
    return (
        wanted.team in ("", job.job.team)
        and (wanted.within is None or job.job.team in wanted.within)
        and (not wanted.states or job.state in wanted.states)
        and wanted.owner in ("", job.owner)
        and wanted.backend in ("", job.backend)
        and job.job.name.startswith(wanted.prefix)
        and (wanted.since is None or job.submitted >= wanted.since)
        and wanted.parent in ("", job.parent)
        and not (wanted.alone and job.parent)
    )


def _done(act: AuditedAct, wanted: AuditFilter) -> bool:
    return (
        wanted.who in ("", act.who)
        and wanted.team in ("", act.team)
        and wanted.outcome in ("", act.outcome)
        and (wanted.verb in ("", act.verb) or act.verb.startswith(f"{wanted.verb}."))
        and wanted.about in ("", act.subject, act.name)
        and (wanted.since is None or act.at >= wanted.since)
        and (wanted.until is None or act.at < wanted.until)
    )


def _common(row: JobRow, group: JobGroup) -> str:
    return row.state.value if group is JobGroup.STATE else str(getattr(row, group.value))
