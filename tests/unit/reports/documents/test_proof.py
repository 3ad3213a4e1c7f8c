"""Proofs as JSON."""

from __future__ import annotations

import pytest

from allotment.prove.verdicts import ProofReport, Result, Verdict
from allotment.reports.documents.proof import proof_document
from tests.unit.results import NOW


@pytest.mark.parametrize(
    ("verdicts", "proved", "broken", "kept"),
    [
        ((Verdict.PROVED,), True, [], []),
        ((Verdict.PROVED, Verdict.FAILED), False, ["quota"], []),
        ((Verdict.KEPT,), False, [], ["quota"]),
    ],
    ids=["proved", "failed", "kept by an adoption"],
)
def test_a_proof_says_whether_all_holds(
    verdicts: tuple[Verdict, ...], proved: bool, broken: list[str], kept: list[str]
) -> None:
    results = tuple(Result("quota", "nlp", "a pod", "Pod x", "us", "refused", "got", each, NOW) for each in verdicts)
    told = proof_document(ProofReport("acme", "dev", "https://x", "v1", NOW, NOW, results), results)
    assert (told["proved"], list(told["broken"]), list(told["keptByAdoption"])) == (proved, broken, kept)
    assert told["finished"] == "2026-11-22T09:30:00Z"
    assert [each["verdict"] for each in told["probes"]] == [each.value for each in verdicts]
