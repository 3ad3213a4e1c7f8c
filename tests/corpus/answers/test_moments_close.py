"""Over every case of why-bench: each moment closes exactly, and the causes that a case is about are seen."""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from allotment.accounting.book_checks import findings
from allotment.accounting.capacity import PER_DEVICE, devices_by_node
from allotment.accounting.moment import CountingRules, portions
from allotment.accounting.series import moment_ledger
from allotment.model.moments import milliseconds
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered
from tests.unit.accounting.scenes import by_cause

pytestmark = pytest.mark.corpus
_BESIDE_CHECKOUT = Path(__file__).resolve().parents[4] / "shared" / "data"


def cases() -> list[dict[str, Any]]:
    file = Path(os.environ.get("ALLOTMENT_DATA", str(_BESIDE_CHECKOUT))) / "why_bench" / "cases.jsonl.gz"
    if not file.exists():
        pytest.skip(f"no cases at {file}: set ALLOTMENT_DATA")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def moment_of_case(case: dict[str, Any]) -> Snapshot:
    gathered = Gathered()
    gathered.take_any(case["objects"])
    source = Source(name="bench", observed_at=case["now"], objects=gathered.objects(), gaps=gathered.gaps)
    return Snapshot(taken_at=case["now"], sources=(source,))


SEEN = {
    "device-plugin-missing": "unhealthy",
    "node-cordoned": "cordoned",
    "image-pull-unauthorized": "starting",
    "fragmentation": "fragmented",
    "init-container-stuck": "staging",
}
"""What must be among the causes of time in each case of a cause of waiting."""


def test_each_moment_closes_and_shows_what_its_case_is_about() -> None:
    told: dict[str, list[set[str]]] = defaultdict(list)
    for case in cases():
        snapshot = moment_of_case(case)
        index = Index(snapshot.sources[0])
        found = by_cause(portions(index, milliseconds(case["now"]), CountingRules()))
        devices = sum(part.parts for parts in devices_by_node(index).values() for part in parts)
        ledger, counted = moment_ledger(snapshot, CountingRules())

        assert sum(found.values()) == devices == sum(counted.values()), case["id"]
        assert min(found.values(), default=0) >= 0, case["id"]
        assert sum(entry.gpu_ms for entry in ledger.entries) == ledger.capacity_ms == devices // PER_DEVICE * 3_600_000
        list(findings(index))
        told[case["cause"]].append({cause.value for cause in found})
    for cause, expected in SEEN.items():
        if cause in told:
            # Of several, one: a smaller job may wait for quota for the very devices.
            assert any(expected in causes for causes in told[cause]), cause
