"""`allot who`."""

from __future__ import annotations

import click

from allotment.cli.commands.ask.metrics_options import MetricsOptions, metrics_flags, with_metrics
from allotment.cli.commands.ask.source_options import SourceOptions, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag, team_flag
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.option("--accelerator", metavar="NAME", default="", help="Only this model, such as a100; or a resource.")
@team_flag
@platform_flag
@source_flags
@metrics_flags
@output_flags
@global_flags
@click.pass_obj
def who(
    session: Session, accelerator: str, *, source: SourceOptions, metrics: MetricsOptions, output: OutputOptions
) -> None:
    """Who holds accelerators: team, person, job, since when, idle since, and when it ends at the latest.

    A row is what one submitted thing holds of one kind of device, with all its pods. A person is who the API server
    marked as submitter, else unknown. NOTE names what no queue counts, DaemonSets, and devices that ended work still
    holds.

    Idle is known with metrics only, by the rules of idleness of a platform directory where there is one; an end only
    where an object states a limit.

    Labels for -l: team, person, namespace, queue (the ClusterQueue), localqueue, accelerator.
    """
    from allotment.cli.commands.ask.known_platform import declared_idleness
    from allotment.cli.commands.ask.who_view import who_listing, who_text
    from allotment.cli.shell.output import show
    from allotment.operations.ask.counting_rules import lowest_of
    from allotment.operations.ask.devices import who_holds
    from allotment.reports.documents.devices import holdings_document

    idle = declared_idleness(session)
    snapshot = snapshot_of(session, source, with_metrics(session, metrics, lowest_of(idle), of_file=bool(source.given)))
    found = who_holds(
        snapshot,
        accelerator=accelerator,
        team=session.value("team") or "",
        namespace=source.namespace,
        idle=idle,
    )
    show(
        session,
        output,
        who_listing(found),
        human=lambda rows: who_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: holdings_document(found, rows),
    )
