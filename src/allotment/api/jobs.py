"""Routes of jobs. A body is one value as `model.jobs.written` writes it; a log is what `log_blocks` makes of it.

Handlers that only look into the store are plain functions, which the server runs in threads. Who asks a back end has
one of its `places` for it; `operations.run.desk` lets one in at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Annotated, Final
from urllib.parse import quote_plus, urlencode

import msgspec
from anyio import CapacityLimiter, to_thread
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from allotment.api.access import add_access_routes, add_sign_in_routes
from allotment.api.answers import Answering, add_answer_routes
from allotment.api.bodies import JSON, text_within, value_answer
from allotment.api.browsers import add_browser_routes
from allotment.api.cluster_routes import add_cluster_routes
from allotment.api.code_spools import CodeSpools
from allotment.api.contract import MOST_NUMBER, JsonValue, Media
from allotment.api.declared_routes import add_declared_routes
from allotment.api.discretion import Discretion
from allotment.api.doors import Door
from allotment.api.events import add_event_route
from allotment.api.job_courses import add_course_routes
from allotment.api.job_files import add_job_file_routes
from allotment.api.log_blocks import begun, ended_by, written_lines
from allotment.api.log_search import add_log_search_route
from allotment.api.openapi import openapi_of
from allotment.api.pages import add_page_routes
from allotment.api.places import Callers
from allotment.api.problems import NO_SUCH_CALL, NO_SUCH_VERB, PROBLEM, add_problem_routes, problem, problem_body
from allotment.api.queue_trends import add_trend_route
from allotment.api.requests import add_request_routes
from allotment.api.routes import NEEDS, Routes
from allotment.api.simulating import SimulationPlaces
from allotment.api.sparse import PageLimit, list_answer
from allotment.api.streaming import while_let_in
from allotment.api.trail import add_trail_routes
from allotment.api.visits import Asked, Change, Visit, anew
from allotment.errors import (
    AllotmentError,
    InputError,
    NotFoundError,
    NotSignedInError,
    UnreachableError,
    UsageError,
    shown,
)
from allotment.model.access.permission import Permission
from allotment.model.jobs.bounds import LONGEST_RUN, MOST_REPLICAS
from allotment.model.jobs.run import JobState
from allotment.model.jobs.written import SENT, read_value
from allotment.observe.written import encode
from allotment.operations.access.admitting import LetIn
from allotment.operations.access.registry import Registry
from allotment.operations.fleet.joined import JoinedClusters, NoClusters
from allotment.operations.fleet.served import ServedClusters
from allotment.operations.run.desk import Desk
from allotment.operations.watch.hub import ChangeHub
from allotment.ports.backends import LogLine
from allotment.ports.job_service import (
    CountedJobs,
    FamilySummary,
    ForeseenJob,
    JobCounts,
    JobReceipt,
    JobSubmission,
    ServerStatus,
    SubmissionAnswer,
    answer_of,
    job_query,
)
from allotment.ports.request_service import RequestService
from allotment.ports.store import JobFilter, JobGroup, JobsCount, JobsPage, PageMark
from allotment.ports.stored_jobs import JobRow, StoredJob

GZIP: Final = "application/gzip"
LINES: Final = "application/x-ndjson"
MOST_BODY: Final = 2 << 20
"""Bytes of a submission."""
MOST_TOGETHER: Final = 512 << 10
"""Characters of several submissions: what is answered is longer, and has to be sent as well."""

_SUBMISSION: Final = JsonValue("submission", JobSubmission)
_SUBMISSIONS: Final = JsonValue("submissions", tuple[JobSubmission, ...])
_ANSWERS: Final = JsonValue("answers", tuple[SubmissionAnswer, ...])
_RECEIPT: Final = JsonValue("receipt", JobReceipt)
_JOB: Final = JsonValue("job", StoredJob)
_Moment = Annotated[int, Query(ge=0, le=MOST_NUMBER)]

_MOST_READERS: Final = 256
"""Logs of one back end that are read at once, a thread each; others wait for their turn, and who asks for anything
else does not."""
_CALL: Final = "call\0"
"""How keys of jobs begin that came without one, in a call that had one: no key of a user has a NUL."""
_NOBODY: Final = 499
"""Where the caller is gone, as nginx has it: nobody reads it."""


def job_api(
    desk: Desk,
    registry: Registry,
    requests: Callable[[LetIn], RequestService],
    door: Door,
    joined: JoinedClusters | None = None,
    clusters: ServedClusters | None = None,
    changes: ChangeHub | None = None,
) -> FastAPI:
    """The application.

    Args:
        desk: what is asked for jobs.
        registry: who gets in.
        requests: requests and grants, as somebody has them who was let in.
        door: where calls come in.
        joined: what answers rest on; None for the server's own machine alone.
        clusters: those that the server follows; None where it follows none.
        changes: what is followed, of all doors; None for this one's own.
    """
    app = FastAPI(title="Allotment", docs_url=None, redoc_url=None, openapi_url=None)
    routes = Routes(app, door, desk, registry, requests)
    discretion = Discretion(at_home=door.at_home)

    @app.exception_handler(AllotmentError)
    def refused(request: Request, error: AllotmentError) -> Response:
        return problem(discretion.told(request, error))

    @app.exception_handler(RequestValidationError)
    def unfit(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return problem(UsageError(f"{first['loc'][-1]} cannot be that", why=first["msg"], fix="correct it"))

    @app.exception_handler(HTTPException)
    def no_such(request: Request, error: HTTPException) -> Response:
        told = NotFoundError(f"there is no {request.method} {shown(request.url.path)}", fix="see /api/v1/openapi.json")
        kind, headers = NO_SUCH_CALL, error.headers
        if error.status_code == NO_SUCH_VERB.status:
            kind, headers = NO_SUCH_VERB, {"Allow": ", ".join(_verbs_of(request))}
        return Response(problem_body(kind, error.status_code, told), error.status_code, headers, PROBLEM)

    @routes.add("GET", "/api/v1/status", Permission.READ, gives=JsonValue("status", ServerStatus))
    def status(asked: Asked) -> Response:
        return value_answer("status", asked.jobs.status())

    @routes.add("POST", "/api/v1/end", Permission.END, change=Change(None))
    def end(asked: Asked) -> Response:
        asked.jobs.end()
        return Response(status_code=204)

    @routes.known("GET", "/api/v1/openapi.json", gives=Media(JSON, {"type": "object"}))
    def openapi() -> Response:
        return Response(document(), media_type=JSON)

    # Its routes are all there before anybody asks, and it is the same for everybody.
    @cache
    def document() -> bytes:
        return msgspec.json.encode(openapi_of(app, routes.contracts, NEEDS))

    callers = Callers()
    _code_route(routes)
    _submission_routes(routes, callers)
    _job_routes(routes, callers)
    _read_routes(routes, callers)
    _log_route(routes)
    add_log_search_route(routes)
    add_access_routes(routes)
    add_sign_in_routes(routes)
    add_browser_routes(routes)
    add_request_routes(routes)
    joined = joined or JoinedClusters(NoClusters(), registry.clock, lambda: None)
    add_cluster_routes(routes, clusters)
    answering = Answering(joined, SimulationPlaces())
    add_answer_routes(routes, answering)
    add_trend_route(routes, answering)
    add_declared_routes(routes, answering, clusters)
    add_event_route(routes, changes or ChangeHub(desk.journal, desk.ending), registry)
    add_job_file_routes(routes, registry.clock)
    add_course_routes(routes, registry.clock)
    add_trail_routes(routes, registry.store)
    add_problem_routes(routes)
    add_page_routes(routes)
    return app


def _verbs_of(request: Request) -> list[str]:
    """Verbs that an address has, of all its routes: the framework names those of the first alone."""
    found: set[str] = set()
    for route in request.app.router.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= set(route.methods or ())
    return sorted(found)


def _code_route(routes: Routes) -> None:
    spools = CodeSpools()

    @routes.add(
        "POST",
        "/api/v1/code",
        Permission.SUBMIT,
        takes=Media(GZIP),
        gives=JsonValue("code", str),
        change=Change(anew, streamed=True),
    )
    async def put_code(request: Request, asked: Asked) -> Response:
        whose = "" if asked.admitted.rights.as_server else asked.admitted.caller.name
        return value_answer("code", await spools.kept(request.stream(), asked.jobs.put_code, whose))


def _submission_routes(routes: Routes, callers: Callers) -> None:
    @routes.add("POST", "/api/v1/jobs", Permission.SUBMIT, takes=_SUBMISSION, gives=_RECEIPT, change=Change(_as_taken))
    async def submit(
        request: Request, asked: Asked, wanted: Annotated[JobSubmission, Depends(_submission)]
    ) -> Response:
        return await _asked(
            callers, request, asked, wanted.backend, lambda: value_answer("receipt", asked.jobs.submit(wanted))
        )

    @routes.add(
        "POST",
        "/api/v1/submissions",
        Permission.SUBMIT,
        takes=JsonValue("submissions", tuple[JobSubmission, ...]),
        gives=JsonValue("answers", tuple[SubmissionAnswer, ...]),
        change=Change(anew),
    )
    async def submit_all(
        request: Request, asked: Asked, wanted: Annotated[tuple[JobSubmission, ...], Depends(_submissions)]
    ) -> Response:
        wanted = _with_keys(asked, wanted)
        answers: dict[int, SubmissionAnswer] = {}
        for name in dict.fromkeys(each.backend for each in wanted):
            numbers = [number for number, each in enumerate(wanted) if each.backend == name]
            some = [wanted[each] for each in numbers]
            try:
                found = await callers.asking(
                    request, name, asked.admitted.counts_as, partial(asked.jobs.submit_all, some)
                )
            except UnreachableError as error:
                found = (answer_of(error),) * len(some)
            if found is None:
                return Response(status_code=_NOBODY)
            answers |= zip(numbers, found, strict=True)
        return await to_thread.run_sync(value_answer, "answers", tuple(answers[each] for each in range(len(wanted))))

    @routes.add(
        "POST",
        "/api/v1/foresee",
        Permission.SUBMIT,
        takes=_SUBMISSION,
        gives=JsonValue("foreseen", ForeseenJob),
        change=Change(None),
    )
    async def foresee(
        request: Request, asked: Asked, wanted: Annotated[JobSubmission, Depends(_submission)]
    ) -> Response:
        return await _asked(
            callers, request, asked, wanted.backend, lambda: value_answer("foreseen", asked.jobs.foresee(wanted))
        )


def _job_routes(routes: Routes, callers: Callers) -> None:
    @routes.add(
        "POST",
        "/api/v1/jobs/{reference}/stop",
        Permission.STOP,
        gives=_JOB,
        change=Change(lambda visit, subject: value_answer("job", visit.jobs.find(subject)), conditional=True),
    )
    async def stop(
        request: Request, asked: Asked, reference: str, grace: Annotated[int | None, Query(ge=0, le=LONGEST_RUN)] = None
    ) -> Response:
        backend = await _backend_of(asked, reference)

        def answer() -> Response:
            read = asked.condition.number(lambda: asked.jobs.find(reference))
            return value_answer("job", asked.jobs.stop(reference, grace=grace, read=read))

        return await _asked(callers, request, asked, backend, answer)

    @routes.add(
        "POST",
        "/api/v1/jobs/{reference}/retry",
        Permission.SUBMIT,
        gives=_RECEIPT,
        change=Change(_as_taken, conditional=True),
    )
    async def retry(
        request: Request,
        asked: Asked,
        reference: str,
        resume: bool = False,  # noqa: FBT001, FBT002 (a query)
    ) -> Response:
        backend = await _backend_of(asked, reference)

        def answer() -> Response:
            read = asked.condition.number(lambda: asked.jobs.find(reference))
            return value_answer("receipt", asked.jobs.retry(reference, resume=resume, read=read))

        return await _asked(callers, request, asked, backend, answer)


def _read_routes(routes: Routes, callers: Callers) -> None:
    @routes.add("GET", "/api/v1/jobs", Permission.READ, gives=JsonValue("page", JobsPage), sparse=True)
    def page(
        asked: Asked,
        wanted: Annotated[JobFilter, Depends(_meant)],
        limit: PageLimit = 50,
        after_id: str = "",
        after_submitted: _Moment = 0,
        fields: str = "",
    ) -> Response:
        after = PageMark(after_submitted, after_id) if after_id else None
        return list_answer(asked.jobs.page(wanted, after=after, limit=limit), JobRow, fields)

    @routes.add("GET", "/api/v1/job-counts", Permission.READ, gives=JsonValue("counts", JobCounts))
    def counts(
        asked: Asked,
        wanted: Annotated[JobFilter, Depends(_meant)],
        by: str = "state",
    ) -> Response:
        groups = _groups(by)
        list_of = _lists_of(wanted, groups)
        rows = tuple(CountedJobs(each.of, each.jobs, list_of(each)) for each in asked.jobs.counts(wanted, groups))
        return value_answer("counts", JobCounts(sum(each.jobs for each in rows), rows))

    @routes.add("GET", "/api/v1/snapshot", Permission.READ, gives=Media(GZIP))
    async def snapshot(request: Request, asked: Asked, backend: str, team: str = "") -> Response:
        return await _asked(
            callers,
            request,
            asked,
            backend,
            lambda: Response(encode(asked.jobs.snapshot(backend, team)), media_type=GZIP),
        )

    @routes.add("GET", "/api/v1/jobs/{reference}", Permission.READ, gives=_JOB)
    def find(asked: Asked, reference: str, team: str = "") -> Response:
        return value_answer("job", asked.jobs.find(reference, team=team))

    @routes.add("GET", "/api/v1/jobs/{reference}/family", Permission.READ, gives=JsonValue("family", FamilySummary))
    def family(asked: Asked, reference: str) -> Response:
        return value_answer("family", asked.jobs.family(reference))


def _log_route(routes: Routes) -> None:
    of_backends: defaultdict[str, CapacityLimiter] = defaultdict(lambda: CapacityLimiter(_MOST_READERS))

    @routes.add("GET", "/api/v1/jobs/{reference}/log", Permission.READ, gives=Media(LINES))
    async def log(
        asked: Asked,
        reference: str,
        rank: Annotated[int | None, Query(ge=0, le=MOST_REPLICAS)] = None,
        tail: Annotated[int | None, Query(ge=0, le=MOST_NUMBER)] = None,
        follow: str = "false",
    ) -> Response:
        def first() -> Iterator[LogLine | None]:
            return begun(asked.jobs.log(reference, rank=rank, follow=follow == "true", tail=tail))

        readers = of_backends[await _backend_of(asked, reference)]
        lines = await to_thread.run_sync(first, limiter=readers)
        cut = ended_by(NotSignedInError("the token is worth nothing any more", fix="sign in again"))
        return StreamingResponse(while_let_in(written_lines(lines), readers, asked, cut), media_type=LINES)


def _as_taken(visit: Visit, subject: str) -> Response:
    return value_answer("receipt", JobReceipt(visit.jobs.find(subject), ()))


def _with_keys(asked: Visit, wanted: tuple[JobSubmission, ...]) -> tuple[JobSubmission, ...]:
    """Each with a key of its own, where the call has one: a job that was kept is found by it."""
    if asked.key is None:
        return wanted
    return tuple(
        each if each.key else replace(each, key=f"{_CALL}{asked.key.id}\0{number}")
        for number, each in enumerate(wanted)
    )


async def _asked(
    callers: Callers, request: Request, asked: Visit, backend: str, call: Callable[[], Response]
) -> Response:
    return await callers.asking(request, backend, asked.admitted.counts_as, call) or Response(status_code=_NOBODY)


async def _backend_of(asked: Visit, reference: str) -> str:
    """Of the job that a user means; the store knows it."""
    return (await to_thread.run_sync(asked.jobs.find, reference)).backend


async def _body(request: Request) -> str:
    return await text_within(request, "submission", MOST_BODY, "put long values into a file of the code")


def _submission(body: Annotated[str, Depends(_body)]) -> JobSubmission:
    return read_value("submission", JobSubmission, body, SENT)


def _submissions(body: Annotated[str, Depends(_body)]) -> tuple[JobSubmission, ...]:
    if len(body) > MOST_TOGETHER:
        raise InputError(
            f"submissions of {len(body)} bytes together", why=f"{MOST_TOGETHER} are the most", fix="send fewer"
        )
    return read_value("submissions", tuple[JobSubmission, ...], body, SENT)


def _groups(by: str) -> tuple[JobGroup, ...]:
    try:
        return tuple(dict.fromkeys(JobGroup(each) for each in by.split(",") if each))
    except ValueError:
        known = ", ".join(each.value for each in JobGroup)
        raise UsageError(f"jobs are not counted by {shown(by)}", fix=f"name some of: {known}") from None


def _lists_of(wanted: JobFilter, by: Sequence[JobGroup]) -> Callable[[JobsCount], str]:
    """What gives the address of the list that has what was counted; there may be thousands of them."""
    named = [each.value for each in by]
    same = urlencode({name: value for name, value in job_query(wanted).items() if value != "" and name not in named})
    begins = [f"&{name}=" for name in named]

    def list_of(counted: JobsCount) -> str:
        own = "".join([begin + _quoted(value) for begin, value in zip(begins, counted.of.values(), strict=True)])
        return f"/api/v1/jobs?{same}{own}"

    return list_of


_quoted: Final = lru_cache(4096)(quote_plus)
"""Of thousands of counts few values are new."""


async def _filter(
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


async def _meant(wanted: Annotated[JobFilter, Depends(_filter)], parent: str = "", alone: str = "false") -> JobFilter:
    return replace(wanted, parent=parent, alone=alone == "true")
