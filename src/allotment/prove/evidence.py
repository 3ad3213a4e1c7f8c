"""The report as evidence: Markdown for people and auditors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from allotment.prove.guardrails import GUARDRAILS
from allotment.prove.verdicts import ProofReport, Result, Verdict

_MEANING: Final = {
    Verdict.PROVED: "seen at work",
    Verdict.FAILED: "did not hold",
    Verdict.KEPT: "does not hold, because of what an adoption left to its owner",
    Verdict.NOT_PROVABLE: "stands, but the API server cannot show that it works",
    Verdict.ERROR: "could not be tried",
}
_PROTECTS: Final = {guardrail.id: guardrail.protects for guardrail in GUARDRAILS}


def to_markdown(report: ProofReport) -> str:
    """The evidence, guardrail by guardrail, with the server's own words."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: ProofReport) -> Iterator[str]:
    yield f"# Proof of guardrails: {_text(report.platform)} on {_text(report.cluster)}"
    yield ""
    yield f"- server: {_text(report.server)}, {_text(report.version)}"
    yield f"- from {report.started.isoformat()} to {report.finished.isoformat()}"
    yield f"- result: {_outcome(report)}"
    if report.missing:
        yield f"- whoever ran it may not: {_text(', '.join(report.missing))}"
    yield ""
    yield "| verdict | meaning | probes |"
    yield "|---|---|---|"
    for verdict, count in report.counts.items():
        yield f"| {verdict.value} | {_MEANING[verdict]} | {count} |"
    for guardrail, results in _by_guardrail(report).items():
        yield ""
        yield f"## {guardrail}"
        yield ""
        yield f"Protects {_PROTECTS.get(guardrail, 'what it is named after')}."
        yield ""
        yield "| time | verdict | team | tried | on | as | expected | the server's words |"
        yield "|---|---|---|---|---|---|---|---|"
        for result in results:
            yield _row(result)


def _row(result: Result) -> str:
    cells = (result.at.strftime("%H:%M:%S"), result.verdict.value, result.team or "(platform)", result.tried,
             result.object, result.persona, result.expected, result.got)  # fmt: skip
    return f"| {' | '.join(map(_text, cells))} |"


def _outcome(report: ProofReport) -> str:
    if report.broken:
        return f"**broken: {', '.join(report.broken)}**"
    if report.failed:
        return f"**not proved: {report.untried} of {len(report.results)} probes could not be tried**"
    if report.kept:
        return f"**everything that was tried holds, but for what adoption left there: {', '.join(report.kept)}**"
    silent = report.counts[Verdict.NOT_PROVABLE]
    rest = f"; {silent} of {len(report.results)} probes could show nothing, and say why" if silent else ""
    return f"every guardrail that was tried holds{rest}"


def _by_guardrail(report: ProofReport) -> Mapping[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in report.results:
        found.setdefault(result.guardrail, []).append(result)
    return found


def _text(text: str) -> str:
    """One line that Markdown takes for text: what a server, or a tenant through it, says is never markup."""
    flat = " ".join(text.split())
    for char, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        flat = flat.replace(char, code)
    return "".join(f"\\{char}" if char in "\\`*_[]|!#~" else char for char in flat)
