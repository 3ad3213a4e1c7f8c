"""How many more of a shape a live cluster takes, and what is out first."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.cli.commands.foresee.capacity_view import short_shape
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.operations.foresee.live.capacity import LiveCapacity, QueueRoom
from allotment.reports.documents.live_capacity import queue_room_document


def live_capacity_listing(found: LiveCapacity) -> Listing[QueueRoom]:
    """A row for each shape, queue and flavor."""
    several = len({row.source for row in found.rooms}) > 1
    shapes = {row.shape for row in found.rooms}
    return Listing(
        kind="QueueRoom",
        rows=found.rooms,
        columns=(
            Column("SHAPE", lambda row: row.shape, text=lambda row: short_shape(row.shape, shapes), keep=3),
            Column("CLUSTER", lambda row: row.source or None, wide=not several),
            Column("QUEUE", lambda row: row.queue, keep=5),
            Column("FLAVOR", lambda row: row.flavor, keep=4),
            Column("FITS", lambda row: row.fits, keep=5, style=lambda row: "" if row.fits else "dim"),
            Column("BY QUOTA", lambda row: row.by_quota, keep=2),
            Column("BY NODES", lambda row: row.by_nodes, keep=2),
            Column("OUT FIRST", lambda row: row.out_first, keep=3),
            Column("WAITING", lambda row: row.waiting, keep=1),
        ),
        name=lambda row: row.queue,
        document=queue_room_document,
        labels=lambda row: {"queue": row.queue, "flavor": row.flavor, "shape": row.shape},
        nothing="no queue takes such a shape",
        same_labels=True,
        named=("queue", "flavor"),
    )


def live_capacity_text(found: LiveCapacity, rows: Sequence[QueueRoom], width: int | None, *, headers: bool) -> str:
    """The rows, what nodes alone say, and what a row counts."""
    listing = live_capacity_listing(found)
    columns = [column for column in listing.columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers) if rows else listing.nothing, ""]
    lines += [f"nodes alone take {fits:,} of {shown(shape)}" for shape, fits in found.anywhere.items()]
    stuck = dict.fromkeys((row.queue, row.behind) for row in rows if row.behind)
    lines += [
        f"nothing passes {shown(head)} in {shown(queue)}: it is first in line (StrictFIFO) and cannot go"
        for queue, head in stuck
    ]
    if rows:
        lines.append("each row stands alone: what one queue borrows the next cannot, and queues share nodes")
    return "\n".join([*lines, *(f"note: {shown(note)}" for note in found.notes)])
