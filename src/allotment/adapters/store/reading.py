"""What is asked of a database of jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import sqlalchemy as sa

from allotment.adapters.store import (
    auditing,
    call_rows,
    credential_rows,
    journal_rows,
    people_rows,
    queue_hour_rows,
    request_rows,
    token_rows,
)
from allotment.adapters.store.counting import summed_cost
from allotment.adapters.store.failures import told
from allotment.adapters.store.finding import LOOKED_FOR, ambiguous, as_asked, as_kept, no_job, page_size
from allotment.adapters.store.parts import parts_of
from allotment.adapters.store.rows import (
    LISTED,
    LISTED_OF_IDS,
    Row,
    RowsOfJob,
    interval_from_row,
    job_from_rows,
    listed_from_row,
)
from allotment.adapters.store.tables import DEVICE_TIMES, JOBS
from allotment.errors import InputError
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
from allotment.model.audit.chain import AuditEntry, ChainHead, DamagedEntry
from allotment.model.grammar import count
from allotment.model.jobs.run import JobState
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.audit import AuditFilter, AuditPage
from allotment.ports.cluster_credentials import SealedCredential
from allotment.ports.device_times import DeviceInterval, clipped
from allotment.ports.journal import MOST_CHANGES, DerivedDocument, JournalPage, SubjectKind
from allotment.ports.keyed_calls import KeptCall
from allotment.ports.queue_hours import HOUR_MS, QuotaSpan
from allotment.ports.requests import MOST_REQUESTS, RequestFilter, RequestMark
from allotment.ports.store import JobFilter, JobGroup, JobsCount, JobsPage, KeptJob, PageMark, UnreadableJob
from allotment.ports.stored_jobs import JobRow, StoredJob, kept_text

_OF_ID: Final = sa.select(JOBS).where(JOBS.c.id == sa.bindparam("id"))
_OF_IDS: Final = sa.select(JOBS).where(JOBS.c.id.in_(sa.bindparam("ids", expanding=True)))
_OF_NOBODY: Final = sa.func.coalesce(JOBS.c.parent, "") == ""
"""What is no member of a family, in a form for which no index is taken: a name or an id leaves far fewer rows."""
_OVER: Final = tuple(each.value for each in JobState if each.over)
_AFTER_ALL: Final = "\U0010ffff"
_POSTGRES: Final = "postgresql"
_AT_ONCE: Final = 500
"""Jobs whose parts are asked for together."""


def job_of(connection: sa.Connection, job_id: str) -> StoredJob | None:
    """A job with all that belongs to it; None where there is none."""
    # An id holds nothing else, and no database takes a NUL.
    if not job_id.isprintable():
        return None
    found = _rows(connection, _OF_ID, {"id": job_id})
    return _whole(connection, found[0]) if found else None


def jobs_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, StoredJob]:
    """Those of some jobs that are there, by id, each with all that belongs to it."""
    found: dict[str, StoredJob] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = [each for each in ids[start : start + _AT_ONCE] if each.isprintable()]
        own = _rows(connection, _OF_IDS, {"ids": some})
        found.update((rows.job["id"], job_from_rows(rows)) for rows in _wholes(connection, own))
    return found


def _whole(connection: sa.Connection, own: Row) -> StoredJob:
    (rows,) = _wholes(connection, [own])
    return job_from_rows(rows)


def _wholes(connection: sa.Connection, jobs: Sequence[Row]) -> Iterator[RowsOfJob]:
    """Jobs' rows with all that belong to them, in their order; a few questions for many."""
    for start in range(0, len(jobs), _AT_ONCE):
        some = jobs[start : start + _AT_ONCE]
        parts = parts_of(connection, [each["id"] for each in some])
        for own in some:
            yield RowsOfJob(own, *parts[own["id"]])


def _read_or_not(rows: RowsOfJob) -> StoredJob | UnreadableJob:
    try:
        return job_from_rows(rows)
    except InputError as error:
        return UnreadableJob(rows.job["id"], rows.job["backend"], f"{error.what}: {error.why}")


def _listed(row: Row) -> Iterator[JobRow]:
    """A row of a listing; none where even that cannot be read: it hides no other."""
    with suppress(ValueError):
        yield listed_from_row(row)


def _rows(connection: sa.Connection, query: sa.Select[Any], given: Mapping[str, Any] | None = None) -> Sequence[Row]:
    found = connection.execute(query, given)
    names = tuple(found.keys())
    return [dict(zip(names, each, strict=True)) for each in found.all()]


