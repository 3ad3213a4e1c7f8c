"""The route by which some lines of a log are read."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator
from functools import partial
from typing import Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import Query, Response

from allotment.api.bodies import value_answer
from allotment.api.contract import MOST_NUMBER, JsonValue
from allotment.api.routes import Routes
from allotment.api.visits import Asked, Visit
from allotment.model.access.permission import Permission
from allotment.model.jobs.bounds import MOST_REPLICAS
from allotment.operations.run.log_search import searched
from allotment.ports.log_lines import LogQuery, LogSearch

_SEARCHES: Final = 4
"""Searches of one back end at once, a thread each: whoever reads or follows a log does not wait for them."""
_FOR: Final = 5.0
"""Seconds that one call may look; where it stopped is told."""
_Number = Annotated[int, Query(ge=0, le=MOST_NUMBER)]


def add_log_search_route(routes: Routes) -> None:
    """Some lines of what a job wrote."""
    of_backends: defaultdict[str, CapacityLimiter] = defaultdict(lambda: CapacityLimiter(_SEARCHES))

    @routes.add("GET", "/api/v1/jobs/{reference}/lines", Permission.READ, gives=JsonValue("found", LogSearch))
    async def lines(
        asked: Asked,
        reference: str,
        rank: Annotated[int | None, Query(ge=0, le=MOST_REPLICAS)] = None,
        first: Annotated[int, Query(alias="from", ge=0, le=MOST_NUMBER)] = 0,
        last: Annotated[int | None, Query(alias="to", ge=0, le=MOST_NUMBER)] = None,
        grep: str = "",
        limit: _Number = 100,
    ) -> Response:
        backend = (await to_thread.run_sync(asked.jobs.find, reference)).backend
        wanted = LogQuery(first, last, grep, limit)
        found = partial(_found, asked, reference, rank, wanted)
        return value_answer("found", await to_thread.run_sync(found, limiter=of_backends[backend]))


def _found(asked: Visit, reference: str, rank: int | None, wanted: LogQuery) -> LogSearch:
    until = time.monotonic() + _FOR
    log = asked.jobs.log(reference, rank=rank)
    try:
        return searched(log, wanted, lambda: time.monotonic() < until)
    finally:
        if isinstance(log, Generator):
            log.close()
