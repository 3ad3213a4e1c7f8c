"""Devices of why-bench: what `gpus` and `who` tell equals sums taken from the raw JSON, as one would with kubectl."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from allotment.accounting.capacity import PER_DEVICE
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.operations.ask.devices import count_gpus, who_holds

pytestmark = pytest.mark.corpus

GPU = "nvidia.com/gpu"
MODEL = "nvidia.com/gpu.product"


def of_kind(case: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in case["objects"] if each["kind"] == kind]


def asked(pod: dict[str, Any]) -> int:
    found = [each.get("resources", {}).get("requests", {}).get(GPU, 0) for each in pod["spec"]["containers"]]
    return sum(map(int, found))


def model(node: dict[str, Any]) -> str:
    return str(node["metadata"]["labels"].get(MODEL, GPU))


def holders(case: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        pod
        for pod in of_kind(case, "Pod")
        if pod["spec"].get("nodeName") and pod["status"]["phase"] not in ("Succeeded", "Failed") and asked(pod)
    ]


def test_sums_are_those_of_the_objects(data: Path) -> None:
    path = data / "why_bench" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    seen = Counter[str]()
    with gzip.open(path, "rt") as lines:
        for line in lines:
            check(json.loads(line), seen)
    assert seen["cases"] == 118
    assert seen["held"] > 300
    assert seen["broken"] > 0
    assert seen["closed"] > 0


def check(case: dict[str, Any], seen: Counter[str]) -> None:
    gathered = Gathered()
    gathered.take_any(case["objects"])
    source = Source(name="bench", observed_at=case["now"], objects=gathered.objects(), gaps=gathered.gaps)
    snapshot = Snapshot(taken_at=case["now"], sources=(source,))
    nodes = {node["metadata"]["name"]: node for node in of_kind(case, "Node")}
    total, healthy, schedulable, used = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for node in nodes.values():
        status = node["status"]
        offered = int(status["allocatable"].get(GPU, 0))
        declared = int(node["metadata"]["labels"].get("nvidia.com/gpu.count", 0))
        total[model(node)] += max(int(status["capacity"].get(GPU, 0)), offered, declared)
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status["conditions"])
        healthy[model(node)] += offered if ready else 0
        closed = bool(node["spec"].get("unschedulable"))
        schedulable[model(node)] += offered if ready and not closed else 0
        seen["closed"] += closed
        seen["broken"] += not ready
    for pod in holders(case):
        used[model(nodes[pod["spec"]["nodeName"]])] += asked(pod)
    rooms = [each for each in count_gpus(snapshot).rooms if each.resource == GPU]
    for told, name in ((total, "total"), (healthy, "healthy"), (schedulable, "schedulable"), (used, "used")):
        found = {each.accelerator: getattr(each, name) // PER_DEVICE for each in rooms if getattr(each, name)}
        assert found == dict(+told), f"{case['id']}: {name}"
    held = who_holds(snapshot)
    by_namespace = Counter[str]()
    for hold in held.holds:
        by_namespace[hold.owner.namespace] += hold.units
    expected = Counter[str]()
    for pod in holders(case):
        expected[pod["metadata"]["namespace"]] += asked(pod)
    assert by_namespace == expected, case["id"]
    assert sum(each.pods for each in held.holds) == len(holders(case)), case["id"]
    seen["cases"] += 1
    seen["held"] += expected.total()
