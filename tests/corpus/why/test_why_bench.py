"""why-bench: `why` on recorded broken situations, scored by the bench's rules; and the JSON that the command prints."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from allotment.model.explanation import (
    CauseVerdict,
    Confidence,
    Doer,
    Explanation,
    PatchOp,
    RemedyKind,
    StartsWhen,
)
from benchmarks.why.__main__ import answer, cases
from benchmarks.why.scoring import Score, score
from tests.unit.cli.conftest import Run, home, run

__all__ = ["home", "run"]  # fixtures
pytestmark = pytest.mark.corpus

LEAST_CAUSES: Final = 0.95
"""Share of the cases with the right cause and the right verdict."""
LEAST_REMEDIES: Final = 0.90
"""Share of the cases whose first remedy is a verified one."""
Case = dict[str, Any]
Answered = list[tuple[Case, Explanation, Score]]


@pytest.fixture(scope="module")
def bench(data: Path) -> list[Case]:
    path = data / "why_bench" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return cases(path)


@pytest.fixture(scope="module")
def answered(bench: list[Case]) -> Answered:
    found = [(case, answer(case)) for case in bench]
    return [(case, explanation, score(case, explanation)) for case, explanation in found]


def test_causes_and_verdicts_are_right(answered: Answered) -> None:
    wrong = [
        f"{case['id']}: {found.cause} {found.verdict}, and it is {case['truth']['cause']} {case['truth']['verdict']}"
        for case, found, scored in answered
        if not (scored.cause and scored.verdict)
    ]
    assert 1 - len(wrong) / len(answered) >= LEAST_CAUSES, "\n".join(wrong)


def test_the_first_remedy_is_a_verified_one(answered: Answered) -> None:
    wrong = [
        f"{case['id']}: {found.remedies[0].kind if found.remedies else 'none'}"
        for case, found, scored in answered
        if not scored.remedy
    ]
    assert 1 - len(wrong) / len(answered) >= LEAST_REMEDIES, "\n".join(wrong)


def test_nothing_that_does_not_help_is_recommended(answered: Answered) -> None:
    assert {case["id"]: scored.distractors for case, _, scored in answered if scored.distractors} == {}


def test_none_is_wrong_and_sure(answered: Answered) -> None:
    wrong = {
        case["id"]: found.cause
        for case, found, scored in answered
        if not scored.cause and found.confidence is Confidence.SURE
    }
    assert wrong == {}


def one_of_each_layer(bench: list[Case]) -> Iterator[Case]:
    seen: Counter[str] = Counter()
    for case in bench:
        key = "refused" if case.get("submit_error") else case["truth"]["layer"]
        if not seen[key]:
            yield case
        seen[key] += 1


def test_the_command_prints_the_form_that_is_described(bench: list[Case], run: Run, home: Path) -> None:
    told = 0
    for case in one_of_each_layer(bench):
        file = home / "case.json"
        fields = ("now", "objects", "subject", "submitted_by", "manifest", "submit_error")
        file.write_text(json.dumps({key: case.get(key) for key in fields}), encoding="utf-8")
        subject = case["subject"]
        name, namespace = f"{subject['kind']}/{subject['name']}", subject["namespace"]
        document = run("why", name, "-n", namespace, "--snapshot", str(file), "-o", "json").json()
        jsonschema.validate(document, FORM)
        assert {key: document["subject"].get(key) for key in subject} == subject
        found = answer(case)
        assert (document["cause"], document["verdict"]) == (found.cause, found.verdict and str(found.verdict))
        told += 1
    assert told > 5


def words(kind: type[CauseVerdict | Confidence | Doer | PatchOp | RemedyKind | StartsWhen]) -> list[str]:
    return [str(each) for each in kind]


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def or_null(form: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [form, {"type": "null"}]}


TEXT: Final[dict[str, Any]] = {"type": "string"}
NUMBER: Final[dict[str, Any]] = {"type": "number"}
SAID: Final[dict[str, Any]] = {"type": "string", "minLength": 1}
OBJECT: Final[dict[str, Any]] = {
    "type": "object",
    # A node group of an autoscaler is no object of the API, and of no version.
    "properties": {"apiVersion": TEXT, "kind": SAID, "namespace": TEXT, "name": SAID},
    "required": ["apiVersion", "kind", "name"],
    "additionalProperties": False,
}
# What is to be made, such as a node, has no name yet.
TARGET: Final[dict[str, Any]] = {**OBJECT, "properties": {**OBJECT["properties"], "name": TEXT}}
WINDOW: Final[dict[str, Any]] = {
    "anyOf": [
        fields(**{"from": or_null(TEXT), "to": or_null(TEXT), "confidence": NUMBER}),
        fields(never={"const": True}),
        {"type": "null"},
    ]
}
FORM: Final = fields(
    apiVersion={"const": "allotment.dev/v1"},
    kind={"const": "Explanation"},
    subject=OBJECT,
    observedAt={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"},
    cause=SAID,
    code=or_null({"type": "string", "pattern": r"^ALT-\d{4}$"}),
    layer=or_null(SAID),
    verdict={"enum": [*words(CauseVerdict), None]},
    confidence={"enum": words(Confidence)},
    summary=SAID,
    facts={"type": "object"},
    evidence=listed(fields(object=OBJECT, field=TEXT, value={}, says=TEXT)),
    contributing=listed(fields(cause=SAID, summary=SAID)),
    considered={"type": "boolean"},
    position=or_null(fields(queue=SAID, ahead={"type": "integer"}, of={"type": "integer"})),
    start=WINDOW,
    flavors=listed(fields(name=SAID, reason=TEXT, number=or_null(TEXT))),
    remedies=listed(
        fields(
            kind={"enum": words(RemedyKind)},
            who={"enum": words(Doer)},
            summary=SAID,
            target=or_null(TARGET),
            patch=or_null(fields(op={"enum": words(PatchOp)}, body={})),
            tried=fields(starts={"enum": words(StartsWhen)}, at=WINDOW, displaces=listed(TEXT)),
            command=TEXT,
        )
    ),
    unseen=listed(TEXT),
    pods=or_null(fields(running={"type": "integer"}, waiting={"type": "integer"})),
    createdAt=or_null(TEXT),
    source=or_null(TEXT),
)
