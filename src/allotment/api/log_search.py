"""The route by which some lines of a log are read."""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import partial
from typing import Annotated, Final

from anyio import to_thread
from fastapi import Query, Request, Response

from allotment.api.bodies import value_answer
from allotment.api.caller_turns import CallerTurns
from allotment.api.contract import MOST_NUMBER, JsonValue
from allotment.api.routes import Routes
from allotment.api.visits import Asked, Visit
from allotment.model.access.permission import Permission
from allotment.model.jobs.bounds import MOST_REPLICAS
from allotment.operations.run.log_search import searched
from allotment.ports.log_lines import LogQuery, LogSearch

_SEARCHES: Final = 4
"""Searches of one back end at once, one of a person, a thread each: whoever follows a log does not wait for them."""
_FOR: Final = 5.0
"""Seconds that one call may look; where it stopped is told."""
_Number = Annotated[int, Query(ge=0, le=MOST_NUMBER)]


def add_log_search_route(routes: Routes) -> None:
    """Some lines of what a job wrote."""
    turns = CallerTurns(lambda _: _SEARCHES)

    @routes.add("GET", "/api/v1/jobs/{reference}/lines", Permission.READ, gives=JsonValue("found", LogSearch))
    async def lines(  # noqa: PLR0913, PLR0917 (a parameter for each of the query)
        request: Request,
        asked: Asked,
        reference: str,
        rank: Annotated[int | None, Query(ge=0, le=MOST_REPLICAS)] = None,
        first: Annotated[int, Query(alias="from", ge=0, le=MOST_NUMBER)] = 0,
        last: Annotated[int | None, Query(alias="to", ge=0, le=MOST_NUMBER)] = None,
        grep: str = "",
        limit: _Number = 100,
        any_case: bool = False,  # noqa: FBT001, FBT002 (a query)
    ) -> Response:
        backend = (await to_thread.run_sync(asked.jobs.find, reference)).backend
        wanted = LogQuery(first, last, grep, limit, any_case)
        found = partial(_found, asked, reference, rank, wanted)
        return await turns.made(request, backend, asked.admitted.counts_as, found)


def _found(asked: Visit, reference: str, rank: int | None, wanted: LogQuery) -> Response:
    until = time.monotonic() + _FOR
    log = asked.jobs.log(reference, rank=rank)
    try:
        return value_answer("found", searched(log, wanted, lambda: time.monotonic() < until))
    finally:
        if isinstance(log, Generator):
            log.close()
