"""A server as one caller has it: what he asks for is asked in his name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from allotment.model.access.caller import Caller, CallerKind
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.run.desk import Desk
from allotment.ports.backends import LogLine
from allotment.ports.job_service import (
    FamilySummary,
    ForeseenJob,
    JobReceipt,
    JobSubmission,
    ServerStatus,
    SubmissionAnswer,
)
from allotment.ports.store import JobFilter, JobsPage, PageMark
from allotment.ports.stored_jobs import StoredJob


class DeskOf:
    """Implements `ports.job_service.JobService` for one caller; whether he may is decided before."""

    def __init__(self, desk: Desk, caller: Caller, check: Callable[[], None] = lambda: None) -> None:
        """Nothing is asked yet.

        Args:
            desk: that is asked.
            caller: in whose name.
            check: raises where he may not ask any more. It is asked once all that he sends has come: who was let in may
                have taken hours to send it.
        """
        self._desk = desk
        self._caller = caller
        self._check = check

    def status(self) -> ServerStatus:
        """What it is, and how it does."""
        status = self._desk.status()
        # How its back ends are reached is nobody's business who is not at the machine.
        return status if self._caller.kind is CallerKind.LOCAL else replace(status, environment=None)

    def put_code(self, packed: BinaryIO) -> str:
        """Keep a packed folder of code; its reference."""
        self._check()
        return self._desk.put_code(packed)

    def submit(self, submission: JobSubmission) -> JobReceipt:
        """Take a job."""
        self._check()
        return self._desk.submit(submission, self._caller)

    def submit_all(self, submissions: Sequence[JobSubmission]) -> tuple[SubmissionAnswer, ...]:
        """Take jobs, each by itself."""
        self._check()
        return self._desk.submit_all(submissions, self._caller)

    def foresee(self, submission: JobSubmission) -> ForeseenJob:
        """What would become of a job; nothing is kept."""
        self._check()
        return self._desk.foresee(submission, self._caller)

    def snapshot(self, backend: str) -> Snapshot:
        """What answers rest on."""
        return self._desk.snapshot(backend)

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        return self._desk.page(wanted, after=after, limit=limit)

    def find(self, reference: str, *, team: str = "") -> StoredJob:
        """The job that a user means."""
        return self._desk.find(reference, team=team)

    def family(self, reference: str) -> FamilySummary:
        """The members of a sweep or a schedule together."""
        return self._desk.family(reference)

    def stop(self, reference: str, *, grace: int | None = None) -> StoredJob:
        """End a job for good."""
        self._check()
        return self._desk.stop(reference, grace=grace, caller=self._caller)

    def retry(self, reference: str, *, resume: bool = False) -> JobReceipt:
        """Submit again what is over."""
        self._check()
        return self._desk.retry(reference, resume=resume, caller=self._caller)

    def log(
        self, reference: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote."""
        return self._desk.log(reference, rank=rank, follow=follow, tail=tail)

    def declared(self) -> Mapping[str, str]:
        """Files of the platform directory."""
        return self._desk.declared()

    def end(self) -> None:
        """End the server."""
        self._desk.end()
