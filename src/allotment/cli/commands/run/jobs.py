"""`allot ps`, `logs`, `stop`, `retry`, `wait`, `describe`: what becomes of jobs."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import Final

import click

from allotment.cli.commands.run.serving import service_of
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    format_flag,
    global_flags,
    output_flags,
    setting_flag,
    team_flag,
    yes_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import INTERRUPTED, UsageError
from allotment.model.jobs.run import JobState

_AT_REST: Final = 1.0
"""Seconds between two listings of `ps --watch`, at least."""
_MOST_PIPED: Final = 100
"""Characters of a reason in a table that is no terminal's."""
_OVER: Final = "over"
_CONDITIONS: Final = (_OVER, *(state.value for state in JobState))


@click.command(cls=Command)
@click.option("--all", "-a", "everything", is_flag=True, help="Also what is over.")
@click.option("--state", multiple=True, type=click.Choice([each.value for each in JobState]), help="Only these states.")
@click.option("--of", "--sweep", "parent", metavar="JOB", help="The trials of a sweep, or the runs of a schedule.")
@click.option("--watch", "-w", is_flag=True, help="Go on, and show it again whenever it is another; Ctrl-C ends it.")
@click.option("--all-namespaces", "-A", "every_team", is_flag=True, help="Of all teams, whatever a setting names.")
@setting_flag("team", "team", "-n", "--namespace", metavar="NAME", names="team")
@output_flags
@setting_flag("server")
@global_flags
@click.pass_obj
def ps(
    session: Session,
    *,
    everything: bool,
    state: tuple[str, ...],
    parent: str | None,
    watch: bool,
    every_team: bool,
    output: OutputOptions,
) -> int:
    """List jobs, newest first: those that are not over, and with --all the others too.

    REASON is why one waits, or how it ended; in a pipe it is cut, and whole with -o wide. A sweep is one row, which
    says how far its trials are, and a schedule one that says when it runs next; --of JOB lists the trials or the runs,
    those that are over as well. With --watch and -o json each listing is one line. Teams are the namespaces here.

    Labels for -l: team, owner, state, backend.
    """
    from allotment import wiring
    from allotment.cli.commands.run.hearing import LOOK_AGAIN, ears, outlasting
    from allotment.cli.commands.run.jobs_view import (
        NO_JOBS,
        NONE_UNDER_WAY,
        jobs_listing,
        no_members,
        silence_told,
        silent_backends,
    )
    from allotment.cli.commands.run.naming import check_team
    from allotment.cli.shell.output import show
    from allotment.ports.journal import SubjectKind
    from allotment.ports.store import MOST_LISTED, JobFilter

    if every_team and session.flags.get("team"):
        raise UsageError("-A and --team contradict each other", fix="leave one of them out")
    service, clock = service_of(session), wiring.clock()
    everything = everything or parent is not None
    chosen = frozenset(map(JobState, state)) or frozenset(each for each in JobState if everything or not each.over)
    whole = None if parent is None else service.find(parent)
    family = "" if whole is None else whole.id
    team = "" if every_team else session.value("team")
    wanted = JobFilter(team=team, states=chosen, parent=family, alone=not family)
    # On a terminal a reason goes on in the next line; in a pipe it is one line, which somebody greps.
    longest = _MOST_PIPED if output.format == "table" and session.table_width is None else None
    before: object = None
    ear = ears(service, SubjectKind.JOB, team) if watch else None
    ask = partial(service.page, wanted, limit=min(MOST_LISTED, output.limit or MOST_LISTED))
    while True:
        rows = outlasting(ear, ask).rows
        nothing = NO_JOBS
        if not rows and whole is not None:
            nothing = no_members(session.call, whole)
        elif not rows:
            check_team(service, wanted)
            ended = replace(wanted, states=frozenset(each for each in JobState if each.over))
            if not everything and not state and service.page(ended, limit=1).rows:
                nothing = NONE_UNDER_WAY
        if family:  # of one moment they stand in the order of their ids, t10 before t9
            rows = tuple(sorted(rows, key=lambda row: -row.number))
        # Of what is over nothing more is to be heard.
        living = any(not each.state.over for each in rows)
        silent = silent_backends(service.status()) if living else {}
        unheard = sorted({each.backend for each in rows if not each.state.over} & silent.keys())
        present = [(each.id, each.version) for each in rows], unheard
        if present != before:
            before = present
            now = int(clock.now().timestamp() * 1000)
            listing = jobs_listing(
                rows, now, other_teams=not wanted.team, longest=longest, nothing=nothing, silent=silent
            )
            show(session, output, listing, one_of_many=watch)
            for name in unheard:
                session.note(silence_told(silent[name], now))
        if ear is None:
            return 0
        try:
            clock.sleep(_AT_REST)
            ear.wait(LOOK_AGAIN)
        except KeyboardInterrupt:
            return INTERRUPTED