def _begins(column: sa.Column[str], beginning: str) -> sa.ColumnElement[bool]:
    return sa.and_(column >= beginning, column < beginning + _AFTER_ALL)


def _alone(wanted: JobFilter, *, listed: bool) -> Iterator[sa.ColumnElement[bool]]:
    """Whether what is no member is meant alone: a list of a team's or a person's is walked by those, in its order."""
    if wanted.alone:
        yield _OF_NOBODY if listed and (wanted.team or wanted.owner or wanted.within) else JOBS.c.parent == ""
    if wanted.parent and wanted.alone:
        yield sa.false()


def _conditions(wanted: JobFilter) -> Iterator[sa.ColumnElement[bool]]:
    for column, value in ((JOBS.c.team, wanted.team), (JOBS.c.owner, wanted.owner), (JOBS.c.backend, wanted.backend)):
        if value:
            yield column == value
    if wanted.states:
        yield JOBS.c.state.in_(sorted(each.value for each in wanted.states))
    if wanted.prefix:
        yield _begins(JOBS.c.name, wanted.prefix)
    if wanted.parent:
        yield JOBS.c.parent == wanted.parent
    if wanted.since is not None:
        yield JOBS.c.submitted >= wanted.since
    if wanted.within is not None:
        yield JOBS.c.team.in_(sorted(wanted.within))


def _meant(reference: str, team: str, within: frozenset[str] | None) -> Iterator[sa.Select[Any]]:
    """What is asked until something is found: most often the first is enough, and no other is put together."""
    mine = sa.select(JOBS) if not team else sa.select(JOBS).where(JOBS.c.team == team)
    if within is not None:
        mine = mine.where(JOBS.c.team.in_(sorted(within)))
    yield mine.where(JOBS.c.id == reference)
    newest = mine.where(JOBS.c.name == reference).order_by(JOBS.c.submitted.desc(), JOBS.c.id.desc())
    yield newest.where(_OF_NOBODY).limit(1)
    yield newest.limit(1)
    begun_so = mine.where(_begins(JOBS.c.id, reference)).order_by(JOBS.c.id).limit(LOOKED_FOR)
    yield begun_so.where(_OF_NOBODY)
    yield begun_so


