"""Routes of jobs. A body is one value as `model.jobs.written` writes it; a log is what `log_blocks` makes of it.

Handlers are plain functions: the server runs each in a thread of its own; `operations.run.desk` lets one in at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import replace
from typing import Annotated, Final

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse

from allotment.api.log_blocks import begun, written_lines
from allotment.errors import (
    AllotmentError,
    CapacityError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    UsageError,
)
from allotment.model.jobs.bounds import LONGEST_RUN, MOST_REPLICAS
from allotment.model.jobs.run import JobState
from allotment.model.jobs.written import SENT, read_value, write_value
from allotment.observe.written import encode
from allotment.ports.backends import JobRefusedError, LogLine
from allotment.ports.job_service import JobService, JobSubmission
from allotment.ports.store import JobFilter, PageMark

JSON: Final = "application/json"
GZIP: Final = "application/gzip"
LINES: Final = "application/x-ndjson"
MOST_BODY: Final = 2 << 20
"""Bytes of a submission."""
MOST_TOGETHER: Final = 512 << 10
"""Characters of several submissions: what is answered is longer, and has to be sent as well."""
MOST_CODE: Final = 4 << 30
"""Bytes of packed code that are read at all; a job file allows far fewer."""
_CHUNK: Final = 1 << 20
_MOST: Final = 1 << 53
"""Of milliseconds and lines: what every reader of JSON can count, and a database keeps."""

_Moment = Annotated[int, Query(ge=0, le=_MOST)]

_STATUS: Final[tuple[tuple[type[AllotmentError], int], ...]] = (
    (UsageError, 400),
    (InputError, 422),
    (NotFoundError, 404),
    (ForbiddenError, 403),
    (ConflictError, 409),
    (CapacityError, 422),
    (JobRefusedError, 422),
)
_MOST_READERS: Final = 256
"""Logs that are read at once, a thread each; others wait for their turn, and who asks for anything else does not."""


def job_api(service: JobService) -> FastAPI:
    """The application.

    Args:
        service: what answers.
    """
    app = FastAPI(title="Allotment", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")

    @app.exception_handler(AllotmentError)
    def refused(_request: Request, error: AllotmentError) -> Response:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        told = {"error": type(error).__name__, "what": error.what, "why": error.why, "fix": error.fix}
        return Response(msgspec.json.encode(told), status, media_type=JSON)

    @app.exception_handler(RequestValidationError)
    def unfit(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return refused(_request, UsageError(f"{first['loc'][-1]} cannot be that", why=first["msg"], fix="correct it"))

    @app.get("/v1/status")
    def status() -> Response:
        return _value("status", service.status())

    @app.post("/v1/end")
    def end() -> Response:
        service.end()
        return Response(status_code=204)

    _write_routes(app, service)
    _read_routes(app, service)
    return app


def _write_routes(app: FastAPI, service: JobService) -> None:
    @app.post("/v1/code")
    async def put_code(request: Request) -> Response:
        with tempfile.TemporaryFile() as spool:
            size = 0
            async for chunk in request.stream():
                size += len(chunk)
                if size > MOST_CODE:
                    raise InputError(f"more than {MOST_CODE} bytes of code", fix="leave data out of the code folder")
                spool.write(chunk)
            spool.seek(0)
            return _value("code", service.put_code(spool))

    @app.post("/v1/jobs")
    def submit(body: Annotated[str, Depends(_body)]) -> Response:
        return _value("receipt", service.submit(read_value("submission", JobSubmission, body, SENT)))

    @app.post("/v1/submissions")
    def submit_all(body: Annotated[str, Depends(_body)]) -> Response:
        if len(body) > MOST_TOGETHER:
            raise InputError(
                f"submissions of {len(body)} bytes together", why=f"{MOST_TOGETHER} are the most", fix="send fewer"
            )
        found = read_value("submissions", tuple[JobSubmission, ...], body, SENT)
        return _value("answers", service.submit_all(found))

    @app.post("/v1/foresee")
    def foresee(body: Annotated[str, Depends(_body)]) -> Response:
        return _value("foreseen", service.foresee(read_value("submission", JobSubmission, body, SENT)))

    @app.post("/v1/jobs/{reference}/stop")
    def stop(reference: str, grace: Annotated[int | None, Query(ge=0, le=LONGEST_RUN)] = None) -> Response:
        return _value("job", service.stop(reference, grace=grace))

    @app.post("/v1/jobs/{reference}/retry")
    def retry(reference: str, resume: bool = False) -> Response:  # noqa: FBT001, FBT002 (a query)
        return _value("receipt", service.retry(reference, resume=resume))


def _read_routes(app: FastAPI, service: JobService) -> None:
    @app.get("/v1/jobs")
    def page(
        wanted: Annotated[JobFilter, Depends(_filter)],
        parent: str = "",
        alone: str = "false",
        limit: int = 50,
        after_id: str = "",
        after_submitted: _Moment = 0,
    ) -> Response:
        after = PageMark(after_submitted, after_id) if after_id else None
        wanted = replace(wanted, parent=parent, alone=alone == "true")
        return _value("page", service.page(wanted, after=after, limit=limit))

    @app.get("/v1/snapshot")
    def snapshot(backend: str) -> Response:
        return Response(encode(service.snapshot(backend)), media_type=GZIP)

    @app.get("/v1/jobs/{reference}")
    def find(reference: str, team: str = "") -> Response:
        return _value("job", service.find(reference, team=team))

    @app.get("/v1/jobs/{reference}/family")
    def family(reference: str) -> Response:
        return _value("family", service.family(reference))

    readers = CapacityLimiter(_MOST_READERS)

    @app.get("/v1/jobs/{reference}/log")
    async def log(
        reference: str,
        rank: Annotated[int | None, Query(ge=0, le=MOST_REPLICAS)] = None,
        tail: Annotated[int | None, Query(ge=0, le=_MOST)] = None,
        follow: str = "false",
    ) -> Response:
        def first() -> Iterator[LogLine | None]:
            return begun(service.log(reference, rank=rank, follow=follow == "true", tail=tail))

        lines = await to_thread.run_sync(first, limiter=readers)
        return StreamingResponse(_read_beside(written_lines(lines), readers), media_type=LINES)


async def _read_beside(parts: Iterator[bytes], readers: CapacityLimiter) -> AsyncIterator[bytes]:
    """The same, each part made in a thread that answers nothing else: whoever follows a log waits in there."""
    try:
        while (part := await to_thread.run_sync(next, parts, None, limiter=readers)) is not None:
            yield part
    finally:
        if isinstance(parts, Generator):
            parts.close()


async def _body(request: Request) -> str:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BODY:
            raise InputError(
                f"a submission of more than {MOST_BODY} bytes", fix="put long values into a file of the code"
            )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError("the submission is no text", why=str(error), fix="send JSON in UTF-8") from None


def _filter(
    team: str = "",
    state: str = "",
    owner: str = "",
    backend: str = "",
    prefix: str = "",
    since: _Moment | None = None,
) -> JobFilter:
    try:
        states = frozenset(JobState(each) for each in state.split(",") if each)
    except ValueError:
        known = ", ".join(each.value for each in JobState)
        raise UsageError(f"there is no such state among {state}", fix=f"name some of: {known}") from None
    return JobFilter(team, states, owner, backend, prefix, since)


def _value(kind: str, value: object) -> Response:
    return Response(write_value(kind, value), media_type=JSON)
