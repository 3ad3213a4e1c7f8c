"""Every case of why-bench as the subject's own team may see it: no name of others' work, and the same sums."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from allotment.model.observed.pods import Pod
from allotment.observe.case_file import read_case
from allotment.observe.unnaming import is_telling
from allotment.observe.view import seen_by
from allotment.observe.written import encode, unpacked

pytestmark = pytest.mark.corpus

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WORK = {"Pod", "Job", "Workload", "CronJob"}


def held(pods: tuple[Pod, ...]) -> Counter[tuple[str, str, str]]:
    """Requests by node and resource, as often as they are written."""
    return Counter(
        (pod.spec.node_name, resource, str(amount))
        for pod in pods
        if not pod.ended
        for container in pod.spec.containers
        for resource, amount in (container.resources.requests or container.resources.limits).items()
    )


def foreign(case: dict[str, Any], own: str) -> list[dict[str, Any]]:
    return [each for each in case["objects"] if each["metadata"].get("namespace") not in (own, None)]


def test_views_name_nobody_else_and_sum_to_the_same(data: Path) -> None:
    path = data / "why_bench" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    looked_for = 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            case = json.loads(line)
            own = case["subject"]["namespace"]
            snapshot = read_case(case)
            viewed = seen_by(snapshot, own, frozenset({own}))
            text = unpacked(encode(viewed)).decode()
            words = set(_WORD.findall(text))
            kept = {each["metadata"]["name"] for each in case["objects"]} - {
                each["metadata"]["name"] for each in foreign(case, own)
            }
            for each in foreign(case, own):
                looked_for += 1
                assert each["metadata"]["uid"] not in text, case["id"]
                name = each["metadata"]["name"]
                if each["kind"] in _WORK and is_telling(name) and name not in kept:
                    assert name not in words, f"{case['id']}: {each['kind']} {name}"
            before, after = snapshot.sources[0].objects, viewed.sources[0].objects
            assert held(before.pods) == held(after.pods), case["id"]
            assert len(before.cluster_queues) == len(after.cluster_queues)
    assert looked_for > 7_500
