"""How `allot quotas` is laid out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from allotment.accounting.quota_use import QuotaAlarm, QuotaLayer, QuotaUse, base_resource
from allotment.cli.commands.ask.clusters_column import with_clusters
from allotment.cli.shell.amounts import amount
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.model.grammar import count
from allotment.operations.ask.quotas import QuotasAnswer
from allotment.reports.documents.quotas import quota_use_document

_STYLES: Final = {QuotaAlarm.INCREASE: "yellow", QuotaAlarm.WARNING: "yellow", QuotaAlarm.STOP: "red"}


def _amount(row: QuotaUse, value: int) -> str:
    return amount(base_resource(row.resource), value)


def _date(row: QuotaUse) -> str:
    if row.full_at is None:
        return ""
    return dt.datetime.fromtimestamp(row.full_at / 1000, dt.UTC).strftime("%Y-%m-%d %H:%MZ")


_COLUMNS: Final[tuple[Column[QuotaUse], ...]] = (
    Column("LAYER", lambda row: row.layer.value),
    Column("NAME", lambda row: row.name, keep=5),
    Column("RESOURCE", lambda row: row.resource, keep=4),
    Column("USED", lambda row: row.used, text=lambda row: _amount(row, row.used), keep=2),
    Column("LIMIT", lambda row: row.limit, text=lambda row: _amount(row, row.limit), keep=2),
    Column("GUARANTEED", lambda row: row.guaranteed, text=lambda row: _amount(row, row.guaranteed or 0), wide=True),
    Column("PERCENT", lambda row: round(row.percent, 1), text=lambda row: f"{int(row.percent)}%", keep=3),
    Column("ALARM", lambda row: row.words or None, style=lambda row: _STYLES.get(row.alarm, ""), keep=3),
    Column("FULL AT", lambda row: _date(row) or None, keep=1),
    Column("CLUSTER", lambda row: row.cluster, wide=True),
)


def quotas_listing(answer: QuotasAnswer) -> Listing[QuotaUse]:
    """A row for each limit, the fullest first."""
    columns = _COLUMNS if answer.paced else tuple(each for each in _COLUMNS if each.title != "FULL AT")
    return Listing(
        kind="QuotaUse",
        rows=answer.uses,
        columns=with_clusters(columns, (each.cluster for each in answer.uses)),
        name=lambda row: f"{row.layer}/{row.name}/{row.resource}",
        document=quota_use_document,
        labels=_labels,
        nothing="nothing is used of any limit that was seen (--all shows all)",
        same_labels=True,
    )


def _labels(row: QuotaUse) -> Mapping[str, str]:
    return {"layer": row.layer, "resource": row.resource, "alarm": row.alarm.name.lower()}


def quotas_text(
    answer: QuotasAnswer, rows: Sequence[QuotaUse], width: int | None, *, headers: bool, by_layer: bool
) -> str:
    """The rows, without those of teams that say what the row of their one namespace says.

    Args:
        answer: the whole.
        rows: what of it is shown.
        width: of the table.
        headers: whether the table has a header line.
        by_layer: a layer was asked for: then all of it is shown.
    """
    listing = quotas_listing(answer)
    columns = [column for column in listing.columns if not column.wide]
    told = {(row.cluster, row.resource, row.used, row.limit) for row in rows if row.layer is QuotaLayer.NAMESPACE}

    def repeats(row: QuotaUse) -> bool:
        alone = row.layer is QuotaLayer.TEAM and row.namespaces == 1
        return alone and (row.cluster, row.resource, row.used, row.limit) in told

    shown_rows = rows if by_layer else [row for row in rows if not repeats(row)]
    if not shown_rows:
        return listing.nothing
    table = table_text(columns, shown_rows, width=width, headers=headers)
    left = len(rows) - len(shown_rows)
    if not left:
        return table
    rest = f"{count(left, 'row')} of teams with one namespace {'says' if left == 1 else 'say'} the same as that"
    return f"{table}\n\n{rest} (-o wide shows all)"