class SqlReader:
    """Answers from a database; safe to use from several threads.

    Args:
        engine: whose connections see one moment for as long as a transaction lasts.
        place: of the store, for errors.
    """

    def __init__(self, engine: sa.Engine, place: str) -> None:
        self._engine = engine
        # One question sees one moment without a transaction, which PostgreSQL begins and ends by two calls more.
        by_itself = engine.dialect.name == _POSTGRES
        self._asked_alone = engine.execution_options(isolation_level="AUTOCOMMIT") if by_itself else engine
        self._place = place

    @contextmanager
    def _looking(self) -> Iterator[sa.Connection]:
        with told(self._place), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _asking(self) -> Iterator[sa.Connection]:
        """For one question, or several of which each may see a moment of its own."""
        with told(self._place), self._asked_alone.begin() as connection:
            yield connection

    def get(self, job_id: str) -> StoredJob:
        """See the port."""
        with self._looking() as connection:
            found = job_of(connection, job_id)
        if found is None:
            raise no_job(job_id)
        return found

    def find(self, reference: str, *, team: str = "", within: frozenset[str] | None = None) -> StoredJob:
        """See the port."""
        # Neither a name nor an id holds anything else, and no database takes a NUL.
        if not reference or not reference.isprintable():
            raise no_job(reference)
        with self._looking() as connection:
            asked = (_rows(connection, each) for each in _meant(reference, team, within))
            rows = next((found for found in asked if found), ())
            if not rows:
                raise no_job(reference)
            if len(rows) > 1:
                raise ambiguous(reference, [each["id"] for each in rows])
            return _whole(connection, rows[0])

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """See the port."""
        size, kept = page_size(limit), as_kept(wanted)
        query = sa.select(*LISTED).where(*_conditions(kept), *_alone(kept, listed=True))
        if after is not None:
            query = query.where(sa.tuple_(JOBS.c.submitted, JOBS.c.id) < (after.submitted, after.id))
        query = query.order_by(JOBS.c.submitted.desc(), JOBS.c.id.desc()).limit(size + 1)
        with self._asking() as connection:
            found = _rows(connection, query)
        rows = tuple(row for each in found[:size] for row in _listed(each))
        return JobsPage(rows, PageMark(found[size - 1]["submitted"], found[size - 1]["id"]) if found[size:] else None)

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """See the port."""
        columns = [JOBS.c[each.value] for each in by]
        kept = as_kept(wanted)
        meant = (*_conditions(kept), *_alone(kept, listed=False))
        query = sa.select(*columns, sa.func.count()).select_from(JOBS).where(*meant)
        with self._asking() as connection:
            found = connection.execute(query.group_by(*columns).order_by(*columns)).all()
        return tuple(JobsCount(dict(zip(by, each, strict=False)), each[-1]) for each in found)

    def rows(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        """See the port."""
        found: list[Row] = []
        with self._asking() as connection:
            for start in range(0, len(ids), _AT_ONCE):
                some = [each for each in ids[start : start + _AT_ONCE] if each.isprintable()]
                found += _rows(connection, LISTED_OF_IDS, {"ids": some})
        return {row.id: row for each in found for row in _listed(each)}

    def unfinished(self, backend: str = "") -> tuple[StoredJob, ...]:
        """See the port."""
        return tuple(each for each in self._not_over(backend) if isinstance(each, StoredJob))

    def unreadable(self) -> tuple[UnreadableJob, ...]:
        """See the port."""
        return tuple(each for each in self._not_over("") if isinstance(each, UnreadableJob))

    def ended(self, backend: str, since: int, limit: int) -> tuple[StoredJob, ...]:
        """See the port."""
        query = sa.select(JOBS).where(JOBS.c.backend == backend, JOBS.c.ended >= since)
        query = query.order_by(JOBS.c.ended.desc(), JOBS.c.id.desc()).limit(limit)
        with self._looking() as connection:
            found = list(_wholes(connection, _rows(connection, query)))
        return tuple(each for each in map(_read_or_not, found) if isinstance(each, StoredJob))

    def _not_over(self, backend: str) -> Iterator[StoredJob | UnreadableJob]:
        query = sa.select(JOBS).where(JOBS.c.state.not_in(_OVER)).order_by(JOBS.c.submitted, JOBS.c.id)
        if backend:
            query = query.where(JOBS.c.backend == backend)
        with self._looking() as connection:
            found = list(_wholes(connection, _rows(connection, query)))
        yield from map(_read_or_not, found)

    def members(self, parent: str, limit: int | None = None) -> tuple[StoredJob, ...]:
        """See the port."""
        if not parent or not parent.isprintable():
            return ()
        query = sa.select(JOBS).where(JOBS.c.parent == parent).order_by(JOBS.c.number.desc(), JOBS.c.id.desc())
        with self._looking() as connection:
            found = list(_wholes(connection, _rows(connection, query.limit(limit))))
        return tuple(each for each in map(_read_or_not, found) if isinstance(each, StoredJob))

    def kept(self) -> tuple[KeptJob, ...]:
        """See the port."""
        query = sa.select(JOBS.c.id, JOBS.c.ended, JOBS.c.code).order_by(JOBS.c.id)
        with self._asking() as connection:
            return tuple(KeptJob(*each) for each in connection.execute(query))

    def cost(self, team: str, since: int) -> int:
        """See the port."""
        meant = (JOBS.c.team == kept_text(team), JOBS.c.submitted >= since)
        with self._asking() as connection:
            return int(connection.execute(sa.select(summed_cost(connection.dialect.name)).where(*meant)).scalar() or 0)

    def device_times(self, since: int, until: int, *, backend: str = "", team: str = "") -> tuple[DeviceInterval, ...]:
        """See the port."""
        table = DEVICE_TIMES.c
        query = (
            sa.select(DEVICE_TIMES)
            .where(table.start < until, sa.or_(table.until.is_(None), table.until > since))
            .order_by(table.backend, table.node, table.device, table.start)
        )
        if backend:
            query = query.where(table.backend == backend)
        if team:
            query = query.where(table.team == team)
        with self._looking() as connection:
            found = (clipped(interval_from_row(each), since, until) for each in _rows(connection, query))
            return tuple(each for each in found if each is not None)

    def watched_from(self, backend: str, since: int) -> int | None:
        """See the port."""
        table = DEVICE_TIMES.c
        later = sa.or_(table.until.is_(None), table.until > since)
        query = sa.select(sa.func.min(table.start)).where(table.backend == backend, later)
        with self._asking() as connection:
            first: int | None = connection.execute(query).scalar()
        return None if first is None else max(first, since)

    def in_use(self, backend: str) -> tuple[DeviceInterval, ...]:
        """See the port."""
        table = DEVICE_TIMES.c
        query = (
            sa.select(DEVICE_TIMES)
            .where(table.until.is_(None), table.backend == backend)
            .order_by(table.backend, table.node, table.device)
        )
        with self._looking() as connection:
            return tuple(interval_from_row(each) for each in _rows(connection, query))

    def audit_head(self) -> ChainHead:
        """See the port."""
        with self._looking() as connection:
            auditing.must_be_there(connection)
            return auditing.head_of(connection)

    def audited(self, wanted: AuditFilter, *, before: int | None = None, limit: int = 50) -> AuditPage:
        """See the port."""
        with self._looking() as connection:
            auditing.must_be_there(connection)
            return auditing.page_of(connection, as_asked(wanted), before, limit)

    def whole_audit(self) -> Iterator[AuditEntry | DamagedEntry]:
        """See the port."""
        until, number = self.audit_head().number, 0
        while number < until:
            with self._looking() as connection:
                found = auditing.after(connection, number, until)
            yield from found
            number = found[-1].number if found else until
        with self._looking() as connection:
            strays = auditing.unnumbered(connection)
        if strays:
            yield DamagedEntry(0, f"{count(strays, 'row')} beside the trail without the number of an entry")

    def token(self, token_id: str) -> ApiToken:
        """See the port."""
        with self._asking() as connection:
            return token_rows.token_of(connection, token_id)

    def tokens(self) -> tuple[ApiToken, ...]:
        """See the port."""
        with self._asking() as connection:
            return token_rows.tokens_of(connection)

    def person(self, person_id: str) -> Person:
        """See the port."""
        with self._asking() as connection:
            return people_rows.person_of_id(connection, person_id)

    def people(self) -> tuple[Person, ...]:
        """See the port."""
        with self._looking() as connection:
            return people_rows.people_of(connection)

    def person_of(self, issuer: str, subject: str) -> Person | None:
        """See the port."""
        with self._asking() as connection:
            return people_rows.person_of(connection, issuer, subject)

    def cluster_credentials(self, platform: str) -> tuple[SealedCredential, ...]:
        """See the port."""
        with self._looking() as connection:
            return credential_rows.credentials_of(connection, platform)

    def queue_hours(self, platform: str, since: int, step: int = HOUR_MS) -> tuple[QuotaSpan, ...]:
        """See the port."""
        with self._looking() as connection:
            return queue_hour_rows.spans_of(connection, platform, since, step)

    def kept_calls(self, whose: str, since: int) -> int:
        """See the port."""
        with self._asking() as connection:
            return call_rows.calls_of(connection, whose, since)

    def kept_call(self, call_id: str) -> KeptCall | None:
        """See the port."""
        with self._asking() as connection:
            return call_rows.call_of(connection, call_id)

    def request(self, request_id: str) -> GrantRequest:
        """See the port."""
        with self._asking() as connection:
            return request_rows.request_of(connection, request_id)

    def requests(
        self, wanted: RequestFilter, limit: int = MOST_REQUESTS, *, after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """See the port."""
        with self._asking() as connection:
            return request_rows.requests_of(connection, wanted, limit, after)

    def due_requests(
        self, until: int, limit: int = MOST_REQUESTS, *, platform: str = "", after: RequestMark | None = None
    ) -> tuple[GrantRequest, ...]:
        """See the port."""
        with self._asking() as connection:
            return request_rows.due_requests_of(connection, until, limit, platform, after)

    def grant(self, grant_id: str) -> TeamGrant:
        """See the port."""
        with self._asking() as connection:
            return request_rows.grant_of(connection, grant_id)

    def grants(
        self,
        states: frozenset[GrantState] = frozenset(),
        *,
        within: frozenset[str] | None = None,
        platform: str = "",
        after: str = "",
        limit: int | None = None,
    ) -> tuple[TeamGrant, ...]:
        """See the port."""
        with self._asking() as connection:
            return request_rows.grants_of(connection, states, within, platform, after, limit)

    def journal_head(self) -> int:
        """See the port."""
        with self._asking() as connection:
            return journal_rows.head_of(connection)

    def changes(self, after: int, limit: int = MOST_CHANGES) -> JournalPage:
        """See the port."""
        with self._looking() as connection:
            return journal_rows.page_of(connection, after, limit)

    def derived(self, kind: SubjectKind) -> tuple[DerivedDocument, ...]:
        """See the port."""
        with self._asking() as connection:
            return journal_rows.derived_of(connection, kind)
