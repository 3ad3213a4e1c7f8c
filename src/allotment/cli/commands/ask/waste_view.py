"""How `allot waste` is laid out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from allotment.accounting.ledger import MS_PER_HOUR, TimeGroup
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.money import MICROS, money
from allotment.operations.ask.wasting import WasteAnswer
from allotment.reports.documents.waste import group_document

_DAY: Final = 24 * MS_PER_HOUR


def waste_listing(answer: WasteAnswer) -> Listing[TimeGroup]:
    """Causes, teams or nodes, the largest first."""
    return Listing(
        kind="WasteGroup",
        rows=answer.groups,
        columns=_columns(answer),
        name=lambda row: row.name,
        document=group_document,
        nothing="there are no devices",
    )


def waste_text(answer: WasteAnswer, rows: Sequence[TimeGroup], width: int | None, *, headers: bool) -> str:
    """The table with what it sums to above, and what narrows it below."""
    columns = [column for column in _columns(answer) if not column.wide]
    lines = [_title(answer)]
    if rows:
        lines += ["", table_text(columns, rows, width=width, headers=headers)]
    if answer.idle_marks:
        lines += ["", *(f"{shown(each.subject)} ({shown(each.id)}): {shown(each.said)}" for each in answer.idle_marks)]
    if answer.missing_ms:
        days = answer.missing_ms / MS_PER_HOUR
        lines += ["", f"nothing was recorded of the first {days:,.1f} hours that were asked for: they are not counted"]
    lines += [shown(remark) for remark in answer.remarks]
    return "\n".join(lines)


def _title(answer: WasteAnswer) -> str:
    total = answer.ledger.capacity_ms / MS_PER_HOUR
    cost = answer.ledger.cost
    price = "" if cost is None else f", {money(cost, answer.currency)}{' an hour' if answer.moment else ''}"
    if answer.moment:
        return f"{total:,.0f} GPUs at this moment{price}"
    days = (answer.ledger.until - answer.ledger.since) / MS_PER_HOUR
    return f"{total:,.1f} GPU-hours in {days:,.1f} hours{price}"


def _columns(answer: WasteAnswer) -> tuple[Column[TimeGroup], ...]:
    amount = "GPUS" if answer.moment else "GPU-HOURS"
    columns: list[Column[TimeGroup]] = [
        Column(answer.by.upper(), lambda row: row.name),
        Column(amount, lambda row: _hours(row.gpu_ms), text=lambda row: f"{_hours(row.gpu_ms):,g}", keep=3),
        Column("SHARE", lambda row: round(100 * row.share, 1), text=lambda row: f"{100 * row.share:.1f}%", keep=2),
    ]
    if answer.by != "cause":
        columns.append(
            Column("NOT USED", lambda row: _hours(row.waste), text=lambda row: f"{_hours(row.waste):,g}", keep=2)
        )
    if answer.currency:
        columns.append(
            Column(
                "COST",
                lambda row: None if row.cost is None else round(row.cost / MICROS, 2),
                text=lambda row: "" if row.cost is None else money(row.cost, answer.currency),
                unit=answer.currency,
                keep=1,
            )
        )
    return tuple(columns)


def _hours(gpu_ms: int) -> float:
    return round(gpu_ms / MS_PER_HOUR, 2)
