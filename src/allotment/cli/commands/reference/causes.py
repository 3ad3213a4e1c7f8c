"""`allot causes`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@output_flags
@global_flags
@click.pass_obj
def causes(session: Session, *, output: OutputOptions) -> None:
    """The causes that `allot why` tells, in their order: of several that hold, the first is the dominant one.

    What one means, and how it is seen and mended by hand: allot explain CODE.

    Labels for -l: layer.
    """
    from allotment.cli.shell.output import Listing, show
    from allotment.cli.shell.table import Column
    from allotment.diagnose.causes import CAUSES
    from allotment.reports.documents.causes import cause_document

    show(
        session,
        output,
        Listing(
            kind="Cause",
            rows=CAUSES,
            columns=(
                Column("CODE", lambda row: row.code),
                Column("LAYER", lambda row: row.layer),
                Column("CAUSE", lambda row: row.id, keep=1),
                Column("TITLE", lambda row: row.title, fold=" "),
            ),
            name=lambda row: row.code,
            document=cause_document,
            labels=lambda row: {"layer": row.layer},
        ),
    )
