"""What the one process that writes does to a database of jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

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
from allotment.adapters.store.failures import told
from allotment.adapters.store.finding import no_job, taken
from allotment.adapters.store.notice_rows import SqlNoticeBook
from allotment.adapters.store.reading import SqlReader, jobs_of
from allotment.adapters.store.rows import (
    attempt_to_row,
    event_to_row,
    interval_from_row,
    interval_to_row,
    job_to_row,
    move_to_row,
    summary_to_row,
    wait_to_row,
)
from allotment.adapters.store.tables import ATTEMPTS, DEVICE_TIMES, EVENTS, JOBS, MOVES, WAITS
from allotment.model.access.person import Person
from allotment.model.access.token import ApiToken
from allotment.model.audit.act import AuditedAct
from allotment.model.audit.chain import ChainHead
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest
from allotment.ports.cluster_credentials import SealedCredential
from allotment.ports.device_times import DeviceInterval, DeviceTurn, TimedDevice, kept_turn, turned
from allotment.ports.journal import JOURNAL_LENGTH, ChangeKind, DerivedDocument, NotedChange, SubjectKind
from allotment.ports.keyed_calls import AnsweredCall
from allotment.ports.queue_hours import QuotaSpan
from allotment.ports.stored_jobs import (
    JobEvent,
    StaleWriteError,
    StoredChange,
    StoredJob,
    changed,
    first_kept,
    kept_text,
)


class SqlStore(SqlReader):
    """Writes into a database, one transaction a call; safe to use from several threads.

    Args:
        engine: for reading, beside what is being written.
        place: of the store, for errors.
        connect: gives the connection that holds the lock of the store. It is asked anew each time: where the
            connection was lost, so was the lock, and it must be had again before anything is written.
        now: milliseconds since the epoch, for the journal.
        sign: of life, written by whoever may be taken to hang.
    """

    def __init__(
        self,
        engine: sa.Engine,
        place: str,
        connect: Callable[[], sa.Connection],
        now: Callable[[], int] = journal_rows.present_ms,
        sign: Callable[[sa.Connection], None] = lambda _: None,
    ) -> None:
        super().__init__(engine, place)
        self._connect = connect
        self._sign = sign
        self._one_at_a_time = threading.Lock()
        self._by: sa.Connection | None = None
        self._trail: ChainHead | None = None
        self._longer: ChainHead | None = None
        self._now = now
        self._noted: list[NotedChange] = []
        self._tell: list[Callable[[], None]] = []
        self.notices = SqlNoticeBook(self._looking, self._changing, self._note)

    @contextmanager
    def _changing(self) -> Iterator[sa.Connection]:
        with self._one_at_a_time, told(self._place):
            connection = self._connect()
            if connection is not self._by:
                self._by, self._trail = connection, None  # while it was lost, another may have written
            self._longer, self._noted = self._trail, []
            with connection.begin():
                yield connection
                journal_rows.append(connection, self._noted, self._now())
            self._trail, news = self._longer, bool(self._noted)
        for each in self._tell if news else ():
            each()

    def _note(self, kind: SubjectKind, id_: str, team: str, change: ChangeKind) -> None:
        """Have the transaction that is on tell of a change."""
        self._noted.append(NotedChange(kind, id_, kept_text(team), change))

    def on_change(self, tell: Callable[[], None]) -> None:
        """See the port."""
        self._tell = [*self._tell, tell]

    def _keep_acts(self, connection: sa.Connection, acts: Sequence[AuditedAct]) -> None:
        # Most changes are nobody's act: they cost no look at the trail.
        if acts:
            self._longer = auditing.append(connection, acts, self._longer)
            call_rows.done(connection, acts)

    def beat(self) -> None:
        """See the port."""
        with self._changing() as connection:
            self._sign(connection)

    def add(self, job: StoredJob, audited: Sequence[AuditedAct] = ()) -> StoredJob:
        """See the port."""
        (kept,) = self.add_all((job,), audited)
        return kept

    def add_all(self, jobs: Sequence[StoredJob], audited: Sequence[AuditedAct] = ()) -> tuple[StoredJob, ...]:
        """See the port."""
        kept = tuple(map(first_kept, jobs))
        with self._changing() as connection:
            for each in kept:
                if connection.execute(sa.select(JOBS.c.id).where(JOBS.c.id == each.id)).first() is not None:
                    raise taken(each.id)
                connection.execute(sa.insert(JOBS), job_to_row(each))
                _keep_parts(connection, None, each)
                self._note(SubjectKind.JOB, each.id, each.job.team, ChangeKind.MADE)
            self._keep_acts(connection, audited)
        return kept

    def record(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        """See the port."""
        if not changes and not turns:
            return ()
        with self._changing() as connection:
            found = jobs_of(connection, list(dict.fromkeys(each.id for each in changes)))
            for change in changes:
                before = found.get(change.id)
                if before is None:
                    raise no_job(change.id)
                found[change.id] = changed(before, change)
                _keep_change(connection, before, found[change.id])
                self._note(SubjectKind.JOB, change.id, before.job.team, ChangeKind.CHANGED)
            for turn in turns:
                _keep_turn(connection, kept_turn(turn))
            self._keep_acts(connection, [each.audited for each in changes if each.audited is not None])
        return tuple(found[each] for each in dict.fromkeys(change.id for change in changes))

    def discard(self, job_id: str, audited: Sequence[AuditedAct] = ()) -> None:
        """See the port."""
        with self._changing() as connection:
            if not self._delete(connection, JOBS.c.id == job_id):
                raise no_job(job_id)
            self._keep_acts(connection, audited)

    def prune(self, ended_before: int, audited: Sequence[AuditedAct] = ()) -> int:
        """See the port."""
        with self._changing() as connection:
            self._keep_acts(connection, audited)
            return self._delete(connection, JOBS.c.ended < ended_before)

    def _delete(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
        """Forget jobs; how many."""
        for id_, team in connection.execute(sa.select(JOBS.c.id, JOBS.c.team).where(which).order_by(JOBS.c.id)).all():
            self._note(SubjectKind.JOB, id_, team, ChangeKind.GONE)
        return connection.execute(sa.delete(JOBS).where(which)).rowcount

    def audit(self, acts: Sequence[AuditedAct]) -> ChainHead:
        """See the port."""
        with self._changing() as connection:
            self._keep_acts(connection, acts)
            return auditing.head_of(connection)

    def add_token(self, token: ApiToken, audited: Sequence[AuditedAct] = (), *, by_token: str = "") -> None:
        """See the port."""
        with self._changing() as connection:
            token_rows.add(connection, token, by_token)
            self._keep_acts(connection, audited)

    def revoke_token(self, token_id: str, at: int, audited: Sequence[AuditedAct] = ()) -> ApiToken:
        """See the port."""
        with self._changing() as connection:
            token, news = token_rows.revoke(connection, token_id, at)
            if news:
                self._note(SubjectKind.ACCESS, token_id, token.team, ChangeKind.GONE)
            self._keep_acts(connection, audited if news else ())
            return token

    def token_used(self, token_id: str, at: int) -> None:
        """See the port."""
        with self._changing() as connection:
            token_rows.used(connection, token_id, at)

    def signed_in(self, person: Person, session: ApiToken, audited: Sequence[AuditedAct] = ()) -> None:
        """See the port."""
        with self._changing() as connection:
            people_rows.signed_in(connection, person)
            token_rows.add(connection, session)
            self._note(SubjectKind.ACCESS, person.id, "", ChangeKind.CHANGED)
            self._keep_acts(connection, audited)

    def shut_out(self, person_id: str, at: int, audited: Sequence[AuditedAct] = ()) -> Person:
        """See the port."""
        with self._changing() as connection:
            person, news = people_rows.suspend(connection, person_id, at)
            if news:
                token_rows.revoke_of(connection, person_id, at)
                self._note(SubjectKind.ACCESS, person_id, "", ChangeKind.GONE)
            self._keep_acts(connection, audited if news else ())
            return person

    def let_in(self, person_id: str, audited: Sequence[AuditedAct] = ()) -> Person:
        """See the port."""
        with self._changing() as connection:
            person, news = people_rows.suspend(connection, person_id, None)
            self._keep_acts(connection, audited if news else ())
            return person

    def keep_cluster_credentials(
        self, credentials: Sequence[SealedCredential], audited: Sequence[AuditedAct] = ()
    ) -> None:
        """See the port."""
        with self._changing() as connection:
            for each in credentials:
                credential_rows.keep(connection, each)
            self._keep_acts(connection, audited)

    def drop_cluster_credential(self, platform: str, cluster: str, audited: Sequence[AuditedAct] = ()) -> bool:
        """See the port."""
        with self._changing() as connection:
            found = credential_rows.drop(connection, platform, cluster)
            self._keep_acts(connection, audited if found else ())
            return found

    def keep_answers(self, answers: Sequence[AnsweredCall], *, soon: bool = False) -> None:  # noqa: ARG002
        """See the port."""
        with self._changing() as connection:
            for each in answers:
                call_rows.keep_answer(connection, each)

    def forget_calls(self, before: int) -> int:
        """See the port."""
        with self._changing() as connection:
            return call_rows.forget(connection, before)

    def keep_queue_hours(self, hours: Sequence[QuotaSpan]) -> None:
        """See the port."""
        with self._changing() as connection:
            queue_hour_rows.keep(connection, hours)

    def forget_queue_hours(self, before: int) -> int:
        """See the port."""
        with self._changing() as connection:
            return queue_hour_rows.forget(connection, before)

    def keep_requests(
        self, requests: Sequence[GrantRequest], grants: Sequence[TeamGrant] = (), audited: Sequence[AuditedAct] = ()
    ) -> None:
        """See the port."""
        with self._changing() as connection:
            for request in requests:
                request_rows.keep_request(connection, request)
                self._note(SubjectKind.REQUEST, request.id, request.wish.team, _of_revision(request.revision))
            for grant in grants:
                request_rows.keep_grant(connection, grant)
                self._note(SubjectKind.GRANT, grant.id, grant.team, _of_revision(grant.revision))
            self._keep_acts(connection, audited)

    def keep_derived(self, documents: Sequence[DerivedDocument], gone: Sequence[tuple[SubjectKind, str]] = ()) -> None:
        """See the port."""
        with self._changing() as connection:
            self._noted += journal_rows.keep_derived(connection, documents, gone)

    def mark_journal(self) -> int:
        """See the port."""
        with self._changing() as connection:
            number = journal_rows.mark(connection, self._now())
        for each in self._tell:
            each()
        return number

    def prune_journal(self, made_before: int, most: int = JOURNAL_LENGTH) -> int:
        """See the port."""
        with self._changing() as connection:
            return journal_rows.prune(connection, made_before, most)


def _of_revision(revision: int) -> ChangeKind:
    return ChangeKind.MADE if revision == 1 else ChangeKind.CHANGED


def _keep_change(connection: sa.Connection, before: StoredJob, after: StoredJob) -> None:
    done = connection.execute(
        sa.update(JOBS).where(JOBS.c.id == before.id, JOBS.c.version == before.version).values(summary_to_row(after))
    )
    # Nobody else writes while the lock is held; should somebody do so nevertheless, one of the two is refused.
    if done.rowcount != 1:
        raise StaleWriteError(before.id, before.version, after.version)
    _keep_parts(connection, before, after)


def _keep_parts(connection: sa.Connection, before: StoredJob | None, after: StoredJob) -> None:
    """Moves and events are added; attempts and waits may change, too."""
    job = after.id
    moves = range(0 if before is None else len(before.history.moves), len(after.history.moves))
    if moves:
        connection.execute(sa.insert(MOVES), [move_to_row(job, each, after.history.moves[each]) for each in moves])
    _keep_events(connection, job, () if before is None else before.events, after.events)
    known = frozenset(() if before is None else before.attempts)
    attempts = [each for each in after.attempts if each not in known]
    if attempts:
        numbers = [each.number for each in attempts]
        connection.execute(sa.delete(ATTEMPTS).where(ATTEMPTS.c.job == job, ATTEMPTS.c.number.in_(numbers)))
        connection.execute(sa.insert(ATTEMPTS), [attempt_to_row(job, each) for each in attempts])
    old = () if before is None else before.waits
    waits = [(number, each) for number, each in enumerate(after.waits) if number >= len(old) or each != old[number]]
    if waits:
        numbers = [number for number, _ in waits]
        connection.execute(sa.delete(WAITS).where(WAITS.c.job == job, WAITS.c.number.in_(numbers)))
        connection.execute(sa.insert(WAITS), [wait_to_row(job, number, each) for number, each in waits])


def _keep_events(
    connection: sa.Connection, job: str, before: tuple[JobEvent, ...], after: tuple[JobEvent, ...]
) -> None:
    """The oldest may have made room for the newest: numbers go on, whatever is gone before them."""
    dropped = next(each for each in range(len(before) + 1) if before[each:] == after[: len(before) - each])
    news = after[len(before) - dropped :]
    if not news:
        return
    own = EVENTS.c.job == job
    last = connection.execute(sa.select(sa.func.max(EVENTS.c.number)).where(own)).scalar()
    first = 0 if last is None else last + 1
    rows = [event_to_row(job, number, each) for number, each in enumerate(news, start=first)]
    connection.execute(sa.insert(EVENTS), rows)
    if dropped:
        connection.execute(sa.delete(EVENTS).where(own, EVENTS.c.number < first + len(news) - len(after)))


def _keep_turn(connection: sa.Connection, turn: DeviceTurn) -> None:
    last = _last_of(connection, turn.device)
    outcome = turned(last, turn)
    if last is not None and (outcome.replaced or outcome.ended is not None):
        own = sa.and_(_of(turn.device), DEVICE_TIMES.c.start == last.start)
        if outcome.ended is not None:
            connection.execute(sa.update(DEVICE_TIMES).where(own).values(until=outcome.ended.end))
        else:
            connection.execute(sa.delete(DEVICE_TIMES).where(own))
    if outcome.begun is not None:
        connection.execute(sa.insert(DEVICE_TIMES), interval_to_row(outcome.begun))


def _last_of(connection: sa.Connection, device: TimedDevice) -> DeviceInterval | None:
    newest = sa.select(DEVICE_TIMES).where(_of(device)).order_by(DEVICE_TIMES.c.start.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    return None if row is None else interval_from_row(dict(row))


def _of(device: TimedDevice) -> sa.ColumnElement[bool]:
    table = DEVICE_TIMES.c
    return sa.and_(table.backend == device.backend, table.node == device.node, table.device == device.device)
