"""The queueing twin against what the real Kueue wrote of queues and workloads in why-bench."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from allotment.model.moments import milliseconds
from allotment.model.observed.queueing import FlavorUsage, Workload
from allotment.model.observed.snapshot import Source
from allotment.observe.gathering import Gathered
from allotment.scheduling.snapshot.attempts import AttemptOutcome, Settlement, attempt
from allotment.scheduling.snapshot.quantities import units
from allotment.scheduling.snapshot.queueing import QueueingView, engine, queueing_view

pytestmark = pytest.mark.corpus

NUMBERS = 2781
"""Uses of a resource in a flavor that ClusterQueues of the 118 cases show."""
LOCAL_NUMBERS = 2796
"""The same of LocalQueues."""
MESSAGES = 65
"""Workloads of the cases for which Kueue says why they hold no quota."""
OLDER_THAN_THE_HEAD = {"team-chem/job-quantize-v3-e84dd"}
"""Refused as head of its StrictFIFO queue; since then quota came free, and one of higher priority that blocks it."""


def cases(data: Path) -> Iterator[tuple[dict[str, Any], Source, QueueingView]]:
    path = data / "why_bench" / "cases.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    with gzip.open(path, "rt") as lines:
        for line in lines:
            case = json.loads(line)
            gathered = Gathered()
            gathered.take_any(case["objects"])
            source = Source(objects=gathered.objects(), gaps=gathered.gaps)
            yield case, source, queueing_view(source, case["now"])


def amounts(used: tuple[FlavorUsage, ...]) -> dict[tuple[str, str], int]:
    return {(each.name, one.name): units(one.name, one.total) for each in used for one in each.resources}


def held_by_local_queues(view: QueueingView) -> dict[str, dict[tuple[str, str], int]]:
    found: dict[str, dict[tuple[str, str], int]] = {}
    for holder in view.running:
        used = found.setdefault(holder.workload.local_queue, {})
        per_pod = {each.name: dict(each.requests) for each in holder.workload.pod_sets}
        for given in holder.pod_sets:
            for resource, flavor in given.flavors:
                amount = per_pod[given.name].get(resource, 0) * given.count
                used[flavor, resource] = used.get((flavor, resource), 0) + amount
    return found


def test_every_number_is_kueues(data: Path) -> None:
    numbers = local_numbers = 0
    for case, source, view in cases(data):
        twin, _ = engine(view)
        for queue in source.objects.cluster_queues:
            used = twin.queue_usage(queue.name)
            for pair, total in amounts(queue.status.flavors_reservation).items():
                assert used.get(pair, 0) == total, f"{case['id']} {queue.name} {pair}"
                numbers += 1
            waiting = sum(each.cluster_queue == queue.name for each in view.pending)
            assert waiting <= queue.status.pending_workloads, f"{case['id']} {queue.name}"
        local = held_by_local_queues(view)
        for entrance in source.objects.local_queues:
            for pair, total in amounts(entrance.status.flavors_reservation).items():
                assert local.get(entrance.key, {}).get(pair, 0) == total, f"{case['id']} {entrance.key} {pair}"
                local_numbers += 1
    assert (numbers, local_numbers) == (NUMBERS, LOCAL_NUMBERS)


def said(workload: Workload) -> str | None:
    condition = workload.condition("QuotaReserved")
    return None if condition is None or condition.true else condition.message


def test_every_message_is_kueues(data: Path) -> None:
    compared = 0
    older: set[str] = set()
    for case, source, view in cases(data):
        settlement = Settlement(view, evicting=False)
        by_key = {each.key: each for each in source.objects.workloads}
        for key, workload in by_key.items():
            message = said(workload)
            if message is None:
                continue
            found = settlement.of(key)
            if found.outcome is AttemptOutcome.NOT_REACHED and found.instead:
                head = by_key[found.instead]
                condition = workload.condition("QuotaReserved")
                assert condition is not None
                came = milliseconds(head.metadata.creation_timestamp)
                assert came > milliseconds(condition.last_transition_time), f"{case['id']} {key}"
                assert attempt(view, key, alone=True).outcome is AttemptOutcome.STARTS
                older.add(key)
                compared += 1
                continue
            assert found.message == message, f"{case['id']} {key}"
            compared += 1
    assert compared == MESSAGES
    assert older == OLDER_THAN_THE_HEAD
