"""Use cases: the server is started, and ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import AllotmentError, TimedOutError, UnreachableError
from allotment.model.jobs.run import JobState
from allotment.ports.clock import Clock
from allotment.ports.job_server import JobServer
from allotment.ports.job_service import JobService, ServerStatus
from allotment.ports.store import MOST_LISTED, JobFilter

_PATIENCE: Final = 30.0
"""Seconds for a server to answer, or to end."""
_LOOK_AGAIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class StartedServer:
    """A server that answers.

    Attributes:
        already: it ran before.
    """

    status: ServerStatus
    already: bool


def bring_up(server: JobServer, words: Sequence[str], clock: Clock) -> StartedServer:
    """A server that answers: the one that runs, or a new one.

    Args:
        server: where it is.
        words: arguments of a new one.
        clock: time.

    Raises:
        AllotmentError: it ended at once, with what it said.
        TimedOutError: it does not answer.
    """
    try:
        return StartedServer(server.service.status(), already=True)
    except UnreachableError:
        server.spawn(words)
    waited = 0.0
    while waited < _PATIENCE:
        try:
            return StartedServer(server.service.status(), already=False)
        except UnreachableError:
            said = server.ended()
        if said is not None:
            raise AllotmentError("the server ended at once", why=said, fix="mend what it says, and start it again")
        clock.sleep(_LOOK_AGAIN)
        waited += _LOOK_AGAIN
    raise TimedOutError(f"the server does not answer after {_PATIENCE:g} s", fix="look into its log")


def bring_down(server: JobServer, clock: Clock, *, stop_jobs: bool) -> int:
    """End the server; how many jobs run on.

    Args:
        server: where it is.
        clock: time.
        stop_jobs: whether they are stopped first.

    Raises:
        UnreachableError: it does not run.
        TimedOutError: jobs, or it, did not end in time.
    """
    service = server.service
    if stop_jobs:
        for job_id in _unfinished(service):
            service.stop(job_id)
        _until(lambda: not _unfinished(service), "the jobs have not ended", clock)
    status = service.status()
    left = sum(number for state, number in status.jobs.items() if state.holds)
    service.end()
    _until(lambda: not server.runs(status.pid), "the server has not ended", clock)
    return left


def _unfinished(service: JobService) -> list[str]:
    """Ids of all jobs that are not over."""
    wanted = JobFilter(states=frozenset(each for each in JobState if not each.over))
    found: list[str] = []
    page = service.page(wanted, limit=MOST_LISTED)
    while True:
        found += [row.id for row in page.rows]
        if page.next is None:
            return found
        page = service.page(wanted, after=page.next, limit=MOST_LISTED)


def _until(done: Callable[[], bool], what: str, clock: Clock) -> None:
    waited = 0.0
    while not done():
        if waited >= _PATIENCE:
            raise TimedOutError(f"{what} after {_PATIENCE:g} s", fix="look at `allot ps`, and try again")
        clock.sleep(_LOOK_AGAIN)
        waited += _LOOK_AGAIN
