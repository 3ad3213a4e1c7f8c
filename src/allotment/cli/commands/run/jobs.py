"""`allot ps`, `logs`, `stop`, `retry`, `wait`, `describe`: what becomes of jobs."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.commands.run.serving import service_of
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    format_flag,
    global_flags,
    output_flags,
    team_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import TimedOutError, UsageError
from allotment.model.jobs.run import JobState

_LOOK_AGAIN: Final = 1.0
"""Seconds between two listings of `ps --watch`."""
_WAIT_AGAIN: Final = 0.2
_OVER: Final = "over"
_CONDITIONS: Final = (_OVER, *(state.value for state in JobState))


@click.command(cls=Command)
@click.option("--all", "-a", "everything", is_flag=True, help="Also what is over.")
@click.option("--state", multiple=True, type=click.Choice([each.value for each in JobState]), help="Only these states.")
@click.option("--of", "--sweep", "parent", metavar="JOB", help="The trials of a sweep, or the runs of a schedule.")
@click.option("--watch", "-w", is_flag=True, help="Go on, and show it again whenever it is another; Ctrl-C ends it.")
@team_flag
@output_flags
@global_flags
@click.pass_obj
def ps(
    session: Session,
    *,
    everything: bool,
    state: tuple[str, ...],
    parent: str | None,
    watch: bool,
    output: OutputOptions,
) -> None:
    """List jobs, newest first: those that are not over, and with --all the others too.

    REASON is why one waits, or how it ended. A sweep is one row, which says how far its trials are, and a schedule
    one that says when it runs next; --of JOB lists the trials or the runs, those that are over as well. With --watch
    and -o json each listing is one line.

    Labels for -l: team, owner, state, backend.
    """
    from allotment import wiring
    from allotment.cli.commands.run.jobs_view import jobs_listing
    from allotment.cli.shell.output import show
    from allotment.ports.store import MOST_LISTED, JobFilter

    service, clock = service_of(session), wiring.clock()
    everything = everything or parent is not None
    chosen = frozenset(map(JobState, state)) or frozenset(each for each in JobState if everything or not each.over)
    family = "" if parent is None else service.find(parent).id
    wanted = JobFilter(team=session.value("team"), states=chosen, parent=family, alone=not family)
    before: object = None
    while True:
        rows = service.page(wanted, limit=min(MOST_LISTED, output.limit or MOST_LISTED)).rows
        if family:  # of one moment they stand in the order of their ids, t10 before t9
            rows = tuple(sorted(rows, key=lambda row: -row.number))
        if before is None or [(each.id, each.version) for each in rows] != before:
            before = [(each.id, each.version) for each in rows]
            now = int(clock.now().timestamp() * 1000)
            show(session, output, jobs_listing(rows, now, other_teams=not wanted.team), one_of_many=watch)
        if not watch:
            return
        clock.sleep(_LOOK_AGAIN)


@click.command(cls=Command)
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job is over; Ctrl-C stops looking, not the job.")
@click.option("--rank", type=click.IntRange(0), metavar="N", help="Only of this replica, or trial of a sweep.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last so many lines.")
@global_flags
@click.pass_obj
def logs(session: Session, job: str, *, follow: bool, rank: int | None, tail: int | None) -> None:
    """What a job wrote: all attempts, one after the other. Lines of several replicas say whose they are."""
    from allotment.cli.commands.run.following import write_log

    write_log(session, service_of(session), job, rank=rank, follow=follow, tail=tail)


@click.command(cls=Command)
@click.argument("jobs", nargs=-1, required=True)
@click.option("--grace", type=click.IntRange(0), metavar="SECONDS", help="Between SIGTERM and SIGKILL; the job's own.")
@global_flags
@click.pass_obj
def stop(session: Session, jobs: tuple[str, ...], *, grace: int | None) -> None:
    """End jobs for good: SIGTERM, the grace, SIGKILL. What is over stays as it is."""
    from allotment.cli.commands.run.following import end_of

    service = service_of(session)
    for each in [service.find(name) for name in jobs]:
        session.note(end_of(service.stop(each.id, grace=grace)))


@click.command(cls=Command)
@click.argument("job")
@global_flags
@click.pass_obj
def retry(session: Session, job: str) -> None:
    """Submit a job that is over again, with the same code; it is a new job, which names the old one."""
    from allotment.cli.commands.run.jobs_view import receipt_text

    session.out(receipt_text(service_of(session).retry(job), session.call))


@click.command(cls=Command)
@click.argument("job")
@click.option(
    "--for", "condition", type=click.Choice(_CONDITIONS), default=_OVER, help="State to wait for; over by default."
)
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="How long to wait at most.")
@global_flags
@click.pass_obj
def wait(session: Session, job: str, *, condition: str, timeout: float | None) -> int:
    """Wait until a job is over, or in a state. Of what is over the exit code is the job's own.

    Raises a failure where it is over and can never be in the state, and where the time is up (exit code 8).
    """
    from allotment import wiring
    from allotment.cli.commands.run.following import end_of, exit_code

    service, clock = service_of(session), wiring.clock()
    job_id, waited = service.find(job).id, 0.0
    while True:
        found = service.find(job_id)
        if condition == found.state.value or (condition == _OVER and found.state.over):
            session.note(end_of(found))
            return exit_code(found) if condition == _OVER else 0
        if found.state.over:
            raise UsageError(
                f"{job} is {found.state.value}, and will never be {condition}", fix="look at `allot describe`"
            )
        if timeout is not None and waited >= timeout:
            raise TimedOutError(f"{job} is {found.state.value} after {timeout:g} s", fix="ask `allot describe` why")
        clock.sleep(_WAIT_AGAIN)
        waited += _WAIT_AGAIN


@click.command(cls=Command)
@click.argument("job")
@format_flag
@global_flags
@click.pass_obj
def report(session: Session, job: str) -> None:
    """What a job asked for beside what it used: time, CPU, memory, accelerators, cost; and what to ask for next time.

    What nobody measured is called no telemetry.
    """
    from allotment import wiring
    from allotment.cli.commands.run.jobs_view import report_text
    from allotment.cli.commands.run.serving import served_platform
    from allotment.cli.shell.output import write_document
    from allotment.operations.run.reporting import family_report_of, has_members, report_of
    from allotment.reports.documents.jobs import job_report_document

    service = service_of(session)
    now = int(wiring.clock().now().timestamp() * 1000)
    wanted = service.find(job)
    found = family_report_of(wanted, service.family(wanted.id), now) if has_members(wanted) else report_of(wanted, now)
    if (format_ := session.value("output")) in {"json", "yaml"}:
        write_document(session, format_, job_report_document(found))
    else:
        session.out(report_text(found, served_platform(session, service.status().directory).currency))


@click.command(cls=Command)
@click.argument("job")
@format_flag
@global_flags
@click.pass_obj
def describe(session: Session, job: str) -> None:
    """Everything that is known of a job: what it asked for, why it waits or waited, its attempts, its history."""
    from allotment import wiring
    from allotment.cli.commands.run.jobs_view import described
    from allotment.cli.shell.output import write_document
    from allotment.operations.run.reporting import has_members
    from allotment.ports.store import MOST_LISTED, JobFilter
    from allotment.reports.documents.jobs import job_row_document, stored_job_document

    service = service_of(session)
    found = service.find(job)
    now = int(wiring.clock().now().timestamp() * 1000)
    members = service.page(JobFilter(parent=found.id), limit=MOST_LISTED).rows if has_members(found) else ()
    if (format_ := session.value("output")) in {"json", "yaml"}:
        write_document(session, format_, stored_job_document(found, [job_row_document(each, now) for each in members]))
    else:
        session.out(described(found, now, members, session.call))
