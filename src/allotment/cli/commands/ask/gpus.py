"""`allot gpus`."""

from __future__ import annotations

import click

from allotment.cli.commands.ask.metrics_options import MetricsOptions, metrics_flags, with_metrics
from allotment.cli.commands.ask.source_options import SourceOptions, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@platform_flag
@source_flags
@metrics_flags
@output_flags
@global_flags
@click.pass_obj
def gpus(session: Session, *, source: SourceOptions, metrics: MetricsOptions, output: OutputOptions) -> None:
    """GPUs and other accelerators: there, healthy, held, idle, free, fragmented, and how many more pods fit.

    Free is what nobody asks for on nodes that are Ready and take new pods. Fragmented is what the mean pod that may go
    there could not use of it; of slices, what one more usual pod could not. FITS says how many more pods of 1, 2, 4 and
    8 devices would start now, each with what is usual beside a device: the median of the pods that run there or may go
    there.

    Slices and shares count as what they are of a device. It is always about whole clusters: -n only says where to read
    what may not be read everywhere.

    Labels for -l: accelerator, resource, cluster.
    """
    from allotment.cli.commands.ask.gpus_view import gpus_listing, gpus_text
    from allotment.cli.commands.ask.known_platform import declared_idleness
    from allotment.cli.shell.output import show
    from allotment.operations.ask.counting_rules import lowest_of
    from allotment.operations.ask.devices import count_gpus
    from allotment.reports.documents.devices import gpus_document

    idle = declared_idleness(session)
    snapshot = snapshot_of(session, source, with_metrics(session, metrics, lowest_of(idle), of_file=bool(source.given)))
    found = count_gpus(snapshot, idle)
    show(
        session,
        output,
        gpus_listing(found),
        human=lambda rows: gpus_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: gpus_document(found, rows),
    )
