"""Why jobs wait, as the server knows it: a finding of each that does, followed by the journal instead of read anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from allotment.errors import InputError, NotFoundError
from allotment.operations.run.unnamed import unnamed
from allotment.operations.watch.deriving import WHOLE, DerivedView, document_id, document_of
from allotment.ports.journal import SubjectKind
from allotment.ports.store import JobsReader
from allotment.ports.stored_jobs import JobRow, StoredJob, StoredWait


class WaitingJobs:
    """The jobs that wait, each with why."""

    def __init__(self, store: JobsReader) -> None:
        """Nothing is read yet.

        Args:
            store: where the jobs are.
        """
        self._store = store
        self._after: int | None = None
        self._jobs: dict[str, tuple[StoredJob, StoredWait]] = {}

    def look(self) -> bool:
        """Go on with the journal; whether anything changed.

        Raises:
            StoreError: it cannot be read.
        """
        if self._after is None:
            return self._anew()
        news = False
        while True:
            page = self._store.changes(self._after)
            if not page.known:
                return self._anew()
            for each in page.changes:
                news = news or each.entry.kind is not SubjectKind.JOURNAL
                if each.entry.kind is SubjectKind.JOB:
                    over = not isinstance(each.now, JobRow) or each.now.state.over
                    self._note(each.entry.id, None if over else self._job(each.entry.id))
            self._after = page.until
            if not page.more:
                return news

    def views(self, teams: Collection[str], backends: Collection[str]) -> Iterator[DerivedView]:
        """Findings of these back ends, and of all on which a job waits, as these teams may see them.

        Args:
            teams: names, and `WHOLE`.
            backends: names.
        """
        for backend in sorted({*backends, *(job.backend for job, _ in self._jobs.values())}):
            own = [each for each in self._jobs.values() if each[0].backend == backend]
            for team in teams:
                documents = tuple(
                    document_of(
                        SubjectKind.FINDING, document_id(backend, job.id, team), team, _finding(job, wait, team)
                    )
                    for job, wait in own
                    if team in (WHOLE, job.job.team)
                )
                yield DerivedView(SubjectKind.FINDING, backend, team, documents)

    def _anew(self) -> bool:
        self._after = self._store.journal_head()
        self._jobs = {}
        for each in self._store.unfinished():
            self._note(each.id, each)
        return True

    def _job(self, id_: str) -> StoredJob | None:
        """None where it has gone meanwhile, or cannot be read."""
        try:
            return self._store.get(id_)
        except (NotFoundError, InputError):
            return None

    def _note(self, id_: str, job: StoredJob | None) -> None:
        wait = (
            None if job is None or job.state.over else next((w for w in reversed(job.waits) if w.until is None), None)
        )
        if job is None or wait is None:
            self._jobs.pop(id_, None)
        else:
            self._jobs[id_] = job, wait


def _finding(job: StoredJob, wait: StoredWait, team: str) -> dict[str, object]:
    """Why a job waits; without the names of others' work for who may not know them."""
    if team != WHOLE:
        wait = replace(wait, said=unnamed(wait.said), cause=unnamed(wait.cause))
    return {
        "job": job.id,
        "name": job.job.name,
        "team": job.job.team,
        "backend": job.backend,
        "since": wait.since,
        "code": wait.code,
        "cause": wait.cause,
        "said": wait.said,
    }
