"""When what waits in a cluster starts, and what the answer rests on."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.operations.foresee.live.when import LiveWhen, WaitingStart
from allotment.reports.documents.estimate import within
from allotment.reports.documents.form import seconds
from allotment.reports.documents.live_start import answer_of, ends_of_start, message_of, waiting_start_document
from allotment.reports.pages.charts import short_time
from allotment.simulation.live.expected import ENOUGH_ENDED
from allotment.simulation.live.starts import ENOUGH_STARTS

_MOST_NOTES: Final = 6
_FORGOTTEN: Final = "needed; Kubernetes forgets what ended: --recorded DIR reads what `allot snapshot record` kept"


def live_when_listing(found: LiveWhen) -> Listing[WaitingStart]:
    """A row for each that waits; times are counted from the snapshot."""

    def end(title: str, index: int) -> Column[WaitingStart]:
        return Column(title, lambda row: _value(row, index), text=lambda row: _text(row, index), unit="seconds", keep=4)

    several = len({row.source for row in found.rows}) > 1
    return Listing(
        kind="LiveStart",
        rows=found.rows,
        columns=(
            Column("NAMESPACE", lambda row: row.subject.namespace, keep=2),
            Column("JOB", name_of, keep=5),
            Column("CLUSTER", lambda row: row.source or None, wide=not several),
            Column("QUEUE", lambda row: row.queue or None, keep=1),
            Column(
                "WAITED",
                lambda row: None if row.waited is None else seconds(row.waited),
                text=lambda row: "" if row.waited is None else short_time(row.waited),
                unit="seconds",
            ),
            end("EARLIEST", 0),
            end("MEDIAN", 1),
            end("LATEST", 2),
            Column("FUTURES", lambda row: None if row.start is None else row.start.futures, wide=True),
            Column("BASIS", lambda row: None if row.start is None else str(row.start.basis), wide=True),
            Column("MESSAGE", lambda row: message_of(row) or None, text=_message, keep=3, fold=" "),
        ),
        name=name_of,
        document=waiting_start_document,
        labels=lambda row: {"queue": row.queue, "namespace": row.subject.namespace, "answer": answer_of(row)},
        nothing="nothing waits in a queue",
        same_labels=True,
    )


def name_of(row: WaitingStart) -> str:
    """``kind/name``."""
    return f"{row.subject.kind.lower()}/{row.subject.name}"


def _value(row: WaitingStart, index: int) -> float | None:
    end = ends_of_start(row)[index]
    if end is None or row.start is None:
        return None
    known = within(end, max(row.start.horizon, 1))
    return math.inf if known is None else known


def _text(row: WaitingStart, index: int) -> str:
    end = ends_of_start(row)[index]
    if row.stands:
        return ""
    if row.never is not None:
        return "never"
    if end is None or row.start is None:
        return "?"
    horizon = max(row.start.horizon, 1)
    if not end:
        return "now"
    return short_time(end) if end < horizon else f"> {short_time(horizon)}"


_TOO_MUCH: Final = re.compile(
    r"insufficient quota for (\S+) in flavor ([^\s,;]+), previously considered podsets requests \((\S+)\) \+ current "
    r"podset request \((\S+)\) > maximum capacity \((\S+)\)"
)
_UNCOVERED: Final = re.compile(r"resource (\S+) unavailable in ClusterQueue")
_UNASSIGNED: Final = re.compile(r"couldn't assign flavors to pod set [^\s:]+: ")
_LONGEST: Final = 100
"""Characters of a message that a table shows; csv and JSON have it whole."""


def _message(row: WaitingStart) -> str:
    """The message without what says nothing: of a refusal for ever the numbers alone."""
    if row.never is None:
        return message_of(row)
    text = row.never.message
    told = [
        f"{resource} in flavor {flavor}: {request}{f' beside {others}' if others != '0' else ''}, at most {most}"
        for resource, flavor, others, request, most in _TOO_MUCH.findall(text)
    ]
    told += [f"its queue has no {resource}" for resource in _UNCOVERED.findall(text)]
    said = "; ".join(dict.fromkeys(told)) or _UNASSIGNED.sub("", text).partition(" preemption: ")[0]
    return f"never: {said if len(said) <= _LONGEST else f'{said[: _LONGEST - 1]}…'}"


def live_when_text(found: LiveWhen, rows: Sequence[WaitingStart], width: int | None, *, headers: bool) -> str:
    """The rows, and what the answer rests on."""
    columns = [column for column in live_when_listing(found).columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers), ""] if rows else []
    lines.append(
        f"{shown(found.observed_at)}: {count(found.pending, 'workload')} waiting, {found.running:,} with quota"
    )
    if found.pending and not found.rows:
        space = found.request.namespace
        lines.append(f"none of them waits in {shown(space)}: -A asks for all" if space else "none of them is foreseen")
    lines += live_basis(found, rows)
    if found.placing:
        lines.append(f"{_pods(found.placing)} for a node with quota: allot why tells what for")
    if found.pods:
        them = "it starts" if found.pods == 1 else "they start"
        lines.append(f"{_pods(found.pods)} for a node in no queue: when {them} is not foreseen")
    lines += [f"note: {shown(note)}" for note in found.notes[:_MOST_NOTES]]
    return "\n".join(lines)


def _pods(number: int) -> str:
    return f"{count(number, 'pod')} {'waits' if number == 1 else 'wait'}"


def live_basis(found: LiveWhen, rows: Sequence[WaitingStart]) -> list[str]:
    """What the intervals rest on, a sentence a line."""
    wishes = found.request.wishes
    starts = [row.start for row in rows if row.start is not None]
    told = [each for each in starts if each.interval is not None and each.interval.high > 0]
    lines = []
    if told:
        most, least = max(each.futures for each in told), min(each.futures for each in told)
        futures = f"{most:,}" if most == least else f"{least:,} to {most:,}"
        lines.append(
            f"from {futures} futures of the next {short_time(max(each.horizon for each in told))}, in "
            f"{found.seconds:.1f} s of a budget of {wishes.budget:g} s; seed {found.request.seed}"
        )
    if told and found.ended:
        lines.append(f"run times: drawn from {count(found.ended, 'job')} that ended; {_recorded(found)}")
    elif told:
        lines.append("run times: nothing has ended; all up to its limit is taken to be as likely")
    if told:
        lines.append("others submit " + ("as they did before" if wishes.replay and found.ended else "nothing more"))
        share = round(100 * wishes.coverage)
        lines.append(
            f"the interval is to hold {share} % of starts; corrected by {count(found.learnt, 'past start')}"
            if found.learnt
            else f"the interval holds {share} % of the futures; not corrected: fewer than {ENOUGH_STARTS} past starts "
            "are known that had to wait, or the budget was too small for them"
        )
    if any(each.interval is None for each in starts) and found.ended < ENOUGH_ENDED:
        lines.append(
            f"{count(found.ended, 'job')} that ended {'is' if found.ended == 1 else 'are'} known, {ENOUGH_ENDED} are "
            + ("needed: those of the last 30 days, which the server keeps" if found.machine else _FORGOTTEN)
        )
    return lines


def _recorded(found: LiveWhen) -> str:
    if found.recorded:
        return f"{count(found.recorded, 'recorded snapshot')} read"
    return "of the last 30 days, as the server keeps them" if found.machine else "from this snapshot alone"
