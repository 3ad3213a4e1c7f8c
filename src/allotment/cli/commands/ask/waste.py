"""`allot waste`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from allotment.cli.commands.ask.metrics_options import MetricsOptions, metrics_flags, metrics_port, with_metrics
from allotment.cli.commands.ask.source_options import SourceOptions, snapshot_of, source_flags
from allotment.cli.shell.file_or_cluster import only_of_clusters, only_of_files
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    cluster_flag,
    global_flags,
    output_flags,
    packed,
    platform_flag,
    scenario_flag,
    until_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import UsageError

if TYPE_CHECKING:
    from allotment.accounting.moment import CountingRules
    from allotment.operations.ask.wasting import WasteAnswer


@dataclass(frozen=True, slots=True)
class WasteOptions:
    """What is asked of `allot waste`; texts as they were typed."""

    since: str | None
    recorded: str | None
    by: str
    idle: tuple[str, ...]
    gap: str | None
    named: str | None
    scenario: str | None
    until: str | None


@click.command(cls=Command)
@click.option("--by", type=click.Choice(("cause", "team", "node")), default="cause", help="What the rows are.")
@click.option("--since", metavar="TIME", help="How far back, such as 12h or 7d; needs --recorded or --prometheus.")
@click.option(
    "--recorded", metavar="DIR", type=click.Path(), help="Snapshots of `allot snapshot record`; all of them by default."
)
@click.option(
    "--gap", metavar="TIME", help="Two recorded snapshots further apart leave the time between unobserved; 5min."
)
@click.option(
    "--idle",
    multiple=True,
    metavar="KIND=SHARE/TIME",
    help="When a job, notebook or service is idle; 20%/30min by default. May be repeated.",
)
@click.option(
    "--file",
    "named",
    metavar="FILE",
    type=click.Path(),
    help="Simulate this queueing scenario or trace, and tell where the time went.",
)
@scenario_flag
@until_flag
@platform_flag
@cluster_flag
@source_flags
@metrics_flags
@output_flags
@global_flags
@click.pass_obj
@packed(WasteOptions)
def waste(
    session: Session, asked: WasteOptions, *, source: SourceOptions, metrics: MetricsOptions, output: OutputOptions
) -> None:
    """GPUs by what becomes of them: at work, idle, starting, kept by quota, fragmented, broken and more.

    At this moment, or over a time: with --recorded what was recorded, with --since and --prometheus what that
    measured. The rows sum to all devices (times the time): every
    device has one cause. What nobody measured is unmeasured, and a gap in a recording is unobserved.

    With --file it is where the time goes in a simulation: at work, standing still on broken nodes, or not allocated.

    With a platform directory rows have prices and teams their names; --cluster says which of its clusters it is where
    the context does not.
    """
    from allotment.cli.commands.ask.known_platform import platform_if_any
    from allotment.cli.commands.ask.waste_view import waste_listing, waste_text
    from allotment.cli.shell.output import show
    from allotment.operations.ask.counting_rules import counting_rules
    from allotment.reports.documents.waste import waste_document

    platform = platform_if_any(session)
    rules = counting_rules(platform, session.value("cluster") if platform is not None else "", asked.idle)
    found = _answer(session, asked, source, metrics, rules)
    show(
        session,
        output,
        waste_listing(found),
        human=lambda rows: waste_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: waste_document(found, rows),
    )


def _answer(
    session: Session, asked: WasteOptions, source: SourceOptions, metrics: MetricsOptions, rules: CountingRules
) -> WasteAnswer:
    from allotment import wiring
    from allotment.operations.ask.counting_rules import lowest_of
    from allotment.operations.ask.recorded import recording
    from allotment.operations.ask.wasting import no_history, waste_now, waste_since

    if asked.named is not None:
        only_of_clusters(
            {
                "--snapshot": source.file,
                "--on": source.backend,
                "-n": source.namespace,
                "-A": source.everywhere,
                "--recorded": asked.recorded,
                "--since": asked.since,
                "--gap": asked.gap,
                "--idle": asked.idle,
            }
        )
        return _simulated(asked.named, asked, rules)
    only_of_files({"--scenario": asked.scenario, "--until": asked.until})
    if asked.recorded is not None:
        if session.flags.get("prometheus"):
            raise UsageError(
                "--recorded and --prometheus name two memories to ask",
                why="what was measured when it was recorded is in the recording",
                fix="leave one of them out",
            )
        if source.given:
            raise UsageError(
                f"--recorded and {source.given} name two things to ask: a time and a moment",
                fix="leave one of them out",
            )
        recorded = recording(wiring.files(), asked.recorded)
        return waste_since(recorded, asked.since or "", rules, asked.by, asked.gap or "")
    if asked.since is not None and session.value("prometheus") and not source.given:
        return _metered(session, asked.since, metrics, rules, asked.by)
    if asked.since is not None:
        raise no_history(asked.since)
    if asked.gap is not None:
        raise UsageError("--gap is about recorded snapshots", fix="name their folder with --recorded")
    measure = with_metrics(session, metrics, lowest_of(rules.idle), of_file=bool(source.given))
    return waste_now(snapshot_of(session, source, measure), rules, asked.by)


def _metered(session: Session, since: str, metrics: MetricsOptions, rules: CountingRules, by: str) -> WasteAnswer:
    from allotment import wiring
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.ask.metered import last_time
    from allotment.operations.ask.wasting import waste_metered
    from allotment.scenarios.times import milliseconds

    asked = last_time(wiring.clock(), milliseconds(since), session.value("cluster"), metrics.where)
    with ProgressLine(session) as line, metrics_port(session) as port:
        line.tell(f"asking {port.place()}")
        return waste_metered(port, asked, rules, by)


def _simulated(file: str, asked: WasteOptions, rules: CountingRules) -> WasteAnswer:
    from allotment import wiring
    from allotment.operations.ask.wasting import waste_simulated
    from allotment.operations.foresee.opening import TraceWishes, open_scenario
    from allotment.operations.foresee.simulating import RunRequest, simulate_with_standstills
    from allotment.scenarios.times import milliseconds

    request = RunRequest(until=None if asked.until is None else milliseconds(asked.until))
    scenario = open_scenario(wiring.scenario_files(), file, asked.scenario, TraceWishes())
    run, standstills = simulate_with_standstills(scenario, request)
    return waste_simulated(run, standstills, rules, asked.by)
