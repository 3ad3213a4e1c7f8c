"""`allot queues`."""

from __future__ import annotations

import click

from allotment.cli.commands.ask.source_options import SourceOptions, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.option("--all-resources", is_flag=True, help="CPU, memory and all else too; by default devices alone.")
@source_flags
@output_flags
@global_flags
@click.pass_obj
def queues(session: Session, *, all_resources: bool, source: SourceOptions, output: OutputOptions) -> None:
    """Each ClusterQueue: quota, use, what it borrows from whom and lends, how many wait, and who is first.

    Kueue ties no loan to a lender: what is borrowed in a cohort counts as lent by the quota of cohorts first, then by
    the queues in proportion to what they may lend and do not use.

    Labels for -l: cohort, flavor, resource.
    """
    from allotment.cli.commands.ask.queues_view import queues_listing
    from allotment.cli.shell.output import show
    from allotment.errors import shown
    from allotment.operations.ask.quotas import queues_of
    from allotment.reports.documents.quotas import queues_document

    found = queues_of(snapshot_of(session, source))
    show(
        session,
        output,
        queues_listing(found, everything=all_resources),
        whole=lambda rows: queues_document(found, {(row.standing.cluster, row.standing.name) for row in rows}),
    )
    for remark in found.remarks:
        session.note(shown(remark))
