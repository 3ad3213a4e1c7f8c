"""`allot when`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from allotment.cli.commands.ask.known_jobs import asked_of_job
from allotment.cli.commands.ask.source_options import (
    SourceOptions,
    listed_again,
    no_slurm,
    snapshot_of,
    source_flags,
)
from allotment.cli.commands.foresee.input_file import (
    file_and_jobs,
    file_flag,
    names_a_file,
)
from allotment.cli.shell.file_or_cluster import only_of_clusters, only_of_files
from allotment.cli.shell.lazy import Command, Flag
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, packed, scenario_flag, seed_flag
from allotment.cli.shell.session import Session
from allotment.errors import InputError, UsageError

if TYPE_CHECKING:
    from allotment.operations.foresee.estimating import WhenRequest
    from allotment.operations.foresee.live.when import LiveWhen

_KNOWN: Final = "Assumptions"
_RUNTIMES: Final = ("estimated", "history")
_SUBMISSIONS: Final = ("past", "none")
_A_FEW: Final = 20
"""Simulations whose cost nobody needs to be told."""


@dataclass(frozen=True, slots=True)
class WhenOptions:
    """What is asked of `allot when`; texts as they were typed.

    Attributes:
        words: jobs; the first may be the file, as it used to be named.
        named: the file.
        moment: of which it is asked.
        confidence: percent.
    """

    words: tuple[str, ...]
    named: str | None
    scenario: str | None
    moment: str | None
    confidence: int
    runs: int
    horizon: str
    seed: int
    runtimes: str
    runtime_spread: float | None
    submissions: str
    learn_from: int | None
    budget: str | None
    recorded: str | None


@click.command(cls=Command)
@click.argument("words", metavar="[JOB]...", nargs=-1)
@file_flag("Ask this file of queueing scenarios instead of a cluster.")
@click.option("--budget", metavar="TIME", help="Of a cluster: how long futures are made; 5s by default.")
@click.option(
    "--recorded",
    metavar="DIR",
    type=click.Path(),
    help="Of a cluster: snapshots of `allot snapshot record`, for what Kubernetes has forgotten.",
)
@scenario_flag
@click.option(
    "--at", "moment", metavar="TIME", help="Of a file: the moment, such as 4h; else when the last job was submitted."
)
@click.option(
    "--confidence",
    type=click.IntRange(50, 99),
    default=80,
    metavar="PERCENT",
    help="Share of starts the interval is to hold; 80 by default.",
)
@click.option(
    "--runs",
    type=click.IntRange(10, 10_000),
    default=100,
    metavar="N",
    help="How many simulations, of a cluster at most; 100 by default.",
)
@click.option("--horizon", default="7d", metavar="TIME", help="How far they look; 7d by default.")
@seed_flag
@click.option(
    "--runtimes",
    cls=Flag,
    section=_KNOWN,
    type=click.Choice(_RUNTIMES),
    default="estimated",
    help="Run times: estimated (the file's are estimates), or history (only those of jobs that have ended).",
)
@click.option(
    "--runtime-spread",
    cls=Flag,
    section=_KNOWN,
    type=click.FloatRange(0, 3),
    metavar="SIGMA",
    help="Spread of run times around their estimates, as the sigma of a log-normal factor; 0.5 by default.",
)
@click.option(
    "--submissions",
    cls=Flag,
    section=_KNOWN,
    type=click.Choice(_SUBMISSIONS),
    default="past",
    help="What others submit from now on: past (as they did before), or none.",
)
@click.option(
    "--learn-from",
    cls=Flag,
    section=_KNOWN,
    type=click.IntRange(20, 10_000),
    metavar="N",
    help="Correct the interval by how it would have done for the last N jobs that waited; "
    "each costs --runs simulations more.",
)
@source_flags
@output_flags
@global_flags
@click.pass_obj
@packed(WhenOptions)
def when(session: Session, asked: WhenOptions, *, source: SourceOptions, output: OutputOptions) -> None:
    """When waiting jobs start: an interval, and the median. Of a cluster, a snapshot, or a scenario's file.

    JOB is KIND/NAME, or a name that is searched; without it, all that wait. The present is simulated many times
    onwards, with run times drawn anew each time, by the engine that decides like Kueue.

    In a cluster run times are those of what has ended and is still to be seen; a limit of a job (activeDeadlineSeconds,
    maximumExecutionTimeSeconds) is an upper bound and no estimate. Without a basis it says so. What even an empty
    cluster refuses never starts. Of what waits in no queue it says how that stands. Of a Slurm it is not told: `allot
    why` says when enough ends there. Of a job file that was not submitted, `allot submit FILE --dry-run=server` tells
    it.

    In a file past and present come from the decisions recorded in it, else from simulating it up to the moment; what
    it says about later is not looked at. Where decisions are recorded, the spread of run times is measured on the jobs
    that have ended.

    Labels for -l: queue; of a cluster namespace and answer (interval, never, kept, no-basis, stands) too.
    """
    if not names_a_file(asked.named, asked.words):
        _live(session, asked, source, output)
        return
    only_of_clusters(
        {
            "--snapshot": source.file,
            "--on": source.backend,
            "-n": source.namespace,
            "-A": source.everywhere,
            "--budget": asked.budget,
            "--recorded": asked.recorded,
        }
    )
    _of_a_file(session, asked, output)


def _live(session: Session, asked: WhenOptions, source: SourceOptions, output: OutputOptions) -> None:
    from allotment import wiring
    from allotment.cli.commands.foresee.live_asking import foreseen, past
    from allotment.cli.commands.foresee.live_when_view import live_when_listing, live_when_text
    from allotment.cli.shell.output import show
    from allotment.operations.foresee.live.when import LiveWhenRequest, when_live
    from allotment.reports.documents.live_start import live_when_document
    from allotment.scenarios.times import milliseconds
    from allotment.simulation.live.starts import StartWishes

    only_of_files(
        {
            "--at": asked.moment,
            "--scenario": asked.scenario,
            "--runtime-spread": asked.runtime_spread,
            "--learn-from": asked.learn_from,
        }
    )
    wishes = StartWishes(
        coverage=asked.confidence / 100,
        horizon=milliseconds(asked.horizon),
        futures=asked.runs,
        budget=milliseconds(asked.budget or "5s") / 1000,
        replay=asked.submissions == "past",
    )
    recorded = past(asked.recorded)
    clock = wiring.clock()

    def answered(there: SourceOptions, first: str) -> LiveWhen:
        snapshot = snapshot_of(session, there)
        no_slurm(snapshot, "a start")
        words = (first, *asked.words[1:]) if first else ()
        request = LiveWhenRequest(words, there.scope(snapshot), wishes, asked.seed)
        with listed_again(session, there):
            return foreseen(
                session, wishes.budget, recorded, lambda earlier: when_live(snapshot, request, clock, earlier)
            )

    found = asked_of_job(session, source, asked.words[0] if asked.words else "", answered)
    show(
        session,
        output,
        live_when_listing(found),
        human=lambda rows: live_when_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: live_when_document(found, rows),
    )


def _of_a_file(session: Session, asked: WhenOptions, output: OutputOptions) -> None:
    from allotment import wiring
    from allotment.cli.commands.foresee.when_view import when_listing, when_text
    from allotment.cli.shell.calling import typed
    from allotment.cli.shell.output import show
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.estimating import estimate
    from allotment.operations.foresee.opening import queueing_lines
    from allotment.reports.documents.estimate import when_document

    file, jobs = file_and_jobs(session, asked.named, asked.words)
    request = _request(jobs, asked)
    with ProgressLine(session) as line:
        line.tell(f"reading {file}, and playing the past")
        lessons = f"learning from the last {request.learn} that waited: " if request.learn else ""

        def told(done: int, of: int) -> None:
            if done:
                line.tell(f"{lessons}simulation {done:,} of {of:,}")
            elif of > _A_FEW and output.format != "json":
                line.clear()
                session.note(_cost(of, request.runs))

        try:
            found = estimate(queueing_lines(wiring.scenario_files(), file), asked.scenario, request, told)
        except InputError as error:
            if not file.endswith((".yaml", ".yml")):
                raise
            job_file = f"of a job file, `allot submit {typed(file)} --dry-run=server` tells when its jobs would start"
            raise InputError(error.what, why=error.why, fix=f"{error.fix}; {job_file}") from error
    show(
        session,
        output,
        when_listing(found),
        human=lambda rows: when_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: when_document(found, rows),
    )


def _cost(simulations: int, runs: int) -> str:
    """What the answer costs, before it is paid."""
    lessons = simulations // runs - 1
    each = f": {runs:,} for the question, and {runs:,} for each of {lessons:,} jobs that waited" if lessons else ""
    return f"{simulations:,} simulations are made (--runs){each}"


def _request(jobs: tuple[str, ...], asked: WhenOptions) -> WhenRequest:
    from allotment.operations.foresee.estimating import KnownRuntimes, Submissions, WhenRequest
    from allotment.scenarios.times import milliseconds

    runtimes = KnownRuntimes(asked.runtimes)
    if runtimes is KnownRuntimes.HISTORY and asked.runtime_spread is not None:
        raise UsageError(
            "--runtime-spread does not go with --runtimes history",
            why="it is about estimates, and with history there are none",
            fix="leave one of them out",
        )
    return WhenRequest(
        jobs=jobs,
        at=None if asked.moment is None else milliseconds(asked.moment),
        coverage=asked.confidence / 100,
        runs=asked.runs,
        seed=asked.seed,
        horizon=milliseconds(asked.horizon),
        runtimes=runtimes,
        spread=asked.runtime_spread,
        submissions=Submissions(asked.submissions),
        learn=asked.learn_from or 0,
    )
