"""What a proof tried and found, as JSON. What auditors keep of it is another format, `prove/evidence.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.model.moments import rfc3339
from allotment.prove.verdicts import ProofReport, Result


def proof_document(report: ProofReport, rows: Sequence[Result]) -> Mapping[str, Any]:
    """The report as JSON."""
    return {
        "kind": "ProofReport",
        "platform": report.platform,
        "cluster": report.cluster,
        "server": report.server,
        "serverVersion": report.version,
        "started": rfc3339(report.started),
        "finished": rfc3339(report.finished),
        "proved": not report.failed and not report.kept,
        "broken": report.broken,
        "keptByAdoption": report.kept,
        "missingRights": report.missing,
        "summary": {verdict.value: number for verdict, number in report.counts.items()},
        "probes": [result_document(row) for row in rows],
    }


def result_document(row: Result) -> Mapping[str, Any]:
    """A probe as JSON."""
    return {
        "verdict": row.verdict.value,
        "guardrail": row.guardrail,
        "team": row.team,
        "tried": row.tried,
        "as": row.persona,
        "object": row.object,
        "expected": row.expected,
        "got": row.got,
        "at": rfc3339(row.at),
    }
