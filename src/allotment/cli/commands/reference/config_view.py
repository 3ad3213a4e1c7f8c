"""Settings as a table."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.operations.directory.configuration import Value, setting
from allotment.reports.documents.installation import setting_document


def settings_listing(values: Sequence[Value], *, origin: bool) -> Listing[Value]:
    """Settings with value, and with their origin if asked for (always in wide and csv)."""
    return Listing(
        kind="Setting",
        rows=values,
        columns=(
            Column("KEY", lambda row: row.key),
            Column("VALUE", lambda row: row.value or None, keep=1),
            Column("ORIGIN", lambda row: str(row.origin), wide=not origin),
            Column("FROM", lambda row: row.detail or None, wide=not origin, fold=" "),
            Column("SUMMARY", lambda row: setting(row.key).summary, wide=True),
        ),
        name=lambda row: row.key,
        document=setting_document,
    )
