"""`ports.job_service.JobService` over HTTP, and with it all else that a server elsewhere is asked."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlencode

import msgspec

from allotment.adapters.server.access import AccessThere
from allotment.adapters.server.asking import PATIENCE, gone, whole
from allotment.adapters.server.clusters import ClustersThere
from allotment.adapters.server.event_stream import SILENCE, EventStream
from allotment.adapters.server.requests import RequestsThere
from allotment.adapters.server.trail import TrailThere
from allotment.errors import AllotmentError, InputError, UnreachableError, shown
from allotment.model.decoding import decoded_as
from allotment.model.jobs.written import write_value
from allotment.model.observed.snapshot import Snapshot
from allotment.observe.written import decode
from allotment.ports.backends import LogLine
from allotment.ports.event_service import ToldEvent
from allotment.ports.job_service import (
    CutLogError,
    FamilySummary,
    ForeseenJob,
    JobCounts,
    JobReceipt,
    JobSubmission,
    LogBlock,
    RefusedSubmission,
    ServerStatus,
    SubmissionAnswer,
    answer_of,
    error_of,
    job_query,
)
from allotment.ports.journal import SubjectKind
from allotment.ports.log_lines import LogQuery, LogSearch
from allotment.ports.store import JobFilter, JobGroup, JobsCount, JobsPage, PageMark
from allotment.ports.stored_jobs import StoredJob

_LINE: Final[Any] = LogBlock | tuple[RefusedSubmission, ...]
"""Of a log: lines, or how it ended."""
_MOST_SNAPSHOT: Final = 512 << 20
"""Bytes that a server's snapshot may unpack to: five times that of 5,000 nodes with 20,000 pods."""
_TOGETHER: Final = 256 << 10
"""Bytes of submissions that travel together, at most."""


