"""The scheduler's twin against what the real scheduler wrote of every pod that waited in why-bench."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from allotment.model.observed.base import condition
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Source
from allotment.observe.gathering import Gathered
from allotment.scheduling.snapshot.placement import NoPlace, is_waiting, place, placement_view, waiting_pod

pytestmark = pytest.mark.corpus

LOOKED_AT = 53
"""Pods of the 118 cases that the scheduler had looked at; two more have gates, one a scheduler of its own."""


def test_every_message_is_the_schedulers(data: Path) -> None:
    path = data / "why_bench" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    compared = 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            case = json.loads(line)
            gathered = Gathered()
            gathered.take_any(case["objects"])
            index = Index(Source(objects=gathered.objects(), gaps=gathered.gaps))
            view = placement_view(index)
            for pod in index.objects.pods:
                said = condition(pod.status.conditions, "PodScheduled")
                if not is_waiting(pod) or said is None:
                    continue
                found = place(view, waiting_pod(view, pod))
                assert isinstance(found, NoPlace), f"{case['id']} {pod.key}: the twin places it"
                assert found.message == said.message, f"{case['id']} {pod.key}"
                compared += 1
    assert compared == LOOKED_AT
