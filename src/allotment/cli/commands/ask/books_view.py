"""How `allot books` is laid out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from allotment.accounting.books import FlavorBook
from allotment.accounting.lending import LendingChange
from allotment.cli.commands.ask.clusters_column import with_clusters
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.operations.ask.books import BooksAnswer, MendedFinding
from allotment.operations.ask.lending import LendingPlan
from allotment.reports.documents.books import flavor_book_document


def _seen(book: FlavorBook, units: int) -> str:
    return f"{units:,}" if book.known else ""


_COLUMNS: Final[tuple[Column[FlavorBook], ...]] = (
    Column("FLAVOR", lambda row: row.flavor),
    Column("RESOURCE", lambda row: row.resource, keep=1),
    Column("CLUSTER", lambda row: row.cluster, wide=True),
    Column("NOMINAL", lambda row: row.nominal, text=lambda row: f"{row.nominal:,}", keep=4),
    Column("LENDABLE", lambda row: row.lendable, text=lambda row: f"{row.lendable:,}", keep=2),
    Column(
        "SCHEDULABLE",
        lambda row: row.schedulable if row.known else None,
        text=lambda row: _seen(row, row.schedulable),
        keep=3,
    ),
    Column("HEALTHY", lambda row: row.healthy if row.known else None, text=lambda row: _seen(row, row.healthy), keep=2),
    Column(
        "ALLOCATABLE",
        lambda row: row.allocatable if row.known else None,
        text=lambda row: _seen(row, row.allocatable),
        keep=2,
    ),
    Column("MINIMUM", lambda row: row.bounds.least),
    Column("MAXIMUM", lambda row: row.bounds.most),
    Column("SAID BY", lambda row: row.bounds.by, wide=True),
    Column("NODES", lambda row: len(row.nodes) if row.known else None),
)


def books_listing(answer: BooksAnswer) -> Listing[FlavorBook]:
    """A row for each flavor and device resource."""
    return Listing(
        kind="FlavorBook",
        rows=answer.books,
        columns=with_clusters(_COLUMNS, (each.cluster for each in answer.books)),
        name=lambda row: f"{row.flavor}/{row.resource}",
        document=flavor_book_document,
        nothing="no queue has quota for devices",
    )


def books_text(answer: BooksAnswer, rows: Sequence[FlavorBook], width: int | None, *, headers: bool) -> str:
    """The table, and below it what does not add up."""
    columns = [column for column in books_listing(answer).columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers)] if rows else ["no queue has quota for devices"]
    for each in answer.findings:
        lines += ["", *_finding_lines(each)]
    if not answer.findings and answer.whole and answer.books:
        lines += ["", "quota and hardware agree"]
    lines += [shown(remark) for remark in answer.remarks]
    return "\n".join(lines)


def _finding_lines(mended: MendedFinding) -> list[str]:
    found = mended.finding
    lines = [f"{found.fault}: {shown(found.subject)}: {shown(found.what)}", f"  mend: {shown(found.mend)}"]
    if len(mended.commands) > _MOST_COMMANDS:
        changes = (f"{edit.quota.name} {edit.before} → {edit.after}" for edit in found.edits)
        lines.append(f"  {', '.join(map(shown, changes))}: -o json has the {len(mended.commands)} commands")
    else:
        lines += [f"  {shown(command)}" for command in mended.commands]
    lines += [f"  {shown(line)}" for line in mended.diff.splitlines()]
    if mended.by_hand:
        lines.append(f"  by hand: {shown(mended.by_hand)}")
    return lines


_MOST_COMMANDS: Final = 2
"""Commands that are told under a finding; of more, what they change."""
_CHANGES: Final[tuple[Column[LendingChange], ...]] = (
    Column("CLUSTERQUEUE", lambda row: row.queue),
    Column("FLAVOR", lambda row: row.flavor, keep=2),
    Column("RESOURCE", lambda row: row.resource),
    # A cell of None would be drawn empty, and no limit is a value here.
    Column("LENDING LIMIT", lambda row: _limit(row.before), keep=1),
    Column("BECOMES", lambda row: _limit(row.after), keep=3),
)


def _limit(limit: str | None) -> str:
    return "none" if limit is None else limit


def lending_text(plan: LendingPlan, width: int | None) -> str:
    """The changes, and who would bring the present limits back."""
    lines = [table_text(_CHANGES, plan.changes, width=width)] if plan.changes else []
    if plan.declared:
        names = ", ".join(map(shown, plan.declared))
        lines.append(f"the next `allot apply` brings back what the platform directory says of {names}")
    return "\n".join([*lines, *left_alone(plan)])


def left_alone(plan: LendingPlan) -> list[str]:
    """Flavors that are not touched because a quota of theirs is in the wrong unit."""
    return [
        f"flavor {shown(each.flavor)} is left as it is: {each.kind} {shown(each.name)} has "
        f"{shown(str(each.written.nominal_quota))} {shown(each.resource)} of it: mend that unit first"
        for each in plan.unclear
    ]
