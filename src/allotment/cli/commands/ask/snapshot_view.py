"""Snapshots as tables: what one holds, and what is different between two."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from allotment.cli.shell.output import Listing
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.observed.snapshot import Gap, Snapshot, Source
from allotment.observe.differences import Difference, Happened
from allotment.reports.documents.snapshot import (
    ELSEWHERE,
    CountOfKind,
    age,
    count_document,
    counts_of,
    difference_document,
)

_LONGEST_READING: Final = 86_400 * 365
"""Seconds; what a file says of more is no reading that anybody made."""
_MOST_GAPS: Final = 5
"""Gaps of one reason that are told in the text; JSON has all."""
_COLORS: Final = {Happened.CAME: "green", Happened.WENT: "red", Happened.REPLACED: "yellow"}
_REASONS: Final = {
    "forbidden": "not allowed to read",
    "failed": "not answered",
    "absent": "not served",
    "damaged": "not in a form that the API allows",
    "cut": "too many",
    "hidden": "left out for the view",
    ELSEWHERE: "not allowed to read in other namespaces",
}


def count_listing(snapshot: Snapshot) -> Listing[CountOfKind]:
    """A row a kind."""
    several = len(snapshot.sources) > 1
    return Listing(
        kind="ObservedKind",
        rows=counts_of(snapshot),
        columns=(
            Column("KIND", lambda row: row.kind),
            Column("OBJECTS", lambda row: row.objects, keep=1),
            Column("MISSING", lambda row: _REASONS.get(row.missing, row.missing) or None),
            Column("SOURCE", lambda row: row.source, wide=not several),
        ),
        name=lambda row: row.kind,
        document=count_document,
        labels=lambda row: {"kind": row.kind, "source": row.source},
        nothing="the snapshot holds no object",
    )


def snapshot_text(
    snapshot: Snapshot, rows: Sequence[CountOfKind], now: dt.datetime, width: int | None, *, headers: bool
) -> str:
    """Who saw what, when; the counts; what could not be seen."""
    listing = count_listing(snapshot)
    parts = ["\n".join(_head(snapshot, now))]
    if rows:
        columns = [column for column in listing.columns if not column.wide]
        parts.append(table_text(columns, rows, width=width, headers=headers))
    gaps = [line for source in snapshot.sources for line in gap_lines(source.gaps)]
    if gaps:
        parts.append("\n".join(("not seen:", *(f"  {line}" for line in gaps))))
    return "\n\n".join(parts)


def _head(snapshot: Snapshot, now: dt.datetime) -> Iterator[str]:
    for source in snapshot.sources:
        yield _source_line(source, now)
    if snapshot.view:
        yield f"saved for {shown(snapshot.view)}"
    elif snapshot.asker.user:
        yield f"as {shown(snapshot.asker.user)} saw it"
    if snapshot.submissions:
        yield f"{len(snapshot.submissions):,} refused submissions"


def _source_line(source: Source, now: dt.datetime) -> str:
    seconds = age(source.observed_at, now)
    parts = [
        f"{shown(source.name)} ({shown(source.server)})" if source.server else shown(source.name),
        f"seen {shown(source.observed_at)}" + ("" if seconds is None else f", {duration(seconds)} ago"),
        f"not reached ({shown(source.unreached)})" if source.unreached else "",
        f"nothing newer ({shown(source.stale)})" if source.stale else "",
        f"in {source.took:g} s" if 0 < source.took < _LONGEST_READING else "",
        f"in the namespaces {', '.join(map(shown, source.namespaces))} only" if source.namespaces else "",
    ]
    return ", ".join(filter(None, parts))


def gap_lines(gaps: Sequence[Gap]) -> Iterator[str]:
    """What was not seen, a line a reason, the first few by name with the words of the first."""
    reasons = list(dict.fromkeys(each.reason for each in gaps))
    for reason in reasons:
        found = sorted((each for each in gaps if each.reason == reason), key=lambda gap: (gap.what, gap.namespace))
        whole = {each.what for each in found if not each.namespace}
        found = [each for each in found if not each.namespace or each.what not in whole]
        named = [
            shown(each.what) + (f" in {shown(each.namespace)}" if each.namespace else "") for each in found[:_MOST_GAPS]
        ]
        more = f" and {len(found) - _MOST_GAPS:,} more" if len(found) > _MOST_GAPS else ""
        said = shown(found[0].detail)
        yield f"{_REASONS.get(reason, shown(reason))}: {', '.join(named)}{more}" + (f" ({said})" if said else "")


def difference_listing(rows: Sequence[Difference]) -> Listing[Difference]:
    """A row an object."""
    several = len({row.source for row in rows}) > 1
    return Listing(
        kind="ObjectDifference",
        rows=rows,
        columns=(
            Column("KIND", lambda row: row.kind, keep=2),
            Column("NAMESPACE", lambda row: row.namespace or None, keep=1),
            Column("NAME", lambda row: row.name, keep=3),
            Column("HAPPENED", lambda row: row.happened.value, style=lambda row: _COLORS.get(row.happened, ""), keep=2),
            Column("FIELDS", _fields, fold=", "),
            Column("SOURCE", lambda row: row.source, wide=not several),
        ),
        name=lambda row: f"{row.kind.lower()}/{row.name}",
        document=difference_document,
        labels=lambda row: {
            "kind": row.kind,
            "namespace": row.namespace,
            "happened": row.happened.value,
            "source": row.source,
        },
        nothing="nothing came, went or changed",
    )


def _fields(row: Difference) -> str | None:
    told = [f"{each.path}: {each.before or 'none'} → {each.after or 'none'}" for each in row.fields]
    if row.more:
        told.append(f"{row.more:,} more")
    return ", ".join(told) or None


def difference_note(rows: Sequence[Difference]) -> str:
    """How many came, went and changed."""
    counts = Counter(row.happened for row in rows)
    return ", ".join(f"{counts[each]:,} {each.value}" for each in Happened if counts[each])
