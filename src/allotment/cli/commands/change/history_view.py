"""Past applies and adoptions: a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.model.moments import rfc3339
from allotment.operations.change.history import Ending, Record
from allotment.reports.documents.history import record_document

_COLORS: Final = {Ending.COMPLETE: "green", Ending.UNFINISHED: "yellow"}
"""The rest is red."""

_SHORT: Final = 10
"""Characters of a commit or digest in a table."""


def history_listing(records: Sequence[Record]) -> Listing[Record]:
    """A row an apply, an adoption, or its end."""
    return Listing(
        kind="ApplyRecord",
        rows=records,
        columns=(
            Column("STARTED", lambda row: rfc3339(row.started)),
            Column("BY", lambda row: row.by),
            Column("WHAT", _what, keep=2, fold=", "),
            Column("COMMIT", _commit),
            Column("STEPS", lambda row: _steps(row) or None, keep=1, fold=", "),
            Column("ENDED", lambda row: row.ending.value, style=lambda row: _COLORS.get(row.ending, "red"), keep=2),
            Column("FINISHED", lambda row: rfc3339(row.finished) if row.finished else None, wide=True),
            Column("DIRECTORY", lambda row: row.source.digest[:_SHORT] or None, wide=True),
            Column("MANIFESTS", lambda row: row.manifests[:_SHORT] or None, wide=True),
            Column("CLUSTER", lambda row: row.cluster, wide=True),
            Column("ID", lambda row: row.id, wide=True),
        ),
        name=lambda row: row.id,
        document=record_document,
        labels=lambda row: {
            "cluster": row.cluster,
            "platform": row.platform,
            "ended": row.ending.value,
            "what": row.act.value,
        },
        nothing="no apply or adoption is on record",
    )


def _what(row: Record) -> str:
    named = ", ".join(row.objects)
    more = f" and {row.more} more" if row.more else ""
    return f"{row.act.value} {named}{more}" if named else row.act.value


def _commit(row: Record) -> str | None:
    if not row.source.commit:
        return None
    return row.source.commit[:_SHORT] + (" +changes" if row.source.dirty else "")


def _steps(row: Record) -> str:
    return ", ".join(f"{number} {status}" for status, number in row.steps.items())
