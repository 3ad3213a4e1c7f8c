"""Proofs: what was tried against the guardrails, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import shorten, wrap
from typing import Final

import click

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.cli.shell.terminal import PLAIN_WIDTH, printable
from allotment.model.grammar import count
from allotment.prove.verdicts import ProofReport, Result, Verdict
from allotment.reports.documents.proof import result_document

_COLORS: Final = {
    Verdict.PROVED: "green",
    Verdict.FAILED: "red",
    Verdict.KEPT: "blue",
    Verdict.NOT_PROVABLE: "yellow",
    Verdict.ERROR: "bright_red",
}

_SHORT: Final = 160
"""Characters of a server's answer in tables; JSON and the evidence have it in full."""


def proof_listing(report: ProofReport) -> Listing[Result]:
    """A row a probe."""
    return Listing(
        kind="Probe",
        rows=report.results,
        columns=(
            Column("VERDICT", lambda row: row.verdict.value, style=lambda row: _COLORS[row.verdict]),
            Column("GUARDRAIL", lambda row: row.guardrail),
            Column("TEAM", lambda row: row.team or None),
            Column("TRIED", lambda row: row.tried),
            Column("AS", lambda row: row.persona),
            Column("OBJECT", lambda row: row.object, wide=True),
            Column("EXPECTED", lambda row: row.expected, wide=True),
            Column("GOT", lambda row: row.got, wide=True, text=lambda row: shorten(row.got, _SHORT, placeholder=" …")),
        ),
        name=lambda row: f"{row.guardrail}/{row.team}" if row.team else row.guardrail,
        document=result_document,
        labels=lambda row: {"verdict": row.verdict.value, "guardrail": row.guardrail, "team": row.team},
        nothing="no probe was tried",
    )


def proof_text(report: ProofReport, rows: Sequence[Result], width: int = PLAIN_WIDTH) -> str:
    """A line a guardrail; what failed with all that was expected and came back; why something cannot be proved."""
    lines = []
    ranked = sorted(rows, key=lambda row: row.guardrail)
    for guardrail, group in groupby(ranked, key=lambda row: row.guardrail):
        members = list(group)
        lines.append(_guardrail_line(guardrail, members))
        for row in members:
            if row.verdict in {Verdict.FAILED, Verdict.KEPT}:
                lines += _failure(row)
        lines += _untried([row for row in members if row.verdict is Verdict.ERROR])
        lines += _reasons(members, width)
    counts = ", ".join(
        click.style(f"{number} {verdict.value}", fg=_COLORS[verdict])
        for verdict, number in report.counts.items()
        if number
    )
    lines += ["", f"{_verdict(report)}: {report.cluster}: {count(len(report.results), 'probe')}: {counts or 'none'}"]
    if report.untried:
        lines.append(f"not tried: {count(report.untried, 'probe')}; what was not tried is not proved")
    if report.missing:
        lines.append(f"not allowed: {', '.join(report.missing)}; `allot preflight --rights prove -o yaml` prints what")
        lines[-1] += " prove needs"
    if report.kept:
        lines.append(f"kept by adoption, and not proved: {', '.join(report.kept)}")
    if report.broken:
        lines.append(f"broken: {', '.join(report.broken)}")
    return "\n".join(lines)


def _verdict(report: ProofReport) -> str:
    if report.failed:
        return click.style("not proved", fg="red", bold=True)
    if report.kept:
        return click.style("proved, but for what adoption left", fg="blue")
    return click.style("proved", fg="green")


def _guardrail_line(guardrail: str, rows: Sequence[Result]) -> str:
    worst = next((verdict for verdict in _BY_GRAVITY if any(row.verdict is verdict for row in rows)), Verdict.PROVED)
    word = click.style(f"{worst.value:<12}", fg=_COLORS[worst])
    teams = ", ".join(dict.fromkeys(row.team for row in rows if row.team))
    return f"{word} {guardrail}  ({count(len(rows), 'probe')}{f': {teams}' if teams else ''})"


def _untried(rows: Sequence[Result]) -> list[str]:
    """Probes that could not be tried; those with one reason together."""
    lines = []
    for got in dict.fromkeys(row.got for row in rows):
        members = [row for row in rows if row.got == got]
        if len(members) == 1:
            lines += _failure(members[0])
        else:
            lines.append(f"{' ' * 13}{count(len(members), 'probe')} not tried: {printable(got)}")
    return lines


def _reasons(rows: Sequence[Result], width: int) -> Iterator[str]:
    """Why probes prove nothing: each reason once, with how many probes it holds for."""
    reasons = Counter(row.got for row in rows if row.verdict is Verdict.NOT_PROVABLE)
    inner = " " * 13
    for reason, number in reasons.items():
        text = f"{count(number, 'probe')}: {shorten(printable(reason), _SHORT, placeholder=' …')}"
        yield from wrap(text, width, initial_indent=inner, subsequent_indent=f"{inner}  ", break_long_words=False)


_BY_GRAVITY: Final = (Verdict.FAILED, Verdict.ERROR, Verdict.KEPT, Verdict.NOT_PROVABLE)


def _failure(row: Result) -> list[str]:
    inner = " " * 13
    return [
        f"{inner}{printable(row.tried)}, as {printable(row.persona)}, on {printable(row.object)}",
        f"{inner}  expected: {printable(row.expected)}",
        f"{inner}  got:      {printable(row.got)}",
    ]
