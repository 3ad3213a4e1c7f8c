"""Every recorded decision of the real kube-scheduler 1.36.3, field by field."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from allotment.scenarios.placement.replay import compare

pytestmark = pytest.mark.corpus

CLASSES = ("affinity", "gpu_fit", "mixed", "pending_zoo", "preemption", "spread", "taints")
SAMPLE_STEP = 8


def scenarios(data: Path, name: str) -> Iterator[dict[str, Any]]:
    path = data / "kube_scheduler_scenarios" / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def check(chosen: Iterator[dict[str, Any]]) -> None:
    replayed = 0
    for scenario in chosen:
        departure = compare(scenario)
        assert departure is None, f"{scenario['id']}: {departure}"
        replayed += 1
    assert replayed > 10


@pytest.mark.parametrize("name", CLASSES)
def test_sample(data: Path, name: str) -> None:
    check(islice(scenarios(data, name), 0, None, SAMPLE_STEP))


@pytest.mark.nightly
@pytest.mark.parametrize("name", CLASSES)
def test_all(data: Path, name: str) -> None:
    check(scenarios(data, name))