@click.command(cls=Command)
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job is over; Ctrl-C stops looking, not the job.")
@click.option("--rank", type=click.IntRange(0), metavar="N", help="Only of this replica, or trial of a sweep.")
@click.option("--tail", type=click.IntRange(0), metavar="N", help="Only the last so many lines, of 16 MiB at most.")
@click.option("--grep", "text", metavar="PATTERN", help="Only lines that hold it; * in it stands for anything.")
@team_flag
@format_flag
@setting_flag("server")
@global_flags
@click.pass_obj
def logs(session: Session, job: str, *, follow: bool, rank: int | None, tail: int | None, text: str | None) -> int:
    """What a job wrote: all attempts, one after the other. Lines of several replicas say whose they are.

    With --grep the server looks for the lines, and sends no others; --tail means the last of those.
    """
    from allotment.cli.commands.run.following import end_of, told_what_goes_on, write_log
    from allotment.cli.commands.run.log_finding import check_finding, write_found
    from allotment.cli.commands.run.naming import job_of

    check_finding(session, job, text, follow=follow)
    service = service_of(session)
    wanted = job_of(session, service, job)
    if text is not None:
        write_found(session, service, wanted, text, rank=rank, tail=tail)
        return 0
    if wanted.state.over:
        follow = False
    try:
        with told_what_goes_on(session, wanted) if follow else nullcontext():
            written = write_log(session, service, wanted.id, rank=rank, follow=follow, tail=tail)
    except KeyboardInterrupt:
        if not follow:
            raise
        return INTERRUPTED
    if not written and wanted.state.over and tail != 0:
        session.note(f"it wrote nothing; {end_of(wanted)}")
    return 0


@click.command(cls=Command)
@click.argument("jobs", metavar="[JOB...]", nargs=-1)
@click.option("--all", "-a", "everything", is_flag=True, help="All that are not over; with --team, of that team.")
@click.option("--name", metavar="NAME", default="", help="All of this name that are not over.")
@click.option("--grace", type=click.IntRange(0), metavar="SECONDS", help="Between SIGTERM and SIGKILL; the job's own.")
@yes_flag("stopping more than one job with --all")
@team_flag
@setting_flag("server")
@global_flags
@click.pass_obj
def stop(session: Session, jobs: tuple[str, ...], *, everything: bool, name: str, grace: int | None, yes: bool) -> int:
    """End jobs for good: SIGTERM, the grace, SIGKILL. What is over stays as it is.

    A name means the newest job of it that is not over. Of several jobs each is stopped by itself: one that is not
    there keeps no other from being stopped, and gives the exit code. Before --all stops more than one, it asks.
    """
    from allotment.cli.commands.run.naming import living
    from allotment.cli.commands.run.stopping import question_of, stop_each, stop_named

    if bool(jobs) + everything + bool(name) != 1:
        raise UsageError("which jobs?", fix="name them, or say --all or --name NAME")
    service = service_of(session)
    if jobs:
        return stop_named(session, service, jobs, grace)
    found = living(service, team=session.value("team"), name=name)
    if not found:
        session.note("none is under way" + (f" in the team {session.value('team')}" if session.value("team") else ""))
    if everything and len(found) > 1 and not yes and not session.confirm(question_of(found), flag="--yes"):
        session.note("nothing was stopped")
        return 1
    return stop_each(session, service, [each.id for each in found], grace)


@click.command(cls=Command)
@click.argument("job")
@click.option("--resume", is_flag=True, help="Go on from its checkpoints: they become those of the new job.")
@click.option("--follow", "-f", is_flag=True, help="Follow its log to its end.")
@setting_flag("server")
@global_flags
@click.pass_obj
def retry(session: Session, job: str, *, resume: bool, follow: bool) -> int:
    """Submit a job that is over again, with the same code; it is a new job, which names the old one.

    It begins anew, unless --resume is given.
    """
    from allotment.cli.commands.run.following import follow_to_its_end
    from allotment.cli.commands.run.jobs_view import receipt_line, receipt_text

    service = service_of(session)
    receipt = service.retry(job, resume=resume)
    if not follow:
        session.out(receipt_text(receipt, session.call))
        return 0
    session.note(receipt_line(receipt))
    return follow_to_its_end(session, service, receipt.job)


