"""How far recorded decisions and ours agree, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.operations.foresee.conformance import ClassAgreement, ConformanceReport


def conformance_document(report: ConformanceReport, rows: Sequence[ClassAgreement]) -> Mapping[str, Any]:
    """The report as JSON."""
    first = report.first
    return {
        "kind": "ConformanceReport",
        "reference": str(report.reference),
        "agrees": report.agrees,
        "scenarios": report.scenarios,
        "compared": report.compared,
        "identical": report.identical,
        "classes": [class_document(row) for row in rows],
        "firstDifference": None
        if first is None
        else {
            "file": first.where,
            "scenario": first.scenario,
            "class": first.kind,
            "place": first.place,
            "recorded": first.recorded,
            "ours": first.ours,
            "before": first.state,
        },
    }


def class_document(row: ClassAgreement) -> Mapping[str, Any]:
    """A class as JSON."""
    return {
        "class": row.kind,
        "scenarios": row.scenarios,
        "compared": row.compared,
        "identical": row.identical,
        "differing": row.differing,
    }
