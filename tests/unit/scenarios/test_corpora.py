"""A sample of the recorded corpora through the use case itself, recorded answers present and stripped."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allotment.operations.foresee.conformance import Reference, check
from allotment.scenarios.lines import ScenarioLine

pytestmark = pytest.mark.corpus

DATA = Path(os.environ.get("ALLOTMENT_DATA", str(Path(__file__).resolve().parents[4] / "shared" / "data")))
FOLDERS = {Reference.KUEUE: "kueue_scenarios", Reference.PLACEMENT: "kube_scheduler_scenarios"}


def sample(reference: Reference, each: int) -> Iterator[ScenarioLine]:
    folder = DATA / FOLDERS[reference]
    if not folder.is_dir():
        pytest.skip(f"no recorded decisions at {folder}: set ALLOTMENT_DATA")
    for file in sorted(folder.glob("*.jsonl.gz")):
        if file.name.startswith(("mid", "livelock")):
            continue  # seconds a scenario; tests/corpus replays them
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(itertools.islice(lines, each), start=1):
                yield ScenarioLine(file.name, number, json.loads(line))


@pytest.mark.parametrize("reference", Reference)
def test_the_sample_agrees(reference: Reference) -> None:
    report = check(reference, sample(reference, 6))
    assert report.compared == report.scenarios >= 40
    assert report.first is None


def stripped(reference: Reference, data: dict[str, Any]) -> dict[str, Any]:
    """The inputs; of placement answers only the picks among equals are left."""
    if reference is Reference.KUEUE:
        return {key: value for key, value in data.items() if key not in ("decisions", "pending", "pendingLog", "stats")}
    picks = []
    for answer in data["answers"]:
        attempts = []
        for attempt in answer["attempts"]:
            pick: dict[str, Any] = {"node": attempt["node"]} if "node" in attempt else {}
            if "nominated" in attempt.get("preemption", {}):
                pick["preemption"] = {"nominated": attempt["preemption"]["nominated"]}
            attempts.append(pick)
        picks.append({"pod": answer["pod"], "attempts": attempts})
    return {**data, "answers": picks}


@pytest.mark.parametrize("reference", Reference)
def test_inputs_alone_give_the_recorded_answers(reference: Reference) -> None:
    lines = list(sample(reference, 4))
    written: list[dict[str, Any]] = []
    inputs = [ScenarioLine(each.file, each.number, stripped(reference, dict(each.data))) for each in lines]
    report = check(reference, inputs, write=lambda answer: written.append(dict(answer)))
    assert report.compared == 0
    assert report.scenarios == len(lines)
    for line, own in zip(lines, written, strict=True):
        if reference is Reference.PLACEMENT:
            assert own == {"id": line.id, "answers": line.data["answers"]}
        else:
            assert (own["id"], own["decisions"]) == (line.id, line.data["decisions"])
            assert [each["workload"] for each in own["pending"]] == [each["workload"] for each in line.data["pending"]]
