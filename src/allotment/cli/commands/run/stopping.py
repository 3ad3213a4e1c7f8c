"""Jobs are stopped, or waited for, while somebody looks on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from allotment.cli.commands.run.following import end_of, tell_wait
from allotment.cli.commands.run.naming import job_of, living
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, TimedOutError, UnreachableError, UsageError, shown
from allotment.model.grammar import count

if TYPE_CHECKING:
    from allotment.ports.job_service import JobService
    from allotment.ports.stored_jobs import JobRow, StoredJob

_WAIT_AGAIN: Final = 0.2
_OVER: Final = "over"
_MOST_NAMED: Final = 5
"""Jobs that a question names."""


def question_of(jobs: Sequence[JobRow]) -> str:
    """Whether all of them are to be stopped, with as many of their names as one reads."""
    names = ", ".join(shown(each.name) for each in jobs[:_MOST_NAMED])
    more = f" and {len(jobs) - _MOST_NAMED:,} more" if len(jobs) > _MOST_NAMED else ""
    teams = len({each.team for each in jobs})
    return f"Stop {len(jobs):,} jobs of {count(teams, 'team')} for good ({names}{more})?"


def stop_named(session: Session, service: JobService, references: Sequence[str], grace: int | None) -> int:
    """Stop the jobs that a user names; the exit code.

    Raises:
        AllotmentError: one is named, and it is not there.
    """
    found: list[str] = []
    failed: list[AllotmentError] = []
    for each in references:
        try:
            found.append(_meant(session, service, each))
        except UnreachableError:
            raise
        except AllotmentError as error:
            if len(references) == 1:
                raise
            failed.append(error)
            session.note(f"{shown(error.what)}; {shown(error.fix)}")
    stop_each(session, service, list(dict.fromkeys(found)), grace)
    if failed:
        session.note(f"{len(found)} of {len(references)} were stopped")
    return failed[0].exit_code if failed else 0


def stop_each(session: Session, service: JobService, ids: Sequence[str], grace: int | None) -> int:
    """Stop jobs by their ids, and say how each stands."""
    for number, each in enumerate(ids):
        try:
            session.note(end_of(service.stop(each, grace=grace)))
        except KeyboardInterrupt:
            session.note(f"{number} of {len(ids)} were told to stop")
            raise
    return 0


def _meant(session: Session, service: JobService, reference: str) -> str:
    """The id of the job that is to be stopped: of a name, the newest that is not over."""
    job = job_of(session, service, reference)
    if reference != job.job.name:
        return job.id
    alive = living(service, team=session.value("team"), name=reference)
    if len(alive) > 1:
        session.note(f"{len(alive)} jobs are called {shown(reference)}: the newest is meant, --name ends all of them")
    return alive[0].id if alive else job.id


def seconds_of(text: str) -> float | None:
    """A time as a user writes it, in seconds; a number alone is that. None where none is written.

    Raises:
        UsageError: it is none.
    """
    from allotment.scenarios.times import milliseconds

    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return milliseconds(text) / 1000
    if not 0 <= number < float("inf"):
        raise UsageError(f"{text!r} is no time", fix="write a number with its unit, for example 90s, 5m or 2h")
    return number


def waited_for(session: Session, service: JobService, job_id: str, condition: str, timeout: float | None) -> StoredJob:
    """The job once it is over, or in a state; what it waits for meanwhile is told once for each reason.

    Args:
        session: whose.
        service: the server.
        job_id: which job.
        condition: ``over``, or a state.
        timeout: seconds; None for as long as it takes.

    Raises:
        UsageError: it is over, and will never be in that state.
        TimedOutError: the time is up.
    """
    from allotment import wiring

    clock, waited, told = wiring.clock(), 0.0, ""
    while True:
        found = service.find(job_id)
        name = found.job.name
        if condition == found.state.value or (condition == _OVER and found.state.over):
            return found
        if found.state.over:
            raise UsageError(
                f"{name} is {found.state.value}, and will never be {condition}", fix="look at `allot describe`"
            )
        if timeout is not None and waited >= timeout:
            raise TimedOutError(f"{name} is {found.state.value} after {timeout:g} s", fix="ask `allot describe` why")
        told = tell_wait(session, service, job_id, told)
        clock.sleep(_WAIT_AGAIN)
        waited += _WAIT_AGAIN
