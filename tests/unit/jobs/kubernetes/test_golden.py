"""Golden files: the objects of each kind of work. ``make golden`` writes them anew; read the difference."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.model.jobs.job import CodeFolder, Job, JobType, RetryPolicy
from allotment.model.quantity import Bytes
from allotment.render.yaml_text import to_documents
from tests.unit.jobs.kubernetes.work import (
    ALL,
    GRID,
    everything,
    gang,
    job,
    nightly,
    program,
    rendered,
    service,
    staged,
)

GOLDEN = Path(__file__).parents[3] / "golden" / "jobs"
UPDATE = os.environ.get("ALLOTMENT_UPDATE_GOLDEN") == "1"

CASES: dict[str, tuple[Job, dict[str, Any]]] = {
    "job": (job(), {}),
    "job-with-code": (
        job(program=program(code=CodeFolder(".", "", Bytes(1 << 20)), working_directory="src")),
        {"code": b"packed"},
    ),
    "job-of-replicas": (job(replicas=3), {}),
    "job-staged": (staged(), {}),
    "job-with-everything": (everything(), {}),
    "sweep": (job(type=JobType.SWEEP, sweep=GRID, retries=RetryPolicy(1)), {}),
    "job-tried-again": (job(retries=RetryPolicy(3)), {"failures": 1}),
    "gang-without-jobset": (gang(), {"kinds": ALL - {WorkKind.JOB_SET}}),
    "jobset": (gang(), {}),
    "cronjob": (nightly(), {}),
    "cronjob-of-a-gang": (nightly(replicas=2, gang=True), {}),
    "deployment": (service(), {}),
    "leaderworkerset": (service(replicas=2), {}),
    "trainjob": (gang(), {"wanted": WorkKind.TRAIN_JOB}),
    "volcanojob": (gang(), {"wanted": WorkKind.VOLCANO_JOB}),
    "rayjob": (job(replicas=3), {"wanted": WorkKind.RAY_JOB}),
}


@pytest.mark.parametrize("name", CASES)
def test_work_renders_to_its_golden_file(name: str) -> None:
    asked, how = CASES[name]
    text = to_documents(rendered(asked, **how))
    path = GOLDEN / f"{name}.yaml"
    if UPDATE:
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text.encode() == path.read_bytes(), f"{path} differs; see this file's head for how to renew it"


def test_every_kind_has_a_golden_file() -> None:
    assert {rendered(asked, **dict(how)).chosen.kind for asked, how in CASES.values()} == set(WorkKind)
