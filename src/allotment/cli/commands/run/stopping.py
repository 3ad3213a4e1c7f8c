"""Jobs are stopped, or waited for, while somebody looks on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from allotment.cli.commands.run.following import end_of, exit_code, tell_wait, told_what_goes_on
from allotment.cli.commands.run.naming import job_of, living
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, TimedOutError, UnreachableError, UsageError, shown
from allotment.model.grammar import count

if TYPE_CHECKING:
    from allotment.ports.job_server import AskedServer
    from allotment.ports.job_service import JobService
    from allotment.ports.stored_jobs import JobRow, StoredJob

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
    for each in dict.fromkeys(references):
        try:
            found.append(_meant(session, service, each))
        except UnreachableError:
            raise
        except AllotmentError as error:
            if len(set(references)) == 1:
                raise
            failed.append(error)
            session.note(f"{shown(error.what)}; {shown(error.fix)}")
    stop_each(session, service, list(dict.fromkeys(found)), grace)
    if failed:
        session.note(f"{len(found)} of {len(set(references))} were stopped")
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


def waited_for(
    session: Session, service: AskedServer, wanted: Sequence[StoredJob], condition: str, timeout: float | None
) -> int:
    """Look on until each job is over, or in a state, and tell how each stands; what they wait for is told meanwhile.

    Args:
        session: whose.
        service: the server.
        wanted: the jobs.
        condition: ``over``, or a state.
        timeout: seconds, for all of them together; None for as long as it takes.

    Returns:
        The exit code: of the first, as they end, that did not succeed.

    Raises:
        AllotmentError: there is one job, it is over, and it will never be in that state.
        TimedOutError: the time is up.
    """
    from allotment import wiring
    from allotment.cli.commands.run.hearing import LOOK_AGAIN, HeardChanges, ServerEar
    from allotment.ports.journal import SubjectKind

    clock, code = wiring.clock(), 0
    begun = clock.now()
    told = {each.id: "" for each in wanted}
    names = {each.id: each for each in wanted}
    ear = ServerEar(lambda: service.events(frozenset({SubjectKind.JOB})))
    heard = HeardChanges(anew=True)
    while True:
        for one in [each for each in told if heard.anew or each in heard.ids]:
            with told_what_goes_on(session, names[one]):
                found = service.find(one)
                if not found.state.over and found.state.value != condition:
                    told[one] = tell_wait(session, service, one, told[one])
                    continue
            del told[one]
            own = _came_to(session, found, condition, alone=len(wanted) == 1)
            code = code or own
        if not told:
            return code
        left = LOOK_AGAIN if timeout is None else timeout - (clock.now() - begun).total_seconds()
        if left <= 0:
            raise _time_is_up([service.find(each) for each in told], timeout or 0)
        with told_what_goes_on(session, names[next(iter(told))]):
            heard = ear.wait(min(left, LOOK_AGAIN))


def _came_to(session: Session, job: StoredJob, condition: str, *, alone: bool) -> int:
    """Say how a job stands that nobody waits for any more; the exit code that stands for it.

    Raises:
        AllotmentError: it is alone, and will never be in the state that was waited for.
    """
    if condition in (_OVER, job.state.value):
        session.note(end_of(job))
        return exit_code(job) if condition == _OVER else 0
    what = f"{job.job.name} ({job.id}) is {job.state.value}, and will never be {condition}"
    if alone:
        raise AllotmentError(what, fix=f"look at `{session.call} describe {job.id}`")
    session.note(shown(what))
    return AllotmentError.exit_code


def _time_is_up(left: Sequence[StoredJob], timeout: float) -> TimedOutError:
    stand = ", ".join(f"{each.job.name} is {each.state.value}" for each in left[:_MOST_NAMED])
    more = f", and {len(left) - _MOST_NAMED:,} more are not there" if len(left) > _MOST_NAMED else ""
    return TimedOutError(f"{stand}{more} after {timeout:g} s", fix=f"ask `allot describe {left[0].id}` why")
