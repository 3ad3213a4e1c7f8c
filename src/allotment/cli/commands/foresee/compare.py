"""`allot compare`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, report_flag
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.argument("before", metavar="BEFORE", type=click.Path())
@click.argument("after", metavar="AFTER", type=click.Path())
@report_flag
@output_flags
@global_flags
@click.pass_obj
def compare(session: Session, before: str, after: str, *, report: str | None, output: OutputOptions) -> None:
    """Compare two runs that `allot simulate -o json` wrote: who waits longer, who less, by how much.

    Jobs are matched by name; waits are compared over jobs that start in both runs.

    Labels for -l: queue.
    """
    from allotment import wiring
    from allotment.cli.commands.foresee.comparing import show_difference
    from allotment.operations.foresee.comparing import compare as compare_runs
    from allotment.reports.documents.simulation import read_run

    files = wiring.files()
    first, second = (read_run(files.read_text(files.user_path(file)), file) for file in (before, after))
    show_difference(session, output, compare_runs(first, second), "RunComparison", report)
