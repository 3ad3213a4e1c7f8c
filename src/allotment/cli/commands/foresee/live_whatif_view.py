"""What a change of a live cluster would do: who gets quota now, who waits longer, who less, who has to move."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from allotment.cli.commands.foresee.compare_view import signed
from allotment.cli.commands.foresee.live_nodes_view import (
    acted_lines,
    devices_text,
    found_text,
    moved_text,
    placed_text,
    reasons_of,
    state_after,
    summed_lines,
)
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.operations.foresee.live.node_effects import MovedWork, PlacedWork
from allotment.operations.foresee.live.whatif import ChangedStart, LiveWhatIf
from allotment.reports.documents.live_change import WhatIfRow, changed_row_document, rows_of
from allotment.reports.pages.charts import short_time
from allotment.simulation.live.starts import StartBasis

_MOST_NAMED: Final = 5


def live_whatif_listing(found: LiveWhatIf) -> Listing[WhatIfRow]:
    """A row for each that something changes for."""
    of_nodes = found.nodes is not None
    devices: Column[WhatIfRow] = Column("DEVICES", _devices, keep=1)
    change: Column[WhatIfRow] = Column(
        "CHANGE",
        lambda row: _seconds(_change(row)),
        text=lambda row: "" if (change := _change(row)) is None else signed(change / 1000),
        unit="seconds",
        style=lambda row: "" if not (change := _change(row)) else "red" if change > 0 else "green",
    )
    return Listing(
        kind="ChangedStart",
        rows=rows_of(found),
        columns=(
            Column("NAMESPACE", lambda row: row.subject.namespace, keep=2),
            Column("JOB", _name, keep=5),
            Column("QUEUE", _queue, keep=0 if of_nodes else 3),
            *([devices] if of_nodes else []),
            Column(
                "BEFORE",
                lambda row: (
                    _cell(row.change.before, row.change.starts_before)
                    if isinstance(row, ChangedStart)
                    else _before(row)
                ),
                text=_before,
                unit="seconds",
                keep=4,
            ),
            Column(
                "AFTER",
                lambda row: (
                    _cell(row.change.after, row.change.starts_after) if isinstance(row, ChangedStart) else _after(row)
                ),
                text=_after,
                unit="seconds",
                keep=4,
            ),
            # Waits are of queues: where no future bears on them, none changes.
            *([change] if not of_nodes or found.found.futures else []),
            Column("WHAT" if of_nodes else "NOW", _now, keep=6 if of_nodes else 3, fold="; " if of_nodes else ""),
        ),
        name=_name,
        document=changed_row_document,
        labels=lambda row: {"queue": _queue(row), "namespace": row.subject.namespace},
        nothing=_nothing(found),
        same_labels=True,
    )


def _nothing(found: LiveWhatIf) -> str:
    if found.nodes is None:
        return "nothing changes for those that wait"
    whose = " that is told of by name" if found.nodes.others.pods else ""
    return f"nothing changes for work{whose}"


def _name(row: WhatIfRow) -> str:
    return f"{row.subject.kind.lower()}/{row.subject.name}"


def _queue(row: WhatIfRow) -> str:
    return row.change.queue if isinstance(row, ChangedStart) else row.queue


def _devices(row: WhatIfRow) -> str | None:
    return None if isinstance(row, ChangedStart) else devices_text(row.devices) or None


def _change(row: WhatIfRow) -> float | None:
    return row.change.change if isinstance(row, ChangedStart) else None


def _before(row: WhatIfRow) -> str:
    match row:
        case MovedWork():
            return "runs" if any(each.runs for each in row.pods) else "starting"
        case PlacedWork():
            return found_text(row, row.before)
        case ChangedStart():
            return _text(row.change.before, now=row.change.starts_before, runs=row.started)


def _after(row: WhatIfRow) -> str:
    match row:
        case MovedWork():
            return state_after(row)
        case PlacedWork():
            return found_text(row, row.after)
        case ChangedStart():
            runs = row.starts if row.change.starts_before else None
            return _text(row.change.after, now=row.change.starts_after, runs=runs)


def _cell(wait: float | None, now: bool) -> float | None:  # noqa: FBT001 (a cell's two halves)
    """Seconds until it gets its quota: none where it does now, whether or not later starts have a basis."""
    return 0.0 if now else _seconds(wait)


def _seconds(wait: float | None) -> float | None:
    return None if wait is None else wait / 1000


def _text(wait: float | None, *, now: bool, runs: bool | None) -> str:
    if now:
        return "no node" if runs is False else "now"
    if wait is None:
        return "?"
    return "not in sight" if wait == math.inf else short_time(wait)


def _now(row: WhatIfRow) -> str | None:
    if isinstance(row, MovedWork):
        return moved_text(row)
    if isinstance(row, PlacedWork):
        return placed_text(row)
    change = row.change
    if change.starts_before and change.starts_after and row.started != row.starts:
        return "starts" if row.starts else "no longer runs"
    if change.starts_before == change.starts_after:
        return None
    if not change.starts_after:
        return "no longer gets quota"
    return "starts" if row.starts else "gets quota"


def live_whatif_text(found: LiveWhatIf, rows: Sequence[WhatIfRow], width: int | None, *, headers: bool) -> str:
    """What was changed, who it changes something for, and what that rests on."""
    listing = live_whatif_listing(found)
    nodes = found.nodes
    lines = [
        f"{each.what}  {each.before} → {each.after}" + (f"  ({each.note})" if each.note else "")
        for each in found.settings
    ]
    lines += acted_lines(nodes) if nodes is not None else ()
    lines += [""] if lines else []
    lines.append(table_text(listing.columns, rows, width=width, headers=headers) if rows else listing.nothing)
    lines.append("")
    if nodes is not None:
        lines += reasons_of([row for row in rows if not isinstance(row, ChangedStart)])
        lines += summed_lines(nodes)
    starts = [row for row in rows if isinstance(row, ChangedStart)]
    if nodes is None or found.settings or starts:
        lines += _at_once(starts)
    lines += _waits(found, starts)
    if found.preempted:
        named = ", ".join(shown(f"{each.kind.lower()}/{each.name}") for each in found.preempted[:_MOST_NAMED])
        more = f" and {len(found.preempted) - _MOST_NAMED:,} more" if len(found.preempted) > _MOST_NAMED else ""
        lines.append(f"losing their quota at once: {named}{more}")
    notes = (*found.notes, *(nodes.notes if nodes is not None else ()))
    return "\n".join([*lines, *(f"note: {shown(note)}" for note in notes)])


def _waits(found: LiveWhatIf, rows: Sequence[ChangedStart]) -> Iterator[str]:
    """What becomes of waits in queues, and what that rests on."""
    unchanged = f"unchanged: {found.unchanged:,}"
    if found.found.basis is StartBasis.NONE:
        yield "no basis for later starts: too little has ended to know run times"
    elif found.found.basis is StartBasis.NO_TIME:
        yield "no future fitted into the time budget: only what changes at once is known"
    elif found.found.futures:
        looked = "" if found.found.looked is None else f" of the next {short_time(found.found.looked)}"
        longer = sum((row.change.change or 0) > 0 for row in rows)
        less = sum((row.change.change or 0) < 0 for row in rows)
        yield (
            f"waiting longer: {count(longer, 'job')}; less: {less:,}; {unchanged}; medians of "
            f"{count(found.found.futures, 'future')}{looked}, each played with and without the change"
        )
    elif found.nodes is not None and found.unchanged:
        yield f"waits in queues stay as they are ({unchanged}): quota counts no nodes"
    elif found.nodes is None:
        yield f"no wait in a queue changes ({unchanged})"


def _at_once(rows: Sequence[ChangedStart]) -> Iterator[str]:
    """Who gets quota now, who of them runs, and what keeps the others."""
    getting = [row for row in rows if row.change.starts_after and not row.change.starts_before]
    losing = sum(row.change.starts_before and not row.change.starts_after for row in rows)
    told = f"getting quota now that did not: {count(len(getting), 'job')}"
    if any(row.starts is not None for row in getting):
        told += f", of which {sum(row.starts is True for row in getting):,} would run"
    yield f"{told}; not getting it any more: {losing:,}"
    kept = [row for row in getting if row.then is not None]
    kept += [row for row in rows if row.started and row.starts is False and row.change.starts_after]
    yield from (f"{shown(_name(row))} then waits: {shown(row.then.summary)}" for row in kept[:_MOST_NAMED] if row.then)
    if len(kept) > _MOST_NAMED:
        yield f"and {len(kept) - _MOST_NAMED:,} more"
    if any(row.starts is None for row in getting):
        yield "whether they would run is not known: not all nodes and pods were seen"