class RemoteServer(ClustersThere, AccessThere, RequestsThere, TrailThere):
    """A server, wherever it is."""

    def status(self) -> ServerStatus:
        """What it is, and how it does."""
        return self._ask("GET", "/api/v1/status", "status", ServerStatus)

    def put_code(self, packed: BinaryIO) -> str:
        """Keep a packed folder of code; its reference."""
        return self._ask("POST", "/api/v1/code", "code", str, body=packed)

    def submit(self, submission: JobSubmission) -> JobReceipt:
        """Take a job."""
        return self._told("POST", "/api/v1/jobs", "receipt", JobReceipt, "submission", submission)

    def submit_all(self, submissions: Sequence[JobSubmission]) -> tuple[SubmissionAnswer, ...]:
        """Take jobs, each by itself."""
        if len(submissions) == 1:
            return (self._answered(submissions[0]),)
        sizes = (len(write_value("submission", each)) for each in submissions)
        try:
            small = sum(sizes) <= _TOGETHER
        except InputError:
            small = False
        if not small:
            half = len(submissions) // 2
            return (*self.submit_all(submissions[:half]), *self.submit_all(submissions[half:]))
        wanted = list(submissions)
        return self._told("POST", "/api/v1/submissions", "answers", tuple[SubmissionAnswer, ...], "submissions", wanted)

    def _answered(self, submission: JobSubmission) -> SubmissionAnswer:
        try:
            return answer_of(self.submit(submission))
        except UnreachableError:
            raise
        except AllotmentError as error:
            return answer_of(error)

    def foresee(self, submission: JobSubmission) -> ForeseenJob:
        """What would become of a job; nothing is kept."""
        body = write_value("submission", submission).encode()
        return self._ask("POST", "/api/v1/foresee", "foreseen", ForeseenJob, body=body)

    def snapshot(self, backend: str, team: str = "") -> Snapshot:
        """What answers rest on."""
        query = urlencode({"backend": backend, "team": team})
        with self._sent("GET", f"/api/v1/snapshot?{query}", None, PATIENCE) as answer:
            try:
                return decode(whole(answer), _MOST_SNAPSHOT)
            except (OSError, http.client.HTTPException) as error:
                raise gone(error, self._way.fix) from error

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """How many jobs there are, by what they have in common."""
        query = job_query(wanted) | {"by": ",".join(each.value for each in by)}
        found = self._ask("GET", f"/api/v1/job-counts?{urlencode(query)}", "counts", JobCounts)
        return tuple(JobsCount(each.of, each.jobs) for each in found.rows)

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        query = job_query(wanted) | {"limit": limit}
        if after is not None:
            query |= {"after_id": after.id, "after_submitted": after.submitted}
        return self._ask("GET", f"/api/v1/jobs?{urlencode(query)}", "page", JobsPage)

    def find(self, reference: str, *, team: str = "") -> StoredJob:
        """The job that a user means."""
        return self._ask("GET", f"{_job(reference)}?{urlencode({'team': team})}", "job", StoredJob)

    def family(self, reference: str) -> FamilySummary:
        """The members of a sweep or a schedule together."""
        return self._ask("GET", f"{_job(reference)}/family", "family", FamilySummary)

    def stop(self, reference: str, *, grace: int | None = None, read: int | None = None) -> StoredJob:
        """End a job for good."""
        query = "" if grace is None else f"?{urlencode({'grace': grace})}"
        return self._ask("POST", f"{_job(reference)}/stop{query}", "job", StoredJob, read=read)

    def retry(self, reference: str, *, resume: bool = False, read: int | None = None) -> JobReceipt:
        """Submit again what is over."""
        query = "?resume=true" if resume else ""
        return self._ask("POST", f"{_job(reference)}/retry{query}", "receipt", JobReceipt, read=read)

    def log(
        self, reference: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote."""
        query: dict[str, Any] = {"follow": str(follow).lower()}
        query |= {name: value for name, value in (("rank", rank), ("tail", tail)) if value is not None}
        with self._sent(
            "GET", f"{_job(reference)}/log?{urlencode(query)}", None, None if follow else PATIENCE
        ) as answer:
            try:
                for line in answer:
                    if line == b"\n":
                        yield None
                        continue
                    found = decoded_as(line, _LINE)
                    if not isinstance(found, LogBlock):
                        if found:
                            raise error_of(found[0])
                        return
                    yield from found.lines()
            except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
                raise _cut(str(error)) from error
        # A connection that was cut between two lines reads as one that has ended.
        raise _cut("the connection ended before its end was told")

    def lines(self, reference: str, wanted: LogQuery, *, rank: int | None = None) -> LogSearch:
        """Some lines of a log."""
        query: dict[str, Any] = {"from": wanted.first, "grep": wanted.text, "limit": wanted.limit}
        query |= {name: value for name, value in (("to", wanted.last), ("rank", rank)) if value is not None}
        query |= {"any_case": "true"} if wanted.any_case else {}
        return self._ask("GET", f"{_job(reference)}/lines?{urlencode(query)}", "found", LogSearch)

    def declared(self) -> Mapping[str, str]:
        """Files of the platform directory."""
        with self._sent("GET", "/api/v1/platform", None, PATIENCE) as answer:
            try:
                return decoded_as(whole(answer), dict[str, str])
            except (OSError, http.client.HTTPException) as error:
                raise gone(error, self._way.fix) from error
            except msgspec.MsgspecError as error:
                raise AllotmentError("what the server sent is no platform", why=shown(error)) from error

    def events(
        self, kinds: frozenset[SubjectKind], *, team: str = "", after: int | None = None
    ) -> Iterator[ToldEvent | None]:
        """What changes, as long as it is read."""
        return iter(EventStream(lambda path: self._sent("GET", path, None, SILENCE), kinds, team, after))

    def end(self) -> None:
        """End the server."""
        with self._sent("POST", "/api/v1/end", None, PATIENCE):
            pass


def _job(reference: str) -> str:
    return f"/api/v1/jobs/{quote(reference.removeprefix('job/'), safe='')}"


def _cut(why: str) -> CutLogError:
    return CutLogError("the log was cut off", why=shown(why), fix="`allot up`, then ask again")
