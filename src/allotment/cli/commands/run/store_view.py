"""The store of jobs: one row."""

from __future__ import annotations

from allotment.cli.shell.amounts import memory
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.model.moments import written
from allotment.ports.store import StoreStatus
from allotment.reports.documents.store import store_document


def store_listing(status: StoreStatus) -> Listing[StoreStatus]:
    """What it is and holds."""
    return Listing(
        kind="JobStore",
        rows=[status],
        columns=(
            Column("PLACE", lambda row: row.place, keep=1),
            Column("JOBS", lambda row: sum(row.jobs.values()), keep=2),
            Column("UNFINISHED", lambda row: sum(number for state, number in row.jobs.items() if not state.over)),
            Column("OLDEST", lambda row: None if row.oldest is None else written(row.oldest)),
            Column("SIZE", lambda row: memory(row.size)),
            Column("WRITER", lambda row: row.writer or None),
            Column("ENGINE", lambda row: row.engine, wide=True),
            Column("SCHEMA", lambda row: row.schema or None, wide=True),
            Column("INTERVALS", lambda row: row.intervals, wide=True),
        ),
        name=lambda row: row.place,
        document=store_document,
    )
