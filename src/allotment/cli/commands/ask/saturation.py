"""`allot saturation`."""

from __future__ import annotations

import click

from allotment.cli.commands.ask.source_options import SourceOptions, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@source_flags
@output_flags
@global_flags
@click.pass_obj
def saturation(session: Session, *, source: SourceOptions, output: OutputOptions) -> None:
    """What is out first where accelerators stand: the devices, or the CPU, memory, disk, pods and quota around them.

    On the Ready nodes of each accelerator that take new pods: how many more pods with one device fit if, beside the
    devices, only this were short. OUT FIRST has the fewest; STRANDED are the free devices that what stands around them
    leaves without use. The shares say how full each is.

    Quota is what queues and cohorts own of the flavors whose nodes these are, less what is reserved.

    Labels for -l: accelerator, resource, cluster, out-first.
    """
    from allotment.cli.commands.ask.saturation_view import saturation_listing, saturation_text
    from allotment.cli.shell.output import show
    from allotment.operations.ask.devices import saturated
    from allotment.reports.documents.devices import saturation_document

    found = saturated(snapshot_of(session, source))
    show(
        session,
        output,
        saturation_listing(found),
        human=lambda rows: saturation_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: saturation_document(found, rows),
    )
