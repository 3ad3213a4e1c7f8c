"""`allot waste`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from allotment.cli.commands.ask.source_options import SourceOptions, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    cluster_flag,
    global_flags,
    output_flags,
    packed,
    platform_flag,
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


@click.command(cls=Command)
@click.option("--by", type=click.Choice(("cause", "team", "node")), default="cause", help="What the rows are.")
@click.option("--since", metavar="TIME", help="How far back, such as 12h or 7d; needs --recorded.")
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
@platform_flag
@cluster_flag
@source_flags
@output_flags
@global_flags
@click.pass_obj
@packed(WasteOptions)
def waste(session: Session, asked: WasteOptions, *, source: SourceOptions, output: OutputOptions) -> None:
    """GPUs by what becomes of them: at work, idle, starting, kept by quota, fragmented, broken and more.

    At this moment, or over a recorded time with --recorded. The rows sum to all devices (times the time): every
    device has one cause. What nobody measured is unmeasured, and a gap in a recording is unobserved.

    With a platform directory rows have prices and teams their names; --cluster says which of its clusters it is where
    the context does not.
    """
    from allotment.cli.commands.ask.known_platform import platform_if_any
    from allotment.cli.commands.ask.waste_view import waste_listing, waste_text
    from allotment.cli.shell.output import show
    from allotment.operations.ask.wasting import counting_rules
    from allotment.reports.documents.waste import waste_document

    platform = platform_if_any(session)
    rules = counting_rules(platform, session.value("cluster") if platform is not None else "", asked.idle)
    found = _answer(session, asked, source, rules)
    show(
        session,
        output,
        waste_listing(found),
        human=lambda rows: waste_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: waste_document(found, rows),
    )


def _answer(session: Session, asked: WasteOptions, source: SourceOptions, rules: CountingRules) -> WasteAnswer:
    from allotment import wiring
    from allotment.operations.ask.recorded import recording
    from allotment.operations.ask.wasting import no_history, waste_now, waste_since

    if asked.recorded is not None:
        if source.file:
            raise UsageError(
                "--recorded and --snapshot name two things to ask: a time and a moment", fix="leave one of them out"
            )
        recorded = recording(wiring.files(), asked.recorded)
        return waste_since(recorded, asked.since or "", rules, asked.by, asked.gap or "")
    if asked.since is not None:
        raise no_history(asked.since)
    if asked.gap is not None:
        raise UsageError("--gap is about recorded snapshots", fix="name their folder with --recorded")
    return waste_now(snapshot_of(session, source), rules, asked.by)
