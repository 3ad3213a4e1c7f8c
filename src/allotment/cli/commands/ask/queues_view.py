"""How `allot queues` is laid out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.accounting.queue_use import QueueStanding, QueueUse
from allotment.cli.commands.ask.clusters_column import with_clusters
from allotment.cli.shell.amounts import amount
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.model.devices import is_device
from allotment.operations.ask.quotas import QueuesAnswer
from allotment.reports.documents.quotas import queue_use_document


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue with one of its quotas; None where it has none that is shown."""

    standing: QueueStanding
    use: QueueUse | None
    first: bool


def _rows(answer: QueuesAnswer, *, everything: bool) -> list[QueueRow]:
    rows: list[QueueRow] = []
    for standing in answer.standings:
        uses = [use for use in standing.uses if everything or is_device(use.resource)]
        rows += [QueueRow(standing, use, at == 0) for at, use in enumerate(uses)] or [QueueRow(standing, None, True)]
    return rows


def _said(row: QueueRow, value: int) -> str:
    return "" if row.use is None else amount(row.use.resource, value)


def _state(row: QueueRow) -> str:
    if row.standing.inactive:
        return "inactive"
    return row.standing.stopped


def _lenders(row: QueueRow) -> str:
    loans = row.use.lenders if row.use is not None else ()
    return ", ".join(f"{loan.lender} {_said(row, loan.amount)}" for loan in loans)


def _amounts(title: str, of: Callable[[QueueUse], int], *, keep: int) -> Column[QueueRow]:
    """A column of amounts of the row's resource."""

    def value(row: QueueRow) -> int | None:
        return None if row.use is None else of(row.use)

    return Column(title, value, text=lambda row: _said(row, value(row) or 0), keep=keep)


_COLUMNS: Final[tuple[Column[QueueRow], ...]] = (
    Column("QUEUE", lambda row: row.standing.name),
    Column("COHORT", lambda row: row.standing.cohort, keep=2),
    Column("FLAVOR", lambda row: row.use.flavor if row.use else "", keep=4),
    Column("RESOURCE", lambda row: row.use.resource if row.use else "", keep=1),
    _amounts("NOMINAL", lambda use: use.nominal, keep=3),
    _amounts("USED", lambda use: use.used, keep=5),
    _amounts("BORROWED", lambda use: use.borrowed, keep=3),
    _amounts("LENT", lambda use: use.lent, keep=3),
    Column("FROM", _lenders, keep=1, fold=", "),
    Column("PENDING", lambda row: row.standing.pending if row.first else None, keep=4),
    Column("HEAD", lambda row: row.standing.head if row.first else "", keep=2),
    Column("STATE", _state, wide=True),
    Column("WHY INACTIVE", lambda row: row.standing.inactive, wide=True),
    Column("CLUSTER", lambda row: row.standing.cluster, wide=True),
)


def queues_listing(answer: QueuesAnswer, *, everything: bool) -> Listing[QueueRow]:
    """A row for each quota of devices, or of everything; queues without any have one, too."""
    return Listing(
        kind="QueueUse",
        rows=_rows(answer, everything=everything),
        columns=with_clusters(_COLUMNS, (each.cluster for each in answer.standings)),
        name=lambda row: row.standing.name,
        document=_document,
        labels=_labels,
        nothing="no account with a limit on devices was seen" if answer.of_slurm else "there are no ClusterQueues",
        same_labels=True,
        named=("cohort", "flavor", "resource"),
    )


def _document(row: QueueRow) -> Mapping[str, Any]:
    return {"clusterQueue": row.standing.name} if row.use is None else queue_use_document(row.use)


def _labels(row: QueueRow) -> Mapping[str, str]:
    return {
        "cohort": row.standing.cohort,
        "flavor": row.use.flavor if row.use else "",
        "resource": row.use.resource if row.use else "",
    }
