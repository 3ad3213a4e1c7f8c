"""What apply did, and what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import click

from allotment.cli.commands.change.change_lines import followers_text, following
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.cli.shell.terminal import printable
from allotment.model.grammar import count
from allotment.operations.change.apply import NOT_BEGUN, ApplyReport, Outcome, Status
from allotment.plan.changes import Blocked
from allotment.reports.documents.apply import outcome_document

_COLORS: Final = {
    Status.APPLIED: "green",
    Status.DELETED: "green",
    Status.DRAINED: "green",
    Status.SKIPPED: "yellow",
}
"""The rest is red."""


def outcome_listing(report: ApplyReport) -> Listing[Outcome]:
    """A row a step."""
    return Listing(
        kind="Outcome",
        rows=report.outcomes,
        columns=(
            Column("STATUS", lambda row: row.status.value, style=lambda row: _COLORS.get(row.status, "red")),
            Column("ACTION", lambda row: row.change.action.value),
            Column("KIND", lambda row: row.change.key.kind),
            Column("NAMESPACE", lambda row: row.change.key.namespace or None),
            Column("NAME", lambda row: row.change.key.name),
            Column("MESSAGE", lambda row: row.message or None),
            Column("SERVER-WARNINGS", lambda row: "; ".join(row.warnings) or None, wide=True),
        ),
        name=lambda row: str(row.change.key),
        document=outcome_document,
        labels=lambda row: {
            "status": row.status.value,
            "action": row.change.action.value,
            "kind": row.change.key.kind,
            "namespace": row.change.key.namespace,
            "done": str(row.done).lower(),
        },
        nothing="nothing to do",
    )


def report_text(report: ApplyReport, rows: Sequence[Outcome]) -> str:
    """A headline; what the server remarked; what was not done, and why; the next step."""
    counts = Counter(outcome.status for outcome in report.outcomes)
    if not report.outcomes:
        return f"{click.style('nothing to do', fg='green', bold=True)}: {report.place} is as declared"
    parts = [
        click.style(f"{counts[status]} {status.value}", fg=_COLORS.get(status, "red"))
        for status in Status
        if counts[status]
    ]
    lines = [f"{_headline(report)}: {report.place}: {', '.join(parts)}, {report.unchanged} unchanged"]
    for outcome in rows:
        for warning in outcome.warnings:
            mark = click.style("warning:", fg="yellow", bold=True)
            lines.append(f"{mark} {printable(str(outcome.change.key))}: {printable(warning)}")
    left = [outcome for outcome in rows if not outcome.done]
    if left:
        lines += ["", click.style(f"Left to do: {count(len(report.remaining), 'object')}", bold=True)]
    for outcome in left:
        if not following(outcome.change) and outcome.message != NOT_BEGUN:
            message = printable(outcome.message).replace("\n", "\n              ")
            lines.append(f"  {_status(outcome.status)} {printable(str(outcome.change.key))}: {message}")
            lines += [f"              fix: {fix}" for fix in _fix(outcome)]
    behind = Counter(filter(None, (following(outcome.change) for outcome in left)))
    lines += [f"  {_status(Status.BLOCKED)} {followers_text(*each)}" for each in sorted(behind.items())]
    lines += [f"  {_status(Status.INTERRUPTED)} {each}" for each in _not_begun(left)]
    if any(outcome.status is Status.CONFLICT for outcome in left):
        lines += ["", "Fields of other managers stay as they are until --force-conflicts takes them over."]
    lines += _last_words(report, left)
    return "\n".join(lines)


def _fix(outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome.change, Blocked) and outcome.change.fix:
        yield printable(outcome.change.fix)


def _last_words(report: ApplyReport, left: Sequence[Outcome]) -> Iterator[str]:
    """What running the same command again would do, and what it would not."""
    blocked = sum(outcome.status is Status.BLOCKED for outcome in left)
    kept = "What was done stays. " if report.interrupted else ""
    failed = any(outcome.status not in {Status.CONFLICT, Status.BLOCKED, Status.SKIPPED} for outcome in left)
    # Where something is blocked, what was skipped may have been so for its sake.
    if failed or (not blocked and any(outcome.status is Status.SKIPPED for outcome in left)):
        rest = f", but for the {blocked} blocked: these wait until a person has solved it" if blocked else ""
        yield from ("", f"{kept}Running the same command again takes up what is left{rest}.")
    elif blocked:
        stay = f"Running the same command again changes nothing about the {blocked} blocked: solve these as told above."
        yield from ("", f"{kept}{stay}")


def _not_begun(left: Sequence[Outcome]) -> Iterator[str]:
    """One line for all that an interrupt kept from being begun."""
    kinds = Counter(outcome.change.key.kind for outcome in left if outcome.message == NOT_BEGUN)
    if kinds:
        yield f"not begun: {', '.join(f'{number} {kind}' for kind, number in kinds.items())}"


def _headline(report: ApplyReport) -> str:
    if report.complete:
        return click.style("done", fg="green", bold=True)
    return click.style("interrupted" if report.interrupted else "incomplete", fg="red")


def _status(status: Status) -> str:
    return click.style(f"{status.value:<11}", fg=_COLORS.get(status, "red"))
