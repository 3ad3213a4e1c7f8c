"""Drift: what differs in which cluster, who changed it, and what a repair did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import click

from allotment.cli.commands.change.apply_view import outcome_listing, report_text
from allotment.cli.commands.change.change_lines import followers_text
from allotment.cli.commands.change.values import list_difference, shown_value, shown_values
from allotment.cli.commands.change.wording import Told, told
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.cli.shell.terminal import printable
from allotment.model.grammar import count
from allotment.operations.change.apply import ApplyReport, Outcome
from allotment.operations.change.drift import (
    ClusterDrift,
    DriftedObject,
    DriftKind,
    DriftReport,
    DriftState,
)
from allotment.plan.changes import place_of
from allotment.plan.difference import ABSENT
from allotment.reports.documents.drift import DriftRow, drift_rows, drifted_document

_COLORS: Final = {
    DriftKind.CHANGED: "yellow",
    DriftKind.MISSING: "red",
    DriftKind.SURPLUS: "red",
    DriftKind.BLOCKED: "bright_red",
    DriftKind.NODES: "red",
    DriftKind.UNCOUNTED: "red",
    DriftKind.FOREIGN: "magenta",
    DriftKind.KEPT: "blue",
}


def drift_listing(report: DriftReport) -> Listing[DriftRow]:
    """A row an object."""
    return Listing(
        kind="DriftedObject",
        rows=drift_rows(report),
        columns=(
            Column("CLUSTER", lambda row: row.cluster),
            Column("DRIFT", lambda row: row.object.kind.value, style=lambda row: _COLORS[row.object.kind]),
            Column("KIND", lambda row: row.object.key.kind),
            Column("NAMESPACE", lambda row: row.object.key.namespace or None),
            Column("NAME", lambda row: row.object.key.name),
            Column("FIELDS", lambda row: len(row.object.fields) or None),
            Column("BY", lambda row: ", ".join(sorted({f.by for f in row.object.fields if f.by})) or None),
            Column("DETAILS", lambda row: "; ".join(_details(row.object, in_words=False)) or None, wide=True),
        ),
        name=lambda row: f"{row.cluster} {row.object.key}",
        document=drifted_document,
        labels=lambda row: {
            "cluster": row.cluster,
            "drift": row.object.kind.value,
            "kind": row.object.key.kind,
            "namespace": row.object.key.namespace,
        },
        nothing="no drift",
    )


def drift_text(report: DriftReport, rows: Sequence[DriftRow]) -> str:
    """Each cluster with its verdict; below it what differs."""
    blocks = []
    for cluster in report.clusters:
        lines = [_headline(cluster)]
        here = [row.object for row in rows if row.cluster == cluster.cluster]
        for found in here:
            if not found.following:
                lines.append(f"  {_word(found.kind)} {printable(str(found.key))}")
                lines += [f"            {detail}" for detail in _details(found)]
        behind = Counter(found.following for found in here if found.following)
        lines += [f"  {_word(DriftKind.BLOCKED)} {followers_text(*each)}" for each in sorted(behind.items())]
        lines += [f"  {click.style('refused:', fg='red')} {printable(str(each))}" for each in cluster.refused]
        lines += [f"  {click.style('note:', fg='yellow')} {printable(note)}" for note in cluster.notes]
        lines += [f"  {printable(str(unread))}" for unread in cluster.unread]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _word(kind: DriftKind) -> str:
    return click.style(f"{kind.value:<9}", fg=_COLORS[kind])


def _headline(cluster: ClusterDrift) -> str:
    at = place_of("", cluster.plan.server, cluster.plan.context) if cluster.plan is not None else ""
    name = f"{click.style(cluster.cluster, bold=True)}{at}"
    match cluster.state:
        case DriftState.IN_SYNC:
            unchanged = cluster.plan.unchanged if cluster.plan is not None else 0
            return f"{name}: {click.style('in sync', fg='green')} ({count(unchanged, 'object')}{_kept(cluster)})"
        case DriftState.DRIFTED:
            drifted = count(len(cluster.differing), "object")
            return f"{name}: {click.style('drifted', fg='yellow')} ({drifted}{_kept(cluster)})"
        case DriftState.UNREACHABLE:
            why = str(cluster.error).replace("\n", "\n  ") if cluster.error else "it does not answer"
            return f"{name}: {click.style('unknown', fg='red')}: {printable(why)}"


def _kept(cluster: ClusterDrift) -> str:
    number = len(cluster.objects) - len(cluster.differing)
    return f", {number} kept by adoption" if number else ""


def _details(found: DriftedObject, *, in_words: bool = True) -> list[str]:
    if in_words and found.repair is not None:
        lines = [_told_line(said) for said in told(found.repair.manifest.body, found.repair.fields)]
    else:
        lines = [_line(field.field, field.live, field.declared, _by(field.by, field.since)) for field in found.fields]
    return [*lines, printable(found.message)] if found.message else lines


def _told_line(said: Told) -> str:
    change, by = said.change, _by(said.change.by, said.change.since)
    listed = list_difference(change.new, change.old) if said.in_words else ""
    if listed:
        return f"{printable(said.what)}: {listed} against what is declared{by}"
    return _line(said.what, change.old, change.new, by)


def _line(what: str, live: Any, declared: Any, by: str) -> str:
    if live is not ABSENT and live == declared:
        return f"{printable(what)}: {shown_value(live)} stays, but is no longer ours{by}"
    one, other = shown_values(live, declared)
    return f"{printable(what)}: is {one}, declared {other}{by}"


def _by(owner: str, since: str) -> str:
    return f" (by {printable(owner)}{f', {since}' if since else ''})" if owner else ""


def repair_listing(done: Sequence[ApplyReport]) -> Listing[Outcome]:
    """A row a step, over all clusters."""
    one = ApplyReport("", "", tuple(outcome for report in done for outcome in report.outcomes), 0)
    return outcome_listing(one)


def repair_text(drift: DriftReport, done: Sequence[ApplyReport], rows: Sequence[Outcome]) -> str:
    """What was put right in each cluster."""
    if not done and drift.in_sync:
        return f"{click.style('nothing to repair', fg='green', bold=True)}: every cluster is as declared"
    lines = [report_text(report, [row for row in rows if row in report.outcomes]) for report in done]
    for each in drift.clusters:
        strangers = [found for found in each.objects if found.kind is DriftKind.FOREIGN]
        if strangers:
            lines.append(f"{each.cluster}: left alone, because not ours: {count(len(strangers), 'object')}")
            lines += [f"  {printable(str(found.key))} {printable(found.message)}" for found in strangers]
    lines += [f"{name}: not repaired, it does not answer" for name in drift.degraded]
    lines += [f"{each.cluster}: nodes and uncounted work are left as they are" for each in _left(drift)]
    return "\n".join(lines)


def _left(drift: DriftReport) -> list[ClusterDrift]:
    return [each for each in drift.clusters if each.beyond_apply]
