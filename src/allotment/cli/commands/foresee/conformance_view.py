"""Conformance: agreement per class and the first difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.cli.shell.terminal import printable
from allotment.model.grammar import count
from allotment.operations.foresee.conformance import ClassAgreement, ConformanceReport, Disagreement
from allotment.reports.documents.conformance import class_document

_LONGEST: Final = 400
"""Characters of one recorded line in the table output; JSON has it in full."""
_NAMED: Final = 5
"""Differing scenarios that the plain table names for each class."""


def _agreement(row: ClassAgreement) -> str:
    return f"{100 * row.identical / row.compared:.1f}%" if row.compared else "-"


def _some_of(row: ClassAgreement) -> str:
    more = len(row.differing) - _NAMED
    return " ".join(row.differing[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def conformance_listing(report: ConformanceReport) -> Listing[ClassAgreement]:
    """A row a class."""
    return Listing(
        kind="ClassAgreement",
        rows=report.classes,
        columns=(
            Column("CLASS", lambda row: row.kind or "-"),
            Column("SCENARIOS", lambda row: row.scenarios),
            Column("COMPARED", lambda row: row.compared),
            Column("IDENTICAL", lambda row: row.identical),
            Column("AGREEMENT", _agreement, style=lambda row: "red" if row.differing else "green"),
            Column("DIFFERING", _some_of, keep=1, fold=", "),
        ),
        name=lambda row: row.kind,
        document=class_document,
        labels=lambda row: {"class": row.kind},
        nothing="no scenario found",
    )


def conformance_text(
    report: ConformanceReport, rows: Sequence[ClassAgreement], width: int | None, *, headers: bool
) -> str:
    """The classes, the sum, and the first difference."""
    listing = conformance_listing(report)
    lines = [table_text(listing.columns, rows, width=width, headers=headers), ""]
    if not report.compared:
        lines.append(f"nothing compared: {count(report.scenarios, 'scenario')} without recorded answers")
    elif report.first is None:
        verdict = click.style("identical", fg="green")
        lines.append(f"{verdict}: {report.identical} of {count(report.compared, 'compared scenario')}")
    else:
        lines.append(
            f"{click.style('different', fg='red', bold=True)}: {report.compared - report.identical} of "
            f"{count(report.compared, 'compared scenario')}"
        )
        lines += ["", *_difference(report.first)]
    return "\n".join(lines)


def _difference(found: Disagreement) -> list[str]:
    lines = [
        f"first difference: {printable(found.scenario)} ({printable(found.where)})",
        f"  in {printable(found.place)}",
    ]
    for title, texts in (("recorded", found.recorded), ("ours", found.ours), ("before it", found.state)):
        lines.append(f"  {title}:")
        lines += [f"    {_cut(text)}" for text in texts] or ["    nothing"]
    return lines


def _cut(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
