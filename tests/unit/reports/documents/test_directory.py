"""The platform directory, failures and sandboxes as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.ports.sandboxes import ComponentStatus, SandboxStatus
from allotment.reports.documents.explanation import explanation_document
from allotment.reports.documents.form import plain
from allotment.reports.documents.problems import error_document
from allotment.reports.documents.sandbox import status_document
from allotment.spec.explaining import explanation
from allotment.spec.schema import KINDS, json_schema


@pytest.mark.parametrize("kind", KINDS)
def test_an_explanation_names_the_field_and_what_stands_below_it(kind: str) -> None:
    told = explanation_document(explanation(json_schema(), kind.lower()))
    assert told["field"] == kind.lower()
    assert told["fields"]
    assert not [each for each in told["fields"] if each["required"] and "default" in each]


def test_a_sandbox_that_is_not_ready_says_so() -> None:
    part = ComponentStatus("etcd", running=False, ready=False, pid=None, port=1, memory_bytes=0, log=Path("/l"))
    told = plain(status_document(SandboxStatus("s", "s", (part,), 61.0, (("n0", True),), Path("/d")), (part,)))
    assert (told["ready"], told["ageSeconds"], told["components"][0]["log"]) == (False, 61, "/l")


def test_a_failure_has_problems_only_where_there_are_some() -> None:
    said = {"reason": "failed", "what": "w", "why": "", "fix": "f"}
    assert list(error_document(1, **said)) == ["apiVersion", "kind", "exitCode", "reason", "what", "why", "fix"]
    assert error_document(1, **said, problems=[{"file": "a"}])["problems"] == [{"file": "a"}]
