"""The store of jobs: one row; what was cleared of it."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.amounts import memory
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.model.grammar import count
from allotment.model.moments import written
from allotment.operations.run.pruning import Pruned
from allotment.ports.job_remains import RemainsKind
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


_WORDS: Final = {
    RemainsKind.LAUNCH: "log",
    RemainsKind.WORK: "working copy",
    RemainsKind.CHECKPOINT: "folder of checkpoints",
    RemainsKind.CODE: "packed folder of code",
}
_PLURALS: Final = {
    RemainsKind.WORK: "working copies",
    RemainsKind.CHECKPOINT: "folders of checkpoints",
    RemainsKind.CODE: "packed folders of code",
}


def pruned_text(gone: Pruned, *, only_told: bool) -> str:
    """What was removed, or would be, and how much room that gives back."""
    parts = [f"{count(gone.jobs, 'job')} {'would be ' if only_told else ''}forgotten"]
    for kind, number in gone.removed.items():
        noun = _WORDS[kind] if number == 1 else _PLURALS.get(kind, f"{_WORDS[kind]}s")
        parts.append(f"{number:,} {noun} {'would go' if only_told else 'removed'} ({memory(gone.freed[kind])})")
    freed = sum(gone.freed.values())
    return "; ".join((*parts, f"{memory(freed)} {'would be ' if only_told else ''}freed"))
