"""Who holds accelerators, a row for each submitted thing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from allotment.accounting.holdings import HoldMark, JobHold
from allotment.cli.commands.ask.clusters_column import with_clusters
from allotment.cli.shell.output import Listing
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.operations.ask.devices import WhoHolds, team_of
from allotment.reports.documents.devices import devices, holding_body, moment

UNKNOWN: Final = "unknown"
_WASTED: Final = frozenset({HoldMark.JOB_OVER, HoldMark.PROCESS_GONE, HoldMark.NODE_GONE})


def who_listing(found: WhoHolds) -> Listing[JobHold]:
    """A row for each submitted thing and kind of device, the largest first."""
    now = found.now

    def unknown(of: Callable[[JobHold], object]) -> bool:
        """Whether a column says the same of all: that nobody knows."""
        return not any(of(row) for row in found.holds)

    return Listing(
        kind="DeviceHolding",
        rows=found.holds,
        columns=with_clusters(
            (
                Column("TEAM", team_of, wide=all(team_of(row) == row.owner.namespace for row in found.holds), keep=6),
                Column("NAMESPACE", lambda row: row.owner.namespace if row.owner.top else None, keep=6),
                Column("PERSON", lambda row: row.owner.person or UNKNOWN, wide=unknown(_person), keep=3),
                Column("JOB", lambda row: _job(row) or None, keep=6),
                Column("ACCELERATOR", lambda row: row.accelerator, keep=5),
                Column("DEVICES", lambda row: devices(row.parts), keep=6),
                Column(
                    "IDLE",
                    lambda row: None if row.idle_parts is None else devices(row.idle_parts),
                    wide=unknown(lambda row: row.idle_parts is not None),
                    keep=2,
                ),
                Column("SINCE", lambda row: moment(row.since), text=lambda row: _ago(now, row.since), keep=4),
                Column(
                    "IDLE SINCE",
                    lambda row: moment(row.idle_since),
                    text=lambda row: _ago(now, row.idle_since),
                    wide=unknown(lambda row: row.idle_since),
                    keep=3,
                ),
                Column(
                    "ENDS AT",
                    lambda row: moment(row.ends),
                    text=lambda row: _ahead(now, row.ends),
                    wide=unknown(lambda row: row.ends),
                    keep=2,
                ),
                Column("NODES", lambda row: ", ".join(row.nodes), fold=", ", keep=1),
                Column("NOTE", _note, fold=", ", keep=5, style=_style),
                Column("QUEUE", lambda row: row.owner.queue or None, wide=True),
                Column("PODS", lambda row: row.pods, wide=True),
                Column("RESOURCE", lambda row: row.resource, wide=True),
                Column("CLUSTER", lambda row: row.cluster, wide=True),
            ),
            (row.cluster for row in found.holds),
        ),
        name=lambda row: f"{_job(row)} -n {row.owner.namespace}" if row.owner.top else team_of(row),
        document=holding_body,
        labels=lambda row: {
            "team": team_of(row),
            "person": row.owner.person or UNKNOWN,
            "namespace": row.owner.namespace,
            "queue": row.owner.queue,
            "localqueue": row.owner.local_queue,
            "accelerator": row.accelerator,
        },
        nothing="nobody holds such devices",
        same_labels=True,
    )


def who_text(found: WhoHolds, rows: Sequence[JobHold], width: int | None, *, headers: bool) -> str:
    """The rows, their sum, and what could not be seen."""
    columns = [column for column in who_listing(found).columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers)] if rows else [who_listing(found).nothing]
    if rows:
        lines += ["", _sum(rows)]
    return "\n".join([*lines, *(f"note: {shown(note)}" for note in found.notes)])


def _sum(rows: Sequence[JobHold]) -> str:
    held = devices(sum(each.parts for each in rows))
    text = f"{held:,g} device{'' if held == 1 else 's'} held"
    measured = [each.idle_parts for each in rows if each.idle_parts is not None]
    text += (
        f", {devices(sum(measured)):,g} of them idle" if measured else "; without metrics nobody knows which are idle"
    )
    unknown = sum(each.parts for each in rows if each.idle_parts is None)
    if measured and unknown:
        text += f", and of {devices(unknown):,g} nobody knows"
    for mark in HoldMark:
        parts = sum(each.marked.get(mark, 0) for each in rows)
        if parts:
            text += f"; {devices(parts):,g} {_WORDS[mark]}"
    return text


_WORDS: Final = {
    HoldMark.OUTSIDE_QUEUE: "outside any queue",
    HoldMark.DAEMON_SET: "by DaemonSets",
    HoldMark.JOB_OVER: "by jobs that have ended",
    HoldMark.PROCESS_GONE: "by pods whose processes have ended",
    HoldMark.NODE_GONE: "on nodes that are gone",
    HoldMark.LEAVING: "by pods that are being deleted",
}


def _job(row: JobHold) -> str:
    """As kubectl takes it: ``job/train``."""
    kind, _, name = row.owner.top.partition("/")
    return f"{kind.lower()}/{name}" if name else row.owner.top


def _person(row: JobHold) -> str:
    return row.owner.person


def _note(row: JobHold) -> str | None:
    """Marks; of one that not all of it has, how many devices do."""

    def told(mark: HoldMark, parts: int) -> str:
        return mark.value if parts == row.parts else f"{mark.value} ({devices(parts):,g})"

    return ", ".join(told(mark, row.marked[mark]) for mark in HoldMark if mark in row.marked) or None


def _style(row: JobHold) -> str:
    return "red" if row.marks & _WASTED else "yellow" if row.marks else ""


def _ago(now: int, then: int | None) -> str:
    if then is None:
        return ""
    return f"{duration(max(now - then, 0) / 1000)} ago" if now else moment(then) or ""


def _ahead(now: int, then: int | None) -> str:
    if then is None:
        return ""
    if not now:
        return moment(then) or ""
    return f"in {duration((then - now) / 1000)}" if then > now else "overdue"