@click.command(cls=Command)
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@click.option(
    "--for", "condition", type=click.Choice(_CONDITIONS), default=_OVER, help="State to wait for; over by default."
)
@click.option("--timeout", metavar="TIME", default="", help="How long to wait at most, such as 90s or 5m.")
@team_flag
@setting_flag("server")
@global_flags
@click.pass_obj
def wait(session: Session, jobs: tuple[str, ...], *, condition: str, timeout: str) -> int:
    """Wait until jobs are over, or in a state. Of what is over the exit code is the job's own.

    Of several it is that of the first, as they end, that did not succeed. What is over and can never be in the state
    is told, and gives 1; where the time is up the code is 8. What jobs wait for themselves is told. Ctrl-C stops
    waiting, not the jobs.
    """
    from allotment.cli.commands.run.following import goes_on
    from allotment.cli.commands.run.naming import job_of
    from allotment.cli.commands.run.stopping import seconds_of, waited_for

    limit = seconds_of(timeout)
    service = service_of(session)
    wanted = {each.id: each for each in (job_of(session, service, name) for name in jobs)}
    try:
        return waited_for(session, service, [*wanted.values()], condition, limit)
    except KeyboardInterrupt:
        for each in (service.find(one) for one in wanted):
            if not each.state.over:
                session.note(goes_on(session, each))
        return INTERRUPTED


@click.command(cls=Command)
@click.argument("job")
@team_flag
@format_flag
@setting_flag("server")
@global_flags
@click.pass_obj
def report(session: Session, job: str) -> None:
    """What a job asked for beside what it used: time, CPU, memory, accelerators, cost; and what to ask for next time.

    What nobody measured is called no telemetry.
    """
    from allotment import wiring
    from allotment.cli.commands.run.naming import job_of
    from allotment.cli.commands.run.report_view import report_text
    from allotment.cli.commands.run.serving import platform_of
    from allotment.cli.shell.output import write_document
    from allotment.operations.run.reporting import family_report_of, has_members, report_of
    from allotment.reports.documents.jobs import job_report_document

    service = service_of(session)
    now = int(wiring.clock().now().timestamp() * 1000)
    wanted = job_of(session, service, job)
    found = family_report_of(wanted, service.family(wanted.id), now) if has_members(wanted) else report_of(wanted, now)
    if (format_ := session.value("output")) in {"json", "yaml"}:
        write_document(session, format_, job_report_document(found))
    else:
        session.out(report_text(found, platform_of(session, service, service.status()).currency))


@click.command(cls=Command)
@click.argument("job")
@team_flag
@format_flag
@setting_flag("server")
@global_flags
@click.pass_obj
def describe(session: Session, job: str) -> None:
    """Everything that is known of a job: what it asked for, why it waits or waited, its attempts, its history."""
    from allotment import wiring
    from allotment.cli.commands.run.following import held_by
    from allotment.cli.commands.run.jobs_view import described, silence_told, silent_backends
    from allotment.cli.commands.run.naming import job_of
    from allotment.cli.commands.run.serving import platform_of
    from allotment.cli.shell.output import write_document
    from allotment.operations.run.reporting import has_members
    from allotment.ports.store import MOST_LISTED, JobFilter
    from allotment.reports.documents.jobs import job_row_document, stored_job_document

    service = service_of(session)
    found = job_of(session, service, job)
    now = int(wiring.clock().now().timestamp() * 1000)
    members = service.page(JobFilter(parent=found.id), limit=MOST_LISTED).rows if has_members(found) else ()
    silent = None if found.state.over else silent_backends(service.status()).get(found.backend)
    if (format_ := session.value("output")) in {"json", "yaml"}:
        since = None if silent is None else silent.silent_since
        rows = [job_row_document(each, now, None if each.state.over else since) for each in members]
        write_document(session, format_, stored_job_document(found, rows, since))
    else:
        unheard = "" if silent is None else silence_told(silent, now)
        price = None if found.use is None else found.use.cost
        currency = "" if not price else platform_of(session, service, service.status()).currency
        cost = f"{price / 1_000_000:.2f} {currency}" if price else ""
        session.out(described(found, now, members, session.call, held_by(service, found), unheard, cost))
        its_files = any(place.folder for attempt in found.attempts[-1:] for place in attempt.places)
        if its_files and service.status().environment is None:
            session.note("its files are on the server's machine")
