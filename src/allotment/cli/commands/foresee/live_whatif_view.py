"""What a change of a live cluster would do: who gets quota now, who waits longer, who less."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from allotment.cli.commands.foresee.compare_view import signed
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.operations.foresee.live.whatif import ChangedStart, LiveWhatIf
from allotment.reports.documents.live_change import changed_start_document
from allotment.reports.pages.charts import short_time
from allotment.simulation.live.starts import StartBasis

_MOST_NAMED: Final = 5


def live_whatif_listing(found: LiveWhatIf) -> Listing[ChangedStart]:
    """A row for each that something changes for."""
    return Listing(
        kind="ChangedStart",
        rows=found.rows,
        columns=(
            Column("NAMESPACE", lambda row: row.subject.namespace, keep=2),
            Column("JOB", _name, keep=5),
            Column("QUEUE", lambda row: row.change.queue, keep=3),
            Column(
                "BEFORE",
                lambda row: _seconds(row.change.before),
                text=lambda row: _text(row.change.before, now=row.change.starts_before),
                unit="seconds",
                keep=4,
            ),
            Column(
                "AFTER",
                lambda row: _seconds(row.change.after),
                text=lambda row: _text(row.change.after, now=row.change.starts_after),
                unit="seconds",
                keep=4,
            ),
            Column(
                "CHANGE",
                lambda row: _seconds(row.change.change),
                text=lambda row: "" if row.change.change is None else signed(row.change.change / 1000),
                unit="seconds",
                style=lambda row: "" if not row.change.change else "red" if row.change.change > 0 else "green",
            ),
            Column("NOW", _now, keep=3),
        ),
        name=_name,
        document=changed_start_document,
        labels=lambda row: {"queue": row.change.queue, "namespace": row.subject.namespace},
        nothing="nothing changes for those that wait",
        same_labels=True,
    )


def _name(row: ChangedStart) -> str:
    return f"{row.subject.kind.lower()}/{row.subject.name}"


def _seconds(wait: float | None) -> float | None:
    return None if wait is None else wait / 1000


def _text(wait: float | None, *, now: bool) -> str:
    if now:
        return "now"
    if wait is None:
        return "?"
    return "not in sight" if wait == math.inf else short_time(wait)


def _now(row: ChangedStart) -> str | None:
    change = row.change
    if change.starts_before == change.starts_after:
        return None
    if not change.starts_after:
        return "no longer gets quota"
    return "starts" if row.starts else "gets quota"


def live_whatif_text(found: LiveWhatIf, rows: Sequence[ChangedStart], width: int | None, *, headers: bool) -> str:
    """What was changed, who it changes something for, and what that rests on."""
    listing = live_whatif_listing(found)
    lines = [
        f"{each.what}  {each.before} → {each.after}" + (f"  ({each.note})" if each.note else "")
        for each in found.settings
    ]
    lines += [""] if lines else []
    lines.append(table_text(listing.columns, rows, width=width, headers=headers) if rows else listing.nothing)
    lines.append("")
    lines += _at_once(rows)
    if found.found.basis in (StartBasis.HISTORY, StartBasis.LIMITS) and found.found.futures:
        longer = sum((row.change.change or 0) > 0 for row in rows)
        less = sum((row.change.change or 0) < 0 for row in rows)
        lines.append(
            f"waiting longer: {count(longer, 'job')}; less: {less:,}; unchanged: {found.unchanged:,}; medians of "
            f"{count(found.found.futures, 'future')}, each played with and without the change"
        )
    elif found.found.basis is StartBasis.NONE:
        lines.append("no basis for later starts: too little has ended to know run times")
    elif found.found.basis is StartBasis.NO_TIME:
        lines.append("no future fitted into the time budget: only what changes at once is known")
    if found.preempted:
        named = ", ".join(shown(f"{each.kind.lower()}/{each.name}") for each in found.preempted[:_MOST_NAMED])
        more = f" and {len(found.preempted) - _MOST_NAMED:,} more" if len(found.preempted) > _MOST_NAMED else ""
        lines.append(f"losing their quota at once: {named}{more}")
    return "\n".join([*lines, *(f"note: {shown(note)}" for note in found.notes)])


def _at_once(rows: Sequence[ChangedStart]) -> Iterator[str]:
    """Who gets quota now, who of them runs, and what keeps the others."""
    getting = [row for row in rows if row.change.starts_after and not row.change.starts_before]
    losing = sum(row.change.starts_before and not row.change.starts_after for row in rows)
    told = f"getting quota now that did not: {count(len(getting), 'job')}"
    if any(row.starts is not None for row in getting):
        told += f", of which {sum(row.starts is True for row in getting):,} would run"
    yield f"{told}; not getting it any more: {losing:,}"
    kept = [row for row in getting if row.then is not None]
    yield from (f"{shown(_name(row))} then waits: {shown(row.then.summary)}" for row in kept[:_MOST_NAMED] if row.then)
    if len(kept) > _MOST_NAMED:
        yield f"and {len(kept) - _MOST_NAMED:,} more"
    if any(row.starts is None for row in getting):
        yield "whether they would run is not known: not all nodes and pods were seen"
